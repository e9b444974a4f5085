"""What a fault in requests would break, seen from outside."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorExited, ActorRef, Exit, Kernel, Mailbox, RequestTimeout
from tests.kernel.cast import Clock, Held, Lasting, Message, Sends, SendsAsync, ShortSlices
from tests.kernel.conftest import Until
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio


class Defers(Actor[Any]):
    """Defers a reply to "defer", and returns any other message."""

    def receive(self, message: Any) -> object:
        if message == "defer":
            self.context.defer_reply()
        return message


class DefersAsync(Actor[Any]):
    """The same in a coroutine."""

    async def receive(self, message: Any) -> object:
        if message == "defer":
            self.context.defer_reply()
        return message


@pytest.mark.parametrize("behaviour", [Defers, DefersAsync])
@pytest.mark.parametrize("mailbox", [None, Mailbox(9)])
@pytest.mark.parametrize("idle", [False, True])
async def test_a_reply_that_nobody_had_asked_for_does_not_become_that_of_the_next_request(
    kernel: Kernel, until: Until, behaviour: Any, mailbox: Mailbox | None, idle: bool
) -> None:
    ref = await kernel.start(behaviour, mailbox=mailbox)
    before = kernel.statistics().handled
    ref.send("defer")
    if idle:
        await until(lambda: kernel.statistics().handled > before)
    assert await ref.request("ask", timeout=0.2) == "ask"


async def test_a_request_that_is_answered_in_the_turn_of_its_timeout_has_its_reply(
    anyio_backend: object, until: Until
) -> None:
    clock, replies = Clock(), list[Any]()

    class Keeps(Actor[Any]):
        def receive(self, message: Any) -> None:
            replies.append(self.context.defer_reply())

    async with Kernel("timed", platform=clock) as kernel:
        asking = asyncio.create_task(kernel.spawn(Keeps).request("ask", timeout=1))
        await until(lambda: replies)
        await until(lambda: kernel.statistics().timers)
        replies[0].send("just in time")
        clock.move(1_002.0)
        assert await asking == "just in time"


class Asks(Actor[Any]):
    """Asks the next one, or answers itself."""

    def __init__(self, following: ActorRef[Any] | None) -> None:
        self.following = following

    async def receive(self, message: Any) -> object:
        if self.following is None:
            return 1
        return 1 + await self.following.request(message)


async def test_requests_through_a_long_chain_of_idle_actors_are_answered(kernel: Kernel) -> None:
    ref: ActorRef[Any] | None = None
    for _ in range(40):
        ref = await kernel.start(Asks, ref)
    assert ref is not None
    assert await ref.request("count") == 40


@pytest.mark.parametrize("behaviour", [Defers, DefersAsync])
@pytest.mark.parametrize("mailbox", [None, Mailbox(9)])
async def test_a_request_that_was_answered_is_not_kept(
    kernel: Kernel, until: Until, behaviour: Any, mailbox: Mailbox | None
) -> None:
    ref = await kernel.start(behaviour, mailbox=mailbox)
    message = Message()
    gone = weakref.ref(message)
    ref.send("so that the request has to wait in the mailbox")
    assert await ref.request(message) is message
    del message
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


async def test_who_runs_in_a_request_that_is_answered_at_once_is_its_target(kernel: Kernel) -> None:
    told: list[Any] = []

    class Traps(Actor[Any]):
        def init(self) -> None:
            self.context.trap_exit = True

        def receive(self, message: Any) -> None:
            told.append(message)

    class Ends(Actor[Any]):
        def receive(self, message: Any) -> None:
            other.exit("told")

    class Asks(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await target.request("end")

    other = await kernel.start(Traps)
    target, asker = kernel.spawn(Ends), kernel.spawn(Asks)
    await asker.request("ask")
    await other.request("sync")
    assert told == [Exit(target, "told"), "sync"]


async def test_a_request_to_an_actor_that_terminates_is_refused_and_is_no_dead_letter(
    kernel: Kernel, until: Until
) -> None:
    gate = asyncio.Event()
    ref = kernel.spawn(Lasting, gate, [])
    ref.send("message")
    ref.stop()
    for _ in range(5):
        await asyncio.sleep(0)
    with pytest.raises(ActorExited) as refused:
        await ref.request("late")
    assert refused.value.reason == "noproc"
    assert kernel.dead_letters.count == 0
    gate.set()
    await ref.wait()


async def test_a_request_that_gave_up_waiting_for_room_is_never_delivered(
    anyio_backend: object, until: Until
) -> None:
    clock, gate = SetClock(), asyncio.Event()
    log: list[str] = []
    async with Kernel("room", platform=clock) as kernel:
        ref = kernel.spawn(Held, gate, log, mailbox=Mailbox(1, "block"))
        ref.send("in hand")
        await until(lambda: ref.mailbox_length == 0)
        ref.send("queued")
        late = asyncio.create_task(ref.request("late", timeout=1.0))
        await asyncio.sleep(0)
        await clock.advance(1.0)
        with pytest.raises(RequestTimeout):
            await late
        gate.set()
        await until(lambda: len(log) == 2)
        for _ in range(5):
            await asyncio.sleep(0)
    assert log == ["in hand", "queued"]


async def test_what_is_left_of_an_actor_that_kills_itself_over_a_request_is_cancelled(
    kernel: Kernel, until: Until
) -> None:
    cancelled: list[str] = []

    class Kills(Actor[str]):
        async def receive(self, message: str) -> str:
            if message == "kill":
                self.context.ref.kill()
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    cancelled.append(message)
                    raise
            return message

    ref = kernel.spawn(Kills)
    assert await ref.request("warm up") == "warm up"
    for _ in range(5):  # a worker rests, so that the request runs the handler at once
        await asyncio.sleep(0)
    with pytest.raises(ActorExited):
        await ref.request("kill")
    await until(lambda: cancelled)


async def test_a_request_in_a_long_backlog_of_a_plain_actor_is_answered(
    anyio_backend: object,
) -> None:
    class Echoes(Actor[int]):
        def receive(self, message: int) -> int:
            return message

    async with Kernel("echo", platform=ShortSlices()) as kernel:
        ref = kernel.spawn(Echoes)
        for number in range(30):
            ref.send(number)
        asked = asyncio.create_task(ref.request(1_000))
        await asyncio.sleep(0)
        for number in range(30):
            ref.send(number)
        assert await asked == 1_000


@pytest.mark.parametrize("behaviour", [Sends, SendsAsync])
async def test_what_an_actor_sends_itself_during_a_request_is_handled_without_another_event(
    kernel: Kernel, until: Until, behaviour: Any
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log)
    for _ in range(5):
        await asyncio.sleep(0)
    assert await ref.request("ask") == "ask"
    await until(lambda: len(log) == 2)
    ref.send("ask")
    await until(lambda: len(log) == 4)
    assert log == ["ask", "sent", "ask", "sent"]


@pytest.mark.parametrize("how", ["exit", "kill"])
async def test_an_actor_that_ends_itself_during_a_request_and_then_waits_is_woken(
    kernel: Kernel, until: Until, how: str
) -> None:
    log: list[Any] = []

    class Ends(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if how == "exit":
                self.context.ref.exit("over")
            else:
                self.context.ref.kill()
            try:
                await asyncio.Event().wait()
            finally:
                log.append("woken")

    ref = kernel.spawn(Ends)
    for _ in range(5):
        await asyncio.sleep(0)
    with pytest.raises(ActorExited):
        await ref.request("ask", timeout=60)
    await until(lambda: log)
