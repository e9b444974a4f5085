"""What a fault in mailboxes would break, seen from outside."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    Continue,
    DeadLetter,
    Down,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
)
from airssys_wasm.kernel.mailbox import Order, Overflow
from airssys_wasm.kernel.message import Stamped, StopEntry
from airssys_wasm.kernel.priorities import PriorityQueue
from tests.kernel.cast import Held, Lasting, Message, held_process
from tests.kernel.conftest import Until

pytestmark = pytest.mark.anyio

each = pytest.mark.parametrize("behaviour", [Held, held_process])

each_order = pytest.mark.parametrize("order", ["fifo", "priority"])


async def test_a_message_that_is_taken_makes_room_for_one_and_not_for_two(
    kernel: Kernel, until: Until
) -> None:
    steps = asyncio.Semaphore(0)

    class Steps(Actor[int]):
        async def receive(self, message: int) -> None:
            await steps.acquire()

    ref = kernel.spawn(Steps, mailbox=Mailbox(2, "block"))
    ref.send(0)
    await until(lambda: ref.mailbox_length == 0)
    ref.send(1)
    ref.send(2)
    putting = [asyncio.create_task(ref.put(number)) for number in (3, 4)]
    await asyncio.sleep(0)
    steps.release()
    await until(lambda: putting[0].done())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not putting[1].done()
    assert ref.mailbox_length == 2
    for _ in range(4):
        steps.release()
    await asyncio.gather(*putting)


@each
@each_order
async def test_a_put_that_is_cancelled_is_forgotten_at_once(
    kernel: Kernel, until: Until, behaviour: Any, order: Order
) -> None:
    gate = asyncio.Event()
    ref = kernel.spawn(behaviour, gate, [], mailbox=Mailbox(1, order=order))
    ref.send("held")
    await until(lambda: ref.mailbox_length == 0)
    ref.send("waits")
    message = Message()
    gone = weakref.ref(message)
    putting = asyncio.create_task(ref.put(message))
    del message
    await asyncio.sleep(0)
    putting.cancel()
    await asyncio.wait([putting])
    del putting
    await until(lambda: gone() is None)
    gate.set()


@each
async def test_room_goes_past_a_put_that_is_cancelled_in_the_same_turn(
    kernel: Kernel, until: Until, behaviour: Any
) -> None:
    gate, log = asyncio.Event(), list[Any]()
    ref = kernel.spawn(behaviour, gate, log, mailbox=Mailbox(1))
    ref.send("held")
    await until(lambda: ref.mailbox_length == 0)
    ref.send("waits")
    cancelled, patient = [asyncio.create_task(ref.put(m)) for m in ("cancelled", "patient")]
    await asyncio.sleep(0)
    gate.set()
    cancelled.cancel()
    await until(patient.done)
    await until(lambda: len(log) == 3)
    assert cancelled.cancelled()
    assert log == ["held", "waits", "patient"]


@each
@each_order
async def test_a_mailbox_that_has_dropped_has_all_its_room_again_when_it_is_empty(
    kernel: Kernel, until: Until, behaviour: Any, order: Order
) -> None:
    gate, log = asyncio.Event(), list[Any]()
    ref = kernel.spawn(behaviour, gate, log, mailbox=Mailbox(2, "drop_old", order=order))
    for number in range(9):
        ref.send(number)
    gate.set()
    await until(lambda: len(log) == 2)
    dropped = kernel.dead_letters.count
    ref.send("one")
    ref.send("two")
    await until(lambda: len(log) == 4)
    assert log[2:] == ["one", "two"]
    assert kernel.dead_letters.count == dropped == 7


@each_order
@pytest.mark.parametrize("busy", [False, True])
@each
async def test_the_news_of_a_death_is_not_dropped_as_the_oldest(
    kernel: Kernel, until: Until, behaviour: Any, busy: bool, order: Order
) -> None:
    gate, log = asyncio.Event(), list[Any]()
    ref = await kernel.start(behaviour, gate, log, mailbox=Mailbox(1, "drop_old", order=order))
    dead = kernel.spawn(Held, gate, [])
    dead.kill()
    if busy:
        ref.send("held")
        await until(lambda: ref.mailbox_length == 0)
    monitor = kernel.monitor(ref, dead)
    ref.send("oldest message")
    ref.send("newest message")
    gate.set()
    ref.stop()
    await ref.wait()
    assert log[busy:] == [Down(dead, "noproc", monitor), "newest message"]


@pytest.mark.parametrize("overflow", ["block", "reject", "drop_new", "drop_old"])
async def test_the_mailbox_of_an_actor_that_terminates_is_never_full(
    kernel: Kernel, until: Until, overflow: Any
) -> None:
    gate = asyncio.Event()
    ref = await kernel.start(Lasting, gate, [], mailbox=Mailbox(1, overflow))
    ref.exit("over")
    ref.send(1)
    ref.send(2)
    await ref.put(3)
    assert kernel.dead_letters.recent() == tuple(
        DeadLetter(number, ref, "noproc") for number in (1, 2, 3)
    )
    gate.set()
    assert await ref.wait() == "over"


async def test_of_equal_messages_the_one_that_was_collected_is_older_and_dropped(
    kernel: Kernel, until: Until
) -> None:
    got: list[Any] = []

    async def picky(inbox: Inbox[Any]) -> None:
        got.append(await inbox.receive(lambda message: message == "wanted"))
        got.append(await inbox.receive())

    ref = await kernel.start(picky, mailbox=Mailbox(2, "drop_old", order="priority"))
    ref.send("collected")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.send("arrived")
    ref.send("wanted")
    assert await ref.wait() == "normal"
    assert got == ["wanted", "arrived"]
    assert kernel.dead_letters.recent() == (DeadLetter("collected", ref, "full"),)


@each
@each_order
async def test_a_signal_that_was_taken_makes_no_room(
    kernel: Kernel, until: Until, behaviour: Any, order: Order
) -> None:
    gate, log = asyncio.Event(), list[Any]()
    ref = await kernel.start(behaviour, gate, log, mailbox=Mailbox(1, order=order))
    dead = kernel.spawn(Held, gate, [])
    dead.kill()
    gate.set()
    kernel.monitor(ref, dead)
    await until(lambda: len(log) == 1)
    gate.clear()
    ref.send("held")
    await until(lambda: ref.mailbox_length == 0)
    ref.send("waits")
    with pytest.raises(MailboxFull):
        ref.send("one too many")
    gate.set()
    await until(lambda: len(log) == 3)


def test_an_urgent_message_is_taken_before_a_signal_whatever_was_there_with_it() -> None:
    stop = StopEntry("over")
    for before in ([], [Stamped("most urgent", 3)]):
        queue = PriorityQueue([*before, stop, Stamped("urgent", 1)])
        assert list(queue)[-1] is stop


@pytest.mark.parametrize("overflow", ["drop_new", "drop_old"])
async def test_what_a_mailbox_has_dropped_is_counted(kernel: Kernel, overflow: Overflow) -> None:
    ref = kernel.spawn(held_process, asyncio.Event(), [], mailbox=Mailbox(2, overflow))
    for number in range(5):
        ref.send(number)
    assert kernel.info(ref).dropped == 3


class Continues(Actor[Any]):
    """At "first" sends itself a message and goes on with a continuation."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append(message)
        if message == "first":
            self.context.ref.send("sent by itself")
            return Continue("continued")
        return None

    def handle_continue(self, value: Any) -> None:
        self.log.append(value)


async def test_a_continuation_leaves_the_rest_of_the_mailbox_in_its_order(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = await kernel.start(Continues, log)
    for message in ("zeroth", "first", "second", "third"):
        ref.send(message)
    await until(lambda: len(log) == 6)
    assert log == ["zeroth", "first", "continued", "second", "third", "sent by itself"]
