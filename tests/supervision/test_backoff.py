"""Children that wait before they are restarted: how long, and what happens meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Kernel, Mailbox
from airssys_wasm.supervision import Backoff, InvalidSpec, RestartDelayed, steps
from tests.kernel.test_timers import SetClock
from tests.supervision.staging import Stage

EVEN = Backoff(initial=1.0, factor=2.0, max=5.0, jitter=0.0, healthy_after=10.0)


# --- how long


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"initial": -1.0}, "initial"),
        ({"factor": 0.5}, "factor"),
        ({"factor": "2"}, "factor"),
        ({"max": float("inf")}, "max"),
        ({"initial": 2.0, "max": 1.0}, "max"),
        ({"jitter": 1.5}, "jitter"),
        ({"jitter": True}, "jitter"),
        ({"healthy_after": -0.1}, "healthy_after"),
    ],
)
def test_a_backoff_that_could_never_be_right_is_refused(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        Backoff(**wrong)
    assert (refused.value.field, refused.value.value) == (field, list(wrong.values())[-1])


def test_each_wait_is_longer_than_the_one_before_up_to_the_longest() -> None:
    assert [EVEN.delay(failures) for failures in range(1, 6)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert Backoff(max=7.0).delay(10**9) == 7.0
    assert Backoff(initial=0.0).delay(10**9) == 0.0
    assert Backoff(initial=1.0, factor=1.0).delay(10**9) == 1.0


def test_chance_spreads_a_wait_to_both_sides_and_never_over_the_longest() -> None:
    backoff = Backoff(initial=2.0, max=3.0, jitter=0.5)
    assert [backoff.delay(1, chance) for chance in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
    assert [backoff.delay(2, chance) for chance in (0.0, 0.5, 1.0)] == [1.5, 3.0, 3.0]


# --- what is decided


def test_a_child_without_backoff_is_restarted_at_once(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a"])
    sup.crash("a")
    assert sup.status() == {"a": "running"}
    assert sup.timers == {}


def test_a_child_waits_longer_after_each_failure(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN)], intensity=9)
    sup.take_log()
    for wait in (1.0, 2.0, 4.0, 5.0, 5.0):
        sup.crash("a")
        assert sup.status() == {"a": "restarting"}
        assert sup.reports[-1] == RestartDelayed("a", sup.reports[-1].failures, wait)
        sup.pass_time(wait - 0.001)
        assert sup.take_log() == []
        sup.pass_time(0.002)
        assert sup.take_log() == ["start a"]
    assert sup.timers == {}


def test_a_child_that_has_run_long_enough_waits_as_after_its_first_failure(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", backoff=EVEN)], intensity=9)
    waits = []
    for lived in (0.0, 9.5, 10.0, 3.0):
        sup.pass_time(lived)
        sup.crash("a")
        waits.append(sup.reports[-1].seconds)
        sup.pass_time(waits[-1])
    assert waits == [1.0, 2.0, 1.0, 2.0]


def test_a_start_that_fails_counts_as_a_failure(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN)], intensity=9, period=100.0)
    sup.plan_inits("a", ("fail", "no disk"), ("raise", "no class"))
    sup.pass_time(50.0)
    sup.take_log()
    sup.crash("a")
    for wait in (1.0, 2.0, 4.0):
        assert sup.reports[-1].seconds == wait
        sup.pass_time(wait)
    assert sup.take_log() == ["start a"] * 3
    assert sup.status() == {"a": "running"}
    assert sup.machine.restarts_left(sup.now) == 9 - 3


def test_the_budget_counts_a_failure_when_it_happens_and_not_after_the_wait(
    rehearse: Any, spec: Any
) -> None:
    slow = Backoff(initial=60.0, max=60.0, jitter=0.0)
    sup = rehearse([spec("a", backoff=slow), "b"], intensity=1, period=5.0)
    sup.crash("a")
    assert sup.machine.restarts_left(0.0) == 0
    sup.take_log()
    sup.crash("b")
    assert sup.take_log() == ["end shutdown"]
    assert sup.ended.cause.child == "b"
    assert sup.timers == {}


def test_siblings_run_and_are_restarted_while_a_child_waits(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN), "b", "c"], intensity=9)
    sup.crash("a")
    sup.crash("b")
    assert sup.status() == {"a": "restarting", "b": "running", "c": "running"}
    assert sup.tell(steps.AddChild, spec("d")) == ("ok", "d")
    assert sup.machine.which_children()[-1].due == 1.0
    sup.pass_time(1.0)
    assert set(sup.status().values()) == {"running"}
    assert sup.machine.which_children()[-1].due is None


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_group_runs_on_while_its_failed_child_waits_and_is_restarted_then(
    rehearse: Any, spec: Any, strategy: str
) -> None:
    sup = rehearse([spec("a", backoff=EVEN), "b"], strategy=strategy)
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == []
    assert sup.status() == {"a": "restarting", "b": "running"}
    sup.pass_time(1.0)
    assert sup.take_log() == ["stop b", "start a", "start b"]


def test_the_failure_of_a_sibling_ends_the_wait_of_a_child_that_restarts_with_it(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", backoff=EVEN), "b"], strategy="one_for_all", intensity=9)
    sup.crash("a")
    sup.take_log()
    sup.crash("b")
    assert sup.take_log() == ["start a", "start b"]
    assert sup.timers == {}
    sup.crash("a")
    assert sup.reports[-1] == RestartDelayed("a", 2, 2.0)


def test_a_younger_sibling_does_not_end_the_wait_of_an_older_one(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN), "b"], strategy="rest_for_one", intensity=9)
    sup.crash("a")
    sup.take_log()
    sup.crash("b")
    assert sup.take_log() == ["start b"]
    sup.pass_time(1.0)
    assert sup.take_log() == ["stop b", "start a", "start b"]


def test_a_child_that_waits_is_administrated_as_one_that_is_being_restarted(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", backoff=EVEN)])
    sup.crash("a")
    assert sup.tell(steps.AddChild, spec("a")) == steps.Present("a")
    assert sup.tell(steps.RestartChild, "a") == steps.Restarting("a")
    assert sup.tell(steps.DeleteChild, "a") == steps.Restarting("a")
    assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
    assert sup.timers == {}
    assert sup.status() == {"a": "stopped"}
    sup.take_log()
    assert sup.tell(steps.RestartChild, "a") == ("ok", "a")
    sup.crash("a")
    assert sup.ended is not None


def test_a_start_by_hand_begins_a_new_row_of_failures(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN)], intensity=9)
    sup.crash("a")
    sup.tell(steps.TerminateChild, "a")
    sup.tell(steps.RestartChild, "a")
    sup.crash("a")
    assert sup.reports[-1] == RestartDelayed("a", 1, 1.0)


def test_a_stop_ends_the_wait(rehearse: Any, spec: Any) -> None:
    mailbox = Mailbox(keep_on_restart=True)
    sup = rehearse([spec("a", backoff=EVEN, mailbox=mailbox), "b"])
    sup.crash("a")
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["stop b", "release a", "end shutdown"]
    assert sup.timers == {}


def test_a_kept_mailbox_is_kept_through_the_wait(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", backoff=EVEN, mailbox=Mailbox(keep_on_restart=True))])
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == []
    sup.pass_time(1.0)
    assert sup.take_log() == ["start a with its mailbox"]


def test_a_wait_that_is_over_takes_its_turn_behind_what_came_before(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", backoff=EVEN), spec("b")], intensity=9)
    sup.plan_inits("b", "hang")
    sup.crash("a")
    sup.crash("b")
    sup.pass_time(1.0)
    assert sup.status() == {"a": "restarting", "b": "starting"}
    sup.up("b")
    assert sup.status() == {"a": "running", "b": "running"}


def test_transient_and_temporary_children_wait_only_where_they_are_restarted(
    rehearse: Any, spec: Any
) -> None:
    children = [spec(id, restart=id, backoff=EVEN) for id in ("transient", "temporary")]
    sup = rehearse(children)
    sup.crash("transient", "normal")
    sup.crash("temporary")
    assert sup.status() == {"transient": "stopped"}
    assert sup.timers == {}


# --- over actors


@pytest.fixture
async def timed_stage(anyio_backend: object) -> AsyncIterator[tuple[Stage, SetClock]]:
    clock = SetClock()
    with anyio.fail_after(20):
        async with Kernel("test", platform=clock) as kernel:
            yield Stage(kernel), clock
    assert kernel.actors() == []


@pytest.mark.anyio
async def test_a_supervisor_tells_when_a_child_that_waits_is_due(
    timed_stage: tuple[Stage, SetClock],
) -> None:
    stage, clock = timed_stage
    await stage.open(stage.child("a", backoff=EVEN), "b")
    child = (await stage.running())["a"]
    child.send(("end", "boom"))
    await child.wait()
    b, a = await stage.root.which_children()
    assert (a.status, a.ref, a.due_in) == ("restarting", None, 1.0)
    assert (b.status, b.due_in) == ("running", None)
    await clock.advance(0.75)
    assert (await stage.root.which_children())[1].due_in == 0.25
    await clock.advance(0.3)
    assert set(await stage.running()) == {"a", "b"}


@pytest.mark.anyio
async def test_the_jitter_of_a_wait_comes_from_the_platform(
    timed_stage: tuple[Stage, SetClock],
) -> None:
    stage, clock = timed_stage
    backoff = Backoff(initial=1.0, jitter=1.0)
    await stage.open(stage.child("a", backoff=backoff))
    clock.random.seed(7)
    chance = clock.random.random()
    clock.random.seed(7)
    child = (await stage.running())["a"]
    child.send(("end", "boom"))
    await child.wait()
    (a,) = await stage.root.which_children()
    assert a.due_in == pytest.approx(backoff.delay(1, chance))
    stage.ref.stop("shutdown")
    await stage.ref.wait()
