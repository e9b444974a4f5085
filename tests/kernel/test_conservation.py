"""No message is lost or doubled: each is handled, queued or a dead letter, whatever happens."""

import asyncio
import contextlib
import logging
import random
from contextvars import ContextVar
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
    RequestTimeout,
)
from airssys_wasm.testing.conservation import Balance, CountingRef, Ledger

LAST: ContextVar[object] = ContextVar("last")

MAILBOXES = [
    None,
    Mailbox(),
    Mailbox(order="priority"),
    *(
        Mailbox(3, overflow, order=order)
        for overflow in ("block", "reject", "drop_new", "drop_old")
        for order in ("fifo", "priority")
    ),
]


class Plain(Actor[Any]):
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def receive(self, message: Any) -> Any:
        match self.chance.randrange(40):
            case 0:
                raise ValueError("by chance")
            case 1:
                self.context.stop("by chance")
        return message


class Waits(Plain):
    async def receive(self, message: Any) -> Any:
        if self.chance.random() < 0.5:
            await asyncio.sleep(0)
        return super().receive(message)


async def process(inbox: Inbox[Any], chance: random.Random) -> None:
    async for message in inbox:
        if chance.random() < 0.3:
            await asyncio.sleep(0)
        inbox.context.defer_reply().send(message)
        if chance.random() < 0.02:
            break


class InOneTask(Waits):
    own_task = True


class OwnContext(Plain):
    """Has a context variable of its own, and so runs in tasks of its own."""

    def receive(self, message: Any) -> object:
        LAST.set(message)
        return super().receive(message)


EACH = [Plain, Waits, InOneTask, OwnContext, process]


async def trade(seed: int, steps: int) -> Balance:
    """A system in which everything happens; its balance once it has come to rest."""
    chance = random.Random(seed)
    ledger = Ledger()
    async with Kernel("trade") as kernel:
        refs: list[CountingRef] = []
        calls: list[asyncio.Task[Any]] = []

        def spawn() -> None:
            behaviour = chance.choice(EACH)
            mailbox = chance.choice(MAILBOXES)
            refs.append(ledger.ref(kernel.spawn(behaviour, chance, mailbox=mailbox)))

        async def call(ref: CountingRef, number: int) -> None:
            try:
                if chance.random() < 0.5:
                    await ref.put(number, ttl=chance.choice([None, 1e-9, 60]))
                else:
                    await ref.request(number, timeout=chance.choice([1e-4, 60]))
            except (MailboxFull, ActorExited, RequestTimeout):
                pass

        for number in range(steps):
            if len(refs) < 3:
                spawn()
            ref = chance.choice(refs)
            match chance.randrange(12):
                case 0:
                    spawn()
                case 1:
                    chance.choice([ref.target.kill, ref.target.stop])()
                case 2:
                    await asyncio.sleep(0)
                case 3 | 4 | 5:
                    calls.append(asyncio.ensure_future(call(ref, number)))
                case 6:
                    if calls:
                        chance.choice(calls).cancel()
                case _:
                    with contextlib.suppress(MailboxFull):
                        ref.send(number)
        await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 20)
        for ref in refs:
            ref.target.stop()
            await ref.target.wait()
        for _ in range(20):  # what is left of killed code has a message in hand
            await asyncio.sleep(0)
        return ledger.balance(kernel)


@pytest.fixture(autouse=True)
def no_log() -> Any:
    log = logging.getLogger("airssys_wasm.kernel")
    log.disabled = True
    yield
    log.disabled = False


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_what_was_sent_is_handled_or_queued_or_a_dead_letter(seed: int, steps: int) -> None:
    balance = asyncio.run(trade(seed, steps))
    assert balance.holds, balance


@pytest.mark.parametrize("mailbox", MAILBOXES, ids=str)
@pytest.mark.parametrize("behaviour", EACH)
def test_the_balance_is_exact_where_nobody_waits(behaviour: Any, mailbox: Mailbox | None) -> None:
    async def main() -> None:
        ledger = Ledger()
        async with Kernel("exact") as kernel:
            for seed in range(20):
                ref = ledger.ref(kernel.spawn(behaviour, random.Random(seed), mailbox=mailbox))
                for number in range(50):
                    try:
                        ref.send(number)
                    except MailboxFull:
                        await asyncio.sleep(0)
                assert ledger.balance(kernel).unsure == 0
                if seed % 3 == 0:
                    ref.target.kill()
                ref.target.stop()
                await ref.target.wait()
                for _ in range(5):  # what is left of killed code has a message in hand
                    await asyncio.sleep(0)
                balance = ledger.balance(kernel)
                assert balance.missing == 0, balance

    asyncio.run(main())


def test_a_lost_message_and_a_doubled_one_are_noticed() -> None:
    assert not Balance(sent=5, unsure=0, handled=3, queued=0, dead=1).holds
    assert not Balance(sent=5, unsure=0, handled=5, queued=1, dead=0).holds
    assert not Balance(sent=5, unsure=1, handled=5, queued=1, dead=1).holds
    assert Balance(sent=5, unsure=1, handled=5, queued=1, dead=0).holds
