"""What many children cost: calls are counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import Actor, ActorRef, Kernel
from airssys_wasm.supervision import (
    ChildSpec,
    DynamicSupervisor,
    DynamicSupervisorRef,
    Supervisor,
    SupervisorRef,
)

FEW, MANY = 200, 2_000


class Child(Actor[Any]):
    """Does nothing."""

    def receive(self, message: Any) -> object:
        return message


Play = Callable[[Kernel, int], Awaitable[None]]


def calls_of(play: Play, children: int) -> int:
    """How many functions were called, of Python and of C, while a play ran."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    async def main() -> None:
        async with Kernel("test", slow_after=None) as kernel:
            before = sys.getprofile()
            sys.setprofile(count)
            try:
                await play(kernel, children)
            finally:
                sys.setprofile(before)

    anyio.run(main)
    return calls


async def started(
    kernel: Kernel, number: int, **options: Any
) -> tuple[DynamicSupervisorRef, list[ActorRef[Any]]]:
    supervisor = DynamicSupervisorRef.of(await kernel.start(DynamicSupervisor(Child, **options)))
    children = [await supervisor.start_child() for _ in range(number)]
    return supervisor, [child for child in children if child is not None]


async def start_and_stop(kernel: Kernel, number: int) -> None:
    supervisor, _ = await started(kernel, number)
    supervisor.address.stop("shutdown")
    assert await supervisor.address.wait() == "shutdown"


async def start_and_kill(kernel: Kernel, number: int) -> None:
    supervisor, children = await started(kernel, number, restart="temporary")
    for child in children:
        child.kill()
    assert (await supervisor.count_children()).workers == 0


async def start_and_restart(kernel: Kernel, number: int) -> None:
    supervisor, children = await started(kernel, number, intensity=number)
    for child in children:
        child.kill()
    while (await supervisor.count_children()).active < number:
        await anyio.lowlevel.checkpoint()
    assert (await supervisor.statistics()).restarts == number


async def start_and_terminate(kernel: Kernel, number: int) -> None:
    supervisor, children = await started(kernel, number)
    for child in children:
        await supervisor.terminate_child(child)


@pytest.mark.rule("ADM-09")
@pytest.mark.parametrize(
    "play", [start_and_stop, start_and_kill, start_and_restart, start_and_terminate]
)
def test_ten_times_the_dynamic_children_cost_ten_times_as_much(play: Play) -> None:
    calls_of(play, 10)  # what is done once is done
    few, many = calls_of(play, FEW), calls_of(play, MANY)
    assert many < few * (MANY / FEW) * 1.1


def restarting(strategy: Any) -> Play:
    async def restart_the_last(kernel: Kernel, number: int) -> None:
        before = sys.getprofile()
        sys.setprofile(None)
        specs = [ChildSpec(f"c{i}", Child) for i in range(number)]
        root = SupervisorRef.of(
            await kernel.start(Supervisor(strategy, intensity=100, children=specs))
        )
        last = (await root.which_children())[0].ref
        assert last is not None
        sys.setprofile(before)
        last.kill()
        while (await root.statistics()).restarts == 0:
            await anyio.lowlevel.checkpoint()

    return restart_the_last


@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one"])
def test_a_restart_among_many_siblings_costs_what_it_costs_among_few(strategy: Any) -> None:
    play = restarting(strategy)
    calls_of(play, 10)
    # The loop has things of its own to do in some runs.
    few, many = (min(calls_of(play, number) for _ in range(3)) for number in (FEW, MANY))
    assert many < few * 1.5
