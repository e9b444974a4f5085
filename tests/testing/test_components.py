"""Components in a simulation: they run in virtual time, replay, and fail as they are told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.components import Component, ComponentError, Limit, Trap
from airssys_wasm.components.component_actor import ComponentActor
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.kernel import ActorExited
from airssys_wasm.testing.errors import InvariantBroken
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.guests import FULL_DISK
from airssys_wasm.testing.runs import Run, settings_of
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from tests.guests import guests
from tests.testing.components import traced, tree

ROOT = Path(__file__).parent.parent.parent
COUNTER = ComponentId("", "counter", "")


def digests(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.testing.components", "0", "8"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_another_process_with_another_hash_seed_gives_the_same_traces() -> None:
    first = digests("1")
    assert len({line.split()[1] for line in first.splitlines()}) == 8
    assert digests("2") == first


def test_the_trace_holds_what_a_guest_asked_of_the_host_and_what_it_was_given() -> None:
    asked = [entry.what for entry in traced(0).trace if entry.kind == "host"]
    assert asked[0] == "storage.get('count',) gives Ok(value=None)"
    assert asked[1] == "storage.set('count', b'1') gives Ok(value=None)"
    assert "host-messaging.request(('', 'peer', ''), b'hello', 1000) gives Ok(value='" in asked[4]


def test_a_guest_that_sleeps_takes_virtual_time_alone() -> None:
    async def test(simulation: Simulation) -> None:
        system = await simulation.system()
        sleeper = await system.start(Component(guests.sleeps(3_600_000)), name="sleeper")
        with pytest.raises(ActorExited) as caught:
            await sleeper.request(b"", timeout=None)
        assert caught.value.reason == Limit("host_call", 30.0, 30.0)
        assert simulation.now() == pytest.approx(30.0, abs=0.01)

    passed(run_seed(test, 0))


def passed(run: Run) -> Run:
    if run.failure is not None:
        raise run.failure
    return run


def planned(kind: FaultKind, nth: int, test: Any, seed: int = 0) -> Run:
    plan = [Fault(kind, "counter", nth=nth)]
    return passed(run_seed(test, seed, "fifo", settings_of(plan=plan), recorded=True))


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("trap", Trap("unreachable", "injected")),
        ("out of fuel", Limit("fuel", 0, 0, "out of fuel")),
    ],
)
def test_a_guest_traps_or_runs_out_of_fuel_as_planned_and_is_restarted(
    kind: FaultKind, reason: object
) -> None:
    async def test(simulation: Simulation) -> None:
        system = await simulation.system(tree())
        before = system.whereis("counter")
        assert before is not None
        assert await before.request(b"a") == b"1:a"
        with pytest.raises(ActorExited) as caught:
            await before.request(b"b")
        assert caught.value.reason == reason
        await simulation.sleep(1)
        assert await system.named("counter").request(b"c") == b"2:c"

    run = planned(kind, 3, test)
    assert [fault[1] for fault in run.faults] == [kind]
    assert any(entry.kind == "fault" and entry.what == kind for entry in run.trace)


def test_a_function_of_the_host_fails_as_planned() -> None:
    async def test(simulation: Simulation) -> None:
        system = await simulation.system(tree())
        counter = system.named("counter")
        with pytest.raises(ComponentError, match="injected"):
            await counter.request(b"a")
        assert await counter.request(b"b") == b"2:b"

    planned("host error", 2, test)


def test_a_full_disk_takes_nothing_for_a_while() -> None:
    async def test(simulation: Simulation) -> None:
        system = await simulation.system(tree())
        counter = system.named("counter")
        for _ in range(2):
            with pytest.raises(ComponentError, match="no space left on device"):
                await counter.request(b"a")
        assert (
            await system.components.store(system.kernel.platform.offload).get(COUNTER, "count")
            is None
        )
        await simulation.sleep(FULL_DISK + 0.1)
        assert await counter.request(b"b") == b"3:b"

    planned("full disk", 2, test)


def test_a_torn_write_is_an_error_whether_it_was_made_or_lost() -> None:
    found: set[bytes | None] = set()

    async def test(simulation: Simulation) -> None:
        system = await simulation.system(tree())
        with pytest.raises(ComponentError, match="the write was torn"):
            await system.named("counter").request(b"a")
        found.add(
            await system.components.store(system.kernel.platform.offload).get(COUNTER, "count")
        )

    for seed in range(20):
        plan = [Fault("torn write", "counter", nth=2)]
        passed(run_seed(test, seed, "uniform", settings_of(plan=plan)))
    assert found == {b"1", None}


def test_a_store_that_outlives_its_component_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ComponentActor, "_close", lambda self: None)

    async def test(simulation: Simulation) -> None:
        system = await simulation.system(tree())
        system.named("counter").kill()
        await simulation.sleep(1)

    failure = run_seed(test, 0).failure
    assert isinstance(failure, InvariantBroken)
    assert failure.invariant == "NothingLeaked"
    assert str(failure).endswith("is dead, and its Store is not closed")
