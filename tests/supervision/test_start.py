"""How a supervisor starts its children (rules START-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.supervision import FailedToStart, StartTimedOut, steps


@pytest.mark.rule("START-01")
def test_children_start_in_the_order_in_which_they_are_listed(rehearse: Any) -> None:
    assert rehearse(["c7", "c3", "c10"]).log == ["start c7", "start c3", "start c10", "ready"]


@pytest.mark.rule("START-01")
def test_each_start_waits_for_the_init_of_the_one_before(rehearse: Any) -> None:
    sup = rehearse("abc", inits={"b": ["hang"]})
    assert sup.log == ["start a", "start b"]
    assert sup.status() == {"a": "running", "b": "starting", "c": "stopped"}
    sup.up("b")
    assert sup.log == ["start a", "start b", "start c", "ready"]


def test_a_supervisor_without_children_is_ready_at_once(rehearse: Any) -> None:
    assert rehearse([]).log == ["ready"]


@pytest.mark.rule("START-03")
def test_a_permanent_child_that_ignores_its_start_keeps_its_spec(rehearse: Any) -> None:
    sup = rehearse("ab", inits={"a": ["ignore"]})
    assert sup.log == ["start a", "start b", "ready"]
    assert sup.status() == {"a": "stopped", "b": "running"}
    counts = sup.machine.count_children()
    assert (counts.specs, counts.active) == (2, 1)


@pytest.mark.rule("START-04")
def test_a_temporary_child_that_ignores_its_start_is_forgotten(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", restart="temporary"), "b"], inits={"a": ["ignore"]})
    assert sup.status() == {"b": "running"}
    assert sup.tell(steps.AddChild, spec("c", restart="temporary")) == ("ok", "c")
    sup.plan_inits("d", "ignore")
    assert sup.tell(steps.AddChild, spec("d", restart="temporary")) == ("ok", None)
    assert sup.status() == {"b": "running", "c": "running"}


@pytest.mark.rule("START-06")
@pytest.mark.parametrize("how", ["fail", "raise"])
def test_a_failing_start_stops_the_earlier_children_in_reverse_and_is_not_retried(
    rehearse: Any, how: str
) -> None:
    sup = rehearse("abcd", intensity=10, inits={"c": [(how, "boom")]})
    assert sup.log == [
        "start a",
        "start b",
        "start c",
        "stop b",
        "stop a",
        f"end {('shutdown', FailedToStart('c', 'boom'))}",
    ]


@pytest.mark.rule("START-06")
def test_even_a_temporary_child_must_start_when_the_supervisor_does(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse(["a", spec("t", restart="temporary")], inits={"t": [("fail", "boom")]})
    assert sup.ended.reason == ("shutdown", FailedToStart("t", "boom"))


@pytest.mark.rule("START-06")
def test_a_child_that_dies_while_a_later_one_starts_is_answered_when_all_have_started(
    rehearse: Any,
) -> None:
    sup = rehearse("ab", inits={"b": ["hang"]})
    sup.crash("a")
    assert sup.log == ["start a", "start b"]
    sup.up("b")
    assert sup.log == ["start a", "start b", "ready", "start a"]


def test_a_child_that_dies_before_a_later_one_fails_to_start_is_not_started_again(
    rehearse: Any,
) -> None:
    sup = rehearse("abc", intensity=10, inits={"c": ["hang"]})
    sup.take_log()
    sup.crash("a")
    sup.crash("c")
    assert sup.take_log() == ["stop b", f"end {('shutdown', FailedToStart('c', 'boom'))}"]


@pytest.mark.rule("START-07")
@pytest.mark.parametrize("how", ["fail", "raise"])
def test_a_child_added_later_that_does_not_start_is_an_error_and_forgotten(
    rehearse: Any, spec: Any, how: str
) -> None:
    sup = rehearse("a", inits={"b": [(how, "boom")]})
    assert sup.tell(steps.AddChild, spec("b")) == steps.DidNotStart("b", "boom")
    assert sup.status() == {"a": "running"}
    assert sup.tell(steps.AddChild, spec("b")) == ("ok", "b")


@pytest.mark.rule("START-10")
def test_a_restart_by_hand_that_fails_is_an_error_and_not_retried(rehearse: Any) -> None:
    sup = rehearse("a", intensity=0)
    sup.tell(steps.TerminateChild, "a")
    sup.plan_inits("a", ("fail", "boom"))
    sup.take_log()
    assert sup.tell(steps.RestartChild, "a") == steps.DidNotStart("a", "boom")
    assert sup.take_log() == ["start a"]
    assert sup.status() == {"a": "stopped"}


@pytest.mark.rule("START-11")
def test_a_nested_failure_to_start_carries_the_innermost_reason(rehearse: Any) -> None:
    inner = rehearse("x", inits={"x": [("fail", "no disk")]}).ended.reason
    outer = rehearse(["jobs"], inits={"jobs": [("fail", inner)]}).ended.reason
    innermost = FailedToStart("x", "no disk")
    assert outer == ("shutdown", FailedToStart("jobs", ("shutdown", innermost)))


def test_a_start_that_takes_too_long_is_killed_and_has_failed(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a", spec("b", start_timeout=2.0)], inits={"b": ["hang"]})
    sup.pass_time(1.9)
    assert sup.take_log() == ["start a", "start b"]
    sup.pass_time(0.1)
    reason = ("shutdown", FailedToStart("b", StartTimedOut(2.0)))
    assert sup.take_log() == ["kill b", "stop a", f"end {reason}"]


def test_a_start_in_time_ends_the_limit_on_it(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", start_timeout=2.0)], inits={"a": ["hang"]})
    sup.up("a")
    assert not sup.timers
    sup.pass_time(10.0)
    assert sup.take_log() == ["start a", "ready"]


def test_a_restart_that_takes_too_long_is_tried_again(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", start_timeout=2.0)], intensity=3)
    sup.plan_inits("a", "hang", "ok")
    sup.take_log()
    sup.crash("a")
    sup.pass_time(2.0)
    assert sup.take_log() == ["start a", "kill a", "start a"]
    assert sup.machine.restarts == 2
