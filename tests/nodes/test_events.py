"""What crosses nodes is told by the events that the table of events has, and counted."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker.shared_groups import GroupStatistics
from airssys_wasm.kernel import Actor
from airssys_wasm.kernel.events import EVENTS, Event
from tests.nodes.cluster import Cluster, Run, until

HERE = ("group.", "topic.")


class Member(Actor[Any]):
    def receive(self, message: Any) -> object:
        return message


def of_nodes(system: ActorSystem) -> list[Event]:
    """The events of a system that are told of here, as they come."""
    events: list[Event] = []
    for start in HERE:
        system.telemetry.attach(f"{start}*", events.append)
    return events


def test_what_crosses_nodes_is_told_and_counted(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        of_a, of_b = of_nodes(a), of_nodes(b)
        member = b.spawn(Member)
        b.group("workers").join(member)
        b.broker.subscribe("orders", member)
        await until(lambda: a.broker.statistics().wanted == 1)
        a.broker.publish("orders", "one")
        a.broker.publish("orders", object())
        await until(lambda: len(of_b) == 1)
        (told, sent, unsent), (received,) = of_a, of_b
        assert told.name == "group.told"
        assert (dict(told.measurements), told.metadata["group"]) == ({"places": 1}, "workers")
        assert told.metadata["ref"] == a.group("workers").members()[0]
        assert told.metadata["node"] == "b"
        assert (sent.name, sent.measurements["nodes"]) == ("topic.sent", 1)
        assert (received.name, received.metadata["node"]) == ("topic.received", "a")
        assert sent.measurements["bytes"] == received.measurements["bytes"] > 0
        assert unsent.name == "topic.unsent"
        table = {spec.name: spec for spec in EVENTS}
        for event in (*of_a, *of_b):
            assert set(event.measurements) == set(table[event.name].measurements)
            assert set(event.metadata) == set(table[event.name].metadata)
        assert {e.name for e in (*of_a, *of_b)} == {n for n in table if n.startswith(HERE)}
        counts = a.broker.statistics()
        assert (counts.sent, counts.unsent, counts.received, counts.wanted) == (1, 1, 0, 1)
        assert b.broker.statistics().received == 1

    run(test)


@pytest.mark.parametrize("lost", [True, False])
def test_places_of_other_nodes_are_counted_while_they_last(run: Run, lost: bool) -> None:
    async def test(cluster: Cluster) -> None:
        (a,) = await cluster.nodes("a")
        async with cluster.system("b") as b:
            await cluster.connected(a, b)
            member = b.spawn(Member)
            for _ in range(2):
                b.group("workers").join(member)
            await until(lambda: len(a.group("workers").members()) == 2)
            here, there = a.statistics().groups, b.statistics().groups
            assert here == GroupStatistics(own=0, elsewhere=1, said=0, heard=2)
            assert there == GroupStatistics(own=1, elsewhere=0, said=2, heard=0)
            of_a = of_nodes(a)
            if lost:
                await b.node.close()
            else:
                member.kill()
            await until(lambda: of_a != [])
            assert [(e.name, e.measurements["places"]) for e in of_a] == [("group.told", 0)]
            assert a.group("workers").members() == ()
            after = a.statistics().groups
            assert after is not None
            assert after.elsewhere == 0

    run(test)
