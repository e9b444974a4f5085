"""Acts: whether things cost the same with many: actors, timers, watchers."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable
from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, ActorRef, Kernel
from benchmarks.fairness import LoopWatch
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.workloads import Fence, Idle, future, in_kernel, in_loop

THOUSAND = 1_000
MILLION = 1_000_000
AT_ONCE = 1_000  # actors with a message to handle at the same time
LEAST_MESSAGES = 200_000
RAISED = (50_000, 20, 100)  # collector thresholds, as docs/performance.md advises for many actors
TIMERS = 20_000  # added and cancelled on top of those that are pending


def messages(*, shuffled: bool = False) -> Workload:
    """A message to each of many idle actors in turn, a thousand at once.

    In the order in which they were made, or in one that no cache of the processor knows.
    """

    async def body(kernel: Kernel, size: int) -> Sample:
        refs = [kernel.spawn(Idle) for _ in range(size)]
        fence = kernel.spawn(Fence)
        if shuffled:
            random.Random(1).shuffle(refs)
        began = process_time()
        gc.collect()
        collection = process_time() - began
        chunks = [refs[at : at + AT_ONCE] for at in range(0, size, AT_ONCE)]
        rounds = max(1, min(LEAST_MESSAGES, 100 * size) // size)
        began = process_time()
        for _ in range(rounds):
            for chunk in chunks:
                for ref in chunk:
                    ref.send(1)
                handled = future()
                fence.send(handled)
                await handled
        return spent(rounds * size, began, **{"a full collection, ms": collection * 1e3})

    return in_kernel(body)


def spawn(thresholds: tuple[int, int, int] | None) -> Workload:
    """Actors that stay, with the collector as it is or with raised thresholds."""

    async def body(kernel: Kernel, size: int) -> Sample:
        before = gc.get_threshold()
        gc.set_threshold(*(thresholds or before))
        try:
            began = process_time()
            refs = [kernel.spawn(Idle) for _ in range(size)]
            return spent(len(refs), began)
        finally:
            gc.set_threshold(*before)

    return in_kernel(body)


def delays(count: int) -> list[float]:
    chance = random.Random(count)
    return [100 + 60 * chance.random() for _ in range(count)]


async def timers(kernel: Kernel, size: int) -> Sample:
    """Timers that are added and cancelled while many are pending."""
    owner = Idle()
    ref = kernel.spawn(lambda: owner)
    context = owner.context
    for delay in delays(size):
        context.send_after(delay, ref, None)
    gc.collect()
    more = delays(min(TIMERS, size))
    began = process_time()
    for delay in more:
        context.cancel_timer(context.send_after(delay, ref, None))
    return spent(len(more), began)


async def timers_of_asyncio(size: int) -> Sample:
    """The same with `call_later`."""
    loop = asyncio.get_running_loop()
    pending = [loop.call_later(delay, print) for delay in delays(size)]
    gc.collect()
    more = delays(min(TIMERS, size))
    began = process_time()
    for delay in more:
        loop.call_later(delay, print).cancel()
    sample = spent(len(more), began)
    for timer in pending:
        timer.cancel()
    return sample


class Watcher(Actor[Any]):
    """Counts the ends that it is told of."""

    __slots__ = ("told",)

    def __init__(self, told: Callable[[], None]) -> None:
        self.told = told

    def receive(self, message: Any) -> None:
        self.told()


async def _watched(kernel: Kernel, size: int, begin: Callable[[ActorRef[Any]], Any]) -> Sample:
    target = kernel.spawn(Idle)
    left, done = size, future()

    def told() -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set_result(None)

    for _ in range(size):
        watcher = Watcher(told)
        kernel.spawn(lambda one=watcher: one)
        watcher.context.monitor(target)
    gc.collect()
    gc.freeze()  # a collection of all those watchers is not the kernel's doing
    try:
        async with LoopWatch() as watch:
            began = process_time()
            begin(target)
            await done
            took = process_time() - began
    finally:
        gc.unfreeze()
    details = {"a watcher, ns": took / size * 1e9, "longest by the clock, ms": watch.longest_wall}
    return Sample(size, watch.longest, details)


def watchers(begin: Callable[[ActorRef[Any]], Any]) -> Workload:
    """One actor ends that many watch; the cost is the longest that the loop was held."""

    async def body(kernel: Kernel, size: int) -> Sample:
        return await _watched(kernel, size, begin)

    return in_kernel(body)


def _named(name: str, size: int, **rest: Any) -> Benchmark:
    return Benchmark(name=f"{name}-{size}", size=size, **rest)


BENCHMARKS = [
    _named(
        "messages",
        THOUSAND,
        operation="message",
        run=messages(),
        about="to each of a thousand idle actors in turn",
    ),
    _named(
        "messages",
        MILLION,
        operation="message",
        run=messages(),
        about="to each of a million idle actors in turn",
        asked=1.5,
        asked_in="other",
        other="messages-1000",
        heavy=True,
    ),
    _named(
        "messages-shuffled",
        MILLION,
        operation="message",
        run=messages(shuffled=True),
        about="the same in random order, so that each actor has to come from main memory",
        other="messages-1000",
        heavy=True,
    ),
    _named(
        "spawn",
        MILLION,
        operation="actor",
        run=spawn(None),
        about="until there are a million",
        other="spawn",
        heavy=True,
    ),
    _named(
        "spawn-raised",
        MILLION,
        operation="actor",
        run=spawn(RAISED),
        about=f"the same with gc.set_threshold{RAISED}",
        other="spawn",
        heavy=True,
    ),
    _named(
        "timers",
        THOUSAND,
        operation="timer",
        run=in_kernel(timers),
        about="added and cancelled while a thousand are pending",
        asked=2_000,
        asked_in="unit",
        tasks=in_loop(timers_of_asyncio),
    ),
    _named(
        "timers",
        MILLION,
        operation="timer",
        run=in_kernel(timers),
        about="added and cancelled while a million are pending",
        asked=2_000,
        asked_in="unit",
        tasks=in_loop(timers_of_asyncio),
        heavy=True,
    ),
    _named(
        "watchers",
        100_000,
        operation="longest hold of the loop",
        run=watchers(lambda target: target.stop()),
        about="an actor stops that 100,000 others watch",
        unit="ms",
        asked=2.0,
        asked_in="unit",
        heavy=True,
    ),
    _named(
        "watchers-kill",
        100_000,
        operation="longest hold of the loop",
        run=watchers(lambda target: target.kill()),
        about="an actor is killed that 100,000 others watch",
        unit="ms",
        asked=2.0,
        asked_in="unit",
        heavy=True,
    ),
]
