"""Which ends are answered with a restart (rules RESTART-*), on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.kernel import Error
from airssys_wasm.supervision import ChildEnded, steps

ORDERLY = ["normal", "shutdown", ("shutdown", "upgrade")]
ABNORMAL = ["boom", "killed", Error("ValueError", "no"), ("shutdown", 1, 2), None]


@pytest.mark.rule("RESTART-01")
@pytest.mark.rule("RESTART-02")
@pytest.mark.rule("RESTART-03")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL)
def test_a_permanent_child_is_restarted_whatever_ended_it(rehearse: Any, reason: object) -> None:
    sup = rehearse("a")
    before = sup.alive["a"]
    sup.crash("a", reason)
    assert sup.log == ["start a", "ready", "start a"]
    assert sup.alive["a"] != before


@pytest.mark.rule("RESTART-04")
@pytest.mark.rule("RESTART-05")
@pytest.mark.parametrize("reason", ORDERLY)
def test_a_transient_child_that_ended_in_order_stays_down_and_its_spec_stays(
    rehearse: Any, spec: Any, reason: object
) -> None:
    sup = rehearse([spec("a", restart="transient")], intensity=0)
    sup.crash("a", reason)
    assert sup.status() == {"a": "stopped"}
    assert not sup.ended


@pytest.mark.rule("RESTART-06")
@pytest.mark.parametrize("reason", ABNORMAL)
def test_a_transient_child_that_failed_is_restarted(
    rehearse: Any, spec: Any, reason: object
) -> None:
    sup = rehearse([spec("a", restart="transient")])
    sup.crash("a", reason)
    assert sup.log == ["start a", "ready", "start a"]


@pytest.mark.rule("RESTART-07")
@pytest.mark.rule("RESTART-08")
@pytest.mark.rule("RESTART-09")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL)
def test_a_temporary_child_is_never_restarted_and_its_spec_is_forgotten(
    rehearse: Any, spec: Any, reason: object
) -> None:
    sup = rehearse([spec("a", restart="temporary"), "b"], intensity=0)
    sup.crash("a", reason)
    assert sup.status() == {"b": "running"}
    assert not sup.ended


@pytest.mark.rule("RESTART-10")
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_temporary_sibling_is_stopped_but_not_started_again(
    rehearse: Any, spec: Any, strategy: str
) -> None:
    sup = rehearse(["a", spec("t", restart="temporary"), "c"], strategy=strategy)
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == ["stop c", "stop t", "start a", "start c"]
    assert sup.status() == {"a": "running", "c": "running"}


@pytest.mark.rule("RESTART-11")
def test_the_id_of_a_temporary_child_that_ended_is_free(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", restart="temporary")])
    sup.crash("a")
    assert sup.tell(steps.AddChild, spec("a", restart="temporary")) == ("ok", "a")


@pytest.mark.rule("RESTART-12")
@pytest.mark.parametrize("restart", ["permanent", "transient"])
def test_the_id_of_a_child_stopped_by_hand_is_taken_until_it_is_deleted(
    rehearse: Any, spec: Any, restart: str
) -> None:
    sup = rehearse([spec("a", restart=restart)])
    sup.tell(steps.TerminateChild, "a")
    assert sup.tell(steps.AddChild, spec("a")) == steps.Present("a")
    assert sup.tell(steps.RestartChild, "a") == ("ok", "a")


@pytest.mark.rule("RESTART-15")
def test_a_temporary_child_that_ended_leaves_nothing_behind(rehearse: Any, spec: Any) -> None:
    sup = rehearse([])
    for number in range(100):
        sup.tell(steps.AddChild, spec(f"t{number}", restart="temporary", args=[bytes(1000)]))
        sup.crash(f"t{number}")
    assert sup.machine.which_children() == ()
    assert sup.machine.count_children().specs == 0
    assert sup.machine.child_spec("t0") is None


def test_an_end_is_reported_with_its_reason_and_what_follows(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", restart="transient")])
    sup.crash("a", "boom")
    sup.crash("a", "normal")
    ends = [event for event in sup.reports if isinstance(event, ChildEnded)]
    assert ends == [ChildEnded("a", "boom", True), ChildEnded("a", "normal", False)]
