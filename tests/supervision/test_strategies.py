"""Who stops and starts with a failed child (rules STRAT-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.supervision import ChildStopped, steps
from airssys_wasm.supervision.strategy import Plan, plan


@pytest.mark.rule("STRAT-01")
def test_one_for_one_restarts_the_failed_child_alone(rehearse: Any) -> None:
    sup = rehearse("ab")
    sup.take_log()
    b = sup.alive["b"]
    sup.crash("a")
    assert sup.take_log() == ["start a"]
    assert sup.alive["b"] == b


@pytest.mark.rule("STRAT-02")
def test_one_for_all_stops_the_others_in_reverse_and_starts_all_in_order(rehearse: Any) -> None:
    sup = rehearse("abc", strategy="one_for_all")
    sup.take_log()
    old = set(sup.alive.values())
    sup.crash("b")
    assert sup.take_log() == ["stop c", "stop a", "start a", "start b", "start c"]
    assert not old & set(sup.alive.values())


@pytest.mark.rule("STRAT-03")
def test_rest_for_one_restarts_the_failed_child_and_those_started_after_it(rehearse: Any) -> None:
    sup = rehearse(["c1", "c2", "c3", "c4", "c5"], strategy="rest_for_one")
    sup.take_log()
    untouched = (sup.alive["c1"], sup.alive["c2"])
    sup.crash("c3")
    assert sup.take_log() == ["stop c5", "stop c4", "start c3", "start c4", "start c5"]
    assert (sup.alive["c1"], sup.alive["c2"]) == untouched


@pytest.mark.rule("STRAT-04")
def test_children_are_stopped_in_reverse_start_order(rehearse: Any) -> None:
    sup = rehearse(["c7", "c3", "c10"])
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop c10", "stop c3", "stop c7", "end shutdown"]


@pytest.mark.rule("STRAT-04")
def test_a_child_restarted_alone_keeps_its_place_in_the_order(rehearse: Any, spec: Any) -> None:
    sup = rehearse("abc", intensity=5)
    sup.crash("a")
    sup.tell(steps.AddChild, spec("d"))
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop d", "stop c", "stop b", "stop a", "end shutdown"]


@pytest.mark.rule("STRAT-05")
def test_a_failure_costs_one_unit_however_many_restart_with_it(rehearse: Any) -> None:
    sup = rehearse("abcde", strategy="one_for_all", intensity=2)
    sup.crash("a")
    sup.crash("e")
    assert not sup.ended
    sup.crash("c")
    assert sup.ended.reason == "shutdown"


@pytest.mark.rule("STRAT-06")
def test_one_for_all_retries_the_whole_group_when_one_of_it_does_not_start(rehearse: Any) -> None:
    sup = rehearse("ab", strategy="one_for_all", intensity=5)
    sup.take_log()
    sup.plan_inits("b", ("fail", "boom"))
    sup.crash("a")
    starts = ["start a", "start b", "stop a", "start a", "start b"]
    assert sup.take_log() == ["stop b", *starts]


@pytest.mark.rule("STRAT-07")
def test_rest_for_one_retries_from_the_child_that_does_not_start(rehearse: Any) -> None:
    sup = rehearse("abc", strategy="rest_for_one", intensity=5)
    sup.take_log()
    sup.plan_inits("b", ("fail", "boom"))
    sup.crash("a")
    assert sup.take_log() == [
        *("stop c", "stop b"),
        *("start a", "start b"),
        *("start b", "start c"),
    ]


def test_a_group_restart_starts_also_those_of_it_that_were_down_as_in_otp(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse(["a", spec("b", restart="transient"), "c"], strategy="one_for_all")
    sup.crash("b", "normal")
    sup.tell(steps.TerminateChild, "c")
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == ["start a", "start b", "start c"]


def test_a_sibling_that_died_in_the_same_instant_is_part_of_the_group_and_costs_nothing(
    rehearse: Any,
) -> None:
    sup = rehearse("abc", strategy="one_for_all", intensity=1, stubborn="c")
    sup.take_log()
    sup.crash("a")
    sup.crash("b")
    sup.crash("c")
    assert sup.take_log() == ["stop c", "start a", "start b", "start c"]
    assert sup.machine.restarts == 1
    assert not sup.ended
    stopped = [event for event in sup.reports if isinstance(event, ChildStopped)]
    assert stopped == [ChildStopped("c", "boom"), ChildStopped("b", "boom")]


def test_a_sibling_outside_the_group_that_dies_meanwhile_is_answered_afterwards(
    rehearse: Any,
) -> None:
    sup = rehearse("abc", strategy="rest_for_one", intensity=5, stubborn="c")
    sup.take_log()
    sup.crash("b")
    sup.crash("a")
    assert sup.take_log() == ["stop c"]
    sup.stubborn.clear()
    sup.crash("c", "shutdown")
    assert sup.take_log() == [
        *("start b", "start c"),
        *("stop c", "stop b", "start a", "start b", "start c"),
    ]


def test_a_member_that_dies_again_during_the_restart_costs_one_more(rehearse: Any) -> None:
    sup = rehearse("ab", strategy="one_for_all", intensity=2)
    sup.plan_inits("b", "hang", "ok")
    sup.crash("b")
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == []
    sup.up("b")
    assert sup.take_log() == ["stop b", "start a", "start b"]
    assert sup.machine.restarts == 2


def test_a_plan_for_an_unknown_child_is_an_error() -> None:
    with pytest.raises(KeyError):
        plan("one_for_one", {}, "a")


def test_a_plan_names_nobody_twice(spec: Any) -> None:
    children = {id: spec(id) for id in "ab"}
    assert plan("one_for_one", children, "a") == Plan((), ("a",))
    assert plan("one_for_all", children, "a") == Plan(("b",), ("a", "b"))
    assert plan("rest_for_one", children, "b") == Plan((), ("b",))


class Unread(dict[str, Any]):
    """Children that may be looked up, and not gone through."""

    def __iter__(self) -> Any:
        raise AssertionError("it went through all children")

    __reversed__ = keys = values = items = __iter__


def test_one_for_one_looks_at_no_sibling(spec: Any) -> None:
    children = Unread({"a": spec("a"), "b": spec("b")})
    assert plan("one_for_one", children, "b") == Plan((), ("b",))
