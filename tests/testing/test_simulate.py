"""`@simulate`: races are found, made small, explained and run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, ActorRef
from airssys_wasm.testing.choices import Deviation
from airssys_wasm.testing.kept import Kept, kept_from, kept_text
from airssys_wasm.testing.searching import SHORT, explore, replay, run_seed, search
from airssys_wasm.testing.simulate import REPLAY, simulate
from airssys_wasm.testing.simulation import Simulation


class Account(Actor[Any]):
    def __init__(self) -> None:
        self.balance = 100

    def receive(self, message: Any) -> Any:
        match message:
            case "read":
                return self.balance
            case ("take", amount):
                self.balance -= amount
        return None


class Teller(Actor[Any]):
    """Reads, then takes: another may have taken in between."""

    def __init__(self, account: ActorRef[Any]) -> None:
        self.account = account

    async def receive(self, message: Any) -> None:
        if await self.account.request("read") >= message:
            self.account.send(("take", message))


async def overdrawn(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    account = kernel.spawn(Account)
    for _ in range(2):
        kernel.spawn(Teller, account).send(80)
    await simulation.sleep(1)
    assert await account.request("read") >= 0


@pytest.mark.parametrize("strategy", ["uniform", "pct", "mixed"])
def test_a_race_is_found_that_production_order_hides(strategy: Any) -> None:
    assert run_seed(overdrawn, 0, "fifo").failure is None
    found = search(overdrawn, range(100), strategy)
    assert found is not None
    assert isinstance(found.smallest.failure, AssertionError)
    assert 1 <= len(found.smallest.deviations) <= 2


def test_without_any_single_deviation_of_the_smallest_run_nothing_fails() -> None:
    found = search(overdrawn, range(100), "uniform")
    assert found is not None
    smallest = found.smallest.deviations
    assert replay(overdrawn, found.first.seed, smallest).failure is not None
    for left_out in smallest:
        rest = [deviation for deviation in smallest if deviation is not left_out]
        assert replay(overdrawn, found.first.seed, rest).failure is None


def test_all_orders_of_a_small_test_can_be_gone_through() -> None:
    count, found = explore(overdrawn)
    assert found is not None
    assert count < 50

    async def safe(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        account = kernel.spawn(Account)
        for amount in (10, 20):
            account.send(("take", amount))
        await simulation.sleep(1)
        assert await account.request("read") == 70

    count, found = explore(safe)
    assert found is None
    assert count > 1


def test_the_failure_tells_seed_deviations_trace_and_command() -> None:
    with pytest.raises(AssertionError) as caught:
        simulate(seeds=100)(overdrawn)()
    notes = "\n".join(caught.value.__notes__)
    assert "found by seed" in notes
    assert "before step" in notes or "goes through the mailbox" in notes
    assert "run  " in notes
    assert "failed" in notes.splitlines()[-2]
    assert f"{REPLAY}=" in notes.splitlines()[-1]


def test_a_seed_can_be_run_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = search(overdrawn, range(100))
    assert found is not None
    monkeypatch.setenv(REPLAY, str(found.first.seed))
    with pytest.raises(AssertionError):
        simulate(seeds=100)(overdrawn)()
    monkeypatch.setenv(REPLAY, "0")
    simulate(seeds=100)(overdrawn)()


def test_a_saved_schedule_can_be_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = search(overdrawn, range(100))
    assert found is not None
    smallest = found.smallest
    text = kept_text(smallest.seed, smallest.deviations, smallest.trace)
    assert kept_from(text) == Kept(found.first.seed, smallest.deviations, smallest.trace)
    file = tmp_path / "schedule.json"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv(REPLAY, str(file))
    with pytest.raises(AssertionError) as caught:
        simulate(seeds=100)(overdrawn)()
    assert not any("not as it was kept" in note for note in caught.value.__notes__)

    async def changed(simulation: Simulation) -> None:
        await simulation.sleep(1)
        await overdrawn(simulation)

    with pytest.raises(AssertionError) as caught:
        simulate(seeds=100)(changed)()
    assert any("not as it was kept, from entry" in note for note in caught.value.__notes__)


def test_what_is_no_saved_schedule_is_refused() -> None:
    for text in (
        "",
        "{}",
        "[]",
        "1",
        '{"seed": "x", "deviations": []}',
        '{"seed": 1, "deviations": [[1]]}',
    ):
        with pytest.raises(ValueError, match="no saved schedule"):
            kept_from(text)


def test_a_simulated_test_takes_fixtures_as_any_other(tmp_path: Path) -> None:
    seen: list[Path] = []

    @simulate(seeds=3)
    async def test(simulation: Simulation, place: Path) -> None:
        seen.append(place)

    test(place=tmp_path)
    assert seen == [tmp_path] * 3


@simulate(seeds=2)
async def test_a_decorated_test_is_one_that_pytest_finds(
    simulation: Simulation, tmp_path: Path
) -> None:
    assert tmp_path.name
    await simulation.sleep(3600)
    assert simulation.now() == 3600


def test_a_test_that_passes_under_all_seeds_passes() -> None:
    seeds: list[int] = []

    @simulate(seeds=[3, 5])
    async def test(simulation: Simulation) -> None:
        seeds.append(simulation.seed)

    test()
    assert seeds == [3, 5]


def test_a_failure_is_made_small_without_a_wait_for_runs_that_take_much_longer() -> None:
    lengths: list[int] = []

    async def test(simulation: Simulation) -> None:
        order: list[int] = []

        async def note(number: int) -> None:
            order.append(number)

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(note, number)
        lengths.append(0)
        assert order == sorted(order)
        for _ in range(20_000):
            lengths[-1] += 1
            await simulation.sleep(1)

    found = search(test, range(1), "uniform")
    assert found is not None
    assert len(found.smallest.deviations) == 1
    assert len(lengths) > 5
    assert [length for length in lengths if length > SHORT] == [20_000]  # production's order


def test_a_deviation_reads_as_a_sentence() -> None:
    assert str(Deviation("run", "a#1", 2, "b#2")) == "before step 2 of a#1, b#2 runs"
    assert str(Deviation("fault", "a#1", 3, "kill")) == "kill at step 3 of a#1"
    assert "mailbox" in str(Deviation("request", "a#1", 1, "queued"))


def test_an_error_that_nobody_caught_fails_the_run() -> None:
    import asyncio

    async def test(simulation: Simulation) -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await simulation.sleep(1)

    assert isinstance(run_seed(test, 0).failure, ZeroDivisionError)


def test_actors_of_two_kernels_are_told_apart_so_that_a_failure_can_be_made_small() -> None:
    class Told(Actor[Any]):
        def __init__(self, log: list[str], name: str) -> None:
            self.log, self.name = log, name

        def receive(self, message: Any) -> None:
            self.log.append(self.name)

    async def test(simulation: Simulation) -> None:
        log: list[str] = []
        kernels = [await simulation.kernel(name) for name in ("a", "b")]
        for name, kernel in zip("ab", kernels, strict=True):
            kernel.spawn(Told, log, name, name="told").send("hello")
        await simulation.sleep(1)
        assert log == ["a", "b"]

    found = search(test, range(100), "uniform")
    assert found is not None
    assert [(d.usual, d.chosen) for d in found.smallest.deviations] == [("told#1", "told#1@2")]
