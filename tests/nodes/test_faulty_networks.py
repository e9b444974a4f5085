"""Groups and topics over a network that loses, doubles, delays, reorders, cuts off and restarts.

What must never happen: a node lists a member of a node that it has lost; a publication that comes
twice or out of order; one that nobody can account for.
What must still happen: once the network is well all nodes agree, and everything arrives.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from random import Random
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker import Published
from airssys_wasm.kernel import Actor, ActorRef
from airssys_wasm.testing.choices import Uniform
from airssys_wasm.testing.faults import NetworkFault
from airssys_wasm.testing.runs import run_once, settings_of
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation
from tests.nodes.cluster import Cluster, until

NAMES = ("a", "b", "c")
GROUPS = ("g", "h")
STEPS = 60
FAULTS: tuple[NetworkFault, ...] = (
    "lost message",
    "doubled message",
    "delayed message",
    "reordered message",
)


class Member(Actor[Any]):
    def receive(self, message: Any) -> None: ...


class Reader(Actor[Any]):
    """Keeps what was published, by who published it."""

    def __init__(self, got: dict[str, list[int]]) -> None:
        self.got = got

    def receive(self, published: Any) -> None:
        if isinstance(published, Published):
            who, number = published.message
            self.got.setdefault(who, []).append(number)


class Storm:
    """Three nodes whose actors join, leave, die, subscribe and publish while faults come."""

    def __init__(self, systems: list[ActorSystem], hub: SimulatedHub, chance: Random) -> None:
        self.systems = systems
        self.hub = hub
        self.chance = chance
        self.members: dict[str, list[ActorRef[Any]]] = {name: [] for name in NAMES}
        self.read: dict[
            str, dict[str, list[int]]
        ] = {}  # by node of the reader and of the publisher
        self.numbers: dict[str, int] = dict.fromkeys(NAMES, 0)
        for system in systems:
            node = system.node
            got = self.read[node.name] = {}
            system.broker.subscribe("news.*", system.spawn(Reader, got))
            node.watch(lambda _: None, lambda lost, _, s=system: nobody_of(s, lost))  # type: ignore[misc]

    async def step(self) -> None:
        system = self.chance.choice(self.systems)
        name = system.node.name
        members = self.members[name]
        match self.chance.randrange(10):
            case 0 | 1:
                members.append(system.spawn(Member))
                system.group(self.chance.choice(GROUPS)).join(members[-1])
                system.broker.subscribe("jobs", members[-1], "workers")
            case 2 if members:
                system.group(self.chance.choice(GROUPS)).join(self.chance.choice(members))
            case 3 if members:
                group = system.group(self.chance.choice(GROUPS))
                own = [ref for ref in group.members() if ref in members]
                if own:
                    group.leave(self.chance.choice(own))
            case 4 if members:
                members.pop(self.chance.randrange(len(members))).kill()
            case 5:
                side = set(self.chance.sample(NAMES, 2))
                self.hub.partition(side, set(NAMES) - side)
            case 6:
                self.hub.heal()
            case 7:
                await anyio.sleep(self.chance.choice([0.01, 0.2, 1.0]))
            case _:
                self.publish(system)
        self.nobody_of_the_lost_is_listed()

    def publish(self, system: ActorSystem) -> None:
        name = system.node.name
        self.numbers[name] += 1
        system.broker.publish("news.today", [name, self.numbers[name]])

    def nobody_of_the_lost_is_listed(self) -> None:
        for system in self.systems:
            there = {system.node.name, *system.nodes()}
            for group in GROUPS:
                for ref in system.group(group).members():
                    assert system.node.address(ref).node in there

    def listed(self, system: ActorSystem) -> list[list[str]]:
        return [
            sorted(system.node.text(ref) for ref in system.group(group).members())
            for group in GROUPS
        ]


def nobody_of(system: ActorSystem, lost: str) -> None:
    """A node is lost: its members have left before anybody hears of it."""
    for group in GROUPS:
        for ref in system.group(group).members():
            assert system.node.address(ref).node != lost


@pytest.mark.rule("PG-04", "DIST-04")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_network_does_all_agree_once_it_is_well(seed: int) -> None:
    async def test(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        async with AsyncExitStack() as stack:
            await storm(simulation, hub, Cluster(hub.engine, stack, simulation.platform))

    async def storm(simulation: Simulation, hub: SimulatedHub, cluster: Cluster) -> None:
        systems = await cluster.nodes(*NAMES)
        done = Storm(systems, hub, Random(seed))
        for _ in range(STEPS):
            await done.step()
        simulation.injector.over = True
        hub.heal()
        await anyio.sleep(10)  # the last late frames arrive
        await cluster.connected(*systems)
        await until(lambda: len({str(done.listed(s)) for s in systems}) == 1)
        for place, group in enumerate(GROUPS):
            members = done.listed(systems[0])[place]
            own = [
                s.node.text(ref)
                for s in systems
                for ref in s.group(group).members()
                if ref in done.members[s.node.name]
            ]
            assert members == sorted(own)
        for got in done.read.values():
            for numbers in got.values():
                assert numbers == sorted(set(numbers)), "twice, or out of order"
        for system in systems:
            done.publish(system)
        await until(
            lambda: all(
                got.get(name, [0])[-1] == done.numbers[name]
                for got in done.read.values()
                for name in NAMES
            )
        )
        workers = sum(map(len, done.members.values()))
        choices = [s.broker._subscriptions.resolve("jobs").choices for s in systems]
        assert [sum(len(c.members) for c in of_one) for of_one in choices] == [workers] * 3

    kinds = settings_of(faults=FAULTS)
    failure = run_once(test, seed, lambda _: Uniform(Random(seed)), kinds).failure
    if failure is not None:
        raise failure
