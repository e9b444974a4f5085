"""Acts: the other process of the benchmarks of several nodes: `python -m benchmarks.node_peer`.

    KIND URL      `node` is a system with an actor `sink`, `nats` a bare client of nats-py

Says `ready` on its standard output, and ends when its standard input does. Both count what comes,
answer what is asked with what they were asked, and have as many subscribers to one topic.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import nats

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.broker.nats import NatsEngine

SUBSCRIBERS = 100
TOPIC = "prices.eur"


class Sink(Actor[Any]):
    """Takes what is sent, and answers what is asked."""

    def receive(self, message: Any) -> Any:
        return message


async def node(url: str) -> None:
    """A node called `peer`."""
    async with ActorSystem("benchmark", engine=NatsEngine(url), node="peer") as system:
        system.spawn(Sink, name="sink")
        for _ in range(SUBSCRIBERS):
            system.broker.subscribe(TOPIC, system.spawn(Sink))
        await until_the_end()


async def bare(url: str) -> None:
    """The same with nats-py alone."""
    client = await nats.connect(url)

    async def sink(message: Any) -> None:
        if message.reply:
            await client.publish(message.reply, message.data)

    async def subscriber(message: Any) -> None:
        if message.reply:
            await client.publish(message.reply, message.data)

    await client.subscribe("sink", cb=sink)
    for _ in range(SUBSCRIBERS):
        await client.subscribe(TOPIC, cb=subscriber)
    await client.flush()
    await until_the_end()
    await client.close()


async def until_the_end() -> None:
    """Until whoever started this process lets it go."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run({"node": node, "nats": bare}[sys.argv[1]](sys.argv[2]))
