"""How children are stopped (rules SHUT-*), on the decision core."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from airssys_wasm.supervision import ChildStopped, steps
from airssys_wasm.supervision.shutdown import terminate_time


@pytest.mark.rule("SHUT-01")
def test_a_child_with_infinity_is_waited_for_as_long_as_it_takes(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a", spec("b", shutdown="infinity")], stubborn="b")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    sup.pass_time(1e9)
    assert sup.take_log() == ["stop b"]
    sup.crash("b", "shutdown")
    assert sup.take_log() == ["stop a", "end shutdown"]


@pytest.mark.rule("SHUT-02")
def test_a_child_that_takes_too_long_is_killed(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a", spec("b", shutdown=0.1)], stubborn="b")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    sup.pass_time(0.05)
    assert sup.take_log() == ["stop b"]
    sup.pass_time(0.05)
    assert sup.take_log() == ["kill b", "stop a", "end shutdown"]
    assert ChildStopped("b", "killed") in sup.reports


def test_a_worker_gets_five_seconds(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    sup.feed(steps.Stop("shutdown"))
    sup.pass_time(4.999)
    assert not sup.ended
    sup.pass_time(0.001)
    assert sup.ended is not None


@pytest.mark.rule("SHUT-03")
def test_a_brutal_kill_is_a_kill_at_once(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", shutdown="brutal_kill")], stubborn="a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["kill a", "end shutdown"]


def test_a_child_may_clean_up_for_as_long_as_it_may_take_to_stop() -> None:
    assert terminate_time(0.5) == 0.5
    assert terminate_time("infinity") == float("inf")
    assert terminate_time("brutal_kill") == 5.0  # when it ends by itself; a kill runs no clean-up


@pytest.mark.rule("SHUT-05")
def test_children_are_stopped_one_after_the_other(rehearse: Any) -> None:
    sup = rehearse("abc", stubborn="abc")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    for id, log in [("c", ["stop c"]), ("b", ["stop b"]), ("a", ["stop a"])]:
        sup.pass_time(4.0)
        assert sup.take_log() == log
        sup.crash(id, "shutdown")
    assert sup.take_log() == ["end shutdown"]


@pytest.mark.rule("SHUT-07")
def test_terminate_twice_is_fine_and_nothing_restarts(rehearse: Any) -> None:
    sup = rehearse("a", intensity=0)
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    assert sup.status() == {"a": "stopped"}
    assert not sup.ended


def test_terminate_answers_when_the_child_is_gone(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    assert sup.tell(steps.TerminateChild, "a") is None
    assert sup.status() == {"a": "stopping"}
    sup.pass_time(5.0)
    assert sup.answers == {1: ("ok", None)}


@pytest.mark.rule("SHUT-07")
def test_a_temporary_child_stopped_by_hand_is_forgotten(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", restart="temporary")])
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    assert sup.status() == {}


@pytest.mark.rule("SHUT-09")
@pytest.mark.parametrize("reason", ["bye", "normal", ("shutdown", "upgrade")])
def test_a_supervisor_ends_with_the_reason_that_it_was_stopped_with(
    rehearse: Any, reason: object
) -> None:
    sup = rehearse("ab")
    sup.take_log()
    sup.feed(steps.Stop(reason))
    assert sup.take_log() == ["stop b", "stop a", f"end {reason}"]
    assert sup.ended.reason == reason


def test_the_first_reason_to_end_wins(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    sup.feed(steps.Stop("first"))
    sup.feed(steps.Stop("second"))
    sup.pass_time(5.0)
    assert sup.ended.reason == "first"


@pytest.mark.rule("SHUT-12")
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_children_that_end_by_themselves_meanwhile_keep_their_reasons_and_nothing_restarts(
    rehearse: Any, spec: Any, strategy: str
) -> None:
    kinds = list(
        product(
            ["permanent", "transient", "temporary"], ["normal", "shutdown", ("shutdown", 1), "boom"]
        )
    )
    children = [spec(f"c{i}", restart=restart) for i, (restart, _) in enumerate(kinds)]
    sup = rehearse(["first", *children, "last"], strategy=strategy, stubborn=["last"])
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    for i, (_, reason) in enumerate(kinds):
        sup.crash(f"c{i}", reason)
    sup.crash("last", "shutdown")
    assert sup.take_log() == ["stop last", "stop first", "end shutdown"]
    stopped = {e.child: e.reason for e in sup.reports if isinstance(e, ChildStopped)}
    assert [stopped[f"c{i}"] for i in range(12)] == [reason for _, reason in kinds]


def test_a_stop_interrupts_a_start_that_hangs(rehearse: Any) -> None:
    sup = rehearse("abc", inits={"b": ["hang"]})
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop b", "stop a", "end shutdown"]
    assert not sup.ready


def test_a_stop_interrupts_a_restart_that_hangs_and_keeps_the_order(rehearse: Any) -> None:
    sup = rehearse("abc")
    sup.plan_inits("a", "hang")
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop c", "stop b", "stop a", "end shutdown"]


def test_a_start_that_succeeds_during_the_stop_is_stopped_in_its_turn(rehearse: Any) -> None:
    sup = rehearse("ab", stubborn="b")
    sup.plan_inits("a", "hang")
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    sup.up("a")
    assert sup.take_log() == ["stop b"]
    sup.crash("b", "shutdown")
    assert sup.take_log() == ["stop a", "end shutdown"]


def test_a_start_that_fails_during_the_stop_changes_nothing(rehearse: Any) -> None:
    sup = rehearse("ab", stubborn="b")
    sup.plan_inits("a", "hang")
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    sup.crash("a", "no disk")
    sup.crash("b", "shutdown")
    assert sup.take_log() == ["stop b", "end shutdown"]


def test_a_stop_waits_for_a_child_that_is_being_stopped_already(rehearse: Any) -> None:
    sup = rehearse("abc", stubborn="a")
    sup.tell(steps.TerminateChild, "a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == []
    sup.pass_time(5.0)
    assert sup.take_log() == ["kill a", "stop c", "stop b", "end shutdown"]


def test_a_stop_during_a_group_restart_starts_nobody_again(rehearse: Any) -> None:
    sup = rehearse("abc", strategy="one_for_all", stubborn="c")
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    sup.crash("c", "shutdown")
    assert sup.take_log() == ["stop b", "end shutdown"]


def test_nothing_runs_after_the_end(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a")
    sup.feed(steps.Stop("shutdown"))
    sup.take_log()
    for event in (steps.Begin(), steps.Stop("again"), steps.AddChild(spec("b"), 1), steps.Up(1)):
        sup.feed(event)
    assert sup.take_log() == []


def test_ten_thousand_children_are_stopped_without_recursion(rehearse: Any) -> None:
    sup = rehearse([f"c{i}" for i in range(10_000)], stubborn=["c9999"])
    for i in range(5_000):
        sup.tell(steps.TerminateChild, f"c{i}")
    sup.feed(steps.Stop("shutdown"))
    sup.crash("c9999", "shutdown")
    assert sup.ended is not None


def test_a_stop_leaves_no_time_limit_of_a_start_behind(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", start_timeout=1.0)], inits={"a": ["hang"]}, stubborn="a")
    sup.feed(steps.Stop("shutdown"))
    assert list(sup.timers.values()) == [5.0]  # for its stop
    sup.pass_time(5.0)
    assert sup.ended.reason == "shutdown"
    assert sup.timers == {}
