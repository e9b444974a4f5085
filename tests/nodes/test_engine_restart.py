"""A NATS server that dies under nodes with leases: what needs them stops, and comes back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from airssys_wasm import ActorSystem
from airssys_wasm.application.placement import Subtree
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from tests.nats_server import NatsServer
from tests.nodes.cluster import until
from tests.nodes.placed import Record, root_of

SUBTREES = [Subtree("ledger"), Subtree("prices")]


def test_when_the_server_is_killed_nothing_runs_until_it_is_back_and_then_once(
    tmp_path: Path,
) -> None:
    server = NatsServer(tmp_path)
    record = Record()

    def running() -> list[int]:
        record.look()
        assert not record.twice
        return [len(record.running(subtree.id)) for subtree in SUBTREES]

    async def main() -> None:
        async with AsyncExitStack() as stack:
            systems = []
            for name in "ab":
                system = ActorSystem(
                    "shop",
                    root=root_of(record, *SUBTREES),
                    engine=NatsEngine(server.url),
                    node=NodeSettings(name, lease=LeaseTimes(1.5, 0.5)),
                )
                systems.append(await stack.enter_async_context(system))
            await until(lambda: running() == [1, 1])
            actor = record.refs["ledger"][0][1]
            server.kill()
            await until(lambda: running() == [0, 0])
            assert not actor.is_alive
            assert [system.global_token("ledger") for system in systems] == [None, None]
            server.start()
            await until(lambda: running() == [1, 1])
            await until(lambda: all(s.whereis("ledger") is not None for s in systems))

    server.start()
    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    finally:
        server.kill()
