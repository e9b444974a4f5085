"""Acts: the work of the benchmarks with Xoscar: all actors in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import xoscar

from benchmarks.peers.clock import report, size, timed

MAIN = 0  # no process beside this one
DONE: list[asyncio.Future[None]] = []


class Sink(xoscar.Actor):
    def expect(self, count: int) -> None:
        self.left = count

    def hit(self, message: Any) -> None:
        self.left -= 1
        if not self.left:
            DONE.pop().set_result(None)


class Producer(xoscar.Actor):
    async def produce(self, share: int, to: Any) -> None:
        for number in range(share):
            await to.hit.tell(number)


class Player(xoscar.Actor):
    def meet(self, other: Any) -> None:
        self.other = other

    async def hit(self, left: int) -> None:
        if left:
            await self.other.hit.tell(left - 1)
        else:
            DONE.pop().set_result(None)


class Echo(xoscar.Actor):
    def echo(self, message: Any) -> Any:
        return message


def done() -> asyncio.Future[None]:
    future = asyncio.get_running_loop().create_future()
    DONE.append(future)
    return future


async def fan_in(address: str, benchmark: str, producers: int) -> None:
    share = max(1, size(2_000) // producers)
    sink = await xoscar.create_actor(Sink, address=address)
    senders = [await xoscar.create_actor(Producer, address=address) for _ in range(producers)]
    await sink.expect(share * producers)
    received = done()
    with timed(benchmark, share * producers):
        for sender in senders:
            await sender.produce.tell(share, sink)
        await received


async def ping_pong(address: str) -> None:
    count = size(2_000)
    one, two = [await xoscar.create_actor(Player, address=address) for _ in range(2)]
    await one.meet(two)
    await two.meet(one)
    ended = done()
    with timed("ping-pong", count):
        await one.hit.tell(count)
        await ended


async def request(address: str) -> None:
    count = size(2_000)
    echo = await xoscar.create_actor(Echo, address=address)
    with timed("request", count):
        for number in range(count):
            await echo.echo(number)


async def spawn_message_stop(address: str) -> None:
    count = size(300)
    with timed("spawn-message-stop", count):
        for _ in range(count):
            actor = await xoscar.create_actor(Echo, address=address)
            await actor.echo(1)
            await xoscar.destroy_actor(actor)


async def main() -> None:
    pool = await xoscar.create_actor_pool("127.0.0.1:0", n_process=MAIN)
    async with pool:
        address = pool.external_address
        await fan_in(address, "one-way", 1)
        await fan_in(address, "fan-in", 10)
        await ping_pong(address)
        await request(address)
        await spawn_message_stop(address)
        report()


if __name__ == "__main__":
    asyncio.run(main())
