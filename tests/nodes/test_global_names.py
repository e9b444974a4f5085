"""Names that count on all nodes: on the local engine, the simulated one and over NATS."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.leases.claim import bytes_of, holding_of
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.local_engine import LocalEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.kernel.errors import ActorExited, NameTaken, NotRegistered
from airssys_wasm.kernel.real_platform import RealPlatform
from tests.nodes.cluster import Cluster, Run, until


class Store(Actor[Any]):
    def __init__(self, label: str = "store") -> None:
        self.label = label
        self.got: list[Any] = []

    def receive(self, message: Any) -> Any:
        self.got.append(message)
        return self.label


async def known(system: ActorSystem, name: str) -> Any:
    """Returns when `system` knows who has the name."""
    await until(lambda: system.whereis_global(name) is not None)
    return system.whereis_global(name)


@pytest.mark.rule("REG-02")
def test_a_name_is_known_on_all_nodes_and_taken_from_nobody(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        token = await a.register_global("store", a.spawn(Store))
        assert a.global_token("store") == token
        assert b.global_token("store") is None
        ref = await known(b, "store")
        assert await ref.request("hello") == "store"
        assert await b.named("store").request("hello") == "store"
        assert b.whereis("store") is ref
        with pytest.raises(NameTaken, match="store"):
            await b.register_global("store", b.spawn(Store))
        with pytest.raises(NameTaken, match="store"):
            await a.register_global("store", a.spawn(Store))
        assert b.global_names() == a.global_names() == ["store"]

    run(test)


@pytest.mark.rule("REG-01")
def test_only_a_living_actor_of_this_node_gets_a_name(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        dead = a.spawn(Store)
        dead.kill()
        with pytest.raises(ActorExited):
            await a.register_global("store", dead)
        await a.register_global("store", a.spawn(Store))
        theirs = await known(b, "store")
        with pytest.raises(ValueError, match="register it where it is"):
            await b.register_global("other", theirs)
        with pytest.raises(ValueError, match="white space"):
            await a.register_global(" ", a.spawn(Store))

    run(test)


@pytest.mark.rule("REG-03")
def test_to_free_a_name_that_this_node_has_not_is_an_error(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        with pytest.raises(NotRegistered):
            await a.unregister_global("store")
        await a.register_global("store", a.spawn(Store))
        with pytest.raises(NotRegistered):
            await b.unregister_global("store")

    run(test)


def test_a_freed_name_may_be_taken_elsewhere_with_a_higher_token(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        tokens = []
        for turn in range(6):
            system = (a, b)[turn % 2]
            tokens.append(await system.register_global("store", system.spawn(Store)))
            await system.unregister_global("store")
        assert tokens == sorted(set(tokens))

    run(test)


@pytest.mark.rule("REG-04")
def test_who_is_told_of_the_end_can_register_the_name_at_once(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for turn in range(10):
            here, there = (a, b) if turn % 2 else (b, a)
            await here.register_global("store", here.spawn(Store))
            ref = await known(there, "store")
            ref.kill()
            assert await ref.wait() in ("killed", "noproc")
            assert there.whereis_global("store") is None
            successor = there.spawn(Store)
            await there.register_global("store", successor)
            successor.kill()
            await until(lambda: not a.global_names() and not b.global_names())

    run(test)


def test_who_is_dead_has_no_name_though_its_node_has_written_it_once_more(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        outside = cluster.engine()
        await outside.open("outside", cluster.platform or RealPlatform())
        key = "names.store"
        await b.register_global("store", b.spawn(Store))
        ref = await known(a, "store")
        seen: list[Entry] = []
        watch = await outside.watch("names.>", seen.append)
        entry = await outside.get(key)
        assert entry is not None
        holding = holding_of(entry)
        assert holding is not None
        written = msgspec.structs.replace(holding, term=holding.term + 1)
        await outside.update(key, bytes_of(written), entry.revision)
        await until(lambda: len(seen) > 2)  # its node has put that right
        ref.kill()
        await ref.wait()
        assert a.whereis_global("store") is None
        watch.stop()
        await outside.close()

    run(test)


@pytest.mark.rule("REG-06")
def test_a_name_that_was_given_to_another_outlives_who_had_it(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        first, second = a.spawn(Store, "first"), a.spawn(Store, "second")
        one = await a.register_global("store", first)
        await known(b, "store")
        before = b.whereis_global("store")
        two = await a.register_global("store", second, replace=True)
        assert two > one
        first.kill()
        await first.wait()
        assert a.global_token("store") == two
        await until(lambda: b.whereis_global("store") not in (None, before))
        assert await b.named("store").request("who") == "second"

    run(test)


@pytest.mark.rule("MON-09")
def test_an_address_follows_the_name_and_a_monitor_stays_with_the_actor(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        first, second = a.spawn(Store, "first"), a.spawn(Store, "second")
        await a.register_global("store", first)
        address = b.named("store")
        await known(b, "store")
        watched = address.resolve()
        assert watched is not None
        assert await address.request("who") == "first"
        await a.register_global("store", second, replace=True)
        await until(lambda: address.resolve() is not watched)
        assert await address.request("who") == "second"
        second.kill()
        await second.wait()
        assert watched.is_alive
        assert await b.named("store").wait() == "killed"
        end = asyncio.ensure_future(watched.wait())
        assert await watched.request("who") == "first"
        first.stop()
        assert await end == "normal"

    run(test)


def test_the_names_of_a_node_that_is_closed_are_free_at_once(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a = await cluster.node("a")
        async with cluster.system("b") as b:
            await cluster.connected(a, b)
            await b.register_global("store", b.spawn(Store))
            await known(a, "store")
        await until(lambda: a.whereis_global("store") is None)
        await a.register_global("store", a.spawn(Store))

    run(test)


def test_a_local_name_comes_before_one_of_all_nodes(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        await a.register_global("store", a.spawn(Store, "of all"))
        await known(b, "store")
        b.register("store", b.spawn(Store, "local"))
        assert await b.named("store").request("who") == "local"
        b.unregister("store")
        assert await b.named("store").request("who") == "of all"

    run(test)


class Halting(RealPlatform):
    """A clock that goes on while its process is halted, and the process does not."""

    def __init__(self) -> None:
        super().__init__()
        self.halted = 0.0
        real = self.now
        self.now = lambda: real() + self.halted


def test_a_process_that_was_halted_past_its_lease_knows_it_at_its_first_look() -> None:
    async def main() -> None:
        platform = Halting()
        node = NodeSettings("a", lease=LeaseTimes(10.0))
        async with ActorSystem("test", engine=LocalEngine(), node=node, platform=platform) as a:
            await a.register_global("store", a.spawn(Store))
            platform.halted = 9.0
            assert a.global_token("store") is not None
            platform.halted = 11.0
            assert a.global_token("store") is None
            assert not a.cluster.singletons.has("store")

    asyncio.run(main())
