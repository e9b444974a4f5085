"""`run:` of a component: in the loop among all others, or on a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from airssys_wasm.application import ActorSystem, supervisor_of
from airssys_wasm.components import Component, Limits
from airssys_wasm.components.engine.code_limits import CompileLimits
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.engine.threaded_instance import ThreadedInstance
from airssys_wasm.components.engine.traps import Limit, Trap
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.config import load
from airssys_wasm.kernel import ActorExited
from airssys_wasm.testing import simulate
from airssys_wasm.testing.simulation import Simulation
from tests.guests import guests

pytestmark = pytest.mark.anyio
RUNS = ("loop", "thread")


@pytest.fixture
def services(code_cache: Path) -> ComponentServices:
    return ComponentServices(settings=EngineSettings(path="fast", cache=code_cache))


@pytest.mark.parametrize("run", RUNS)
async def test_both_ways_give_the_same(services: ComponentServices, run: str) -> None:
    async with ActorSystem("demo", components=services) as system:
        echo = await system.start(Component(guests.echo(), run=run))  # type: ignore[arg-type]
        assert [await echo.request(b"a"), await echo.request(b"b")] == [b"1:a", b"2:b"]
        bad = await system.start(Component(guests.divides_by_zero(), run=run))  # type: ignore[arg-type]
        with pytest.raises(ActorExited) as trapped:
            await bad.request(b"")
        assert isinstance(trapped.value.reason, Trap)
        assert trapped.value.reason.kind == "division by zero"
        limits = Limits(memory=2**20)
        large = await system.start(Component(guests.grows(), run=run, limits=limits))  # type: ignore[arg-type]
        with pytest.raises(ActorExited) as limited:
            await large.request(b"")
        assert isinstance(limited.value.reason, Limit)
        assert limited.value.reason.kind == "memory"


async def test_a_guest_on_a_thread_computes_beside_the_loop(services: ComponentServices) -> None:
    async with ActorSystem("demo", components=services) as system:
        limits = Limits(call=0.3)
        spins = await system.start(Component(guests.spins(), run="thread", limits=limits))
        assert isinstance(spins._receive.__self__._instance, ThreadedInstance)
        echo = await system.start(Component(guests.echo()))
        assert not isinstance(echo._receive.__self__._instance, ThreadedInstance)
        spins.send(b"")
        answered = 0
        while spins.is_alive:
            answered += 1
            assert await echo.request(b"") == b"%d:" % answered
        assert answered > 10
        assert isinstance(spins.exit_reason, Limit)
        assert (spins.exit_reason.kind, spins.exit_reason.limit) == ("call", 0.3)


async def test_a_tree_says_where_a_component_runs(tmp_path: Path) -> None:
    (tmp_path / "echo.wasm").write_bytes(guests.echo())
    (tmp_path / "tree.yaml").write_text(
        "version: 1\nname: demo\ncomponents: {storage: memory}\nchildren:\n"
        "  - {id: a, name: a, component: echo.wasm}\n"
        "  - {id: b, name: b, component: echo.wasm, run: thread}\n",
        encoding="utf-8",
    )
    config = load(tmp_path / "tree.yaml").config
    assert config is not None
    async with ActorSystem("demo", root=supervisor_of(config, tmp_path)) as system:
        for name, threaded in (("a", False), ("b", True)):
            ref = system.whereis(name)
            assert ref is not None
            assert isinstance(ref._receive.__self__._instance, ThreadedInstance) is threaded
            assert await ref.request(b"x") == b"1:x"


def test_another_way_is_refused() -> None:
    with pytest.raises(ValueError, match="run: 'fork' is not loop or thread"):
        Component(b"", run="fork")  # type: ignore[arg-type]


@simulate(seeds=3)
async def test_in_a_simulation_all_take_their_turns_in_the_loop(simulation: Simulation) -> None:
    system = await simulation.system()
    echo = await system.start(Component(guests.echo(), run="thread"))
    assert await echo.request(b"a") == b"1:a"


@pytest.mark.parametrize("restless", [guests.spins, guests.asks_the_time_for_ever])
async def test_what_others_do_on_threads_goes_on_beside_guests_that_are_never_idle(
    restless: Callable[[], bytes],
) -> None:
    compile = CompileLimits(time=61.0)  # nobody else's, so that it is not compiled already
    settings = EngineSettings(path="fast", compile=compile)
    async with ActorSystem("demo", components=ComponentServices(settings=settings)) as system:
        endless = Component(restless(), limits=Limits(call=3_600))
        computing = [await system.start(endless) for _ in range(4)]
        for ref in computing:
            ref.send(b"")
        async with asyncio.timeout(20):  # it takes 0.2 s, and without a share of the GIL for ever
            echo = await system.start(Component(guests.echo()))
            assert await echo.request(b"a") == b"1:a"
        assert all(ref.is_alive for ref in computing)
        for ref in computing:
            ref.kill()
