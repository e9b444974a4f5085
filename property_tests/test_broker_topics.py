"""The trie with its cache against a matcher that tries every pattern, token by token.

In pairs: nothing is delivered that the plain matcher does not match, and all that it matches is
delivered; a group gives to one member only, and passes over none.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from airssys_wasm.broker import TopicError
from airssys_wasm.broker.delivery import Seat
from airssys_wasm.broker.subscriptions import Subscriptions
from airssys_wasm.broker.topic import parse_pattern, parse_topic

WORDS = ("a", "b", "c")  # few, so that patterns and topics meet
TOPICS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(".".join)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    tokens: list[str] = draw(st.lists(st.sampled_from((*WORDS, "*")), max_size=4))
    if not tokens or draw(st.booleans()):
        tokens.append(">")
    return ".".join(tokens)


def matches(pattern: str, topic: str) -> bool:
    """What the manual says, said once more."""
    wanted, given_ = pattern.split("."), topic.split(".")
    for place, token in enumerate(wanted):
        if token == ">":
            return len(given_) > place
        if place >= len(given_) or token not in ("*", given_[place]):
            return False
    return len(wanted) == len(given_)


@dataclass(frozen=True)
class Someone:
    name: int
    capacity: int | None = None

    def send(self, message: Any, /) -> None: ...

    async def put(self, message: Any, /) -> None: ...


PEOPLE = st.integers(0, 3).map(Someone)
GROUPS = st.sampled_from((None, None, "g", "h"))
NODES = st.sampled_from(("m", "n"))


class TheTrieIsThePlainMatcher(RuleBasedStateMachine):
    """Any order of subscribing, unsubscribing and publishing, here and on other nodes."""

    @initialize(places=st.integers(1, 12))
    def begin(self, places: int) -> None:
        self.places = places
        self.subscriptions: Subscriptions[Someone] = Subscriptions(places)
        self.model: list[tuple[str, str | None, Someone]] = []
        self.wanted: dict[tuple[str, str, str | None], int] = {}

    @rule(pattern=patterns() | TOPICS, node=NODES, group=GROUPS, members=st.integers(0, 3))
    def subscribe_elsewhere(self, pattern: str, node: str, group: str | None, members: int) -> None:
        self.subscriptions.want(pattern, node, group, members)
        self.wanted.pop((pattern, node, group), None)
        if members:
            self.wanted[pattern, node, group] = members

    @rule(pattern=patterns() | TOPICS, receiver=PEOPLE, group=GROUPS)
    def subscribe(self, pattern: str, receiver: Someone, group: str | None) -> None:
        entry = (pattern, group, receiver)
        assert self.subscriptions.add(pattern, receiver, group) == (entry not in self.model)
        if entry not in self.model:
            self.model.append(entry)

    @rule(pattern=patterns() | TOPICS, receiver=PEOPLE, group=GROUPS)
    def unsubscribe_anything(self, pattern: str, receiver: Someone, group: str | None) -> None:
        entry = (pattern, group, receiver)
        assert self.subscriptions.remove(pattern, receiver, group) == (entry in self.model)
        if entry in self.model:
            self.model.remove(entry)

    @precondition(lambda self: bool(self.model))
    @rule(data=st.data())
    def unsubscribe_what_is_there(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.model))
        pattern, group, receiver = entry
        assert self.subscriptions.remove(pattern, receiver, group)
        self.model.remove(entry)

    @rule(topics=st.lists(TOPICS, min_size=1, max_size=5))
    def publish(self, topics: list[str]) -> None:
        for topic in topics:
            route = self.subscriptions.resolve(topic)
            matching = [entry for entry in self.model if matches(entry[0], topic)]
            assert list(route.receivers) == [r for _, group, r in matching if group is None]
            wanted = [(*e, n) for e, n in self.wanted.items() if matches(e[0], topic)]
            assert set(route.far) == {node for _, node, group, _ in wanted if group is None}
            assert len(set(route.far)) == len(route.far)
            members: dict[str, set[Any]] = {}
            for _, group, receiver in matching:
                if group is not None:
                    members.setdefault(group, set()).add(receiver)
            for _, node, group, count in wanted:
                if group is not None:
                    seats = {Seat(node, place) for place in range(count)}
                    members.setdefault(group, set()).update(seats)
            assert len(route.choices) == len(members)
            # Not sorted by their text: equal sets may list their members in different orders.
            found = Counter(frozenset(choice.members) for choice in route.choices)
            assert found == Counter(map(frozenset, members.values()))
            for choice in route.choices:
                assert len(set(choice.members)) == len(choice.members)
                here = {m for m in choice.members if isinstance(m, Someone)}
                assert {choice.near() for _ in here} == here
                assert here or choice.near() is None
                choice.next()
            near, far = route.chosen()
            assert len(near) + sum(len(share.groups) for share in far.values()) == len(members)
            assert {node for node, share in far.items() if share.direct} == set(route.far)

    @invariant()
    def what_is_remembered_is_bounded(self) -> None:
        routes = self.subscriptions.routes
        assert len(routes) <= 1 or sum(route.size for route in routes.values()) <= self.places

    @invariant()
    def all_subscriptions_are_listed(self) -> None:
        assert len(self.subscriptions) == len(self.model)
        assert set(self.subscriptions) == set(self.model)
        assert self.subscriptions.wanted == len(self.wanted)

    def teardown(self) -> None:
        for pattern, node, group in self.wanted:
            self.subscriptions.want(pattern, node, group, 0)
        for pattern, group, receiver in self.model:
            assert self.subscriptions.remove(pattern, receiver, group)
        assert self.subscriptions._root == {}


TestTheTrieIsThePlainMatcher = TheTrieIsThePlainMatcher.TestCase


@given(
    st.lists(st.tuples(patterns() | TOPICS, PEOPLE), min_size=1, max_size=8),
    st.lists(TOPICS, min_size=1, max_size=3),
    st.integers(1, 6),
)
def test_a_group_passes_over_no_member_of_any_topic(
    entries: list[tuple[str, Someone]], topics: list[str], rounds: int
) -> None:
    """However publications to several topics interleave, each set of members takes even turns."""
    subscriptions: Subscriptions[Someone] = Subscriptions()
    for pattern, receiver in entries:
        subscriptions.add(pattern, receiver, "g")
    served: dict[frozenset[Someone | Seat], Counter[Someone | Seat]] = {}
    for _ in range(rounds):
        for topic in topics:
            for choice in subscriptions.resolve(topic).choices:
                chosen = choice.next()
                assert any(matches(pattern, topic) and r == chosen for pattern, r in entries)
                served.setdefault(frozenset(choice.members), Counter())[chosen] += 1
    for members, counts in served.items():
        most, least = max(counts.values()), min(counts[member] for member in members)
        assert most - least <= 1


@given(st.text(alphabet="ab.*> \n\0é", max_size=8))
def test_the_grammar_accepts_what_the_manual_says_and_nothing_else(text: str) -> None:
    tokens = text.split(".")
    plain = [bool(t) and not set(t) & set(" \n\0*>") for t in tokens]
    wild = [t == "*" or (t == ">" and i == len(tokens) - 1) for i, t in enumerate(tokens)]
    for parse, right in (
        (parse_topic, all(plain)),
        (parse_pattern, all(p or w for p, w in zip(plain, wild, strict=True))),
    ):
        if right:
            assert parse(text) == tuple(tokens)
        else:
            with pytest.raises(TopicError) as refused:
                parse(text)
            place = refused.value.position - 1
            assert not plain[place], "the token that is blamed is not at fault"


@settings(max_examples=20)
@given(st.lists(patterns(), min_size=1, max_size=30), TOPICS)
def test_a_topic_that_few_match_does_not_walk_the_patterns_of_others(
    mine: list[str], topic: str
) -> None:
    """Counted in nodes visited, not in time: foreign patterns add none."""
    few: Subscriptions[Someone] = Subscriptions()
    many: Subscriptions[Someone] = Subscriptions()
    for pattern in mine:
        few.add(pattern, Someone(0))
        many.add(pattern, Someone(0))
    for number in range(300):
        many.add(f"other{number}.*.>", Someone(1))
        many.add(f"*.other{number}.>", Someone(1))
    assert visited(many, topic) <= visited(few, topic) + 1 + len(topic.split("."))


def visited(subscriptions: Subscriptions[Someone], topic: str) -> int:
    """How many nodes of the trie the topic's tokens lead to."""
    level, count = [subscriptions._root], 0
    for token in topic.split("."):
        level = [
            child for node in level for key in (token, "*") if (child := node.get(key)) is not None
        ]
        count += len(level)
    return count
