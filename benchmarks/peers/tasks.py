"""Acts: the peer that is always there: an asyncio task that takes from an asyncio.Queue."""

from __future__ import annotations

import asyncio
from time import process_time
from typing import Any

from benchmarks.measure import Sample, Workload, spent
from benchmarks.workloads import BATCH, future, in_loop

Queue = asyncio.Queue


def fan_in(producers: int) -> Workload:
    async def body(size: int) -> Sample:
        queue: Queue[int] = Queue()
        share = max(1, size // producers)
        count = share * producers

        async def consume() -> None:
            for _ in range(count):
                await queue.get()

        async def produce() -> None:
            left = share
            while left > 0:
                for number in range(min(BATCH, left)):
                    queue.put_nowait(number)
                left -= BATCH
                await asyncio.sleep(0)

        consumer = asyncio.create_task(consume())
        await asyncio.sleep(0)
        began = process_time()
        senders = [asyncio.create_task(produce()) for _ in range(producers)]
        await consumer
        sample = spent(count, began)
        await asyncio.gather(*senders)
        return sample

    return in_loop(body)


def ring(members: int) -> Workload:
    async def body(size: int) -> Sample:
        queues: list[Queue[int]] = [Queue() for _ in range(members)]
        done = future()

        async def player(own: Queue[int], other: Queue[int]) -> None:
            while True:
                left = await own.get()
                if left:
                    other.put_nowait(left - 1)
                else:
                    done.set_result(None)

        players = [
            asyncio.create_task(player(own, other))
            for own, other in zip(queues, (*queues[1:], queues[0]), strict=True)
        ]
        await asyncio.sleep(0)
        began = process_time()
        queues[0].put_nowait(size)
        await done
        sample = spent(size, began)
        await _end(players)
        return sample

    return in_loop(body)


def suspending(actors: int) -> Workload:
    async def body(size: int) -> Sample:
        share = max(1, size // actors)
        queues: list[Queue[int]] = [Queue() for _ in range(actors)]

        async def take(queue: Queue[int]) -> None:
            for _ in range(share):
                await queue.get()
                await asyncio.sleep(0)

        takers = [asyncio.create_task(take(queue)) for queue in queues]
        await asyncio.sleep(0)
        began = process_time()
        for queue in queues:
            for number in range(share):
                queue.put_nowait(number)
        for taker in takers:
            await taker
        return spent(share * actors, began)

    return in_loop(body)


def request(*, busy: bool = False) -> Workload:
    async def body(size: int) -> Sample:
        queue: Queue[tuple[int, asyncio.Future[int] | None]] = Queue()
        loop = asyncio.get_running_loop()

        async def echo() -> None:
            while True:
                message, reply = await queue.get()
                if reply is not None:
                    reply.set_result(message)

        server = asyncio.create_task(echo())
        await asyncio.sleep(0)
        began = process_time()
        for number in range(size):
            if busy:
                queue.put_nowait((number, None))
            reply = loop.create_future()
            queue.put_nowait((number, reply))
            await reply
        sample = spent(size, began)
        await _end([server])
        return sample

    return in_loop(body)


def spawn_message_stop(wave: int) -> Workload:
    async def body(size: int) -> Sample:
        async def take(queue: Queue[int]) -> None:
            await queue.get()

        waves = max(1, size // wave)
        began = process_time()
        for _ in range(waves):
            takers = []
            for _ in range(wave):
                queue: Queue[int] = Queue()
                takers.append(asyncio.create_task(take(queue)))
                queue.put_nowait(1)
            for taker in takers:
                await taker
        return spent(waves * wave, began)

    return in_loop(body)


def publish(subscribers: int) -> Workload:
    async def body(size: int) -> Sample:
        rounds = max(1, size // subscribers)
        queues: list[Queue[int]] = [Queue() for _ in range(subscribers)]

        async def take(queue: Queue[int]) -> None:
            for _ in range(rounds):
                await queue.get()

        takers = [asyncio.create_task(take(queue)) for queue in queues]
        await asyncio.sleep(0)
        began = process_time()
        for number in range(rounds):
            for queue in queues:
                queue.put_nowait(number)
            await asyncio.sleep(0)
        await asyncio.gather(*takers)
        return spent(rounds * subscribers, began)

    return in_loop(body)


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
