"""Acts: what it costs to be on another node: two processes and a NATS server on loopback.

Each beside the same work with nats-py alone, which encodes nothing, counts nothing and watches
nobody. Here time is what a clock shows: both processes and the server are at work.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import nats
from nats.aio.client import Client

from airssys_wasm import ActorRef, ActorSystem
from airssys_wasm.broker.nats import NatsEngine
from benchmarks.measure import Benchmark, Sample, Workload
from benchmarks.node_peer import SUBSCRIBERS, TOPIC
from tests.nats_server import SERVER, NatsServer

BATCH = 100  # messages that a producer sends before it lets others run
MESSAGE = "x" * 64
PAYLOAD = MESSAGE.encode()
LONG = 60.0  # seconds to wait for an answer

OfNode = Callable[[ActorSystem, ActorRef[Any], int], Awaitable[int]]
OfClient = Callable[[Client, int], Awaitable[int]]


@asynccontextmanager
async def other(kind: str) -> AsyncIterator[str]:
    """A server, and a peer of this kind in another process; where the server is."""
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        server.start()
        command = [sys.executable, "-m", "benchmarks.node_peer", kind, server.url]
        root = Path(__file__).parent.parent
        peer = await asyncio.create_subprocess_exec(
            *command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert peer.stdin is not None
        assert peer.stdout is not None
        try:
            if await peer.stdout.readline() != b"ready\n":
                raise RuntimeError("the other process did not start")
            yield server.url
        finally:
            peer.stdin.close()
            await peer.wait()
            server.kill()


def of_node(body: OfNode) -> Workload:
    """A workload of this system with another node; `body` gives its operations."""

    async def main(size: int) -> Sample:
        async with (
            other("node") as url,
            ActorSystem("benchmark", engine=NatsEngine(url), node="here") as system,
        ):
            sink = await system.node.whereis("sink", "peer")
            assert sink is not None
            await sink.request("warm", timeout=LONG)
            began = perf_counter()
            operations = await body(system, sink, size)
            return Sample(operations, (perf_counter() - began) / operations * 1e6)

    return lambda size: asyncio.run(main(size))


def of_client(body: OfClient) -> Workload:
    """The same with nats-py alone."""

    async def main(size: int) -> Sample:
        async with other("nats") as url:
            client = await nats.connect(url)
            await client.request("sink", PAYLOAD, timeout=LONG)
            began = perf_counter()
            operations = await body(client, size)
            cost = (perf_counter() - began) / operations * 1e6
            await client.close()
            return Sample(operations, cost)

    return lambda size: asyncio.run(main(size))


async def sent(system: ActorSystem, sink: ActorRef[Any], size: int) -> int:
    """Messages to one actor; the answer to the last one says that all have come."""
    for number in range(size):
        sink.send(MESSAGE)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    await sink.request("end", timeout=LONG)
    return size


async def sent_bare(client: Client, size: int) -> int:
    for number in range(size):
        await client.publish("sink", PAYLOAD)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    await client.request("sink", PAYLOAD, timeout=LONG)
    return size


async def asked(system: ActorSystem, sink: ActorRef[Any], size: int) -> int:
    """Requests, one after the other."""
    for _ in range(size):
        await sink.request(MESSAGE, timeout=LONG)
    return size


async def asked_bare(client: Client, size: int) -> int:
    for _ in range(size):
        await client.request("sink", PAYLOAD, timeout=LONG)
    return size


async def published(system: ActorSystem, sink: ActorRef[Any], size: int) -> int:
    """Publications to subscribers on the other node; an operation is a delivery."""
    rounds = max(1, size // SUBSCRIBERS)
    for number in range(rounds):
        system.broker.publish(TOPIC, MESSAGE)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    await sink.request("end", timeout=LONG)
    return rounds * SUBSCRIBERS


async def published_bare(client: Client, size: int) -> int:
    rounds = max(1, size // SUBSCRIBERS)
    for number in range(rounds):
        await client.publish(TOPIC, PAYLOAD)
        if number % BATCH == 0:
            await asyncio.sleep(0)
    # Each subscription has a queue of its own; the last one's answer comes last.
    inbox = client.new_inbox()
    answers = await client.subscribe(inbox)
    await client.publish(TOPIC, PAYLOAD, reply=inbox)
    for _ in range(SUBSCRIBERS):
        await answers.next_msg(timeout=LONG)
    return rounds * SUBSCRIBERS


def _pair(name: str, operation: str, size: int, about: str, body: OfNode, bare: OfClient) -> Any:
    return (
        Benchmark(
            name=f"nats-{name}",
            operation=operation,
            run=of_client(bare),
            size=size,
            about=f"{about}, by nats-py alone",
            unit="us",
        ),
        Benchmark(
            name=f"node-{name}",
            operation=operation,
            run=of_node(body),
            size=size,
            about=f"{about}, from node to node",
            unit="us",
            other=f"nats-{name}",
        ),
    )


BENCHMARKS: tuple[Benchmark, ...] = (
    ()
    if SERVER is None
    else (
        *_pair("one-way", "message", 20_000, "to one receiver", sent, sent_bare),
        *_pair("request", "request", 2_000, "one after the other", asked, asked_bare),
        *_pair(
            "publish",
            "delivery",
            100_000,
            f"to {SUBSCRIBERS} subscribers",
            published,
            published_bare,
        ),
    )
)
