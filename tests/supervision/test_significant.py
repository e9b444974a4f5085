"""Significant children and auto-shutdown (rules AUTO-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.supervision import AutoShutdown, chain_of, steps


@pytest.mark.rule("AUTO-01")
@pytest.mark.parametrize("reason", ["normal", "boom", "killed"])
def test_any_end_of_a_temporary_significant_child_ends_the_supervisor(
    rehearse: Any, spec: Any, reason: str
) -> None:
    reader = spec("reader", restart="temporary", significant=True)
    sup = rehearse(["a", reader, "c"], auto_shutdown="any_significant")
    sup.take_log()
    sup.crash("reader", reason)
    assert sup.take_log() == ["stop c", "stop a", "end shutdown"]
    assert sup.ended.cause == AutoShutdown("supervisor", "reader", reason)


@pytest.mark.rule("AUTO-01")
def test_a_transient_significant_child_ends_the_supervisor_only_by_ending_in_order(
    rehearse: Any, spec: Any
) -> None:
    reader = spec("reader", restart="transient", significant=True)
    sup = rehearse([reader], auto_shutdown="any_significant")
    sup.crash("reader", "killed")
    assert sup.status() == {"reader": "running"}
    sup.crash("reader", "normal")
    assert sup.ended.reason == "shutdown"


@pytest.mark.rule("AUTO-01")
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_a_significant_child_stopped_by_hand_ends_nobody(
    rehearse: Any, spec: Any, restart: str
) -> None:
    reader = spec("reader", restart=restart, significant=True)
    sup = rehearse([reader, "b"], auto_shutdown="any_significant")
    sup.tell(steps.TerminateChild, "reader")
    assert not sup.ended


@pytest.mark.rule("AUTO-01")
@pytest.mark.rule("AUTO-02")
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_with_all_significant_the_last_one_ends_the_supervisor(
    rehearse: Any, spec: Any, restart: str
) -> None:
    one, two = (spec(id, restart=restart, significant=True) for id in ("one", "two"))
    sup = rehearse(["a", one, two], auto_shutdown="all_significant")
    sup.take_log()
    sup.crash("one", "normal")
    assert sup.take_log() == []
    sup.crash("two", "normal")
    assert sup.take_log() == ["stop a", "end shutdown"]


def test_a_significant_child_that_is_being_restarted_has_not_ended(
    rehearse: Any, spec: Any
) -> None:
    one = spec("one", restart="transient", significant=True)
    two = spec("two", restart="temporary", significant=True)
    sup = rehearse([one, two], auto_shutdown="all_significant", intensity=10)
    sup.plan_inits("one", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("one", "boom")
    sup.crash("two", "normal")
    assert not sup.ended


@pytest.mark.rule("AUTO-03")
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_significant_sibling_of_a_failed_child_ends_nobody(
    rehearse: Any, spec: Any, strategy: str
) -> None:
    reader = spec("reader", restart="temporary", significant=True)
    sup = rehearse(["a", reader, "c"], strategy=strategy, auto_shutdown="any_significant")
    sup.crash("a")
    assert not sup.ended


@pytest.mark.rule("AUTO-04")
@pytest.mark.parametrize(("significant", "ends"), [(True, True), (False, False)])
def test_the_auto_shutdown_of_a_supervisor_goes_on_only_if_it_is_significant_itself(
    rehearse: Any, spec: Any, significant: bool, ends: bool
) -> None:
    inner = rehearse(
        [spec("reader", restart="temporary", significant=True)], auto_shutdown="any_significant"
    )
    inner.crash("reader", "normal")
    jobs = spec("jobs", restart="transient", significant=significant)
    outer = rehearse([jobs], auto_shutdown="any_significant")
    outer.crash("jobs", inner.ended.reason, inner.ended.cause)
    assert (outer.ended is not None) is ends
    if ends:
        assert [type(link) for link in chain_of(outer.ended.cause)] == [
            *(AutoShutdown, AutoShutdown, str)
        ]


@pytest.mark.rule("AUTO-05")
@pytest.mark.parametrize("mode", ["never", "any_significant", "all_significant"])
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_a_child_that_is_not_significant_ends_nobody_in_any_mode(
    rehearse: Any, spec: Any, mode: str, restart: str
) -> None:
    sup = rehearse([spec("a", restart=restart)], auto_shutdown=mode)
    sup.crash("a", "normal")
    assert not sup.ended
