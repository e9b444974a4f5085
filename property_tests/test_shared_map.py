"""What nodes tell each other of themselves, over connections that are lost and made again.

What must never happen: a node knows anything of one that it has lost, or what nobody ever said.
What must still happen: once all is heard, all that are connected know each other as they are.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from airssys_wasm.broker.shared_map import Change, SharedMap

NODES = ("a", "b", "c")
PAIRS = [(one, other) for one in NODES for other in NODES if one < other]
KEYS = st.sampled_from("xy")
COUNTS = st.integers(1, 3) | st.none()

Said = list[tuple[str, int | None]]


class Connected(RuleBasedStateMachine):
    """Three nodes; each pair is connected or not, and each side learns of that in its own time.

    A connection is the words that are on their way, either way, and ends with them: as `peer.py`
    has it, a side hears of it only what came before it has lost it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.maps = {node: SharedMap[str, int]() for node in NODES}
        self.seen: dict[str, dict[tuple[str, str], int]] = {node: {} for node in NODES}
        # On its way from one to the other; None while that side has no connection.
        self.wires: dict[tuple[str, str], deque[Said] | None] = {}
        self.connections: dict[tuple[str, str], int] = {}  # which one a side is in

    # --- what a node does

    def see(self, node: str, other: str, changes: list[Change[str, int]]) -> None:
        """Somebody who only hears of changes."""
        for change in changes:
            place = (other, change.key)
            assert self.seen[node].get(place) == change.before
            if change.after is None:
                del self.seen[node][place]
            else:
                self.seen[node][place] = change.after

    def say(self, node: str, other: str, said: Said) -> None:
        wire = self.wires.get((node, other))
        if wire is not None:
            wire.append(said)

    @rule(node=st.sampled_from(NODES), key=KEYS, count=COUNTS)
    def change(self, node: str, key: str, count: int | None) -> None:
        if self.maps[node].put(key, count):
            for other in self.maps[node].nodes:
                self.say(node, other, [(key, count)])

    @initialize(connected=st.booleans())
    def begin(self, connected: bool) -> None:
        for pair in PAIRS if connected else ():
            self.connect(pair)

    @rule(pair=st.sampled_from(PAIRS))
    def connect(self, pair: tuple[str, str]) -> None:
        for node, other in (pair, pair[::-1]):
            if other in self.maps[node].theirs:
                self.lose(node, other)
        for node, other in (pair, pair[::-1]):
            self.wires[node, other] = deque()
        for node, other in (pair, pair[::-1]):
            self.say(node, other, list(self.maps[node].up(other)))

    def lose(self, node: str, other: str) -> None:
        """One side has lost the connection; the other talks on until it notices."""
        self.wires[other, node] = None
        self.see(node, other, self.maps[node].down(other))

    @rule(pair=st.sampled_from(PAIRS), turned=st.booleans())
    def one_side_loses(self, pair: tuple[str, str], turned: bool) -> None:
        node, other = pair[::-1] if turned else pair
        if other in self.maps[node].theirs:
            self.lose(node, other)

    @rule(node=st.sampled_from(NODES))
    def dies_and_is_there_again(self, node: str) -> None:
        """A new life: it knows nobody, and nobody knows it once they have noticed."""
        for other in NODES:
            if other != node:
                self.wires[other, node] = self.wires[node, other] = None
        self.maps[node] = SharedMap()
        self.seen[node] = {}

    @rule(pair=st.sampled_from(PAIRS), turned=st.booleans())
    def carry(self, pair: tuple[str, str], turned: bool) -> None:
        node, other = pair[::-1] if turned else pair
        wire = self.wires.get((node, other))
        if wire:
            self.see(other, node, self.maps[other].hear(node, wire.popleft()))

    def carry_all(self) -> None:
        while any(self.wires.values()):
            for one, other in PAIRS:
                self.carry((one, other), False)
                self.carry((one, other), True)

    def is_whole(self, one: str, other: str) -> bool:
        """Whether both sides have this connection."""
        return None not in (self.wires.get((one, other)), self.wires.get((other, one)))

    @rule()
    def all_is_heard_and_who_has_lost_another_connects_anew(self) -> None:
        self.carry_all()
        for one, other in PAIRS:
            if self.is_whole(one, other):
                assert self.maps[one].theirs[other] == self.maps[other].own
                assert self.maps[other].theirs[one] == self.maps[one].own
            else:
                self.connect((one, other))
        self.carry_all()
        for node in NODES:
            others: dict[str, Any] = {o: self.maps[o].own for o in NODES if o != node}
            assert self.maps[node].theirs == others

    # --- what holds

    @invariant()
    def nobody_knows_anything_of_a_node_that_it_has_lost(self) -> None:
        for node, known in self.maps.items():
            for other, _ in self.seen[node]:
                assert other in known.theirs

    @invariant()
    def who_hears_of_changes_knows_all(self) -> None:
        for node, known in self.maps.items():
            told = {
                (other, key): count
                for other, entries in known.theirs.items()
                for key, count in entries.items()
            }
            assert self.seen[node] == told

    def teardown(self) -> None:
        self.all_is_heard_and_who_has_lost_another_connects_anew()


TestConnected = Connected.TestCase


def test_what_a_node_says_that_is_not_connected_is_not_heard() -> None:
    known = SharedMap[str, int]()
    assert known.hear("a", [("x", 1)]) == []
    assert known.theirs == {}
