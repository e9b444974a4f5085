"""The decisions of a dynamic supervisor where the order of events matters."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.kernel import Mailbox
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    ChildStopped,
    GaveUp,
    HealthCheck,
    StartTimedOut,
    steps,
)
from airssys_wasm.supervision.dynamic_end import STOPPED_A_TURN
from airssys_wasm.supervision.dynamic_steps import (
    AddInstance,
    DynamicAction,
    EndInstance,
    Forget,
    Full,
    GoOn,
    ReconfigureInstances,
    RefuseInstance,
    Remember,
    RetryInstance,
    SpawnInstance,
    Stranger,
    TakeTurns,
    TryAgain,
)
from airssys_wasm.supervision.dynamic_tree import DynamicMachine
from airssys_wasm.supervision.flags import Flags


def machine(intensity: int = 1, max_children: int | None = None, **options: Any) -> DynamicMachine:
    template = ChildSpec("job", list, **options)
    return DynamicMachine(template, Flags("one_for_one", intensity, 5.0), max_children)


def without_reports(actions: list[DynamicAction]) -> list[DynamicAction]:
    return [action for action in actions if not isinstance(action, steps.Report)]


def running(dynamic: DynamicMachine, number: int) -> list[int]:
    """That many children, started; their incarnations."""
    incarnations = []
    for token in range(number):
        (spawn,) = dynamic.handle(AddInstance((token,), ("start", token)), 0.0)[:1]
        assert isinstance(spawn, SpawnInstance)
        incarnations.append(spawn.incarnation)
        dynamic.handle(steps.Up(spawn.incarnation), 0.0)
    return incarnations


@pytest.mark.rule("SHUT-04")
def test_one_timer_bounds_the_stop_of_all() -> None:
    dynamic = machine(shutdown=5.0)
    one, two, three = running(dynamic, 3)
    timer, *exits = dynamic.handle(steps.Stop("shutdown"), 0.0)
    assert isinstance(timer, steps.SetTimer)
    assert timer.after == 5.0
    assert exits == [steps.SendExit(three), steps.SendExit(two), steps.SendExit(one)]
    dynamic.handle(steps.Gone(two, "shutdown"), 1.0)
    assert dynamic.handle(steps.TimeUp(timer.timer), 5.0) == [steps.Kill(three), steps.Kill(one)]
    dynamic.handle(steps.Gone(one, "killed"), 5.0)
    last = dynamic.handle(steps.Gone(three, "killed"), 5.0)
    assert last == [steps.Report(ChildStopped("job-3", "killed")), steps.End("shutdown")]


def test_the_timer_of_the_end_is_cancelled_when_all_have_gone() -> None:
    dynamic = machine()
    (one,) = running(dynamic, 1)
    timer = dynamic.handle(steps.Stop("shutdown"), 0.0)[0]
    assert isinstance(timer, steps.SetTimer)
    assert without_reports(dynamic.handle(steps.Gone(one, "shutdown"), 1.0)) == [
        steps.CancelTimer(timer.timer),
        steps.End("shutdown"),
    ]


def test_an_end_without_children_takes_one_step_and_no_timer() -> None:
    assert machine().handle(steps.Stop("bye"), 0.0) == [steps.End("bye")]


def test_an_end_of_many_takes_turns_and_kills_in_turns_when_the_time_is_up() -> None:
    dynamic = machine(shutdown=5.0)
    incarnations = running(dynamic, 2 * STOPPED_A_TURN)
    timer, *first = dynamic.handle(steps.Stop("shutdown"), 0.0)
    assert isinstance(timer, steps.SetTimer)
    assert len(first) == STOPPED_A_TURN + 1
    assert first[-1] == TakeTurns()
    dynamic.handle(steps.Gone(incarnations[0], "boom"), 0.0)  # before its turn
    second = dynamic.handle(GoOn(), 0.0)
    assert second == [steps.SendExit(one) for one in reversed(incarnations[1:STOPPED_A_TURN])]
    killed = dynamic.handle(steps.TimeUp(timer.timer), 5.0)
    assert killed[0] == steps.Kill(incarnations[-1])
    assert len(killed) == STOPPED_A_TURN + 1
    assert len(dynamic.handle(GoOn(), 5.0)) == STOPPED_A_TURN - 1
    assert dynamic.handle(GoOn(), 5.0) == []


def test_the_ref_of_the_incarnation_that_ran_means_the_child_until_the_next_one_runs() -> None:
    dynamic = machine(intensity=9)
    (old,) = running(dynamic, 1)
    actions = without_reports(dynamic.handle(steps.Gone(old, "boom"), 0.0))
    assert actions == [Remember(old), SpawnInstance(old + 1, (0,), None, 1)]
    again = without_reports(dynamic.handle(steps.Gone(old + 1, "no disk"), 0.0))
    assert again == [TryAgain(1, old + 2)]
    retried = dynamic.handle(RetryInstance(1, old + 2), 0.0)
    assert retried == [SpawnInstance(old + 3, (0,), None, 2)]
    assert without_reports(dynamic.handle(steps.Up(old + 3), 0.0)) == [Forget(old)]
    assert dynamic.handle(EndInstance(old, True, "t"), 0.0) == [RefuseInstance("t", Stranger())]


def test_a_restart_is_given_up_through_the_ref_of_the_incarnation_that_ran() -> None:
    dynamic = machine(intensity=9)
    (old,) = running(dynamic, 1)
    dynamic.handle(steps.Gone(old, "boom"), 0.0)
    dynamic.handle(steps.Gone(old + 1, "no disk"), 0.0)
    assert dynamic.handle(EndInstance(old, False, "t"), 0.0) == [Forget(old), steps.Answer("t")]
    assert dynamic.which_children() == ()
    assert dynamic.handle(RetryInstance(1, old + 2), 0.0) == []


def test_a_restart_that_hangs_is_given_up_through_the_ref_of_the_incarnation_that_ran() -> None:
    dynamic = machine(intensity=9)
    (old,) = running(dynamic, 1)
    dynamic.handle(steps.Gone(old, "boom"), 0.0)
    stop, timer = dynamic.handle(EndInstance(old, False, "t"), 0.0)
    assert stop == steps.SendExit(old + 1)
    assert isinstance(timer, steps.SetTimer)
    assert without_reports(dynamic.handle(steps.Gone(old + 1, "shutdown"), 0.0)) == [
        steps.CancelTimer(timer.timer),
        Forget(old),
        steps.Answer("t"),
    ]


def test_a_restart_that_takes_too_long_is_killed_and_tried_again() -> None:
    dynamic = machine(intensity=9, start_timeout=1.0)
    spawn, timer = dynamic.handle(AddInstance((), "t"), 0.0)
    assert isinstance(spawn, SpawnInstance)
    assert isinstance(timer, steps.SetTimer)
    dynamic.handle(steps.Up(spawn.incarnation), 0.0)
    *_, spawn, timer = dynamic.handle(steps.Gone(spawn.incarnation, "boom"), 0.0)
    assert isinstance(spawn, SpawnInstance)
    assert isinstance(timer, steps.SetTimer)
    assert dynamic.handle(steps.TimeUp(timer.timer), 1.0) == [steps.Kill(spawn.incarnation)]
    failed, again = dynamic.handle(steps.Gone(spawn.incarnation, "killed"), 1.0)
    assert isinstance(failed, steps.Report)
    assert getattr(failed.event, "reason", None) == StartTimedOut(1.0)
    assert isinstance(again, TryAgain)
    counts = dynamic.count_children()
    assert (counts.active, counts.workers) == (0, 1)


def test_whoever_asks_for_one_end_twice_is_answered_twice() -> None:
    dynamic = machine()
    (one,) = running(dynamic, 1)
    assert len(dynamic.handle(EndInstance(one, True, "a"), 0.0)) == 2
    assert dynamic.handle(EndInstance(one, True, "b"), 0.0) == []
    gone = dynamic.handle(steps.Gone(one, "shutdown"), 0.0)
    assert gone[-2:] == [steps.Answer("a"), steps.Answer("b")]


def test_a_child_that_is_being_restarted_takes_a_place() -> None:
    dynamic = machine(intensity=9, max_children=1)
    (one,) = running(dynamic, 1)
    dynamic.handle(steps.Gone(one, "boom"), 0.0)
    assert dynamic.handle(AddInstance((), "t"), 0.0) == [RefuseInstance("t", Full(1))]


def test_what_comes_after_the_end_asks_for_nothing() -> None:
    dynamic = machine()
    dynamic.handle(steps.Stop("shutdown"), 0.0)
    assert dynamic.handle(AddInstance((), "t"), 0.0) == []
    assert dynamic.handle(steps.Stop("again"), 0.0) == []


def test_a_kept_mailbox_goes_from_one_incarnation_to_the_next_over_failed_starts() -> None:
    dynamic = machine(intensity=9, mailbox=Mailbox(keep_on_restart=True))
    (old,) = running(dynamic, 1)
    spawn = dynamic.handle(steps.Gone(old, "boom"), 0.0)[-1]
    assert spawn == SpawnInstance(old + 1, (0,), old, 1)
    dynamic.handle(steps.Gone(old + 1, "no disk"), 0.0)
    (spawn,) = dynamic.handle(RetryInstance(1, old + 2), 0.0)
    assert spawn == SpawnInstance(old + 3, (0,), old + 1, 2)
    dynamic.handle(steps.NotSpawned(old + 3, "no memory"), 0.0)
    (spawn,) = dynamic.handle(RetryInstance(1, old + 4), 0.0)
    assert spawn == SpawnInstance(old + 5, (0,), old + 1, 3)
    assert dynamic.handle(EndInstance(old + 5, True, "t"), 0.0)[0] == steps.SendExit(old + 5)
    gone = without_reports(dynamic.handle(steps.Gone(old + 5, "shutdown"), 0.0))
    assert gone[1:] == [steps.Release(old + 5), Forget(old), steps.Answer("t")]


def starting(dynamic: DynamicMachine) -> int:
    spawn = dynamic.handle(AddInstance((), "start"), 0.0)[0]
    assert isinstance(spawn, SpawnInstance)
    return spawn.incarnation


def test_an_init_that_succeeds_after_its_end_was_asked_for_is_no_start() -> None:
    dynamic = machine()
    one = starting(dynamic)
    dynamic.handle(EndInstance(one, True, "end"), 0.0)
    assert dynamic.handle(steps.Up(one), 0.0) == []
    assert without_reports(dynamic.handle(steps.Gone(one, "shutdown"), 0.0))[1:] == [
        RefuseInstance("start", steps.DidNotStart("job-1", "shutdown")),
        steps.Answer("end"),
    ]


def test_an_init_that_says_ignore_after_its_end_was_asked_for_is_an_end() -> None:
    dynamic = machine()
    one = starting(dynamic)
    dynamic.handle(EndInstance(one, True, "end"), 0.0)
    assert without_reports(dynamic.handle(steps.Declined(one), 0.0))[1:] == [
        RefuseInstance("start", steps.DidNotStart("job-1", "normal")),
        steps.Answer("end"),
    ]
    assert dynamic.which_children() == ()


def test_an_end_that_is_asked_for_while_a_late_restart_is_killed_is_an_end() -> None:
    dynamic = machine(intensity=9, start_timeout=1.0)
    (old,) = running(dynamic, 1)
    *_, spawn, timer = dynamic.handle(steps.Gone(old, "boom"), 0.0)
    assert isinstance(spawn, SpawnInstance)
    assert isinstance(timer, steps.SetTimer)
    dynamic.handle(steps.TimeUp(timer.timer), 1.0)
    assert dynamic.handle(EndInstance(old, False, "end"), 1.0) == []
    gone = without_reports(dynamic.handle(steps.Gone(spawn.incarnation, "killed"), 1.0))
    assert gone == [Forget(old), steps.Answer("end")]


def test_an_end_that_comes_while_a_late_restart_is_killed_does_not_wait_for_another() -> None:
    dynamic = machine(intensity=9, start_timeout=1.0)
    (old,) = running(dynamic, 1)
    *_, spawn, timer = dynamic.handle(steps.Gone(old, "boom"), 0.0)
    assert isinstance(spawn, SpawnInstance)
    assert isinstance(timer, steps.SetTimer)
    dynamic.handle(steps.TimeUp(timer.timer), 1.0)
    dynamic.handle(steps.Stop("shutdown"), 1.0)
    gone = dynamic.handle(steps.Gone(spawn.incarnation, "killed"), 1.0)
    assert gone[-1] == steps.End("shutdown")


def test_each_failure_in_a_row_doubles_the_wait_and_a_healthy_run_begins_anew() -> None:
    backoff = Backoff(initial=1.0, jitter=0.0, healthy_after=10.0)
    dynamic = machine(intensity=99, backoff=backoff)
    (incarnation,) = running(dynamic, 1)
    now, waits = 100.0, []
    for lived in (20.0, 9.0, 0.0, 10.0, 1.0):
        now += lived
        timer = dynamic.handle(steps.Gone(incarnation, "boom"), now)[-1]
        assert isinstance(timer, steps.SetTimer)
        waits.append(timer.after)
        (view,) = dynamic.which_children()
        assert (view.status, view.due) == ("restarting", now + timer.after)
        now += timer.after
        (spawn,) = dynamic.handle(steps.TimeUp(timer.timer), now)
        assert isinstance(spawn, SpawnInstance)
        incarnation = spawn.incarnation
        dynamic.handle(steps.Up(incarnation), now)
        assert dynamic.which_children()[0].due is None
    assert waits == [1.0, 2.0, 4.0, 1.0, 2.0]
    assert dynamic.restarts == 5


def test_a_start_that_fails_is_a_failure_in_the_row() -> None:
    dynamic = machine(intensity=99, backoff=Backoff(initial=1.0, jitter=0.0))
    (incarnation,) = running(dynamic, 1)
    timer = dynamic.handle(steps.Gone(incarnation, "boom"), 100.0)[-1]
    assert isinstance(timer, steps.SetTimer)
    (spawn,) = dynamic.handle(steps.TimeUp(timer.timer), 101.0)
    assert isinstance(spawn, SpawnInstance)
    again = dynamic.handle(steps.Gone(spawn.incarnation, "no disk"), 101.0)[-1]
    assert isinstance(again, TryAgain)
    timer = dynamic.handle(RetryInstance(again.child, again.attempt), 101.0)[-1]
    assert isinstance(timer, steps.SetTimer)
    assert timer.after == 2.0


def reconfigured(dynamic: DynamicMachine, flags: Flags, **options: Any) -> None:
    template = ChildSpec("job", list, **options)
    dynamic.handle(ReconfigureInstances(template, flags, None, "token"), 0.0)


@pytest.mark.rule("UPG-03", "UPG-05", "UPG-06")
def test_other_flags_hold_at_once() -> None:
    options: dict[str, Any] = {"restart": "transient", "significant": True}
    dynamic = machine(intensity=9, **options)
    one, two = running(dynamic, 2)
    reconfigured(dynamic, Flags("one_for_one", 0, 5.0, "any_significant"), **options)
    assert dynamic.restarts_left(0.0) == 0
    assert steps.SendExit(two) in dynamic.handle(steps.Gone(one, "normal"), 0.0)
    dynamic = machine(intensity=9, **options)
    one, two = running(dynamic, 2)
    reconfigured(dynamic, Flags("one_for_one", 0, 7.0, "any_significant"), **options)
    dynamic.handle(steps.Gone(one, "boom"), 0.0)
    end = dynamic.handle(steps.Gone(two, "shutdown"), 0.0)[-1]
    assert isinstance(end, steps.End)
    assert end.cause == GaveUp("supervisor", "job-1", "boom", None, 0, 7.0)


def test_a_child_that_is_gone_is_not_asked_for_its_health() -> None:
    dynamic = machine(intensity=9, health=HealthCheck(every=1.0))
    one = starting(dynamic)
    timer = dynamic.handle(steps.Up(one), 0.0)[0]
    assert isinstance(timer, steps.SetTimer)
    assert dynamic.handle(steps.Gone(one, "boom"), 0.0)[0] == steps.CancelTimer(timer.timer)
    assert dynamic.handle(steps.TimeUp(timer.timer), 1.0) == []


@pytest.mark.parametrize("event", [EndInstance(1, True, "end"), steps.Stop("shutdown")])
def test_a_child_that_is_to_end_is_not_asked_for_its_health(event: Any) -> None:
    dynamic = machine(intensity=9, health=HealthCheck(every=1.0))
    one = starting(dynamic)
    timer = dynamic.handle(steps.Up(one), 0.0)[0]
    assert isinstance(timer, steps.SetTimer)
    assert steps.CancelTimer(timer.timer) in dynamic.handle(event, 0.0)


def test_a_mailbox_that_the_new_template_cannot_adopt_is_given_up() -> None:
    options: dict[str, Any] = {"mailbox": Mailbox(keep_on_restart=True)}
    dynamic = machine(intensity=9, backoff=Backoff(initial=1.0), **options)
    (old,) = running(dynamic, 1)
    timer = dynamic.handle(steps.Gone(old, "boom"), 0.0)[-1]
    assert isinstance(timer, steps.SetTimer)
    reconfigured(dynamic, Flags("one_for_one", 9, 5.0), mailbox=Mailbox(9, keep_on_restart=True))
    release, spawn = dynamic.handle(steps.TimeUp(timer.timer), 1.0)
    assert release == steps.Release(old)
    assert isinstance(spawn, SpawnInstance)
    assert spawn.adopt is None


def test_a_child_that_is_stopping_already_is_not_told_again_at_the_end() -> None:
    dynamic = machine()
    (one,) = running(dynamic, 1)
    dynamic.handle(EndInstance(one, True, "end"), 0.0)
    assert all(isinstance(a, steps.SetTimer) for a in dynamic.handle(steps.Stop("shutdown"), 0.0))
