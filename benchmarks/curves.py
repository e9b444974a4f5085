"""Acts: what cost depends on: the number of actors, the depth of a mailbox, the subscribers.

A curve is a workload in many sizes. The same work by asyncio's task and Queue is drawn beside it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, ActorRef, Kernel
from benchmarks import publishing, scale
from benchmarks.measure import Sample, Workload, floor, quartiles, spent
from benchmarks.peers import tasks
from benchmarks.workloads import future, in_kernel, in_loop

LEAST = 20_000  # operations, however small what they are measured on
OURS, ASYNCIO = "airssys-wasm", "asyncio task and Queue"


@dataclass(frozen=True, slots=True)
class Line:
    """A workload of a picture: it takes the size along the axis. `most` ends a line early."""

    label: str
    run: Workload
    most: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """Lines over one axis, and the file that shows them."""

    file: str
    title: str
    axis: str
    operation: str
    sizes: tuple[int, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """Ratio to F at one size: the median and the quartiles. `cost` is the median in nanoseconds."""

    size: int
    median: float
    low: float
    high: float
    cost: float


class Emptied(Actor[Any]):
    """Handles what is queued; the last of it is whom to tell."""

    def receive(self, message: Any) -> None:
        if message is not None:
            message(None)


class Filler(Actor[Any]):
    """Fills a mailbox, again as soon as it is empty."""

    def __init__(self, to: ActorRef[Any], depth: int, times: int, done: Any) -> None:
        self.to = to
        self.depth = depth
        self.left = times
        self.done = done

    def receive(self, message: Any) -> None:
        if not self.left:
            self.done.set_result(None)
            return
        self.left -= 1
        send = self.to.send
        for _ in range(self.depth - 1):
            send(None)
        send(self.context.ref.send)


async def depth(kernel: Kernel, size: int) -> Sample:
    """Messages that are queued before the first is handled, then all of them, again and again."""
    times = max(1, LEAST // size)
    done = future()
    filler = kernel.spawn(Filler, kernel.spawn(Emptied), size, times, done)
    began = process_time()
    filler.send(None)
    await done
    return spent(times * size, began)


async def depth_of_queue(size: int) -> Sample:
    full: asyncio.Queue[Any] = asyncio.Queue()
    emptied: asyncio.Queue[None] = asyncio.Queue()
    times = max(1, LEAST // size)

    async def take() -> None:
        while True:
            message = await full.get()
            if message is not None:
                message(None)

    taker = asyncio.create_task(take())
    await asyncio.sleep(0)
    began = process_time()
    for _ in range(times):
        for _ in range(size - 1):
            full.put_nowait(None)
        full.put_nowait(emptied.put_nowait)
        await emptied.get()
    sample = spent(times * size, began)
    taker.cancel()
    await asyncio.gather(taker, return_exceptions=True)
    return sample


async def queues(size: int) -> Sample:
    """A message to each of many tasks in turn, a thousand at once."""

    async def take(queue: asyncio.Queue[int]) -> None:
        while True:
            await queue.get()

    all_queues: list[asyncio.Queue[int]] = [asyncio.Queue() for _ in range(size)]
    takers = [asyncio.create_task(take(queue)) for queue in all_queues]
    await asyncio.sleep(0)
    gc.collect()
    rounds = max(1, LEAST // size)
    began = process_time()
    for _ in range(rounds):
        for at in range(0, size, scale.AT_ONCE):
            for queue in all_queues[at : at + scale.AT_ONCE]:
                queue.put_nowait(1)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
    sample = spent(rounds * size, began)
    for taker in takers:
        taker.cancel()
    await asyncio.gather(*takers, return_exceptions=True)
    return sample


def deliveries(of: Callable[[int], Workload]) -> Workload:
    """Publications to as many subscribers as the size says."""
    return lambda size: of(size)(max(LEAST, size))


ACTORS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)

PICTURES = (
    Picture(
        "actors.png",
        "A message, by the number of idle actors that get one in turn",
        "actors",
        "message",
        ACTORS,
        (
            Line(OURS, scale.messages()),
            Line("airssys-wasm, actors in random order", scale.messages(shuffled=True)),
            Line(ASYNCIO, in_loop(queues), most=100_000),
        ),
    ),
    Picture(
        "spawn.png",
        "A spawn, by the number of actors that there are in the end",
        "actors",
        "spawn",
        ACTORS,
        (
            Line("collector as it is", scale.spawn(None)),
            Line(f"gc.set_threshold{scale.RAISED}", scale.spawn(scale.RAISED)),
        ),
    ),
    Picture(
        "mailbox.png",
        "A message, by the messages that are queued before the first is handled",
        "messages in the mailbox",
        "message",
        (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000),
        (Line(OURS, in_kernel(depth)), Line(ASYNCIO, in_loop(depth_of_queue))),
    ),
    Picture(
        "subscribers.png",
        "A delivery of a publication, by the number of subscribers",
        "subscribers",
        "delivery",
        (1, 10, 100, 1_000, 10_000, 100_000),
        (
            Line(OURS, deliveries(publishing.publish)),
            Line(ASYNCIO, deliveries(tasks.publish)),
        ),
    ),
)


def point(line: Line, size: int, rounds: int) -> Point:
    """The line at one size."""
    ratios, costs = [], []
    for _ in range(rounds):
        gc.collect()
        before = floor()
        cost = line.run(size).cost
        costs.append(cost)
        ratios.append(cost * 2 / (before + floor()))
    low, high = quartiles(ratios)
    return Point(size, statistics.median(ratios), low, high, statistics.median(costs))
