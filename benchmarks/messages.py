"""Acts: what a message costs: one producer, ten, two players, a ring, handlers that suspend."""

from __future__ import annotations

import asyncio
from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, ActorRef, Kernel
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.peers import tasks
from benchmarks.workloads import BATCH, future, in_kernel

MESSAGES = 40_000
PRODUCERS = 10
RING = 1_000
SUSPENDING = 100  # actors that suspend at the same time


class Sink(Actor[Any]):
    """Counts messages, and says when it had them all."""

    def __init__(self, expected: int, done: asyncio.Future[None]) -> None:
        self.left = expected
        self.done = done

    def receive(self, message: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class AsyncSink(Sink):
    async def receive(self, message: Any) -> None:  # type: ignore[override]
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class Producer(Actor[None]):
    """Sends its share in batches, and lets others run between them."""

    def __init__(self, share: int, to: ActorRef[Any]) -> None:
        self.left = share
        self.to = to

    def receive(self, message: None) -> None:
        send = self.to.send
        for number in range(min(BATCH, self.left)):
            send(number)
        self.left -= BATCH
        if self.left > 0:
            self.context.ref.send(None)


def fan_in(sink: type[Sink], producers: int) -> Workload:
    """Messages to one actor."""

    async def body(kernel: Kernel, size: int) -> Sample:
        share = max(1, size // producers)
        count = share * producers
        done = future()
        to = kernel.spawn(sink, count, done)
        senders = [kernel.spawn(Producer, share, to) for _ in range(producers)]
        began = process_time()
        for sender in senders:
            sender.send(None)
        await done
        return spent(count, began)

    return in_kernel(body)


class Player(Actor[int]):
    """Hits the ball on until it has been hit often enough."""

    def __init__(self, done: asyncio.Future[None]) -> None:
        self.done = done
        self.other: ActorRef[int] | None = None

    def receive(self, left: int) -> None:
        if left:
            assert self.other is not None
            self.other.send(left - 1)
        else:
            self.done.set_result(None)


class AsyncPlayer(Player):
    async def receive(self, left: int) -> None:  # type: ignore[override]
        if left:
            assert self.other is not None
            self.other.send(left - 1)
        else:
            self.done.set_result(None)


def ring(player: type[Player], members: int) -> Workload:
    """One message that goes round; two members are a ping-pong."""

    async def body(kernel: Kernel, size: int) -> Sample:
        done = future()
        players = [player(done) for _ in range(members)]
        refs = [kernel.spawn(lambda one=one: one) for one in players]
        for one, other in zip(players, (*refs[1:], refs[0]), strict=True):
            one.other = other
        began = process_time()
        refs[0].send(size)
        await done
        return spent(size, began)

    return in_kernel(body)


class Suspending(Actor[Any]):
    """Waits for a turn of the loop in each message."""

    def __init__(self, expected: int, done: asyncio.Future[None]) -> None:
        self.left = expected
        self.done = done

    async def receive(self, message: Any) -> None:
        await asyncio.sleep(0)
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


async def suspending(kernel: Kernel, size: int) -> Sample:
    """Handlers of many actors, all of which wait once a message."""
    share = max(1, size // SUSPENDING)
    ends = [future() for _ in range(SUSPENDING)]
    refs = [kernel.spawn(Suspending, share, done) for done in ends]
    began = process_time()
    for ref in refs:
        for number in range(share):
            ref.send(number)
    for done in ends:
        await done
    return spent(share * SUSPENDING, began)


BENCHMARKS = [
    Benchmark(
        "one-way",
        "message",
        fan_in(Sink, 1),
        MESSAGES,
        "one actor sends to another",
        asked=1.7,
        tasks=tasks.fan_in(1),
    ),
    Benchmark(
        "fan-in",
        "message",
        fan_in(Sink, PRODUCERS),
        MESSAGES,
        "ten actors send to one",
        asked=1.8,
        tasks=tasks.fan_in(PRODUCERS),
    ),
    Benchmark(
        "one-way-async",
        "message",
        fan_in(AsyncSink, 1),
        MESSAGES,
        "one-way to an async handler",
        asked=3.0,
        tasks=tasks.fan_in(1),
    ),
    Benchmark(
        "ping-pong",
        "message",
        ring(Player, 2),
        MESSAGES,
        "two actors send one message to and fro",
        asked=3.9,
        tasks=tasks.ring(2),
    ),
    Benchmark(
        "ping-pong-async",
        "message",
        ring(AsyncPlayer, 2),
        MESSAGES,
        "ping-pong of async handlers",
        asked=5.2,
        tasks=tasks.ring(2),
    ),
    Benchmark(
        "ring",
        "message",
        ring(Player, RING),
        MESSAGES,
        "one message round a ring of 1,000 actors",
        asked=3.9,
        tasks=tasks.ring(RING),
    ),
    Benchmark(
        "suspend",
        "message",
        in_kernel(suspending),
        20_000,
        "100 actors whose handlers wait for one turn of the loop in each message",
        asked=1.25,
        asked_in="asyncio",
        tasks=tasks.suspending(SUSPENDING),
    ),
]
