"""Faults of the network between simulated nodes: placed by a plan or by a seed, and made small."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import get_args

import pytest

from airssys_wasm.broker.engine import Carried
from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.broker.local_engine import LocalEngine
from airssys_wasm.testing.faults import NETWORK_FAULTS, Fault, FaultKind, NetworkFault
from airssys_wasm.testing.runs import Run, Settings, settings_of
from airssys_wasm.testing.searching import run_seed, search
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation

COUNT = 10


def sending(
    *, gap: float, check: Callable[[list[int]], Awaitable[None] | None] = lambda got: None
) -> Callable[[Simulation], Awaitable[None]]:
    """Node a sends ten numbers to node b, `gap` seconds apart; `check` gets what has come."""

    async def test(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        a, b = hub.engine(), hub.engine()
        await a.open("a", simulation.platform)
        await b.open("b", simulation.platform)
        got: list[int] = []
        await b.subscribe("numbers", lambda carried: got.append(int(carried.body)))
        for number in range(COUNT):
            a.send("numbers", b"%d" % number)
            await simulation.sleep(gap)
        await simulation.sleep(100)
        simulation.note(f"got {got}")
        check(got)

    return test


def got(run: Run) -> list[int]:
    """What came, as the trace has it."""
    assert run.failure is None, run.failure
    note = next(entry.what for entry in run.trace if entry.what.startswith("got "))
    return [int(number) for number in note[5:-1].split(", ") if number]


@pytest.mark.parametrize(
    ("kind", "gap", "came"),
    [
        ("lost message", 0.0, [0, 1, 3, 4, 5, 6, 7, 8, 9]),
        ("doubled message", 0.0, [0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("delayed message", 5.0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("reordered message", 0.001, [0, 1, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_a_planned_fault_comes_to_its_message(
    kind: NetworkFault, gap: float, came: list[int]
) -> None:
    settings = settings_of(plan=[Fault(kind, "a -> b", nth=3)])
    run = run_seed(sending(gap=gap), 0, "fifo", settings, recorded=True)
    assert [(what, way) for _, what, way in run.faults] == [(kind, "a -> b")]
    if kind == "reordered message":
        assert sorted(got(run)) == list(range(COUNT))
        assert got(run) != list(range(COUNT))
    else:
        assert got(run) == came


def test_who_is_cut_off_reaches_neither_others_nor_the_keys_until_it_heals() -> None:
    async def test(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        a, b, c = hub.engine(), hub.engine(), hub.engine()
        for name, engine in (("a", a), ("b", b), ("c", c)):
            await engine.open(name, simulation.platform)
        came: list[str] = []

        def hear(engine: LocalEngine, _carried: Carried) -> None:
            came.append(engine.node)

        for engine in (a, b, c):
            await engine.subscribe("all", partial(hear, engine))
        await simulation.sleep(1)
        a.send("all", b"")  # with this one, a is cut off
        await simulation.sleep(0.5)
        assert came == ["a"]
        b.send("all", b"")
        await simulation.sleep(0.4)
        assert came == ["a", "b", "c"]
        with pytest.raises(EngineDown):
            await a.get("key")
        assert await b.get("key") is None
        await simulation.sleep(100)
        a.send("all", b"")
        await simulation.sleep(1)
        assert came[3:] == ["a", "b", "c"]

    run = run_seed(test, 0, "fifo", settings_of(plan=[Fault("partition", "a -> b")]))
    assert run.failure is None, run.failure


def test_a_restarting_engine_carries_nothing_for_a_while() -> None:
    settings = settings_of(plan=[Fault("engine restart", "a", nth=3)])
    run = run_seed(sending(gap=0.4), 0, "fifo", settings, recorded=True)
    came = got(run)
    assert came[:2] == [0, 1]
    assert 2 not in came
    assert run.unmet == ()


def broken_by_a_gap(got: list[int]) -> None:
    assert got == list(range(COUNT))


def test_a_fault_that_a_seed_places_is_found_and_made_small() -> None:
    test = sending(gap=0.1, check=broken_by_a_gap)
    settings = settings_of(faults=NETWORK_FAULTS)
    assert run_seed(test, 0, "fifo", settings).failure is None
    found = search(test, range(200), "uniform", settings)
    assert found is not None
    assert len(found.smallest.deviations) == 1
    assert " -> " in str(found.smallest.deviations[0])


def test_without_faults_no_order_of_messages_breaks() -> None:
    test = sending(gap=0.001, check=broken_by_a_gap)
    runs = [run_seed(test, seed) for seed in range(50)]
    assert all(run.failure is None for run in runs)
    assert {d.kind for run in runs for d in run.deviations} >= {"delay"}


def test_the_same_seed_gives_the_same_network() -> None:
    settings = Settings(faults=get_args(FaultKind))
    for seed in range(20):
        runs = [run_seed(sending(gap=0.1), seed, settings=settings, recorded=True) for _ in "12"]
        assert runs[0].trace == runs[1].trace
        assert runs[0].faults == runs[1].faults
