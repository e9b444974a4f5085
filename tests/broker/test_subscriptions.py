"""Which subscriptions a topic matches, and what is remembered of that."""

import gc
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from airssys_wasm.broker import TopicError
from airssys_wasm.broker.subscriptions import Subscriptions


@dataclass(frozen=True)
class Someone:
    """A receiver that is only a name."""

    name: str
    capacity: int | None = None

    def send(self, message: Any, /) -> None:
        raise AssertionError("the decision about a delivery does not deliver")

    async def put(self, message: Any, /) -> None:
        raise AssertionError("the decision about a delivery does not deliver")


A, B, C, D = (Someone(name) for name in "ABCD")


def subscribed(*entries: tuple[str, Someone], places: int = 1_000) -> Subscriptions[Someone]:
    subscriptions: Subscriptions[Someone] = Subscriptions(places)
    for pattern, receiver in entries:
        subscriptions.add(pattern, receiver)
    return subscriptions


def names(receivers: Iterable[Someone]) -> str:
    return "".join(receiver.name for receiver in receivers)


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("orders.eu", ["orders.eu"], ["orders", "orders.us", "orders.eu.created", "eu.orders"]),
        ("orders.*", ["orders.eu", "orders.us"], ["orders", "orders.eu.created", "prices.eu"]),
        ("*.eu", ["orders.eu", "prices.eu"], ["eu", "orders.us", "a.b.eu"]),
        ("*", ["orders"], ["orders.eu"]),
        ("orders.*.created", ["orders.eu.created"], ["orders.created", "orders.a.b.created"]),
        ("orders.>", ["orders.eu", "orders.eu.created"], ["orders", "prices.eu"]),
        (">", ["orders", "orders.eu.created"], []),
        ("*.>", ["orders.eu", "a.b.c"], ["orders"]),
        ("*.*.>", ["a.b.c", "a.b.c.d"], ["a", "a.b"]),
    ],
)
def test_a_pattern_matches_these_topics_and_not_those(
    pattern: str, matching: list[str], other: list[str]
) -> None:
    subscriptions = subscribed((pattern, A))
    assert [topic for topic in matching + other if subscriptions.resolve(topic).receivers] == (
        matching
    )


def test_receivers_come_in_the_order_of_their_subscriptions() -> None:
    subscriptions = subscribed(("a.>", C), ("a.b", A), ("*.b", D), ("a.*", B))
    assert names(subscriptions.resolve("a.b").receivers) == "CADB"


def test_one_pattern_twice_is_one_copy_and_two_patterns_are_two() -> None:
    subscriptions = subscribed(("a.*", A))
    assert not subscriptions.add("a.*", A)
    assert len(subscriptions) == 1
    assert names(subscriptions.resolve("a.b").receivers) == "A"
    subscriptions.add("a.>", A)
    assert names(subscriptions.resolve("a.b").receivers) == "AA"


def test_what_was_not_subscribed_cannot_be_removed() -> None:
    subscriptions = subscribed(("a.*", A))
    assert not subscriptions.remove("a.*", B)
    assert not subscriptions.remove("a.b", A)
    assert not subscriptions.remove("a.*", A, "group")
    assert not subscriptions.remove("a.*.c", A)
    assert names(subscriptions.resolve("a.b").receivers) == "A"


def test_a_wrong_pattern_or_topic_changes_nothing() -> None:
    subscriptions = subscribed(("a.*", A))
    for wrong in (subscriptions.add, subscriptions.remove):
        with pytest.raises(TopicError):
            wrong("a..b", A)
    with pytest.raises(TopicError):
        subscriptions.resolve("a.*")
    assert list(subscriptions) == [("a.*", None, A)]
    assert not subscriptions.routes


def test_the_last_unsubscription_leaves_an_empty_trie() -> None:
    subscriptions = subscribed(("a.*.c", A), ("a.*.>", B), ("a", A))
    subscriptions.add("a.*.c", C, "group")
    for pattern, group, receiver in list(subscriptions):
        assert subscriptions.remove(pattern, receiver, group)
    assert len(subscriptions) == 0
    assert subscriptions._root == {}
    assert subscriptions._groups == {}


def test_a_removal_keeps_the_patterns_above_and_below_it() -> None:
    subscriptions = subscribed(("a", A), ("a.b", B), ("a.b.c", C))
    subscriptions.remove("a.b", B)
    assert names(subscriptions.resolve("a").receivers) == "A"
    assert names(subscriptions.resolve("a.b").receivers) == ""
    assert names(subscriptions.resolve("a.b.c").receivers) == "C"


# Groups.


def turns(subscriptions: Subscriptions[Someone], *topics: str) -> str:
    chosen = [c.next() for t in topics for c in subscriptions.resolve(t).choices]
    return names(one for one in chosen if isinstance(one, Someone))


def grouped(*entries: tuple[str, Someone, str]) -> Subscriptions[Someone]:
    subscriptions: Subscriptions[Someone] = Subscriptions()
    for pattern, receiver, group in entries:
        subscriptions.add(pattern, receiver, group)
    return subscriptions


def test_a_group_gives_each_message_to_one_member_in_turn() -> None:
    subscriptions = grouped(("jobs.>", A, "w"), ("jobs.>", B, "w"), ("jobs.>", C, "w"))
    assert subscriptions.resolve("jobs.x").receivers == ()
    assert turns(subscriptions, *["jobs.x"] * 7) == "ABCABCA"


def test_two_groups_get_a_copy_each_and_other_subscribers_theirs() -> None:
    subscriptions = grouped(("jobs.*", A, "one"), ("jobs.*", B, "two"))
    subscriptions.add("jobs.*", A)
    assert names(subscriptions.resolve("jobs.x").receivers) == "A"
    assert turns(subscriptions, "jobs.x") == "AB"


def test_a_group_is_one_over_all_its_patterns() -> None:
    subscriptions = grouped(("jobs.>", A, "w"), ("jobs.eu", B, "w"), ("jobs.eu", A, "w"))
    assert turns(subscriptions, *["jobs.eu"] * 4) == "ABAB"


def test_turns_go_on_over_the_topics_of_one_set_of_members() -> None:
    subscriptions = grouped(("jobs.*", A, "w"), ("jobs.*", B, "w"))
    assert turns(subscriptions, "jobs.x", "jobs.y", "jobs.x", "jobs.z") == "ABAB"


def test_alternating_topics_do_not_meet_the_same_member_each_time() -> None:
    subscriptions = grouped(("a.x", A, "w"), ("a.x", B, "w"), ("b.x", C, "w"), ("b.x", D, "w"))
    assert sorted(turns(subscriptions, *["a.x", "b.x"] * 2)) == ["A", "B", "C", "D"]


def test_members_that_leave_get_nothing_and_the_rest_go_on() -> None:
    subscriptions = grouped(("jobs", A, "w"), ("jobs", B, "w"), ("jobs", C, "w"))
    assert turns(subscriptions, "jobs") == "A"
    subscriptions.remove("jobs", B, "w")
    assert set(turns(subscriptions, *["jobs"] * 2)) == {"A", "C"}
    subscriptions.remove("jobs", A, "w")
    subscriptions.remove("jobs", C, "w")
    assert subscriptions.resolve("jobs").choices == ()


def test_a_group_that_changes_before_each_message_still_serves_all() -> None:
    subscriptions = grouped(("jobs", A, "w"), ("jobs", B, "w"))
    served = ""
    for _ in range(4):
        subscriptions.add("jobs", C, "w")
        subscriptions.remove("jobs", C, "w")
        served += turns(subscriptions, "jobs")
    assert set(served) == {"A", "B"}


@pytest.mark.parametrize("pattern", ["jobs", "jobs.*"])
def test_nothing_holds_a_member_that_left(pattern: str) -> None:
    leaving = Someone("leaving")
    subscriptions = grouped((pattern, A, "w"), (pattern, leaving, "w"))
    subscriptions.resolve(pattern.replace("*", "x"))
    subscriptions.remove(pattern, leaving, "w")
    gone = weakref.ref(leaving)
    del leaving
    gc.collect()
    assert gone() is None


# What is remembered.


def test_a_route_is_remembered_until_a_pattern_of_it_changes() -> None:
    subscriptions = subscribed(("a.*", A))
    first = subscriptions.resolve("a.b")
    assert subscriptions.resolve("a.b") is first
    subscriptions.add("a.b", B)
    assert names(subscriptions.resolve("a.b").receivers) == "AB"
    subscriptions.remove("a.*", A)
    assert names(subscriptions.resolve("a.b").receivers) == "B"


def test_a_pattern_without_wildcard_makes_only_its_own_topic_forgotten() -> None:
    subscriptions = subscribed((">", A))
    kept = subscriptions.resolve("kept")
    subscriptions.resolve("changed")
    subscriptions.add("changed", B)
    assert subscriptions.routes == {"kept": kept}


def test_topics_that_a_stranger_invents_do_not_fill_the_memory() -> None:
    subscriptions = subscribed(("hot.>", A), ("hot.>", B), places=30)
    for number in range(1_000):
        subscriptions.resolve(f"cold.{number}")
        subscriptions.resolve(f"hot.{number}")
        assert sum(route.size for route in subscriptions.routes.values()) <= 30
    assert {f"hot.{number}" for number in range(993, 1_000)} < subscriptions.routes.keys()


def test_forgotten_routes_make_room_for_others() -> None:
    subscriptions = subscribed(*(("hot", Someone(str(n))) for n in range(10)), places=30)
    for _ in range(10):
        subscriptions.resolve("hot")
        subscriptions.add("hot", A)
        subscriptions.remove("hot", A)
    for number in range(30):
        subscriptions.resolve(f"cold.{number}")
    assert len(subscriptions.routes) == 30


def test_one_route_larger_than_the_whole_memory_is_remembered_alone() -> None:
    subscriptions = subscribed(*((">", Someone(str(n))) for n in range(50)), places=30)
    subscriptions.resolve("a")
    wide = subscriptions.resolve("b")
    assert subscriptions.routes == {"b": wide}
