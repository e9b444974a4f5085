"""Groups over several nodes: who is in them, who may let join, and what a lost node leaves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.shared_groups import Place, Places
from airssys_wasm.kernel import Actor, ActorRef, Joined, Left, NotJoined
from airssys_wasm.testing.simulated_engine import SimulatedHub
from tests.nats_server import NatsServer
from tests.nodes.cluster import Cluster, Run, _real, run_simulated, until


class Member(Actor[Any]):
    def receive(self, message: Any) -> object:
        return message


class Watcher(Actor[Any]):
    """Notes who joins and leaves, by the group."""

    def __init__(self, seen: list[tuple[str, ActorRef[Any]]]) -> None:
        self.seen = seen

    def receive(self, message: Any) -> None:
        if isinstance(message, Joined | Left):
            self.seen.append((type(message).__name__, message.ref))


def texts(system: ActorSystem, group: str = "workers") -> list[str]:
    """The members of a group as a node lists them, in words that mean the same on all nodes."""
    return [system.node.text(ref) for ref in system.group(group).members()]


async def agree(*systems: ActorSystem, members: int, group: str = "workers") -> None:
    """Returns when all list the same, and so many."""
    await until(
        lambda: all(
            len(texts(s, group)) == members
            and sorted(texts(s, group)) == sorted(texts(systems[0], group))
            for s in systems
        )
    )


@pytest.mark.rule("PG-01")
def test_who_joins_twice_is_listed_twice_on_every_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        one, two = a.spawn(Member), b.spawn(Member)
        group = a.group("workers")
        group.join(one)
        group.join(one)
        b.group("workers").join(two)
        await agree(a, b, c, members=3)
        assert texts(a) == [a.node.text(one)] * 2 + [b.node.text(two)]
        group.leave(one)
        await agree(a, b, c, members=2)
        group.leave(one)
        b.group("workers").leave(two)
        await agree(a, b, c, members=0)
        assert c.kernel.groups() == ()
        with pytest.raises(NotJoined):
            group.leave(one)

    run(test)


@pytest.mark.rule("PG-02")
def test_a_dead_member_leaves_on_every_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        one, two = a.spawn(Member), a.spawn(Member)
        for ref in (one, two, one):
            a.group("workers").join(ref)
        a.group("others").join(one)
        await agree(a, b, members=3)
        one.kill()
        a.group("workers").leave(one)  # it has left already
        await agree(a, b, members=1)
        await agree(a, b, members=0, group="others")
        assert texts(b) == [a.node.text(two)]

    run(test)


@pytest.mark.rule("PG-03")
def test_who_watches_a_group_hears_of_the_members_of_every_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        first, second = a.spawn(Member), a.spawn(Member)
        a.group("workers").join(first)
        await agree(a, b, members=1)
        seen: list[tuple[str, ActorRef[Any]]] = []
        monitor = b.group("workers").monitor(b.spawn(Watcher, seen))
        (known,) = monitor.members
        assert b.node.text(known) == a.node.text(first)
        a.group("workers").join(second)
        a.group("workers").join(first)
        a.group("workers").leave(first)
        await until(lambda: len(seen) == 3)
        other = seen[0][1]
        assert b.node.text(other) == a.node.text(second)
        second.kill()
        await until(lambda: len(seen) == 4)
        assert seen == [("Joined", other), ("Joined", known), ("Left", known), ("Left", other)]

    run(test)


@pytest.mark.rule("PG-04")
def test_a_node_that_comes_later_is_told_of_all_who_are_there(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for system in (a, b):
            for number in range(200):  # more than is said at once
                system.group(f"workers.{number}.{'x' * 1_000}").join(system.spawn(Member))
            system.group("workers").join(system.spawn(Member))
        c = await cluster.node("c")
        c.group("workers").join(c.spawn(Member))
        await agree(a, b, c, members=3)
        assert sorted(a.kernel.groups()) == sorted(c.kernel.groups())
        assert len(c.kernel.groups()) == 201

    run(test)


def test_who_hears_of_an_actor_finds_it_in_its_groups(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        found: list[bool] = []

        class Looks(Actor[Any]):
            def receive(self, ref: Any) -> None:
                found.append(ref in b.group(f"g{len(found)}").members())

        looks = a.node.from_text(b.node.text(b.spawn(Looks)))
        for number in range(20):
            member = a.spawn(Member)
            a.group(f"g{number}").join(member)
            looks.send(member)
        await until(lambda: len(found) == 20)
        assert all(found)

    run(test)


@pytest.mark.rule("PG-05")
def test_only_its_own_node_may_let_an_actor_join_or_leave(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        member = a.spawn(Member)
        a.group("workers").join(member)
        await agree(a, b, members=1)
        (elsewhere,) = b.group("workers").members()
        with pytest.raises(ValueError, match="joins a group on its own node only"):
            b.group("others").join(elsewhere)
        with pytest.raises(ValueError, match="leaves a group on its own node only"):
            b.group("workers").leave(elsewhere)
        with pytest.raises(ValueError, match="watches a group on its own node only"):
            b.group("workers").monitor(elsewhere)
        assert b.group("others").members() == ()
        await agree(a, b, members=1)

    run(test)


@pytest.mark.rule("PG-05")
def test_a_node_can_not_place_the_actors_of_another() -> None:
    """What it says is taken as said of its own: such an actor is not there."""

    async def test(cluster: Cluster, _: SimulatedHub) -> None:
        from msgspec.msgpack import encode

        a, b, c = await cluster.nodes("a", "b", "c")
        member = a.spawn(Member)
        forged = Place("workers", a.node.life, a.node.address(member).serial)
        c.node.say("b", "groups", encode(Places([(forged, 1)])))
        c.node.say("b", "groups", "no places at all")
        c.node.say("b", "groups", b"\xc1")
        await until(lambda: len(texts(b)) == 1)
        assert texts(b)[0].startswith("c/")  # whatever that is, it is none of a's
        c.node.say("b", "groups", encode(Places([(forged, None)])))
        a.group("workers").join(member)
        await until(lambda: texts(b) == [a.node.text(member)])
        c.node.say("b", "groups", encode(Places([(forged, None)])))
        c.group("workers").join(c.spawn(Member))
        await until(lambda: len(texts(b)) == 2)
        assert texts(b)[0] == a.node.text(member)
        assert b.nodes() == ["a", "c"]

    run_simulated(test)


@pytest.mark.rule("PG-04", "DIST-04")
def test_the_members_of_a_node_that_ends_vanish(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        a.group("workers").join(a.spawn(Member))
        async with cluster.system("c") as c:
            c.group("workers").join(c.spawn(Member))
            await agree(a, b, c, members=2)
        await agree(a, b, members=1)
        async with cluster.system("c") as c:  # another life of it
            c.group("workers").join(c.spawn(Member))
            await agree(a, b, c, members=2)

    run(test)


@pytest.mark.rule("PG-04", "DIST-04")
def test_the_members_of_the_other_side_of_a_split_vanish_at_once_and_are_back_when_it_heals() -> (
    None
):
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        for system in (a, b, c):
            system.group("workers").join(system.spawn(Member))
        await agree(a, b, c, members=3)
        seen: list[tuple[str, ActorRef[Any]]] = []
        a.group("workers").monitor(a.spawn(Watcher, seen))
        listed_when_down: list[list[str]] = []
        a.node.watch(lambda _: None, lambda *_: listed_when_down.append(texts(a)))
        hub.partition({"b", "c"}, {"a"})  # the first side has the hub
        await agree(b, c, members=2)
        await agree(a, members=1)
        own = a.group("workers").members()[0]
        b.group("workers").join(b.spawn(Member))  # in the meantime
        a.group("workers").leave(own)
        assert all("b/" not in text or "c/" not in text for text in listed_when_down[0])
        assert listed_when_down[-1] == [a.node.text(own)]
        await until(lambda: [what for what, _ in seen] == ["Left", "Left", "Left"])
        hub.heal()
        await agree(a, b, c, members=3)
        await until(lambda: [what for what, _ in seen[3:]] == ["Joined"] * 3)

    run_simulated(test)


@pytest.mark.rule("PG-04")
def test_of_a_split_in_three_each_side_has_its_own_members() -> None:
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        systems = await cluster.nodes("a", "b", "c")
        for system in systems:
            system.group("workers").join(system.spawn(Member))
        await agree(*systems, members=3)
        hub.partition({"a"}, {"b"}, {"c"})
        for system in systems:
            await agree(system, members=1)
            assert texts(system)[0].startswith(system.node.name)
        hub.heal()
        await agree(*systems, members=3)

    run_simulated(test)


@pytest.mark.rule("PG-04", "DIST-04")
def test_members_are_back_when_a_server_that_was_killed_runs_again(
    nats_server: NatsServer, tmp_path: Any
) -> None:
    server = NatsServer(tmp_path)
    server.start()

    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for system in (a, b):
            system.group("workers").join(system.spawn(Member))
        await agree(a, b, members=2)
        server.kill()
        await agree(a, members=1)
        await agree(b, members=1)
        server.start()
        await agree(a, b, members=2)

    try:
        asyncio.run(_real(test, lambda: NatsEngine(server.url)))
    finally:
        server.stop()
