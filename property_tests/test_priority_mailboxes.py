"""Mailboxes in order of priority against a plain list: what must never happen, and what must."""

import asyncio
from dataclasses import dataclass
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import Actor, Down, Inbox, Kernel, Mailbox, MailboxFull
from airssys_wasm.kernel.mailbox import Overflow
from airssys_wasm.kernel.message import Stamped
from airssys_wasm.kernel.priorities import PriorityQueue

priorities = st.integers(-2, 2)


@dataclass(frozen=True)
class Put:
    priority: int


class Signal:
    """A step: a `Down` arrives."""


class Take:
    """A step: the first entry is taken."""


steps = st.lists(
    st.one_of(
        st.builds(Put, priorities),
        st.builds(Put, priorities),
        st.builds(Signal),
        st.builds(Take),
    ),
    max_size=60,
)


def down(number: int) -> Down:
    return Down(f"dead {number}", "over", None)


def played(script: list[Any]) -> tuple[list[Any], list[Any], list[set[int]]]:
    """Entries as they arrived and as they were taken; with each, what was there at its arrival."""
    queue = PriorityQueue()
    arrived: list[Any] = []
    present: list[set[int]] = []
    taken: list[Any] = []
    for step in script:
        if isinstance(step, Take):
            if len(queue):
                taken.append(queue.popleft())
            continue
        number = len(arrived)
        entry = Stamped(number, step.priority) if isinstance(step, Put) else down(number)
        present.append({arrived.index(other) for other in queue})
        arrived.append(entry)
        queue.append(entry)
    while len(queue):
        taken.append(queue.popleft())
    return arrived, taken, present


@given(steps)
def test_nothing_is_lost_and_no_signal_overtakes_what_was_there_before_it(
    script: list[Any],
) -> None:
    arrived, taken, present = played(script)
    assert sorted(map(arrived.index, taken)) == list(range(len(arrived)))
    place = {arrived.index(entry): index for index, entry in enumerate(taken)}
    for number, entry in enumerate(arrived):
        for other in present[number]:
            if isinstance(entry, Down):
                assert place[other] < place[number]


@given(steps)
def test_a_message_is_taken_before_every_lower_one_that_was_there_with_it(
    script: list[Any],
) -> None:
    arrived, taken, present = played(script)
    place = {arrived.index(entry): index for index, entry in enumerate(taken)}
    for number, entry in enumerate(arrived):
        for other in present[number]:
            earlier = arrived[other]
            if isinstance(entry, Stamped) and isinstance(earlier, Stamped):
                if entry.priority > earlier.priority:
                    assert place[number] < place[other]
                else:
                    assert place[other] < place[number]


@given(steps, st.integers(0, 10))
def test_taking_all_out_and_putting_it_back_changes_nothing(script: list[Any], more: int) -> None:
    queue = PriorityQueue()
    for number, step in enumerate(script):
        if isinstance(step, Put):
            queue.append(Stamped(number, step.priority))
        elif isinstance(step, Signal):
            queue.append(down(number))
        elif len(queue):
            queue.popleft()
    order = list(queue)
    assert [queue[index] for index in range(len(queue))] == order
    again = PriorityQueue(order)
    assert list(again) == order
    if order:
        del again[more % len(order)]
        del order[more % len(order)]
    assert list(again) == order
    assert len(again) == len(order)


@given(steps)
def test_the_least_is_the_oldest_message_of_the_lowest_priority(script: list[Any]) -> None:
    queue = PriorityQueue()
    for number, step in enumerate(script):
        if isinstance(step, Put):
            queue.append(Stamped(number, step.priority))
        elif isinstance(step, Signal):
            queue.append(down(number))
    messages = [entry for entry in queue if isinstance(entry, Stamped)]
    downs = [entry for entry in queue if isinstance(entry, Down)]
    while messages:
        least = min(messages, key=lambda entry: (entry.priority, entry.message))
        assert queue.lowest() == least.priority
        assert queue.take_least() is least
        messages.remove(least)
    assert queue.lowest() is None
    assert list(queue) == downs


class Logs(Actor[Any]):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> None:
        self.log.append(message)


async def logs_process(inbox: Inbox[Any], log: list[Any]) -> None:
    async for message in inbox:
        log.append(message)  # noqa: PERF401


async def compare(
    behaviour: Any, overflow: Overflow, capacity: int | None, numbers: list[int]
) -> None:
    """All that comes before the actor runs, with each policy."""
    queued: list[tuple[int, int]] = []
    dropped: list[tuple[int, int]] = []
    log: list[Any] = []
    room = len(numbers) if capacity is None else capacity
    async with Kernel("priorities") as kernel:
        mailbox = Mailbox(capacity, overflow, order="priority")
        ref = kernel.spawn(behaviour, log, mailbox=mailbox)
        for number, priority in enumerate(numbers):
            message = (priority, number)
            refused = False
            try:
                ref.send(message, priority=priority)
            except MailboxFull:
                refused = True
            if len(queued) < room:
                queued.append(message)
            elif overflow == "drop_old":
                queued.append(message)
                least = min(queued)
                queued.remove(least)
                dropped.append(least)
            elif overflow == "drop_new":
                dropped.append(message)
            else:
                assert refused
                continue
            assert not refused
            assert ref.mailbox_length == len(queued)
        ref.stop()
        await ref.wait()
        assert log == sorted(queued, key=lambda message: (-message[0], message[1]))
        assert [letter.message for letter in kernel.dead_letters.recent()] == dropped
        assert kernel.statistics().handled == len(queued)


@given(
    behaviour=st.sampled_from([Logs, logs_process]),
    overflow=st.sampled_from(get_args(Overflow)),
    capacity=st.none() | st.integers(1, 5),
    numbers=st.lists(priorities, max_size=20),
)
def test_a_bounded_mailbox_drops_and_keeps_by_priority(
    behaviour: Any, overflow: Overflow, capacity: int | None, numbers: list[int]
) -> None:
    asyncio.run(compare(behaviour, overflow, capacity, numbers))
