"""Bounded mailboxes against a plain list: any sequence of sends, puts, requests and takings."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import Actor, ActorRef, Inbox, Kernel, Mailbox, MailboxFull
from airssys_wasm.kernel.mailbox import Overflow

Step = Literal["send", "put", "request", "take", "cancel oldest put", "cancel newest put"]


class Turnstile(Actor[int]):
    """Handles one message for each `release` of the turnstile."""

    def __init__(self, turns: asyncio.Semaphore, log: list[int]) -> None:
        self.turns = turns
        self.log = log

    async def receive(self, message: int) -> int:
        await self.turns.acquire()
        self.log.append(message)
        return message


async def turnstile_process(inbox: Inbox[int], turns: asyncio.Semaphore, log: list[int]) -> None:
    async for message in inbox:
        await turns.acquire()
        log.append(message)
        inbox.context.defer_reply().send(message)


@dataclass
class Model:
    """What a mailbox with this policy holds, and what has become of every message."""

    capacity: int
    overflow: Overflow
    in_hand: int | None = None
    queue: deque[int] = field(default_factory=deque)
    waiting: deque[int] = field(default_factory=deque)
    handled: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)

    def offer(self, message: int, *, can_wait: bool) -> Literal["queued", "waits", "refused"]:
        if len(self.queue) < self.capacity:
            self.queue.append(message)
            self.advance()
            return "queued"
        match self.overflow:
            case "block" if can_wait:
                self.waiting.append(message)
                return "waits"
            case "block" | "reject":
                return "refused"
            case "drop_new":
                self.dropped.append(message)
            case "drop_old":
                self.dropped.append(self.queue.popleft())
                self.queue.append(message)
        return "queued"

    def take(self) -> None:
        if self.in_hand is not None:
            self.handled.append(self.in_hand)
            self.in_hand = None
        self.advance()

    def advance(self) -> None:
        if self.in_hand is None and self.queue:
            self.in_hand = self.queue.popleft()
            if self.waiting:
                self.queue.append(self.waiting.popleft())


async def settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


async def compare(behaviour: Any, mailbox: Mailbox, steps: list[Step]) -> None:
    model = Model(mailbox.capacity or 0, mailbox.overflow)
    async with Kernel("mailboxes") as kernel:
        turns = asyncio.Semaphore(0)
        log: list[int] = []
        ref: ActorRef[Any] = await kernel.start(behaviour, turns, log, mailbox=mailbox)
        puts: dict[int, asyncio.Task[Any]] = {}
        for number, step in enumerate(steps):
            match step:
                case "send":
                    expected = model.offer(number, can_wait=False)
                    try:
                        ref.send(number)
                        assert expected == "queued"
                    except MailboxFull:
                        assert expected == "refused"
                case "put" | "request":
                    expected = model.offer(number, can_wait=True)
                    call = ref.put(number) if step == "put" else ref.request(number, timeout=None)
                    puts[number] = task = asyncio.ensure_future(call)
                    await settle()
                    if expected == "refused":
                        assert isinstance(task.exception(), MailboxFull)
                    elif step == "put":
                        assert task.done() == (expected == "queued")
                case "take":
                    if model.in_hand is not None:
                        turns.release()
                    model.take()
                case "cancel oldest put" | "cancel newest put":
                    waiting = [number for number in model.waiting if not puts[number].done()]
                    if waiting:
                        chosen = waiting[0 if step == "cancel oldest put" else -1]
                        puts[chosen].cancel()
                        model.waiting.remove(chosen)
            await settle()
            assert log == model.handled
            assert ref.mailbox_length == len(model.queue)
            dropped = [letter.message for letter in kernel.dead_letters.recent()]
            assert dropped == model.dropped
            for message in [*model.queue, *model.handled]:
                if message in puts and steps[message] == "put":
                    assert puts[message].done()
        ref.kill()
        await settle()
        left = [letter.message for letter in kernel.dead_letters.recent() if not letter.crashed]
        rest = [*model.queue, *model.waiting]
        assert [message for message in left if message not in model.dropped] == rest
        await asyncio.gather(*puts.values(), return_exceptions=True)


@given(
    behaviour=st.sampled_from([Turnstile, turnstile_process]),
    capacity=st.integers(1, 4),
    overflow=st.sampled_from(get_args(Overflow)),
    steps=st.lists(st.sampled_from(get_args(Step)), max_size=40),
)
def test_a_bounded_mailbox_does_what_its_policy_says(
    behaviour: Any, capacity: int, overflow: Overflow, steps: list[Step]
) -> None:
    asyncio.run(compare(behaviour, Mailbox(capacity, overflow), steps))
