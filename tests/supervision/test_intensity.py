"""The restart budget, and giving up (rules INT-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.supervision import GaveUp, chain_of, steps
from airssys_wasm.supervision.intensity import RestartBudget

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


@pytest.mark.rule("INT-01")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_budget_belongs_to_the_supervisor_and_is_shared(rehearse: Any, strategy: str) -> None:
    sup = rehearse("ab", strategy=strategy, intensity=2, period=3600.0)
    sup.crash("a")
    sup.crash("b")
    assert not sup.ended
    sup.crash("a")
    assert sup.ended.reason == "shutdown"


@pytest.mark.rule("INT-02")
def test_with_no_budget_the_first_failure_ends_the_supervisor(rehearse: Any) -> None:
    sup = rehearse("ab", intensity=0)
    sup.crash("b")
    assert sup.log == ["start a", "start b", "ready", "stop a", "end shutdown"]


@pytest.mark.rule("INT-03")
def test_the_window_slides(rehearse: Any) -> None:
    sup = rehearse("a", intensity=1, period=1.0)
    for _ in range(50):
        sup.pass_time(2.1)
        sup.crash("a")
    assert not sup.ended
    assert sup.machine.restarts == 50


def test_the_window_is_counted_in_milliseconds_with_both_edges() -> None:
    budget = RestartBudget(1, 1.0)
    assert budget.spend(10.0)
    assert not budget.spend(11.0)
    assert budget.spend(11.001)
    assert budget.left(11.5) == 0
    assert budget.left(12.002) == 1


@pytest.mark.rule("INT-04")
def test_an_end_that_is_not_answered_costs_nothing(rehearse: Any, spec: Any) -> None:
    sup = rehearse(
        [spec("a", restart="transient"), spec("b", restart="temporary"), "c"], intensity=0
    )
    sup.crash("a", "normal")
    sup.crash("b", "killed")
    assert not sup.ended
    assert sup.status() == {"a": "stopped", "c": "running"}


@pytest.mark.rule("INT-05")
def test_stops_and_starts_by_hand_cost_nothing(rehearse: Any) -> None:
    sup = rehearse("a", intensity=0)
    for _ in range(10):
        assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
        assert sup.tell(steps.RestartChild, "a") == ("ok", "a")
    assert not sup.ended


@pytest.mark.rule("INT-06")
@pytest.mark.parametrize(
    ("restart", "expected"), [("transient", "stopped"), ("permanent", "running")]
)
def test_a_supervisor_that_gave_up_is_restarted_by_its_parent_only_if_permanent(
    rehearse: Any, spec: Any, restart: str, expected: str
) -> None:
    sup = rehearse([spec("jobs", restart=restart)])
    sup.crash("jobs", "shutdown")
    assert sup.status() == {"jobs": expected}
    assert sup.machine.restarts == (expected == "running")


@pytest.mark.rule("INT-07")
def test_a_supervisor_is_restarted_with_the_children_of_its_description(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("a")
    sup.tell(steps.AddChild, spec("b"))
    again = rehearse("a")
    assert again.status() == {"a": "running"}


@pytest.mark.rule("INT-09")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_further_attempt_costs_one_more(rehearse: Any, strategy: str) -> None:
    sup = rehearse("a", strategy=strategy, intensity=4, period=3600.0)
    sup.plan_inits("a", *[("fail", "no disk")] * 100)
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == ["start a"] * 4 + ["end shutdown"]


@pytest.mark.rule("INT-10")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_while_a_restart_keeps_failing_the_supervisor_answers(
    rehearse: Any, spec: Any, strategy: str
) -> None:
    sup = rehearse("a", strategy=strategy, intensity=1000)
    sup.plan_inits("a", *[("fail", "no disk")] * 2)
    sup.holds_retries = True
    sup.crash("a")
    assert sup.status() == {"a": "restarting"}
    assert sup.tell(steps.AddChild, spec("a")) == steps.Present("a")
    assert sup.tell(steps.RestartChild, "a") == steps.Restarting("a")
    assert sup.tell(steps.DeleteChild, "a") == steps.Restarting("a")
    sup.retry()
    assert sup.status() == {"a": "restarting"}
    sup.retry()
    assert sup.status() == {"a": "running"}


@pytest.mark.rule("INT-10")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_terminate_child_ends_a_restart_that_keeps_failing(rehearse: Any, strategy: str) -> None:
    sup = rehearse("a", strategy=strategy, intensity=1000)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    sup.take_log()
    sup.retry()
    assert sup.take_log() == []
    assert sup.status() == {"a": "stopped"}
    assert sup.tell(steps.RestartChild, "a") == ("ok", "a")


@pytest.mark.rule("INT-10")
def test_a_supervisor_whose_restarts_keep_failing_can_be_stopped(rehearse: Any) -> None:
    sup = rehearse("ab", intensity=1000)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop b", "end shutdown"]


def test_a_retry_that_a_restart_of_the_group_has_overtaken_does_nothing(rehearse: Any) -> None:
    sup = rehearse("ab", strategy="rest_for_one", intensity=10)
    sup.plan_inits("b", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("b")
    sup.crash("a")
    assert sup.status() == {"a": "running", "b": "running"}
    sup.take_log()
    sup.retry()
    assert sup.take_log() == []


def test_siblings_are_restarted_while_one_keeps_failing(rehearse: Any) -> None:
    sup = rehearse("ab", intensity=10)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    sup.crash("b")
    assert sup.status() == {"a": "restarting", "b": "running"}


@pytest.mark.rule("INT-11")
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_giving_up_stops_the_rest_in_reverse(rehearse: Any, strategy: str) -> None:
    sup = rehearse("abcd", strategy=strategy, intensity=0)
    sup.take_log()
    sup.crash("b")
    assert sup.take_log() == ["stop d", "stop c", "stop a", "end shutdown"]


@pytest.mark.rule("INT-12")
def test_a_child_that_is_being_restarted_is_no_active_one(rehearse: Any) -> None:
    sup = rehearse("abc", intensity=10)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.plan_inits("b", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    sup.crash("b")
    counts = sup.machine.count_children()
    assert (counts.active, counts.workers) == (1, 3)
    sup.retry()
    sup.retry()
    assert sup.machine.count_children().active == 3


def test_who_gave_up_says_why_down_to_the_first_failure(rehearse: Any, spec: Any) -> None:
    jobs = rehearse(["worker"], intensity=0)
    jobs.crash("worker", "boom")
    root = rehearse([spec("jobs")], intensity=0, period=9.0)
    root.crash("jobs", jobs.ended.reason, jobs.ended.cause)
    inner = GaveUp("supervisor", "worker", "boom", None, 0, 5.0)
    assert root.ended.cause == GaveUp("supervisor", "jobs", "shutdown", inner, 0, 9.0)
    assert list(chain_of(root.ended.cause)) == [root.ended.cause, inner, "boom"]


def test_who_gave_up_over_failing_attempts_names_the_last_of_them(rehearse: Any) -> None:
    sup = rehearse("a", intensity=1)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.crash("a", "boom")
    assert sup.ended.cause.reason == "no disk"


def test_a_stop_by_somebody_else_has_no_such_cause(rehearse: Any) -> None:
    sup = rehearse("a")
    sup.feed(steps.Stop("shutdown"))
    assert sup.ended == steps.End("shutdown", None)
