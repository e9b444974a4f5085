"""Several systems that are nodes of one cluster, on each of the three engines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker.engine import Engine
from airssys_wasm.broker.local_engine import LocalHub
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.testing.choices import Fifo
from airssys_wasm.testing.runs import run_once
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation
from tests.nats_server import NatsServer

QUICK: dict[str, Any] = {
    "beat": 0.05,
    "patience": 1.5,
    "announce": 0.2,
}  # for tests that wait for a loss

_buckets = count(1)


class Cluster:
    """The nodes of one test. `platform` is None for the real one."""

    def __init__(self, make: Callable[[], Engine], stack: AsyncExitStack, platform: Any) -> None:
        self._make = make
        self._stack = stack
        self._platform = platform

    async def node(self, name: str, **options: Any) -> ActorSystem:
        """A running system that is the node `name`; it ends with the test."""
        return await self._stack.enter_async_context(self.system(name, **options))

    def system(self, name: str, *, settings: dict[str, Any] | None = None, **options: Any) -> Any:
        """The same, not yet entered."""
        node = NodeSettings(name, **(QUICK | (settings or {})))
        return ActorSystem(
            "test",
            engine=self._make(),
            node=node,
            platform=self._platform,
            slow_after=None,
            **options,
        )

    def engine(self) -> Engine:
        """A new engine of this cluster, for a system that is made otherwise."""
        return self._make()

    @property
    def platform(self) -> Any:
        """What the systems of this test stand on; None: the real one."""
        return self._platform

    async def enter(self, system: ActorSystem) -> ActorSystem:
        """Run a system that was made otherwise; it ends with the test."""
        return await self._stack.enter_async_context(system)

    async def nodes(self, *names: str, **options: Any) -> list[ActorSystem]:
        """Running nodes that are all connected."""
        systems = [await self.node(name, **options) for name in names]
        await self.connected(*systems)
        return systems

    async def connected(self, *systems: ActorSystem) -> None:
        """Returns when all are connected with each other."""
        wanted = {system.node.name for system in systems}
        await until(lambda: all(wanted <= {s.node.name, *s.nodes()} for s in systems))


async def until(condition: Callable[[], bool]) -> None:
    """Returns when it is so; for what no event tells of."""
    while not condition():  # noqa: ASYNC110
        await anyio.sleep(0.005)


Test = Callable[[Cluster], Awaitable[None]]
Run = Callable[[Test], None]


def run_simulated(test: Callable[[Cluster, SimulatedHub], Awaitable[None]], seed: int = 1) -> None:
    """Run a test on the simulated engine."""

    async def main(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        with anyio.fail_after(60):
            async with AsyncExitStack() as stack:
                await test(Cluster(hub.engine, stack, simulation.platform), hub)

    failure = run_once(main, seed, lambda _: Fifo()).failure
    if failure is not None:
        raise failure


def run_local(test: Test) -> None:
    """Run a test in real time, on the local engine."""
    hub = LocalHub()
    asyncio.run(_real(test, hub.engine))


def run_on(server: NatsServer, test: Test) -> None:
    """Run a test over a NATS server, in a cluster of its own."""
    bucket = f"test{next(_buckets)}"
    asyncio.run(_real(test, lambda: NatsEngine(server.url, bucket=bucket)))


async def _real(test: Test, make: Callable[[], Engine]) -> None:
    with anyio.fail_after(90):  # a busy machine is slow, a hang is not meant to pass
        async with AsyncExitStack() as stack:
            await test(Cluster(make, stack, None))


@pytest.fixture(params=["local", "simulated", "nats"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Runs a test on each of the engines."""
    if request.param == "local":
        yield run_local
    elif request.param == "simulated":
        yield lambda test: run_simulated(lambda cluster, _: test(cluster))
    else:
        server: NatsServer = request.getfixturevalue("nats_server")
        yield lambda test: run_on(server, test)
