"""Acts: what messages, requests, actors and publications cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

from airssys_wasm.broker import Broker
from airssys_wasm.kernel import Actor, ActorRef, Kernel
from benchmarks.measure import Benchmark, Workload

MESSAGES = 40_000
BATCH = 100  # messages between two turns that a producer gives to others


def in_kernel(body: Callable[[Kernel], Awaitable[tuple[int, float]]]) -> Workload:
    """A workload that runs in a kernel and an event loop of its own."""

    def run() -> tuple[int, float]:
        async def main() -> tuple[int, float]:
            async with Kernel("benchmark") as kernel:
                return await body(kernel)

        return asyncio.run(main())

    return run


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


def one_way(sink: type[Sink]) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        done = asyncio.get_running_loop().create_future()
        send = kernel.spawn(sink, MESSAGES, done).send
        began = process_time()
        for _ in range(MESSAGES // BATCH):
            for number in range(BATCH):
                send(number)
            await asyncio.sleep(0)
        await done
        return MESSAGES, process_time() - began

    return in_kernel(body)


class Player(Actor[int]):
    """Hits the ball back until it has been hit often enough."""

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


def ping_pong(player: type[Player]) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        done = asyncio.get_running_loop().create_future()
        one, two = player(done), player(done)
        first, second = kernel.spawn(lambda: one), kernel.spawn(lambda: two)
        one.other, two.other = second, first
        began = process_time()
        first.send(MESSAGES)
        await done
        return MESSAGES, process_time() - began

    return in_kernel(body)


class Echo(Actor[Any]):
    def receive(self, message: Any) -> Any:
        return message


class AsyncEcho(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        return message


def request(echo: type[Actor[Any]], count: int) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        ref = kernel.spawn(echo)
        await ref.request(0)
        began = process_time()
        for number in range(count):
            await ref.request(number)
        return count, process_time() - began

    return in_kernel(body)


class Idle(Actor[Any]):
    def receive(self, message: Any) -> None:
        pass


def spawn(count: int) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        began = process_time()
        refs = [kernel.spawn(Idle) for _ in range(count)]
        took = process_time() - began
        for ref in refs:
            ref.kill()
        return count, took

    return in_kernel(body)


def spawn_send_stop(count: int) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        began = process_time()
        for _ in range(count // BATCH):
            refs = [kernel.spawn(Idle) for _ in range(BATCH)]
            for ref in refs:
                ref.send(None)
                ref.stop()
            await refs[-1].wait()
        return count, process_time() - began

    return in_kernel(body)


def publish(subscribers: int) -> Workload:
    async def body(kernel: Kernel) -> tuple[int, float]:
        broker = Broker(kernel)
        rounds = max(1, MESSAGES // subscribers)
        for _ in range(subscribers):
            broker.subscribe("prices.eur", kernel.spawn(Idle))
        broker.publish("prices.eur", 0)
        began = process_time()
        for number in range(rounds):
            broker.publish("prices.eur", number)
            await asyncio.sleep(0)
        return rounds * subscribers, process_time() - began

    return in_kernel(body)


def queue_one_way() -> Workload:
    """The peer: an asyncio task that takes from an asyncio.Queue."""

    def run() -> tuple[int, float]:
        async def main() -> tuple[int, float]:
            queue: asyncio.Queue[int] = asyncio.Queue()

            async def consume() -> None:
                for _ in range(MESSAGES):
                    await queue.get()

            consumer = asyncio.create_task(consume())
            await asyncio.sleep(0)
            began = process_time()
            for _ in range(MESSAGES // BATCH):
                for number in range(BATCH):
                    queue.put_nowait(number)
                await asyncio.sleep(0)
            await consumer
            return MESSAGES, process_time() - began

        return asyncio.run(main())

    return run


BENCHMARKS = [
    Benchmark("one-way", "message", one_way(Sink), asked=1.7),
    Benchmark("one-way-async", "message", one_way(AsyncSink), asked=3.0),
    Benchmark("one-way-queue", "message", queue_one_way()),
    Benchmark("ping-pong", "message", ping_pong(Player), asked=3.9),
    Benchmark("ping-pong-async", "message", ping_pong(AsyncPlayer), asked=5.2),
    Benchmark("request", "request", request(Echo, 10_000), asked=8.5),
    Benchmark("request-async", "request", request(AsyncEcho, 3_000), asked=25.0),
    Benchmark("spawn", "actor", spawn(5_000), asked=8.5),
    Benchmark("spawn-send-stop", "actor", spawn_send_stop(5_000), asked=16.0),
    Benchmark("publish-100", "delivery", publish(100), asked=2.7),
]
