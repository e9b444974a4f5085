"""Leases: a node and those who watch it, on clocks that run at different rates, with keys that are
slow, refused and lost. What one may take over, the other has given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.errors import KeyChanged
from airssys_wasm.broker.leases.lease import (
    Began,
    Lease,
    LeaseTimes,
    Occupied,
    Over,
    OwnLease,
    Unsafe,
    Write,
    bytes_of,
)
from airssys_wasm.broker.leases.lease_watch import Ask, Down, LeaseWatch, News, Remove, Up
from airssys_wasm.broker.store import KeyStore

TIMES = LeaseTimes(10.0, 1.0)


@dataclass
class World:
    """A store of keys, a node with a lease and one that watches it; time goes in small steps."""

    random: Random
    loss: float
    delay: float
    rate: float  # of the node's clock to the watcher's
    time: float = 0.0
    own: OwnLease = field(default_factory=lambda: OwnLease("a", "life", TIMES))
    watch: LeaseWatch = field(default_factory=lambda: LeaseWatch(TIMES))
    store: KeyStore = field(default_factory=KeyStore)
    due: list[tuple[float, int, object]] = field(default_factory=list)
    over: list[tuple[str, str, int]] = field(default_factory=list)
    began: list[int] = field(default_factory=list)
    number: int = 0
    cut: bool = False

    def now(self) -> float:
        return 1_000.0 + self.time * self.rate

    def later(self, call: object) -> None:
        self.number += 1
        slow = self.random.random() < 0.1
        delay = self.random.uniform(0.0, self.delay * (10 if slow else 1))
        self.due.append((self.time + delay, self.number, call))

    def lost(self) -> bool:
        return self.cut or self.random.random() < self.loss

    def act(self, outputs: list) -> None:  # type: ignore[type-arg]
        for output in outputs:
            match output:
                case Write(lease, revision):
                    self.write(lease, revision)
                case Began(term):
                    self.began.append(term)

    def write(self, lease: Lease, revision: int | None) -> None:
        """The change reaches the store late or never, and so does its answer."""
        if self.lost():
            self.later(lambda: self.act(self.own.failed(self.now())))
            return

        def arrives() -> None:
            try:
                if revision is None:
                    entry = self.store.create("nodes.a", bytes_of(lease))
                else:
                    entry = self.store.update("nodes.a", bytes_of(lease), revision)
            except KeyChanged:
                there = self.store.get("nodes.a")
                self.answer(lambda: self.own.refused(there, self.now()))
                return
            self.show(entry)
            self.answer(lambda: self.own.granted(entry.revision, self.now()))

        self.later(arrives)

    def answer(self, give: object) -> None:
        lost = self.lost()

        def arrives() -> None:
            self.act(self.own.failed(self.now()) if lost else give())  # type: ignore[operator]

        self.later(arrives)

    def show(self, entry: Entry) -> None:
        self.later(lambda: self.heard(self.watch.seen(entry, self.time)))

    def heard(self, news: list[News]) -> None:
        self.over += [each.lease.identity for each in news if isinstance(each, Down)]

    def step(self) -> None:
        self.time += 0.1
        for when, number, call in sorted(each for each in self.due if each[0] <= self.time):
            self.due.remove((when, number, call))
            call()  # type: ignore[operator]
        self.act(self.own.tick(self.now()))
        for output in self.watch.tick(self.time):
            match output:
                case Remove(key, revision):
                    try:
                        entry = self.store.delete(key, revision)
                    except KeyChanged:
                        there = self.store.get(key)
                        self.heard(self.watch.answered("a", there, self.time))
                        self.watch.tried("a", self.time)
                    else:
                        self.heard(self.watch.removed("a", revision))
                        self.show(entry)
                case Ask(node):
                    there = self.store.get(f"nodes.{node}")
                    self.heard(self.watch.answered(node, there, self.time))


WORLDS = st.builds(
    World,
    st.integers(0, 2**32).map(Random),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.sampled_from([0.05, 0.5, 2.0]),
    st.sampled_from([0.95, 1.0, 1.05]),
)
CUTS = st.lists(st.floats(0.5, 25.0), max_size=6)


@settings(max_examples=60, deadline=None)
@given(WORLDS, CUTS)
def test_a_term_that_is_over_for_one_counts_for_nobody(world: World, cuts: list[float]) -> None:
    world.act(world.own.open(b"", world.now()))
    for length in [3.0, *cuts, 30.0]:
        end = world.time + length
        while world.time < end:
            world.step()
            own = world.own
            assert len(world.began) == len(set(world.began)) == len(sorted(world.began))
            if own.is_valid(world.now()):
                assert ("a", "life", own.term) not in world.over
                assert not world.watch.is_over(("a", "life", own.term))
        world.cut = not world.cut


@settings(max_examples=30, deadline=None)
@given(WORLDS)
def test_a_node_that_reaches_the_keys_has_a_lease_and_others_know(world: World) -> None:
    world.loss = 0.0
    world.delay = min(world.delay, 0.1)
    world.act(world.own.open(b"", world.now()))
    while world.time < 20.0:
        world.step()
    assert world.own.is_valid(world.now())
    assert world.own.safe
    assert world.watch.is_current(("a", "life", world.own.term))
    assert world.began == [1]


@settings(max_examples=30, deadline=None)
@given(WORLDS)
def test_a_node_that_is_cut_off_is_known_lost_within_its_lease_and_the_margin(
    world: World,
) -> None:
    world.loss, world.delay = 0.0, 0.05
    world.act(world.own.open(b"", world.now()))
    while world.time < 10.0:
        world.step()
    world.cut = True
    cut_at = world.time
    while not world.over:
        world.step()
    assert world.time - cut_at <= TIMES.patience + 1.0  # what was on its way, and steps of 0.1 s
    assert not world.own.is_valid(world.now())


def test_what_needs_a_lease_is_told_before_it_ends() -> None:
    own = OwnLease("a", "life", TIMES)
    write = own.open(b"", 100.0)[0]
    assert isinstance(write, Write)
    assert own.granted(1, 101.0) == [Began(1)]
    assert own.until == 110.0  # counted from before it asked
    renewal = own.tick(100.0 + 10.0 / 3)
    assert isinstance(renewal[0], Write)
    own.failed(105.0)
    seen = []
    while own.phase == "held":
        due = own.due()
        assert due is not None
        for output in own.tick(due):
            if isinstance(output, Write):
                own.failed(due)
            else:
                seen.append((due, output))
    assert [output for _, output in seen] == [Unsafe(1), Over(1, "it could not be renewed")]
    assert seen[0][0] == 110.0 - 10.0 / 3
    assert seen[1][0] == 110.0


def test_a_term_that_nobody_has_seen_is_asked_for_before_it_is_over() -> None:
    watch = LeaseWatch(TIMES)
    term = ("a", "life", 1)
    watch.spoken_of(term, 0.0, 10.0)
    assert watch.tick(10.9) == []
    assert watch.due() == 11.0
    assert watch.tick(11.0) == [Ask("a")]
    there = Entry("nodes.a", bytes_of(Lease("a", "life", 1, 5, 10.0)), 7)
    assert [type(news) for news in watch.answered("a", there, 11.0)] == [Up]
    assert not watch.is_over(term)
    watch.spoken_of(("a", "other", 1), 20.0, 10.0)
    assert watch.tick(31.0)[-1] == Ask("a")
    watch.answered("a", there, 31.0)
    assert watch.is_over(("a", "other", 1))


def test_another_node_of_the_same_name_is_seen_when_it_renews_its_lease() -> None:
    own = OwnLease("a", "second", TIMES)
    own.open(b"", 0.0)
    lease = Lease("a", "first", 1, 1, 10.0)
    assert own.refused(Entry("nodes.a", bytes_of(lease), 1), 0.1) == []
    due = own.due()
    assert due is not None
    assert isinstance(own.tick(due)[0], Write)
    lease = Lease("a", "first", 1, 2, 10.0)
    assert own.refused(Entry("nodes.a", bytes_of(lease), 2), 3.4) == [Occupied("first")]
