"""What can be asked of a supervisor and what it answers (rules ADM-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.supervision import steps


@pytest.mark.rule("ADM-01")
def test_a_running_child_can_neither_be_added_nor_restarted_nor_deleted(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("a")
    running = sup.alive["a"]
    assert sup.tell(steps.AddChild, spec("a")) == steps.AlreadyUp("a", running)
    assert sup.tell(steps.RestartChild, "a") == steps.Running("a", running)
    assert sup.tell(steps.DeleteChild, "a") == steps.Running("a", running)


@pytest.mark.rule("ADM-01")
def test_an_unknown_id_is_not_found(rehearse: Any) -> None:
    sup = rehearse("a")
    for change in (steps.TerminateChild, steps.RestartChild, steps.DeleteChild):
        assert sup.tell(change, "b") == steps.NotFound("b")


@pytest.mark.rule("ADM-01")
def test_a_stopped_child_can_be_deleted_and_is_then_not_found(rehearse: Any) -> None:
    sup = rehearse("a")
    sup.tell(steps.TerminateChild, "a")
    assert sup.tell(steps.DeleteChild, "a") == ("ok", None)
    assert sup.tell(steps.RestartChild, "a") == steps.NotFound("a")
    assert sup.status() == {}


@pytest.mark.rule("ADM-03")
def test_children_are_listed_newest_first(rehearse: Any, spec: Any) -> None:
    sup = rehearse("ab", inits={"b": ["ignore"]})
    sup.tell(steps.AddChild, spec("c"))
    views = sup.machine.which_children()
    assert [view.id for view in views] == ["c", "b", "a"]
    assert [view.incarnation is None for view in views] == [False, True, False]


@pytest.mark.rule("ADM-06")
def test_a_stopped_child_counts_as_spec_and_worker_but_not_as_active(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse(["a", "b", spec("jobs", type="supervisor")])
    sup.tell(steps.TerminateChild, "a")
    counts = sup.machine.count_children()
    assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (3, 2, 1, 2)


@pytest.mark.rule("SPEC-01")
def test_the_spec_of_a_child_can_be_read_back(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", shutdown="brutal_kill")])
    assert sup.machine.child_spec("a").shutdown == "brutal_kill"
    assert sup.machine.child_spec("b") is None


def test_a_significant_child_can_not_join_a_supervisor_that_never_heeds_it(
    rehearse: Any, spec: Any
) -> None:
    significant = spec("b", restart="temporary", significant=True)
    assert rehearse("a").tell(steps.AddChild, significant) == steps.Unfit("b")
    heeding = rehearse("a", auto_shutdown="any_significant")
    assert heeding.tell(steps.AddChild, significant) == ("ok", "b")


def test_changes_wait_for_one_another_in_their_order(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a")
    sup.plan_inits("b", "hang")
    assert sup.tell(steps.AddChild, spec("b")) is None
    assert sup.tell(steps.TerminateChild, "a") is None
    assert sup.tell(steps.DeleteChild, "a") is None
    assert sup.status() == {"a": "running", "b": "starting"}
    sup.up("b")
    assert list(sup.answers.items()) == [(1, ("ok", "b")), (2, ("ok", None)), (3, ("ok", None))]
    assert sup.status() == {"b": "running"}


def test_a_change_asked_for_during_the_start_is_made_after_it(rehearse: Any, spec: Any) -> None:
    sup = rehearse("ab", inits={"b": ["hang"]})
    assert sup.tell(steps.AddChild, spec("c")) is None
    sup.up("b")
    assert sup.log == ["start a", "start b", "ready", "start c"]
    assert sup.answers == {1: ("ok", "c")}


def test_terminate_gives_up_the_start_of_that_very_child(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a")
    sup.plan_inits("b", "hang")
    sup.tell(steps.AddChild, spec("b"))
    assert sup.tell(steps.TerminateChild, "b") == ("ok", None)
    assert sup.answers[1] == steps.DidNotStart("b", "shutdown")
    assert sup.status() == {"a": "running"}


def test_terminate_gives_up_a_restart_that_hangs(rehearse: Any) -> None:
    sup = rehearse("ab", strategy="rest_for_one")
    sup.plan_inits("a", "hang")
    sup.crash("a")
    sup.take_log()
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    assert sup.take_log() == ["stop a", "start b"]
    assert sup.status() == {"a": "stopped", "b": "running"}


def test_terminate_gives_up_a_restart_by_hand_that_hangs(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    sup.tell(steps.TerminateChild, "a")
    sup.pass_time(5.0)
    sup.plan_inits("a", "hang")
    sup.take_log()
    assert sup.tell(steps.RestartChild, "a") is None
    assert sup.tell(steps.TerminateChild, "a") is None
    assert sup.tell(steps.TerminateChild, "a") is None
    sup.pass_time(5.0)
    assert sup.take_log() == ["start a", "stop a", "kill a"]
    assert sup.answers == {
        1: ("ok", None),
        2: steps.DidNotStart("a", "killed"),
        3: ("ok", None),
        4: ("ok", None),
    }
    assert sup.status() == {"a": "stopped"}


def test_terminate_gives_up_a_hanging_start_of_the_supervisor_itself(rehearse: Any) -> None:
    sup = rehearse("abc", inits={"b": ["hang"]})
    assert sup.tell(steps.TerminateChild, "b") == ("ok", None)
    assert sup.log == ["start a", "start b", "stop b", "start c", "ready"]


def test_the_limit_on_a_start_does_not_shorten_the_stop_that_ends_it(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", start_timeout=1.0)], inits={"a": ["hang"]}, stubborn="a")
    sup.pass_time(0.5)
    sup.tell(steps.TerminateChild, "a")
    sup.pass_time(4.9)
    assert sup.log == ["start a", "stop a"]
    sup.pass_time(0.1)
    assert sup.log == ["start a", "stop a", "kill a", "ready"]


def test_a_restart_by_hand_may_be_ignored(rehearse: Any) -> None:
    sup = rehearse("a")
    sup.tell(steps.TerminateChild, "a")
    sup.plan_inits("a", "ignore")
    assert sup.tell(steps.RestartChild, "a") == ("ok", None)
    assert sup.status() == {"a": "stopped"}


def test_a_death_that_waits_behind_a_change_is_answered_after_it(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a")
    sup.plan_inits("b", "hang")
    sup.tell(steps.AddChild, spec("b"))
    sup.tell(steps.RestartChild, "a")
    sup.crash("a")
    assert sup.status() == {"a": "restarting", "b": "starting"}
    sup.up("b")
    assert isinstance(sup.answers[2], steps.Running)
    assert sup.status() == {"a": "running", "b": "running"}


def test_terminate_takes_a_death_upon_itself_that_was_not_answered_yet(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("a", intensity=0)
    sup.plan_inits("b", "hang")
    sup.tell(steps.AddChild, spec("b"))
    sup.tell(steps.TerminateChild, "a")
    sup.crash("a")
    sup.up("b")
    assert sup.answers[2] == ("ok", None)
    assert sup.status() == {"a": "stopped", "b": "running"}


def test_how_often_a_child_was_restarted_is_told(rehearse: Any) -> None:
    sup = rehearse("ab", intensity=9)
    sup.crash("a")
    sup.crash("a")
    assert {view.id: view.restarts for view in sup.machine.which_children()} == {"a": 2, "b": 0}
    assert sup.machine.restarts_left(sup.now) == 7


def test_the_time_limit_of_a_start_that_was_given_up_does_not_bound_its_stop(
    rehearse: Any, spec: Any
) -> None:
    slow = spec("a", start_timeout=1.0, shutdown="infinity")
    sup = rehearse([slow], inits={"a": ["hang"]}, stubborn="a")
    assert sup.tell(steps.TerminateChild, "a") is None
    sup.take_log()
    sup.pass_time(100.0)
    assert sup.take_log() == []
    sup.crash("a", "shutdown")
    assert sup.status() == {"a": "stopped"}


def test_a_child_that_is_being_stopped_is_still_told_with_its_incarnation(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    running = sup.alive["a"]
    sup.tell(steps.TerminateChild, "a")
    (view,) = sup.machine.which_children()
    assert (view.status, view.incarnation) == ("stopping", running)
