"""Mailboxes in order of priority: the highest first, equal ones as they came, signals last."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorRef,
    DeadLetter,
    Down,
    Exit,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

BY_PRIORITY = Mailbox(order="priority")


class Plain(Actor[Any]):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append(message)
        return message


class Waits(Plain):
    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        return super().receive(message)


class HasInit(Waits):
    async def init(self) -> None:
        await asyncio.sleep(0)


async def process(inbox: Inbox[Any], log: list[Any]) -> None:
    async for message in inbox:
        log.append(message)
        inbox.context.defer_reply().send(message)


each = pytest.mark.parametrize("behaviour", [Plain, Waits, HasInit, process])


async def end(ref: ActorRef[Any]) -> None:
    ref.stop()
    await ref.wait()


@each
async def test_a_higher_priority_is_taken_first_and_equal_ones_as_they_came(
    kernel: Kernel, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=BY_PRIORITY)
    ref.send("plain 1")
    ref.send("low", priority=-1)
    ref.send("high 1", priority=5)
    ref.send("plain 2")
    await ref.put("high 2", priority=5)
    ref.send("middle", priority=1)
    await end(ref)
    assert log == ["high 1", "high 2", "middle", "plain 1", "plain 2", "low"]
    assert kernel.dead_letters.count == 0


@each
async def test_a_request_is_as_urgent_as_it_says(kernel: Kernel, behaviour: Any) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=BY_PRIORITY)
    ref.send("plain")
    asking = [
        asyncio.create_task(ref.request(f"asked {priority}", priority=priority))
        for priority in (0, 9)
    ]
    assert await asyncio.gather(*asking) == ["asked 0", "asked 9"]
    await end(ref)
    assert sorted(log) == ["asked 0", "asked 9", "plain"]
    assert log.index("plain") < log.index("asked 0")


async def test_an_urgent_message_overtakes_those_that_wait_while_a_handler_is_suspended(
    kernel: Kernel, until: Until
) -> None:
    gate = asyncio.Event()
    log: list[Any] = []

    class Gated(Actor[Any]):
        async def receive(self, message: Any) -> None:
            log.append(message)
            await gate.wait()

    ref = kernel.spawn(Gated, mailbox=BY_PRIORITY)
    ref.send(0)
    await until(lambda: log == [0])
    for number in (1, 2):
        ref.send(number)
    ref.send("urgent", priority=1)
    assert ref.mailbox_length == 3
    gate.set()
    await end(ref)
    assert log == [0, "urgent", 1, 2]


async def test_selective_receive_looks_in_order_of_priority_again_when_something_comes(
    kernel: Kernel,
) -> None:
    got: list[Any] = []

    async def picky(inbox: Inbox[Any]) -> None:
        got.append(await inbox.receive(lambda message: str(message).startswith("wanted")))
        got.append(await inbox.receive())
        got.append(await inbox.receive())

    ref = await kernel.start(picky, mailbox=BY_PRIORITY)
    ref.send("first")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.send("urgent", priority=1)
    ref.send("wanted, and most urgent", priority=2)
    assert await ref.wait() == "normal"
    assert got == ["wanted, and most urgent", "urgent", "first"]


@pytest.mark.rule("ORD-02")
@each
async def test_no_down_or_exit_overtakes_what_the_dead_actor_had_sent(
    kernel: Kernel, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = await kernel.start(behaviour, log, mailbox=BY_PRIORITY)

    class Dies(Actor[Any]):
        def receive(self, message: Any) -> None:
            for priority in (-7, 3, 0):
                ref.send(priority, priority=priority)
            self.context.stop("over")

    ref._traits |= 1  # traps exits, as if it had said so itself
    dies = kernel.spawn(Dies)
    monitor = kernel.monitor(ref, dies)
    kernel.link(ref, dies)
    dies.send("die")
    await dies.wait()
    ref.send("later")
    ref.send("later, low", priority=-9)
    await end(ref)
    assert {Down(dies, "over", monitor), Exit(dies, "over")} == {
        message for message in log if isinstance(message, Down | Exit)
    }
    news = min(index for index, message in enumerate(log) if isinstance(message, Down | Exit))
    assert [message for message in log[:news] if isinstance(message, int)] == [3, 0, -7]
    assert log[-1] == "later, low" or isinstance(log[-1], Down | Exit)


@each
async def test_a_stop_comes_after_all_that_was_sent_before_it(
    kernel: Kernel, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=BY_PRIORITY)
    ref.send("low", priority=-100)
    ref.stop("over")
    ref.send("lower, and after the stop", priority=-101)
    assert await ref.wait() == "over"
    assert log == ["low"]
    assert [letter.message for letter in kernel.dead_letters.recent()] == [
        "lower, and after the stop"
    ]


@each
async def test_drop_old_drops_the_oldest_of_the_lowest_priority(
    kernel: Kernel, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=Mailbox(3, "drop_old", order="priority"))
    ref.send("high", priority=1)
    ref.send("low 1", priority=-1)
    ref.send("low 2", priority=-1)
    ref.send("plain 1")
    ref.send("plain 2")
    ref.send("lowest of all, and so itself the one", priority=-2)
    with pytest.raises(MailboxFull):
        await ref.request("the same for a request", priority=-3)
    ref.send("plain 3")
    await end(ref)
    assert log == ["high", "plain 2", "plain 3"]
    assert kernel.dead_letters.recent() == (
        DeadLetter("low 1", ref, "full"),
        DeadLetter("low 2", ref, "full"),
        DeadLetter("lowest of all, and so itself the one", ref, "full"),
        DeadLetter("the same for a request", ref, "full", request=True),
        DeadLetter("plain 1", ref, "full"),
    )


@each
async def test_no_policy_drops_a_signal_and_no_capacity_counts_it(
    kernel: Kernel, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=Mailbox(1, "drop_old", order="priority"))
    others = [kernel.spawn(Plain, []) for _ in range(3)]
    downs = []
    for other in others:
        monitor = kernel.monitor(ref, other)
        other.kill()
        downs.append(Down(other, "killed", monitor))
    ref.send("dropped", priority=-1)
    ref.send("kept", priority=-1)
    await end(ref)
    assert log == [*downs, "kept"]


async def test_whoever_puts_the_most_urgent_message_gets_room_first(
    kernel: Kernel, until: Until
) -> None:
    gate = asyncio.Event()
    log: list[Any] = []

    class Gated(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await gate.wait()
            log.append(message)

    ref = kernel.spawn(Gated, mailbox=Mailbox(1, order="priority"))
    ref.send("in hand")
    await until(lambda: ref.mailbox_length == 0)
    ref.send("queued")
    putting = []
    for message, priority in [("a", 0), ("b", 2), ("c", 1), ("d", 2)]:
        putting.append(asyncio.create_task(ref.put(message, priority=priority)))
        await asyncio.sleep(0)
    with pytest.raises(MailboxFull):
        ref.send("no room, however urgent", priority=9)
    gate.set()
    await asyncio.gather(*putting)
    await end(ref)
    assert log == ["in hand", "queued", "b", "d", "c", "a"]


async def test_a_kept_mailbox_keeps_its_order(kernel: Kernel) -> None:
    log: list[Any] = []

    class Child(Actor[Any]):
        def receive(self, message: Any) -> None:
            if message == "poison":
                raise ValueError("poisoned")
            log.append(message)

    class Parent(Actor[Any]):
        def receive(self, message: Any) -> object:
            return message(self.context) if callable(message) else None

    kept = Mailbox(keep_on_restart=True, order="priority")
    parent = kernel.spawn(Parent)
    child = await parent.request(lambda context: context.spawn_child(Child, mailbox=kept))
    child.send("plain")
    child.send("low", priority=-1)
    child.send("poison", priority=9)
    child.send("high", priority=1)
    await child.wait()
    child.send("while it is away", priority=1)
    second = await parent.request(
        lambda context: context.spawn_child(Child, mailbox=kept, adopt=child)
    )
    second.send("highest", priority=2)
    await end(second)
    assert log == ["highest", "high", "while it is away", "plain", "low"]
    await parent.request(lambda context: context.release(second))


async def test_a_flushed_down_leaves_the_order_as_it_was(kernel: Kernel) -> None:
    log: list[Any] = []
    other = kernel.spawn(Plain, [])

    class Flushes(Actor[Any]):
        def receive(self, message: Any) -> None:
            log.append(message)
            if message == "flush":
                self.context.demonitor(monitor, flush=True)

    ref = kernel.spawn(Flushes, mailbox=BY_PRIORITY)
    monitor = kernel.monitor(ref, other)
    ref.send("flush", priority=9)
    ref.send("b")
    ref.send("a", priority=1)
    other.kill()
    ref.send("c", priority=-1)
    await end(ref)
    assert log == ["flush", "a", "b", "c"]


async def test_a_priority_where_there_is_no_such_order_is_refused(kernel: Kernel) -> None:
    for mailbox in (Mailbox(), Mailbox(3)):
        ref = kernel.spawn(Plain, [], mailbox=mailbox, name="orderly")
        with pytest.raises(ValueError, match='order="priority"'):
            ref.send("urgent", priority=1)
        with pytest.raises(ValueError, match='order="priority"'):
            await ref.put("urgent", priority=1)
        with pytest.raises(ValueError, match='order="priority"'):
            await ref.request("urgent", priority=1)
        with pytest.raises(ValueError, match='order="priority"'):
            kernel.named("orderly").send("urgent", priority=1)
        await end(ref)
    assert kernel.dead_letters.count == 0


async def test_a_name_leads_to_the_same_options(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Plain, log, mailbox=BY_PRIORITY, name="named")
    named = kernel.named("named")
    named.send("plain")
    named.send("urgent", priority=1)
    await named.put("more urgent", priority=2)
    assert await named.request("most urgent", priority=3) == "most urgent"
    await end(ref)
    assert log == ["most urgent", "more urgent", "urgent", "plain"]
    named.send("nobody", priority=1)
    assert kernel.dead_letters.recent() == (DeadLetter("nobody", "named", "noproc"),)


@pytest.mark.parametrize("priority", ["high", 1.5, True])
async def test_a_priority_is_a_whole_number(kernel: Kernel, priority: Any) -> None:
    ref = kernel.spawn(Plain, [], mailbox=BY_PRIORITY)
    with pytest.raises(TypeError, match="whole number"):
        ref.send("message", priority=priority)


async def test_an_order_that_is_none_is_refused() -> None:
    order: Any = "lifo"
    with pytest.raises(ValueError, match="lifo"):
        Mailbox(order=order)


async def test_room_is_made_among_the_messages_that_a_waiting_process_has_refused(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []

    async def waits(inbox: Inbox[Any]) -> None:
        log.append(await inbox.receive(lambda message: message == "wanted"))

    ref = kernel.spawn(waits, mailbox=Mailbox(2, "drop_old", order="priority"))
    ref.send("low", priority=-1)
    ref.send("high", priority=1)
    await until(lambda: ref.mailbox_length == 2)
    for _ in range(5):  # both are looked at, and the process waits
        await asyncio.sleep(0)
    ref.send("wanted")
    await ref.wait()
    assert log == ["wanted"]
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["low", "high"]
