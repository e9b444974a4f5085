"""Faults: placed by a plan or by a seed, and what each does."""

from __future__ import annotations

from typing import Any, get_args

import anyio
import pytest

from airssys_wasm.kernel import Actor, Inbox, Mailbox, RequestTimeout
from airssys_wasm.kernel.reasons import exception_of
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.errors import FaultNeverCame
from airssys_wasm.testing.faults import JUMP, SLOW, Fault, FaultKind, InjectedCrash
from airssys_wasm.testing.runs import Run, settings_of
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulate import check
from airssys_wasm.testing.simulation import Simulation


class Worker(Actor[Any]):
    async def init(self) -> None:
        self.count = 0

    async def receive(self, message: Any) -> Any:
        self.count += 1
        if message == "wait":
            await anyio.sleep(1)
        return self.count


async def process(inbox: Inbox[Any]) -> None:
    async for _ in inbox:
        pass


def planned(test: Any, *plan: Fault, seed: int = 0) -> Run:
    run = run_seed(test, seed, settings=settings_of(plan=plan))
    if run.failure is not None:
        raise run.failure
    return run


def _tree(start: Any = Worker, **options: Any) -> Supervisor:
    return Supervisor(intensity=10, children=[ChildSpec("w", start, name="w", **options)])


def test_a_planned_crash_comes_at_its_place_and_the_child_is_restarted() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(_tree())
        before = kernel.whereis("w")
        kernel.named("w").send("one")
        kernel.named("w").send("two")
        await simulation.sleep(1)
        assert before is not None
        assert isinstance(exception_of(before.exit_reason), InjectedCrash)
        assert kernel.whereis("w") not in (None, before)

    run = planned(test, Fault("crash", "w", nth=2))
    assert [(kind, who.split("#")[0]) for _, kind, who in run.faults] == [("crash", "w")]


def test_a_process_crashes_where_it_waits() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(_tree(process))
        before = kernel.whereis("w")
        kernel.named("w").send("one")
        await simulation.sleep(1)
        assert before is not None
        assert not before.is_alive

    planned(test, Fault("crash", "w", nth=2))


@pytest.mark.parametrize("kind", ["kill", "exit"])
def test_a_planned_end_comes(kind: FaultKind) -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker, name="w")
        worker.send("one")
        await simulation.sleep(1)
        assert worker.exit_reason == ("killed" if kind == "kill" else "injected")

    planned(test, Fault(kind, "w", nth=2))


def test_a_handler_that_hangs_answers_nothing() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker, name="w")
        await simulation.sleep(1)
        with pytest.raises(RequestTimeout):
            await worker.request("one", timeout=60)

    planned(test, Fault("hang", "w", nth=2))


def test_an_init_can_be_slow_or_fail() -> None:
    async def slow(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(Worker, name="w")
        assert simulation.now() == SLOW

    planned(slow, Fault("slow init", "w"))

    async def fails(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker, name="w")
        assert "init fails" in str(await worker.wait())

    planned(fails, Fault("failing init", "w"))


def test_a_swallowed_cancellation_lets_a_killed_handler_go_on() -> None:
    went_on: list[float] = []

    class Slow(Actor[Any]):
        async def receive(self, message: Any) -> None:
            went_on.append(0)
            await anyio.sleep(10)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        slow = kernel.spawn(Slow, name="w")
        slow.send("go")
        await simulation.sleep(1)
        slow.kill()
        await simulation.sleep(1)
        assert not slow.is_alive

    planned(test, Fault("swallowed cancellation", "w"))
    assert len(went_on) == 3


def test_a_full_mailbox_has_no_room_for_a_while() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker, name="w", mailbox=Mailbox(capacity=10))
        await worker.put("one")
        await simulation.sleep(0.1)
        await worker.put("two")
        assert simulation.now() >= 1.0

    planned(test, Fault("full mailbox", "w", nth=2))


def test_a_clock_jump_makes_others_late() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        kernel.spawn(Worker, name="w").send("one")
        await simulation.sleep(1)
        assert simulation.now() == JUMP

    planned(test, Fault("clock jump", "w", nth=2))


def test_faults_that_a_seed_places_spare_whom_they_should() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        refs = [kernel.spawn(Worker, name=name) for name in ("spared", "other")]
        for _ in range(100):
            for ref in refs:
                ref.send("one")
            await simulation.sleep(0.1)

    settings = settings_of(faults=get_args(FaultKind), spare=["spared"])
    runs = [run_seed(test, seed, "uniform", settings) for seed in range(20)]
    struck = [who for run in runs for _, _, who in run.faults]
    assert struck
    assert {who.split("#")[0] for who in struck} == {"other"}
    assert all(run.failure is None for run in runs)


def test_an_unknown_fault_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match="'meteor' is no fault"):
        Fault("meteor", "w")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="counted from 1"):
        Fault("crash", "w", nth=0)
    assert str(Fault("kill", "w", nth=2)) == "kill of w, the 2. time it runs"


def test_a_planned_fault_that_never_comes_fails_the_test_and_says_why() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(_tree(process))
        kernel.named("w").send("one")
        await simulation.sleep(1)

    plan = [Fault("crash", "v"), Fault("kill", "w", nth=50), Fault("full mailbox", "w", nth=1)]
    with pytest.raises(FaultNeverCame) as caught:
        check(test, range(3), settings=settings_of(plan=plan))
    reasons = [why for _, why in caught.value.faults]
    assert reasons[0].startswith("nobody of that name ran")
    assert reasons[1:] == ["there were 2 runs of w", "it can't come to w there"]
    check(test, range(3), settings=settings_of(plan=[Fault("kill", "w", nth=2)]))


def test_a_fault_at_a_time_comes_to_who_does_nothing_then() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = await kernel.start(Worker, name="w")
        await worker.wait()
        assert simulation.now() == 30.5

    for kind in ("kill", "exit"):
        run = planned(test, Fault(kind, "w", at=30.5))
        assert [(when, what) for when, what, _ in run.faults] == [(30.5, kind)]


def test_a_crash_at_a_time_waits_until_the_actor_runs() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = await kernel.start(Worker, name="w")
        for _ in range(10):
            worker.send("one")
            await simulation.sleep(10)
        assert isinstance(exception_of(worker.exit_reason), InjectedCrash)

    run = planned(test, Fault("crash", "w", at=30.5))
    assert run.faults == ((40.0, "crash", "w#1"),)
    late = run_seed(test, 0, settings=settings_of(plan=[Fault("crash", "w", at=95.0)]))
    assert [why for _, why in late.unmet] == ["it could not come to w after 95 s"]
    with pytest.raises(ValueError, match="seconds from the beginning"):
        Fault("kill", "w", at=-1.0)


def test_two_faults_may_be_planned_for_one_place() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        (await kernel.start(process, name="w")).send("one")
        await simulation.sleep(1)

    run = planned(test, Fault("hang", "w", nth=2), Fault("kill", "w", nth=2))
    assert [what for _, what, _ in run.faults] == ["kill"]
