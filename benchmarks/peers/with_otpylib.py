"""Acts: the work of the benchmarks with otpylib: processes on asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import loguru
from otpylib import process
from otpylib.runtime import set_runtime
from otpylib.runtime.backends.asyncio_backend import AsyncIOBackend

from benchmarks.peers.clock import report, size, timed

BATCH = 100
WAVE = 500


async def fan_in(benchmark: str, producers: int) -> None:
    done = asyncio.get_running_loop().create_future()
    share = max(1, size(10_000) // producers)
    count = share * producers

    async def sink() -> None:
        for _ in range(count):
            await process.receive()
        done.set_result(None)

    async def produce(to: Any) -> None:
        for number in range(share):
            await process.send(to, number)
            if number % BATCH == BATCH - 1:
                await asyncio.sleep(0)

    to = await process.spawn(sink)
    with timed(benchmark, count):
        for _ in range(producers):
            await process.spawn(produce, args=[to])
        await done


async def pong() -> None:
    while True:
        sender, message = await process.receive()
        await process.send(sender, message)


async def to_and_fro() -> None:
    """A request here is a message to and one fro."""
    done = asyncio.get_running_loop().create_future()
    count = size(3_000)

    async def ping(other: Any) -> None:
        own = process.self()
        for number in range(count):
            await process.send(other, (own, number))
            await process.receive()
        done.set_result(None)

    other = await process.spawn(pong)
    with timed("request", count):
        await process.spawn(ping, args=[other])
        await done


async def ping_pong() -> None:
    done = asyncio.get_running_loop().create_future()
    count = size(6_000)

    async def player() -> None:
        other = await process.receive()
        while True:
            left = await process.receive()
            if not left:
                done.set_result(None)
                return
            await process.send(other, left - 1)

    one, two = await process.spawn(player), await process.spawn(player)
    await process.send(one, two)
    await process.send(two, one)
    with timed("ping-pong", count):
        await process.send(one, count)
        await done


async def spawn_message_stop() -> None:
    async def once(done: asyncio.Future[None]) -> None:
        await process.receive()
        done.set_result(None)

    loop = asyncio.get_running_loop()
    waves = max(1, size(1_000) // WAVE)
    with timed("spawn-message-stop", waves * WAVE):
        for _ in range(waves):
            ends = [loop.create_future() for _ in range(WAVE)]
            for done in ends:
                await process.send(await process.spawn(once, args=[done]), 1)
            await asyncio.gather(*ends)


async def main() -> None:
    backend = AsyncIOBackend()
    await backend.initialize()
    set_runtime(backend)
    await fan_in("one-way", 1)
    await fan_in("fan-in", 10)
    await ping_pong()
    await to_and_fro()
    await spawn_message_stop()
    report()


if __name__ == "__main__":
    loguru.logger.remove()
    asyncio.run(main())
