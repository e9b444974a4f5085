"""What becomes of names, singletons and subtrees when nodes are cut off, under simulated faults."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from random import Random
from typing import Any

import anyio
import msgspec
import pytest

from airssys_wasm import Actor, ActorSystem, ChildSpec, Singleton, Supervisor, SystemFailed
from airssys_wasm.application.placement import Subtree
from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.broker.leases.claim import Holding
from airssys_wasm.broker.leases.claim import bytes_of as holding_bytes
from airssys_wasm.broker.leases.global_names import NameConflict, notify_all, notify_loser
from airssys_wasm.broker.leases.lease import Lease, LeaseTimes
from airssys_wasm.broker.leases.lease import bytes_of as lease_bytes
from airssys_wasm.kernel import ActorRef
from airssys_wasm.kernel.errors import NameTaken
from airssys_wasm.testing.choices import Fifo, Uniform
from airssys_wasm.testing.runs import run_once
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation
from tests.nodes.placed import Nodes, Record, root_of
from tests.nodes.slow_keys import SlowHub

TIMES = LeaseTimes(6.0, 1.0)
STEP = 0.23  # seconds between two looks
SLOW = 14.0  # seconds: two changes of keys that take as long as they may, there and back
BOUND = TIMES.patience + TIMES.grace + SLOW
SUBTREES = [Subtree("ledger"), Subtree("prices"), Subtree("mail")]


class Cast:
    """Three nodes, a network that can be cut, and what is looked at all the time."""

    def __init__(self, simulation: Simulation, nodes: Nodes, hub: SimulatedHub) -> None:
        self.simulation, self.nodes, self.hub = simulation, nodes, hub
        self.record = Record()
        self.systems: list[ActorSystem] = []

    async def start(self, *names: str, placed: bool = True) -> None:
        for name in names:
            root = root_of(self.record, *SUBTREES) if placed else None
            self.systems.append(await self.nodes.node(name, root))

    def look(self) -> None:
        """No name is held twice under a valid lease, and nothing runs twice."""
        self.record.look()
        assert not self.record.twice
        for name in (each.id for each in SUBTREES):
            has = [s.node.name for s in self.systems if s.cluster.singletons.has(f"shop/{name}")]
            assert len(has) <= 1, f"{name} is held by {has}"
            has = [s.node.name for s in self.systems if s.global_token(name) is not None]
            assert len(has) <= 1, f"the name {name} is held by {has}"

    async def pass_(self, seconds: float) -> None:
        end = self.simulation.now() + seconds
        while self.simulation.now() < end:
            await self.simulation.sleep(STEP)
            self.look()

    async def until(self, condition: Callable[[], bool], limit: float, what: str) -> float:
        """The seconds until it is so. Fails after `limit` seconds."""
        began = self.simulation.now()
        while not condition():
            await self.pass_(STEP)
            assert self.simulation.now() - began < limit, f"{what}: not within {limit:g} s"
        return self.simulation.now() - began

    def all_run(self, *nodes: str) -> bool:
        """Whether each subtree runs once, and on one of these nodes if any are given."""
        where = [self.record.running(subtree.id) for subtree in SUBTREES]
        return all(len(w) == 1 and (not nodes or w[0] in nodes) for w in where)

    def run_among(self, nodes: set[str]) -> bool:
        """Whether each subtree runs on one of these nodes, wherever else it may still run."""
        return all(set(self.record.running(each.id)) & nodes for each in SUBTREES)


def simulated(
    test: Callable[[Cast], Awaitable[None]],
    seed: int = 1,
    hub_of: Callable[[Simulation], SimulatedHub] = SimulatedHub,
) -> None:
    async def main(simulation: Simulation) -> None:
        hub = hub_of(simulation)
        async with AsyncExitStack() as stack:
            await test(Cast(simulation, Nodes(stack, hub, simulation.platform, TIMES), hub))

    order: Any = (lambda _: Fifo()) if seed % 2 else (lambda _: Uniform(Random(seed)))
    failure = run_once(main, seed, order).failure
    if failure is not None:
        raise failure


async def storm(cast: Cast) -> None:
    """A few faults, one after the other, each of which ends."""
    random = Random(f"{cast.simulation.seed} storm")
    await cast.start("a", "b", "c")
    await cast.until(cast.all_run, BOUND, "at the start")
    for _ in range(3):
        fault = random.choice(["one away", "two away", "blink", "no engine", "drain"])
        stay = {"a", "b", "c"}
        match fault:
            case "one away" | "two away":
                away = set(random.sample("abc", 1 if fault == "one away" else 2))
                stay -= away
                cast.hub.partition(stay, away)
            case "drain":
                drained = random.choice(cast.systems)
                await drained.drain(BOUND)  # what no other can take just now goes when one can
                others = {"a", "b", "c"} - {drained.node.name}
                await cast.until(partial(cast.all_run, *others), BOUND, "drained")
                drained.cluster.undrain()
            case "blink":
                cast.hub.restart(random.uniform(0.1, 3.0))
            case _:
                cast.hub.restart(random.uniform(5.0, 20.0))
                stay = set()
        if stay and random.random() < 0.7:
            await cast.until(partial(cast.run_among, stay), BOUND, f"taken over: {fault}")
        await cast.pass_(random.uniform(0.2, 15.0))
        cast.hub.heal()
        await cast.until(cast.all_run, BOUND + 20.0, f"after {fault}")


@pytest.mark.parametrize("seed", range(1, 13))
def test_nothing_runs_twice_and_all_runs_again_within_the_bound(seed: int) -> None:
    simulated(storm, seed, SlowHub)


def test_the_subtrees_of_a_lost_node_go_to_others_and_do_not_come_back() -> None:
    async def test(cast: Cast) -> None:
        await cast.start("a", "b", "c")
        await cast.until(cast.all_run, BOUND, "at the start")
        assert [cast.record.running(each.id) for each in SUBTREES] == [["a"], ["b"], ["c"]]
        cast.hub.partition({"a", "c"}, {"b"})
        await cast.until(lambda: cast.all_run("a", "c"), BOUND, "taken over")
        before = [cast.record.running(each.id) for each in SUBTREES]
        assert (before[0], before[2]) == (["a"], ["c"])
        cast.hub.heal()
        await cast.pass_(20.0)
        assert [cast.record.running(each.id) for each in SUBTREES] == before

    simulated(test)


def test_a_node_that_is_cut_off_stops_what_it_runs_before_its_lease_ends() -> None:
    async def test(cast: Cast) -> None:
        await cast.start("a", "b", "c")
        await cast.until(cast.all_run, BOUND, "at the start")
        b = cast.systems[1]
        cast.hub.partition({"a", "c"}, {"b"})
        ends = 0.0
        while "b" in cast.record.running("prices"):
            await cast.pass_(STEP)
            ends = b.cluster.leases.own.until
        assert cast.simulation.now() < ends

    simulated(test)


class Stubborn(Actor[Any]):
    """Does not end when it is asked to."""

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(1_000)

    def receive(self, message: Any) -> None: ...


def test_what_does_not_stop_in_order_is_killed_before_the_lease_ends() -> None:
    async def test(cast: Cast) -> None:
        await cast.start("a", "b", placed=False)
        a = cast.systems[0]
        below = ChildSpec("below", Stubborn, shutdown="infinity")
        tree = Supervisor(children=[below], label="stubborn")
        singleton = a.spawn(Singleton("mailer", tree, shutdown=None))

        def child() -> ActorRef[Any] | None:
            return next((ref for ref in a.actors() if "Stubborn" in str(ref)), None)

        await cast.until(lambda: child() is not None, BOUND, "it runs")
        stubborn = child()
        assert stubborn is not None
        cast.hub.partition({"b"}, {"a"})
        own = a.cluster.leases.own
        while cast.simulation.now() < own.until - TIMES.grace / 4 + 0.01:
            await cast.simulation.sleep(0.01)
        assert own.is_valid(cast.simulation.now())
        assert not stubborn.is_alive
        assert singleton.is_alive  # it waits for its turn
        cast.hub.heal()
        await cast.until(lambda: child() is not None, BOUND, "it runs again")

    simulated(test)


class Holder(Actor[Any]):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def receive(self, message: Any) -> None:
        self.told.append(message)


async def two_sides(cast: Cast, **options: Any) -> tuple[Any, Any]:
    """The actors of `a` and `b` that have had one name on two sides of a partition."""
    await cast.start("a", "b", "c", placed=False)
    a, b, _ = cast.systems
    mine, theirs = a.spawn(Holder), b.spawn(Holder)
    await a.register_global("ledger", mine, timeout=30.0, **options)
    cast.hub.partition({"b", "c"}, {"a"})
    with pytest.raises(EngineDown):
        await a.register_global("other", mine, timeout=0.5)

    async def taken() -> bool:
        try:
            await b.register_global("ledger", theirs, timeout=30.0)
        except ValueError:
            return False
        return True

    began = cast.simulation.now()
    while not await taken():
        await cast.pass_(STEP)
    assert cast.simulation.now() - began < BOUND
    assert a.global_token("ledger") is None
    assert b.global_token("ledger") is not None
    cast.hub.heal()
    return mine, theirs


@pytest.mark.rule("REG-05")
def test_after_a_partition_one_has_the_name_and_the_other_gets_an_exit_signal() -> None:
    async def test(cast: Cast) -> None:
        mine, theirs = await two_sides(cast)
        await cast.until(lambda: not mine.is_alive, BOUND, "the loser is told")
        assert mine.exit_reason == ("name_conflict", "ledger")
        await cast.pass_(5.0)
        a, b, c = cast.systems
        assert b.global_token("ledger") is not None
        for system in (a, c):
            found = system.whereis_global("ledger")
            assert found is not None
            assert system.node.address(found) == b.node.address(theirs)

    simulated(test)


@pytest.mark.rule("REG-05")
def test_a_resolver_may_tell_the_loser_instead() -> None:
    async def test(cast: Cast) -> None:
        mine, theirs = await two_sides(cast, resolve=notify_loser)
        told = mine._receive.__self__.told
        await cast.until(lambda: bool(told), BOUND, "the loser is told")
        assert [type(each) for each in told] == [NameConflict]
        assert mine.is_alive
        assert cast.systems[1].whereis_global("ledger") is theirs

    simulated(test)


@pytest.mark.rule("REG-05")
def test_a_resolver_may_have_the_name_given_back() -> None:
    async def test(cast: Cast) -> None:
        mine, theirs = await two_sides(cast, resolve=lambda name, mine, theirs: mine)
        a, b, _ = cast.systems
        has = lambda: a.global_token("ledger") is not None  # noqa: E731
        await cast.until(has, BOUND, "the name is given back")
        assert b.global_token("ledger") is None
        assert a.whereis_global("ledger") == mine
        told = theirs._receive.__self__.told
        assert [type(each) for each in told] == [NameConflict]
        winner = told[0].winner
        assert winner is not None
        assert b.node.address(winner) == a.node.address(mine)

    simulated(test)


@pytest.mark.rule("REG-05")
def test_a_resolver_may_leave_the_name_to_nobody() -> None:
    async def test(cast: Cast) -> None:
        mine, theirs = await two_sides(cast, resolve=notify_all)
        told = mine._receive.__self__.told
        await cast.until(lambda: bool(told), BOUND, "both are told")
        await cast.pass_(15.0)
        assert told == theirs._receive.__self__.told == [NameConflict("ledger", None)]
        assert all(system.whereis_global("ledger") is None for system in cast.systems)
        assert mine.is_alive
        assert theirs.is_alive

    simulated(test)


def test_a_name_whose_lease_was_over_comes_back_with_a_new_token() -> None:
    async def test(cast: Cast) -> None:
        await cast.start("a", "b", placed=False)
        a, b = cast.systems
        actor = a.spawn(Holder)
        token = await a.register_global("ledger", actor, timeout=30.0)
        cast.hub.partition({"b"}, {"a"})
        await cast.until(lambda: a.global_token("ledger") is None, BOUND, "the lease ends")
        await cast.until(lambda: b.whereis_global("ledger") is None, BOUND, "it is known")
        cast.hub.heal()
        await cast.until(lambda: a.global_token("ledger") is not None, BOUND, "it comes back")
        assert (a.global_token("ledger") or 0) > token

    simulated(test)


def test_what_was_held_in_a_lease_that_nobody_has_seen_is_free_after_its_length() -> None:
    async def test(cast: Cast) -> None:
        left = Holding("x", "an old life", 1, TIMES.length, b"7")
        cast.hub.store.create("names.ledger", holding_bytes(left))
        cast.hub.store.create("names.nobodys", holding_bytes(left))
        await cast.start("a", placed=False)
        (a,) = cast.systems
        with pytest.raises(NameTaken):
            await a.register_global("ledger", a.spawn(Holder))
        assert await a.register_global("other", a.spawn(Holder)) > 2
        a.cluster.publish(["ledger"])
        ledger = a.spawn(Holder, name="ledger")
        has = lambda: a.global_token("ledger") is not None  # noqa: E731
        assert await cast.until(has, BOUND, "it is free") > TIMES.length
        assert a.whereis_global("ledger") is ledger
        gone = lambda: cast.hub.store.get("names.nobodys") is None  # noqa: E731
        await cast.until(gone, 1.0, "what nobody wants is swept away")

    simulated(test)


def test_the_names_of_a_lost_node_are_swept_away() -> None:
    async def test(cast: Cast) -> None:
        await cast.start("a", "b", "c", placed=False)
        a, b, _ = cast.systems
        await a.register_global("ledger", a.spawn(Holder))
        cast.hub.partition({"b", "c"}, {"a"})
        gone = lambda: cast.hub.store.get("names.ledger") is None  # noqa: E731
        await cast.until(gone, BOUND, "it is swept away")
        assert b.global_names() == []

    simulated(test)


def test_a_node_whose_name_another_one_has_ends_with_an_error_that_says_so() -> None:
    async def test(cast: Cast) -> None:
        store = cast.hub.store
        other = Lease("a", "another life", 1, 1, TIMES.length)
        revision = store.create("nodes.a", lease_bytes(other)).revision
        with pytest.raises(SystemFailed, match="another node is called 'a'"):
            async with AsyncExitStack() as stack:
                nodes = Nodes(stack, cast.hub, cast.simulation.platform, TIMES)
                system = await nodes.node("a")
                for count in range(2, 20):
                    await cast.simulation.sleep(TIMES.length / 3)
                    assert system.cluster.leases.term is None
                    other = msgspec.structs.replace(other, count=count)
                    revision = store.update("nodes.a", lease_bytes(other), revision).revision

    simulated(test)
