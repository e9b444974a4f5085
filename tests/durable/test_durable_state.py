"""What a node decides about the messages of a durable mailbox, step by step."""

from __future__ import annotations

import pytest

from airssys_wasm.broker.durable_settings import DurableSettings, token
from airssys_wasm.broker.nats.durable_inbox import (
    ASK_AGAIN,
    BATCH,
    PULL_TIME,
    Acknowledge,
    Ask,
    Bury,
    Delivered,
    Extend,
    Hand,
    Inbox,
    Note,
    Output,
    Pull,
    Return,
)
from airssys_wasm.broker.nats.durable_outbox import PATIENCE, PAUSE, Outbox, Publish

NOTHING = (0, 0)


def message(number: int, *, again: bool = False, id: str = "", reply: str = "") -> Delivered:
    return Delivered(number, id or f"n:{number}", again, reply or f"ack.{number}", b"")


def inbox(max_deliver: int = 3) -> Inbox:
    """One whose actor is there, and whose server has its first message."""
    made = Inbox(max_deliver=max_deliver, ack_wait=30.0, window=120.0)
    assert made.attach(0.0) == [Pull(BATCH)]
    return made


def begun(made: Inbox, number: int = 1, *, again: bool = False) -> list[Output]:
    """The first message comes and is looked up."""
    assert made.arrived(message(number, again=again), 0.0) == [Ask()]
    return made.bounds(number, number, NOTHING, 0.0)


def test_messages_are_handed_on_one_after_the_other() -> None:
    box = inbox()
    assert begun(box) == [Hand(message(1), 1)]
    assert box.arrived(message(2), 0.0) == []
    assert box.handled(0.1) == [Acknowledge(message(1)), Hand(message(2), 1)]
    assert box.in_hand == 1


def test_one_waits_for_those_before_it_that_the_server_has_still_to_deliver() -> None:
    box = inbox()
    box.arrived(message(3), 0.0)
    assert box.bounds(2, 3, NOTHING, 0.0) == []
    assert box.tick(ASK_AGAIN) == [Ask()]
    assert box.bounds(2, 3, NOTHING, ASK_AGAIN) == []
    assert box.arrived(message(2, again=True), 2.0) == [Ask()]
    assert box.bounds(2, 3, NOTHING, 2.0) == [Note(message(2, again=True), 2)]
    assert box.noted(2.0) == [Hand(message(2, again=True), 2)]
    assert box.handled(2.1)[1:] == [Hand(message(3), 1)]


def test_one_does_not_wait_for_what_another_node_has_handled() -> None:
    box = inbox()
    begun(box)
    box.arrived(message(4), 0.0)
    assert box.handled(0.1) == [Acknowledge(message(1)), Ask()]
    assert box.bounds(4, 4, NOTHING, 0.2) == [Hand(message(4), 1)]


def test_what_failed_comes_again_after_longer_and_longer_waits() -> None:
    box = inbox(max_deliver=4)
    begun(box)
    assert box.failed("crash", 0.0) == [Return(message(1), 0.0)]
    for tries, delay in ((2, 0.1), (3, 0.2)):
        assert box.arrived(message(1, again=True), 0.0) == [Note(message(1, again=True), tries)]
        assert box.noted(0.0) == [Hand(message(1, again=True), tries)]
        assert box.failed("crash", 0.0) == [Return(message(1, again=True), delay)]


def test_what_failed_for_the_last_time_is_buried_with_the_reason_before_the_next_is_handed_on() -> (
    None
):
    box = inbox(max_deliver=2)
    begun(box)
    box.arrived(message(2), 0.0)
    box.failed("first crash", 0.0)
    box.arrived(message(1, again=True), 0.0)
    box.noted(0.0)
    assert box.failed("last crash", 0.0) == [Bury(message(1, again=True), "last crash", 2)]
    assert box.buried(0.1) == [Acknowledge(message(1, again=True)), Hand(message(2), 1)]


def test_what_is_delivered_again_to_a_new_process_counts_as_tried_once() -> None:
    box = inbox(max_deliver=2)
    assert begun(box, again=True) == [Note(message(1, again=True), 2)]


def test_how_often_it_was_tried_is_known_from_what_was_noted() -> None:
    box = inbox(max_deliver=2)
    box.arrived(message(7, again=True), 0.0)
    buried = Bury(message(7, again=True), "not acknowledged", 2)
    assert box.bounds(7, 7, (7, 2), 0.0) == [buried]


def test_with_one_try_each_is_noted_before_it_is_handed_on() -> None:
    box = inbox(max_deliver=1)
    assert begun(box) == [Note(message(1), 1)]
    assert box.noted(0.0) == [Hand(message(1), 1)]
    assert box.failed("crash", 0.0) == [Bury(message(1), "crash", 1)]


def test_what_its_actor_did_not_come_to_is_the_next_incarnations_and_not_tried() -> None:
    box = inbox(max_deliver=2)
    begun(box)
    assert box.pause() == []
    assert box.untaken(0.1) == []
    assert box.attach(0.2) == [Hand(message(1), 1)]
    box.failed("crash", 0.3)
    box.arrived(message(1, again=True), 0.3)
    box.pause()
    assert box.noted(0.4) == []  # nobody is there to be handed it
    assert box.attach(0.5) == [Note(message(1, again=True), 2)]


def test_what_was_paused_for_longer_than_the_server_waits_is_left_to_the_server() -> None:
    box = inbox()
    begun(box)
    box.pause()
    box.untaken(0.1)
    assert box.in_hand == 1
    assert box.attach(31.0) == []
    assert box.in_hand == 0
    assert box.arrived(message(1, again=True), 31.0) == [Ask()]


def test_what_is_here_when_the_actor_is_gone_goes_back() -> None:
    box = inbox()
    begun(box)
    box.arrived(message(2), 0.0)
    assert box.detach() == [Return(message(2), 0.0)]
    assert box.arrived(message(3), 0.0) == [Return(message(3), 0.0)]
    assert box.untaken(0.1) == [Return(message(1), 0.0)]


def test_what_was_handled_and_comes_again_is_acknowledged_once_more() -> None:
    box = inbox()
    begun(box)
    box.handled(0.0)
    again = message(1, again=True, reply="ack.1.again")
    assert box.arrived(again, 40.0) == [Ask()]
    assert box.bounds(1, 1, NOTHING, 40.0)[:1] == [Acknowledge(again)]
    assert box.arrived(again, 400.0) == [Ask()]  # its id is forgotten, its number is not
    assert box.bounds(1, 1, NOTHING, 400.0) == [Acknowledge(again)]


def test_a_second_message_with_an_id_is_dropped_within_the_window() -> None:
    box = inbox()
    begun(box)
    box.handled(0.0)
    assert box.arrived(message(2, id="n:1"), 100.0)[:1] == [Acknowledge(message(2, id="n:1"))]
    assert box.arrived(message(3, id="n:1"), 121.0)[:1] == [Hand(message(3, id="n:1"), 1)]


def test_a_stream_that_numbers_from_one_again_is_another_one() -> None:
    box = inbox()
    begun(box, 5)
    box.handled(0.0)
    new = message(1, id="new")
    assert box.arrived(new, 1.0) == [Ask()]
    assert box.bounds(1, 1, NOTHING, 1.0) == [Hand(new, 1)]


def test_the_server_is_told_that_what_is_here_is_being_worked_on() -> None:
    box = inbox()
    begun(box)
    box.arrived(message(2), 0.0)
    box.tick(PULL_TIME)
    assert box.tick(9.9) == []
    assert box.tick(10.0)[:2] == [Extend(message(1)), Extend(message(2))]
    assert box.tick(10.1) == []


def test_one_that_comes_again_while_it_is_handled_is_answered_at_its_new_address() -> None:
    box = inbox()
    begun(box)
    assert box.arrived(message(1, again=True, reply="later"), 0.0) == []
    assert box.handled(0.1) == [Acknowledge(message(1, reply="later"))]


def test_the_server_is_asked_again_and_again_and_on_a_new_connection() -> None:
    box = inbox()
    assert box.reconnected(1.0) == [Pull(BATCH)]
    assert box.tick(1.0 + PULL_TIME - 0.1) == []
    assert box.tick(1.0 + PULL_TIME) == [Pull(BATCH)]


def test_a_server_that_can_not_deliver_is_asked_again_but_not_at_once() -> None:
    box = inbox()
    assert box.pull_refused(1.0) == box.pull_refused(1.1) == []
    assert box.tick(1.0 + ASK_AGAIN - 0.1) == []
    assert box.tick(1.0 + ASK_AGAIN) == [Pull(BATCH)]
    assert box.tick(1.2 + ASK_AGAIN) == []


def test_a_message_is_published_until_it_is_stored_and_only_then_the_next() -> None:
    box = Outbox("n")
    assert box.next_try is None
    assert (box.add(b"a"), box.add(b"b", id="own")) == (1, 2)
    first, second = Publish(1, "n:1", b"a"), Publish(2, "own", b"b")
    assert box.due(0.0) == first
    assert box.due(PATIENCE - 0.1) is None
    assert box.due(PATIENCE) == first
    box.refused(1, PATIENCE)
    assert box.due(PATIENCE + PAUSE) == first
    box.reconnected()
    assert box.due(PATIENCE + PAUSE) == first
    assert (box.stored_up_to, box.stored(1), box.stored_up_to) == (0, True, 1)
    assert box.due(PATIENCE + PAUSE) == second
    assert not box.stored(1)
    assert box.give_up() == [second]
    assert len(box) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"max_deliver": 0}, {"max_in_flight": 0}, {"capacity": 0}, {"ack_wait": 0}, {"window": 0.05}],
)
def test_settings_that_could_never_be_right_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DurableSettings(**wrong)


def test_no_two_names_are_alike_at_the_server() -> None:
    names = ["a.b", "a=2eb", "a b", "ä", "A.b", "a-b", "a_b"]
    assert len({token(name) for name in names}) == len(names)
    assert all(set(token(name)).isdisjoint(". *>") for name in names)
