"""Acts: what supervisors cost: restarts among many siblings, and children that come and go."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, ActorExited, ActorRef, Kernel
from airssys_wasm.supervision import (
    ChildSpec,
    ChildStarted,
    DynamicSupervisor,
    DynamicSupervisorRef,
    Pool,
    Supervisor,
    SupervisorRef,
)
from airssys_wasm.supervision.routing import Route
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.workloads import Idle, future, in_kernel

FEW = 10
THOUSAND = 1_000
MANY = 100_000
RESTARTS = 300  # of children that were chosen by chance
A_SUPERVISOR = 100  # restarts under one supervisor, before the next one takes over
ANY_NUMBER = 1_000_000

Start = Callable[[Kernel, int, Callable[[object], None]], Awaitable[list[ActorRef[Any]]]]


async def static_children(
    kernel: Kernel, size: int, observe: Callable[[object], None]
) -> list[ActorRef[Any]]:
    """Children that a supervisor was described with."""
    specs = [ChildSpec(f"child-{number}", Idle) for number in range(size)]
    description = Supervisor(intensity=ANY_NUMBER, period=1.0, children=specs, observer=observe)
    root = SupervisorRef.of(await kernel.start(description))
    running = await root.which_children(timeout=None)
    return [child.ref for child in running if child.ref is not None]


async def dynamic_children(
    kernel: Kernel, size: int, observe: Callable[[object], None]
) -> list[ActorRef[Any]]:
    """Children that were started one by one."""
    description = DynamicSupervisor(Idle, intensity=ANY_NUMBER, period=1.0, observer=observe)
    supervisor = DynamicSupervisorRef.of(await kernel.start(description))
    return await started(supervisor, size)


async def started(supervisor: DynamicSupervisorRef, size: int) -> list[ActorRef[Any]]:
    """So many new children."""
    children = [await supervisor.start_child() for _ in range(size)]
    return [child for child in children if child is not None]


def restart(start: Start) -> Workload:
    """Kills of one child among others, until its supervisor has started it anew."""

    async def body(kernel: Kernel, size: int) -> Sample:
        restarted: list[asyncio.Future[None]] = []

        def observe(event: object) -> None:
            if restarted and isinstance(event, ChildStarted):
                restarted.pop().set_result(None)

        children = await start(kernel, size, observe)
        gc.collect()
        gc.freeze()  # the siblings are there, and no collection has to look at them
        restarts = 0
        began = process_time()
        try:
            while restarts < RESTARTS:
                chosen = random.Random(restarts).sample(children, min(RESTARTS - restarts, size))
                for child in chosen:
                    again = future()
                    restarted.append(again)
                    child.kill()
                    await again
                restarts += len(chosen)
                if restarts < RESTARTS:
                    children = await anew(children)
            return spent(restarts, began)
        finally:
            gc.unfreeze()

    return in_kernel(body)


async def anew(children: list[ActorRef[Any]]) -> list[ActorRef[Any]]:
    """The children that run where these ran."""
    parent = children[0]._parent
    assert parent is not None
    running = await SupervisorRef.of(parent).which_children(timeout=None)
    return [child.ref for child in running if child.ref is not None]


class Answering(Actor[Any]):
    """Answers."""

    __slots__ = ()

    def receive(self, message: Any) -> object:
        return message


async def restart_answer(kernel: Kernel, size: int) -> Sample:
    """Kills of a child with a name, until a request to that name is answered again."""
    named = kernel.named("child")
    began = process_time()
    for _ in range(max(1, size // A_SUPERVISOR)):
        spec = ChildSpec("child", Answering, name="child")
        supervisor = await kernel.start(
            Supervisor(intensity=ANY_NUMBER, period=1.0, children=[spec])
        )
        for _ in range(A_SUPERVISOR):
            child = kernel.whereis("child")
            assert child is not None
            child.kill()
            while True:
                try:
                    await named.request("ping")
                    break
                except ActorExited:
                    await asyncio.sleep(0)
        supervisor.stop("shutdown")
        await supervisor.wait()
    return spent(max(1, size // A_SUPERVISOR) * A_SUPERVISOR, began)


async def dynamic_start(kernel: Kernel, size: int) -> Sample:
    """Children that are started one after the other."""
    supervisor = DynamicSupervisorRef.of(await kernel.start(DynamicSupervisor(Idle)))
    began = process_time()
    await started(supervisor, size)
    return spent(size, began)


async def dynamic_stop(kernel: Kernel, size: int) -> Sample:
    """The end of a supervisor with many children."""
    supervisor = await kernel.start(DynamicSupervisor(Idle))
    await started(DynamicSupervisorRef.of(supervisor), size)
    gc.collect()
    began = process_time()
    supervisor.stop("shutdown")
    await supervisor.wait()
    return spent(size, began)


async def dynamic_kill(kernel: Kernel, size: int) -> Sample:
    """Kills of all children, until the supervisor knows of none."""
    supervisor = DynamicSupervisorRef.of(
        await kernel.start(DynamicSupervisor(Idle, restart="temporary"))
    )
    children = await started(supervisor, size)
    gc.collect()
    began = process_time()
    for child in children:
        child.kill()
    left = await supervisor.count_children(timeout=None)
    assert left.workers == 0
    return spent(size, began)


class Sink(Actor[int]):
    """Says when it and its siblings have handled all messages of a burst."""

    __slots__ = ("burst",)

    def __init__(self, burst: list[int | asyncio.Future[None]]) -> None:
        self.burst: Any = burst

    def receive(self, message: int) -> None:
        self.burst[0] -= 1
        if not self.burst[0]:
            self.burst[1].set_result(None)


def pool(route: Route) -> Workload:
    """Messages that a pool gives to one of eight children each, a thousand at once."""

    async def body(kernel: Kernel, size: int) -> Sample:
        key = "real" if route == "by_key" else None  # of a number: the number
        burst: list[Any] = [0, None]
        ref = await kernel.start(Pool(Sink, size=8, args=(burst,), route=route, key=key))
        began = process_time()
        for at in range(0, size, THOUSAND):
            messages = range(at, min(at + THOUSAND, size))
            burst[:] = len(messages), future()
            for number in messages:
                ref.send(number)
            await burst[1]
        return spent(size, began)

    return in_kernel(body)


def _among(name: str, start: Start, what: str) -> list[Benchmark]:
    """A restart among few, a thousand and many siblings."""
    return [
        Benchmark(
            name=f"{name}-{size}",
            operation="restart",
            run=restart(start),
            size=size,
            about=f"of one {what} among {size:,}",
            asked=2.0 if size > FEW else None,
            asked_in="other" if size > FEW else "F",
            other=f"{name}-{FEW}" if size > FEW else None,
            heavy=size == MANY,
        )
        for size in (FEW, THOUSAND, MANY)
    ]


def _many(
    name: str, run: Callable[[Kernel, int], Awaitable[Sample]], about: str
) -> list[Benchmark]:
    """The same for a thousand, ten thousand and a hundred thousand children."""
    return [
        Benchmark(
            name=f"{name}-{size}",
            operation="child",
            run=in_kernel(run),
            size=size,
            about=f"{size:,} dynamic children {about}",
            asked=2.0 if size > THOUSAND else None,
            asked_in="other" if size > THOUSAND else "F",
            other=f"{name}-{THOUSAND}" if size > THOUSAND else None,
            heavy=size == MANY,
        )
        for size in (THOUSAND, 10 * THOUSAND, MANY)
    ]


BENCHMARKS = [
    *_among("restart", static_children, "child"),
    *_among("dynamic-restart", dynamic_children, "dynamic child"),
    Benchmark(
        name="restart-answer",
        operation="restart",
        run=in_kernel(restart_answer),
        size=5 * THOUSAND,
        about="of a child with a name, from its kill until the next one answers",
    ),
    Benchmark(
        name="pool",
        operation="message",
        run=pool("round_robin"),
        size=50 * THOUSAND,
        about="through a pool of eight, round robin",
    ),
    Benchmark(
        name="pool-least-loaded",
        operation="message",
        run=pool("least_loaded"),
        size=50 * THOUSAND,
        about="through a pool of eight, to who has least to do",
        other="pool",
    ),
    Benchmark(
        name="pool-by-key",
        operation="message",
        run=pool("by_key"),
        size=50 * THOUSAND,
        about="through a pool of eight, the same key to the same child",
        other="pool",
    ),
    *_many("dynamic-start", dynamic_start, "are started, one after the other"),
    *_many("dynamic-stop", dynamic_stop, "are stopped with their supervisor"),
    *_many("dynamic-kill", dynamic_kill, "are killed, until their supervisor knows of none"),
]
