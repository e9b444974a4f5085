"""Events that come late, twice or for nobody, and mailboxes that are kept, on the decision core."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.kernel import Mailbox
from airssys_wasm.supervision import Backoff, steps
from airssys_wasm.supervision.dynamic_steps import AddInstance, SpawnInstance
from airssys_wasm.supervision.dynamic_tree import DynamicMachine
from airssys_wasm.supervision.flags import Flags

KEPT = Mailbox(keep_on_restart=True)


def test_a_started_that_comes_after_the_kill_starts_nothing(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a", spec("b", start_timeout=1.0)], inits={"b": ["hang"]})
    late = sup.alive["b"]
    sup.pass_time(1.0)
    sup.take_log()
    sup.feed(steps.Up(late))
    assert sup.take_log() == []
    assert sup.ended is not None


def test_a_started_between_the_stop_and_the_end_of_a_child_is_too_late(rehearse: Any) -> None:
    sup = rehearse("a", inits={"a": ["hang"]}, stubborn="a")
    sup.tell(steps.TerminateChild, "a")
    sup.up("a")
    assert sup.status() == {"a": "stopping"}
    sup.crash("a", "shutdown")
    assert sup.status() == {"a": "stopped"}


@pytest.mark.parametrize("event", [steps.Up, steps.Declined])
def test_an_event_of_a_replaced_incarnation_changes_nothing(rehearse: Any, event: Any) -> None:
    sup = rehearse("a")
    old = sup.alive["a"]
    sup.crash("a")
    sup.take_log()
    sup.feed(event(old))
    sup.feed(steps.Gone(old, "again"))
    sup.feed(steps.NotSpawned(old, "again"))
    assert sup.take_log() == []
    assert sup.status() == {"a": "running"}
    assert sup.machine.restarts == 1


def test_an_event_of_nobody_changes_nothing(rehearse: Any) -> None:
    sup = rehearse("a")
    sup.take_log()
    for event in (
        steps.Up(0),
        steps.Gone(99, "boom"),
        steps.Declined(99),
        steps.NotSpawned(99, "boom"),
        steps.TimeUp(99),
        steps.Retry("a", 0),
        steps.Retry("b", 1),
        steps.Begin(),
    ):
        sup.feed(event)
    assert sup.take_log() == []
    assert sup.status() == {"a": "running"}


def test_a_second_started_changes_nothing(rehearse: Any) -> None:
    sup = rehearse("ab", inits={"b": ["hang"]})
    sup.up("a")
    assert sup.log == ["start a", "start b"]


def test_an_ignore_that_comes_after_the_stop_is_an_end(rehearse: Any) -> None:
    sup = rehearse("ab", inits={"b": ["hang"]}, stubborn="b")
    sup.feed(steps.Stop("shutdown"))
    sup.feed(steps.Declined(sup.alive.pop("b")))
    assert sup.ended is not None


def test_a_timer_of_a_stop_that_is_over_kills_nobody(rehearse: Any) -> None:
    sup = rehearse("a", stubborn="a")
    sup.tell(steps.TerminateChild, "a")
    (timer,) = sup.timers
    sup.crash("a", "shutdown")
    sup.tell(steps.RestartChild, "a")
    sup.tell(steps.TerminateChild, "a")
    sup.take_log()
    sup.feed(steps.TimeUp(timer))
    assert sup.take_log() == []


def test_a_stop_before_the_start_ends_at_once(rehearse: Any) -> None:
    sup = rehearse("a", begins=False)
    sup.feed(steps.Stop("bye"))
    sup.feed(steps.Begin())
    assert sup.log == ["end bye"]


def test_a_kept_mailbox_goes_to_the_next_incarnation(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", mailbox=KEPT)])
    first = sup.alive["a"]
    sup.crash("a")
    assert sup.log == ["start a", "ready", "start a with its mailbox"]
    assert sup.spawned[sup.alive["a"]].adopt == first


def test_a_kept_mailbox_goes_from_attempt_to_attempt(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", mailbox=KEPT)], intensity=9)
    first = sup.alive["a"]
    sup.plan_inits("a", ("fail", "no disk"), ("raise", "no memory"))
    sup.crash("a")
    spawns = list(sup.spawned.values())
    assert [spawn.adopt for spawn in spawns] == [
        None,
        first,
        spawns[1].incarnation,
        spawns[1].incarnation,
    ]


def test_all_members_of_a_restarted_group_keep_their_mailboxes(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec(id, mailbox=KEPT) for id in "ab"], strategy="one_for_all")
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == ["stop b", "start a with its mailbox", "start b with its mailbox"]


@pytest.mark.parametrize(
    ("restart", "reason"), [("transient", "normal"), ("temporary", "boom"), ("permanent", None)]
)
def test_a_kept_mailbox_is_released_when_nobody_restarts_the_child(
    rehearse: Any, spec: Any, restart: str, reason: str | None
) -> None:
    sup = rehearse([spec("a", restart=restart, mailbox=KEPT)])
    sup.take_log()
    if reason is None:
        sup.tell(steps.TerminateChild, "a")
        assert sup.take_log() == ["stop a", "release a"]
    else:
        sup.crash("a", reason)
        assert sup.take_log() == ["release a"]


def test_giving_up_releases_all_mailboxes(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec(id, mailbox=KEPT) for id in "ab"], intensity=0)
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == ["release a", "stop b", "release b", "end shutdown"]


def test_a_start_that_fails_releases_what_it_kept(rehearse: Any, spec: Any) -> None:
    sup = rehearse([])
    sup.plan_inits("a", ("fail", "no disk"))
    sup.tell(steps.AddChild, spec("a", mailbox=KEPT))
    assert sup.log == ["ready", "start a", "release a"]


def test_ending_the_restart_of_a_group_releases_the_mailboxes_of_those_that_waited(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec(id, mailbox=KEPT) for id in "abc"], strategy="rest_for_one", intensity=9)
    sup.plan_inits("b", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("b")
    sup.take_log()
    sup.tell(steps.TerminateChild, "b")
    assert sorted(sup.take_log()) == ["release b", "release c"]


def test_who_waits_for_the_restart_of_its_group_may_be_restarted_by_hand_with_its_mailbox(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec(id, mailbox=KEPT) for id in "ab"], strategy="one_for_all", intensity=9)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    sup.take_log()
    assert sup.tell(steps.RestartChild, "b") == ("ok", "b")
    assert sup.take_log() == ["start b with its mailbox"]


def test_terminating_one_that_waits_for_the_restart_of_its_group_leaves_the_others_theirs(
    rehearse: Any, spec: Any
) -> None:
    children = [spec(id, mailbox=KEPT) for id in "abc"]
    sup = rehearse(children, strategy="one_for_all", intensity=9)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.crash("a")
    sup.take_log()
    assert sup.tell(steps.TerminateChild, "b") == ("ok", None)
    assert sup.take_log() == ["release b"]
    sup.retry()
    assert sup.take_log() == ["start a with its mailbox", "start b", "start c with its mailbox"]


def test_an_attempt_that_was_overtaken_by_another_is_not_made(rehearse: Any) -> None:
    sup = rehearse("ba", strategy="one_for_all", intensity=9)
    sup.holds_retries = True
    sup.plan_inits("a", "hang", ("fail", "no disk"))
    sup.crash("b")
    sup.crash("b")
    sup.crash("a", "no disk")  # the hanging start; then comes the death of b, and a fails again
    assert len(sup.retries) == 2
    sup.take_log()
    left = sup.machine.restarts_left(0.0)
    sup.retry()
    assert (sup.take_log(), sup.machine.restarts_left(0.0)) == ([], left)
    sup.retry()
    assert sup.take_log() == ["stop b", "start b", "start a"]


def test_a_wait_that_is_over_restarts_nobody_who_was_terminated_meanwhile(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", backoff=Backoff(1.0, jitter=0.0)), "b"], intensity=9)
    sup.plan_inits("b", "hang")
    sup.crash("a")
    sup.crash("b")
    sup.tell(steps.TerminateChild, "a")
    sup.pass_time(1.0)
    sup.up("b")
    assert sup.status() == {"a": "stopped", "b": "running"}


def test_a_wait_that_is_over_is_not_taken_for_the_one_that_followed(
    rehearse: Any, spec: Any
) -> None:
    a = spec("a", backoff=Backoff(1.0, jitter=0.0))
    sup = rehearse([a, "b"], strategy="one_for_all", intensity=9)
    sup.plan_inits("c", "hang")
    sup.crash("a")
    sup.tell(steps.AddChild, spec("c"))
    sup.crash("b")
    sup.pass_time(1.0)
    sup.plan_inits("a", ("fail", "no disk"))
    sup.holds_retries = True
    sup.take_log()
    sup.up("c")
    assert sup.take_log() == ["stop c", "start a"]
    sup.retry()
    assert sup.take_log() == []
    sup.pass_time(2.0)
    assert sup.take_log() == ["start a", "start b", "start c"]


def test_a_second_stop_of_a_dynamic_supervisor_changes_nothing(spec: Any) -> None:
    dynamic = DynamicMachine(spec("job", shutdown="infinity"), Flags(), None)
    (spawn,) = dynamic.handle(AddInstance((), "token"), 0.0)
    assert isinstance(spawn, SpawnInstance)
    dynamic.handle(steps.Up(spawn.incarnation), 0.0)
    assert dynamic.handle(steps.Stop("bye"), 0.0) == [steps.SendExit(spawn.incarnation)]
    assert dynamic.handle(steps.Stop("again"), 0.0) == []
    assert dynamic.handle(steps.Gone(spawn.incarnation, "shutdown"), 0.0)[-1] == steps.End("bye")


def test_a_dynamic_child_that_did_not_start_is_not_counted_afterwards(spec: Any) -> None:
    dynamic = DynamicMachine(spec("job"), Flags(), None)
    failed, started = (dynamic.handle(AddInstance((), number), 0.0)[0] for number in range(2))
    assert isinstance(failed, SpawnInstance)
    assert isinstance(started, SpawnInstance)
    dynamic.handle(steps.Gone(failed.incarnation, "no disk"), 0.0)
    dynamic.handle(steps.Up(started.incarnation), 0.0)
    counts = dynamic.count_children()
    assert (counts.workers, counts.active) == (1, 1)
