"""What no other test here looks at: each was written for a fault that was planted and not found."""

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Continue,
    DeadLetter,
    Down,
    Exit,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
    RealPlatform,
    RequestTimeout,
    SelfRequest,
)
from airssys_wasm.kernel.groups import Groups
from airssys_wasm.kernel.mailbox import Order, Overflow
from airssys_wasm.kernel.message import Stamped, StopEntry
from airssys_wasm.kernel.priorities import PriorityQueue
from airssys_wasm.kernel.timers import TimerWheel
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Held(Actor[Any]):
    """Holds each message until the gate opens, then notes it."""

    def __init__(self, gate: asyncio.Event, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    async def receive(self, message: Any) -> None:
        await self.gate.wait()
        self.log.append(message)


async def held_process(inbox: Inbox[Any], gate: asyncio.Event, log: list[Any]) -> None:
    async for message in inbox:
        await gate.wait()
        log.append(message)


class Lasting(Actor[Any]):
    """Takes its time to terminate, and notes what it gets."""

    def __init__(self, gate: asyncio.Event, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    def receive(self, message: Any) -> None:
        self.log.append(message)

    async def terminate(self, reason: object) -> None:
        await self.gate.wait()


class Message:
    """Something that a weak reference can point to."""


each = pytest.mark.parametrize("behaviour", [Held, held_process])
each_order = pytest.mark.parametrize("order", ["fifo", "priority"])


# --- mailboxes


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


# --- processes


async def test_what_a_receive_has_refused_while_it_waited_the_next_one_gets(
    kernel: Kernel, until: Until
) -> None:
    log: list[str] = []

    async def choosy(inbox: Inbox[str]) -> None:
        log.append(await inbox.receive(lambda message: message == "wanted"))
        log.append(await inbox.receive(timeout=0))

    ref = kernel.spawn(choosy)
    ref.send("unwanted")
    for _ in range(5):  # it looks at that, and waits
        await asyncio.sleep(0)
    ref.send("wanted")
    await ref.wait()
    assert log == ["wanted", "unwanted"]


async def test_of_two_stops_the_first_gives_the_reason(kernel: Kernel) -> None:
    ref = kernel.spawn(held_process, asyncio.Event(), [])
    ref.stop("first")
    ref.stop("second")
    assert await ref.wait() == "first"


async def test_a_receive_that_is_over_leaves_no_timer(kernel: Kernel, until: Until) -> None:
    async def waits(inbox: Inbox[str]) -> None:
        await inbox.receive(timeout=100.0)
        await inbox.receive()

    ref = kernel.spawn(waits)
    await until(lambda: kernel.statistics().timers == 1)
    ref.send("message")
    await until(lambda: kernel.statistics().timers == 0)
    ref.send("message")
    await ref.wait()


# --- timers


class Clock(RealPlatform):
    """The real platform, but for a clock that only `move` sets, and timers that wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000.0
        self.now = lambda: self.time
        self._calls: dict[Wakeup, None] = {}

    def call_at(self, when: float, callback: Callable[[], None]) -> "Wakeup":  # type: ignore[override]
        wakeup = Wakeup(self._calls, when, callback)
        self._calls[wakeup] = None
        return wakeup

    def move(self, time: float) -> None:
        """Let it be `time`, and make all calls that are due by then, each in its time."""
        while due := [call for call in self._calls if call.when <= time]:
            first = min(due, key=lambda call: call.when)
            del self._calls[first]
            self.time = max(self.time, first.when)
            first.callback()
        self.time = time


class Wakeup:
    def __init__(
        self, calls: "dict[Wakeup, None]", when: float, callback: Callable[[], None]
    ) -> None:
        self._calls = calls
        self.when = when
        self.callback = callback

    def cancel(self) -> None:
        self._calls.pop(self, None)


class Notes(Actor[Any]):
    """Notes each message with the time."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> None:
        self.log.append((message, self.context.now()))


async def test_a_timer_that_is_due_before_all_others_brings_the_wake_up_forward(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        kernel.timers.send_after(ref, 3600, ref, "late")
        kernel.timers.send_after(ref, 1, ref, "early")
        clock.move(1_002.0)
        await until(lambda: log)
        assert [message for message, _ in log] == ["early"]


async def test_a_wake_up_for_a_timer_that_was_cancelled_plans_that_for_the_next(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        cancelled = kernel.timers.send_after(ref, 1, ref, "cancelled")
        kernel.timers.send_after(ref, 2, ref, "next")
        kernel.timers.cancel(cancelled)
        clock.move(1_003.0)
        await until(lambda: log)
        assert [message for message, _ in log] == ["next"]


async def test_a_timer_that_repeats_does_not_drift_when_it_fires_late(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        kernel.timers.send_every(ref, 0.0105, ref, "again")  # between two ticks of the wheel
        clock.move(1_001.0)
        await until(lambda: len(log) >= 90)
        await until(lambda: ref.mailbox_length == 0)
        assert len(log) == 95


def test_a_timer_that_comes_late_to_a_tick_keeps_its_place_in_it() -> None:
    wheel = TimerWheel()
    wheel.add(1.0018, print)
    assert wheel.due(1.0011) == []
    wheel.add(1.0012, print)
    assert [timer.due for timer in wheel.due(1.002)] == [1.0012, 1.0018]


async def test_a_timer_that_has_fired_is_none_of_its_owner_s_timers(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = await kernel.start(Notes, log)
    kernel.timers.send_after(ref, 0, ref, "now")
    await until(lambda: log)
    assert kernel.info(ref).timers == 0


# --- requests


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


async def test_a_handler_that_stops_its_actor_is_not_cancelled(kernel: Kernel) -> None:
    log: list[str] = []

    class Stops(Actor[str]):
        async def receive(self, message: str) -> None:
            self.context.stop()
            await asyncio.sleep(0)
            log.append("went on")

    ref = kernel.spawn(Stops)
    ref.send("stop")
    assert await ref.wait() == "normal"
    assert log == ["went on"]


async def test_an_actor_that_stops_itself_with_an_error_is_reported(kernel: Kernel) -> None:
    reports: list[object] = []
    kernel.on_crash(lambda report: reports.append(report.reason))

    class Stops(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.stop(message)

    for reason in ("disk is full", "shutdown"):
        ref = kernel.spawn(Stops)
        ref.send(reason)
        await ref.wait()
    assert reports == ["disk is full"]


OWNER: ContextVar[str] = ContextVar("owner")


@pytest.mark.parametrize("hook", ["init", "terminate"])
async def test_what_a_plain_hook_sets_no_other_hook_sees(kernel: Kernel, hook: str) -> None:
    seen: list[object] = []

    class Sets(Actor[Any]):
        def init(self) -> None:
            self.mark("init")

        def terminate(self, reason: object) -> None:
            self.mark("terminate")

        def mark(self, here: str) -> None:
            if here == hook:
                seen.append(OWNER.get(None))
                OWNER.set(repr(self.context.ref))

    refs = [kernel.spawn(Sets) for _ in range(3)]
    for ref in refs:
        ref.stop()
        await ref.wait()
    assert seen == [None, None, None]


class ShortSlices(RealPlatform):
    """Each look at the clock takes a millisecond: far more than a slice."""

    looks = 0

    def __init__(self) -> None:
        super().__init__()
        self.slice_clock = self.look

    def look(self) -> float:
        self.looks += 1
        return self.looks / 1_000


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


class Owns(Actor[Any]):
    """Has context variables of its own, and never waits."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> None:
        OWNER.set("mine")
        self.log.append(message)


async def test_an_idle_actor_with_a_context_of_its_own_is_ended(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Owns, log)
    for number in range(3):
        ref.send(number)
        await until(lambda: ref.mailbox_length == 0)
        await asyncio.sleep(0)
    ref.exit("over")
    assert await asyncio.wait_for(ref.wait(), 5) == "over"


async def test_an_actor_with_a_context_of_its_own_lets_others_run(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Owns, log)
    ref.send(0)
    await until(lambda: log)
    await asyncio.sleep(0)
    for number in range(1, 2_000):
        ref.send(number)
    while len(log) < 2_000:
        before = len(log)
        await asyncio.sleep(0)
        assert len(log) - before <= 512


@pytest.mark.parametrize("turns", range(5))
async def test_a_process_is_ended_at_any_moment_of_its_beginning(
    kernel: Kernel, turns: int
) -> None:
    ref = kernel.spawn(held_process, asyncio.Event(), [])
    for _ in range(turns):
        await asyncio.sleep(0)
    ref.exit("over")
    await asyncio.wait_for(ref.wait(), 5)
    assert not ref.is_alive


async def test_code_of_a_killed_actor_that_has_ended_is_watched_no_more(
    kernel: Kernel, until: Until
) -> None:
    ref = kernel.spawn(Held, asyncio.Event(), [])
    ref.send("message")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.kill()
    for _ in range(3):
        await asyncio.sleep(0)
    assert kernel.statistics().timers == 0


async def test_workers_that_somebody_cancels_are_replaced(kernel: Kernel, until: Until) -> None:
    problems: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    log: list[Any] = []
    ref = kernel.spawn(Lasting, asyncio.Event(), log)
    ref.send(1)
    await until(lambda: log)
    for task in asyncio.all_tasks():
        if "work()" in repr(task):
            task.cancel()
    ref.send(2)
    await until(lambda: len(log) == 2)
    for _ in range(5):
        await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert problems == []
    ref.kill()


async def test_a_link_to_oneself_is_none(kernel: Kernel) -> None:
    class Links(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.link(self.context.ref)

    ref = kernel.spawn(Links)
    await ref.request("link")
    assert kernel.info(ref).links == ()


# --- ends


async def collects(inbox: Inbox[Any], log: list[Any]) -> None:
    """Collects all that comes and wants none of it."""
    await inbox.receive(lambda message: False)


@pytest.mark.parametrize("behaviour", [Notes, collects])
async def test_what_a_killed_actor_had_not_handled_becomes_dead_letters_in_order(
    kernel: Kernel, behaviour: Any
) -> None:
    ref = await kernel.start(behaviour, [])
    for number in range(4):
        ref.send(number)
        if behaviour is collects and number == 1:
            for _ in range(5):
                await asyncio.sleep(0)
    ref.kill()
    assert [letter.message for letter in kernel.dead_letters.recent()] == [0, 1, 2, 3]


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


class Parent(Actor[Any]):
    """Calls messages with its context, and notes the others."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class Child(Actor[Any]):
    """Notes what it gets, and its end."""

    def __init__(self, log: list[Any], name: object) -> None:
        self.log = log
        self.name = name

    def receive(self, message: Any) -> None:
        self.log.append((self.name, message))

    def terminate(self, reason: object) -> None:
        self.log.append((self.name, "terminates"))


async def test_the_children_of_a_killed_parent_end_in_the_reverse_order_of_their_start(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    parent = await kernel.start(Parent, [])
    children = [
        await parent.request(lambda context, name=name: context.spawn_child(Child, log, name))
        for name in (1, 2, 3)
    ]
    await until(lambda: all(kernel.info(child).state == "idle" for child in children))
    parent.kill()
    for child in children:
        await child.wait()
    assert log == [(3, "terminates"), (2, "terminates"), (1, "terminates")]


async def test_a_stop_of_one_incarnation_does_not_stop_the_next(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    heard: list[Any] = []
    kept = Mailbox(keep_on_restart=True)
    parent = await kernel.start(Parent, heard)
    old = await parent.request(lambda context: context.spawn_child(Child, log, 1, mailbox=kept))
    await until(lambda: heard)
    old.send("kept")
    old.stop("over")
    old.kill()
    new = await parent.request(
        lambda context: context.spawn_child(Child, log, 2, mailbox=kept, adopt=old)
    )
    new.send("new")
    await until(lambda: len(log) == 2)
    assert log == [(2, "kept"), (2, "new")]
    assert new.is_alive


class Sends(Actor[Any]):
    """At "ask" sends itself a message."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append(message)
        if message == "ask":
            self.context.ref.send("sent")
        return message


class SendsAsync(Sends):
    """The same in a coroutine."""

    async def receive(self, message: Any) -> object:
        return super().receive(message)


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


async def test_an_actor_whose_handler_never_suspends_does_not_hold_up_others(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    busy, other = await kernel.start(SendsAsync, log), await kernel.start(SendsAsync, log)
    for number in range(5_000):
        busy.send(number)
    other.send("other")
    await until(lambda: len(log) == 5_001)
    assert log.index("other") < 4_000


# --- links and monitors


class Traps(Actor[Any]):
    """Traps exits, and notes what it gets."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def init(self) -> None:
        self.context.trap_exit = True

    def receive(self, message: Any) -> None:
        self.log.append(message)


class ParentOfOne(Actor[str]):
    """Has one linked child, which traps exits."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: str) -> ActorRef[Any]:
        return self.context.spawn(Traps, self.log, link=True)


@pytest.mark.parametrize("reason", ["normal", "shutdown", "error"])
async def test_the_end_of_its_parent_ends_a_linked_child_that_traps_exits(
    kernel: Kernel, reason: str
) -> None:
    log: list[Any] = []
    parent = kernel.spawn(ParentOfOne, log)
    child = await parent.request("spawn")
    await child.request("started")
    parent.stop(reason)
    assert await asyncio.wait_for(child.wait(), 5) == reason
    assert log == ["started"]


async def test_an_exit_with_the_reason_kill_is_not_trapped(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = await kernel.start(Traps, log)
    ref.exit("kill")
    assert await ref.wait() == "killed"
    assert log == []


async def test_a_normal_exit_that_an_actor_sends_itself_ends_it(kernel: Kernel) -> None:
    class Ends(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.ref.exit("normal")

    ref = kernel.spawn(Ends)
    ref.send("end")
    assert await asyncio.wait_for(ref.wait(), 5) == "normal"


async def test_an_actor_whose_init_fails_does_not_terminate(kernel: Kernel) -> None:
    terminated: list[object] = []

    class Fails(Actor[Any]):
        def init(self) -> None:
            raise OSError("no disk")

        def terminate(self, reason: object) -> None:
            terminated.append(reason)

    ref = kernel.spawn(Fails)
    await ref.wait()
    assert terminated == []


async def test_what_a_process_had_refused_is_the_first_of_its_dead_letters(
    kernel: Kernel, until: Until
) -> None:
    async def choosy(inbox: Inbox[str]) -> None:
        await inbox.receive(lambda message: message == "wanted")

    ref = kernel.spawn(choosy)
    ref.send("refused")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.send("not seen")
    ref.kill()
    messages = [letter.message for letter in kernel.dead_letters.recent()]
    assert messages == ["refused", "not seen"]


async def test_who_becomes_plain_after_it_has_waited_is_known_as_the_source_of_its_exits(
    kernel: Kernel, until: Until
) -> None:
    told: list[Any] = []

    class Traps(Actor[Any]):
        def init(self) -> None:
            self.context.trap_exit = True

        def receive(self, message: Any) -> None:
            told.append(message)

    class Changes(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.sleep(0)
            self.context.become(self.plain)

        def plain(self, message: Any) -> None:
            other.exit("told")

    other = kernel.spawn(Traps)
    ref = kernel.spawn(Changes, mailbox=Mailbox(5))
    ref.send(1)
    ref.send(2)
    await until(lambda: told)
    assert told == [Exit(ref, "told")]


async def test_a_child_task_of_a_handler_knows_whose_it_is(kernel: Kernel) -> None:
    class Asks(Actor[str]):
        async def receive(self, message: str) -> object:
            return await asyncio.create_task(self.ask())

        async def ask(self) -> object:
            with pytest.raises(SelfRequest):
                await self.context.ref.request("again", timeout=1.0)
            return "refused"

    first, second = kernel.spawn(Asks), kernel.spawn(Asks)
    assert await first.request("ask") == "refused"
    assert await second.request("ask") == "refused"


async def test_leftover_code_that_denies_its_cancellation_costs_no_other_actor_anything(
    anyio_backend: object, until: Until
) -> None:
    class Denies(Actor[str]):
        async def receive(self, message: str) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()

    clock = SetClock()
    async with Kernel("denial", platform=clock) as kernel:
        killed = kernel.spawn(Denies)
        killed.send("wait")
        for _ in range(5):
            await asyncio.sleep(0)
        killed.kill()
        for _ in range(5):  # its worker is free, as far as one can see
            await asyncio.sleep(0)
        gate = asyncio.Event()
        others = [kernel.spawn(Held, gate, []) for _ in range(5)]
        for other in others:
            other.send("message")
        for _ in range(5):
            await clock.advance(0.05)
        assert [other.is_alive for other in others] == [True] * 5
        gate.set()


async def test_what_a_batch_that_was_ended_has_left_is_not_counted_as_handled(
    kernel: Kernel,
) -> None:
    class Suspends(Actor[int]):
        def receive(self, message: int) -> None:
            kernel.suspend(self.context.ref)

    ref = kernel.spawn(Suspends)
    for number in range(5):
        ref.send(number)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (kernel.statistics().handled, ref.mailbox_length) == (1, 4)


async def test_a_long_backlog_is_handled_in_slices(anyio_backend: object, until: Until) -> None:
    log: list[int] = []

    class Logs(Actor[int]):
        def receive(self, message: int) -> None:
            log.append(message)

    async with Kernel("slices", platform=ShortSlices()) as kernel:
        ref = kernel.spawn(Logs)
        for number in range(1_000):
            ref.send(number)
        await until(lambda: log)
        assert len(log) <= 256
        await until(lambda: len(log) == 1_000)
    assert log == list(range(1_000))


async def test_callbacks_of_the_loop_get_some_turns_between_two_slices(
    anyio_backend: tuple[str, dict[str, bool]], kernel: Kernel
) -> None:
    if anyio_backend[1]["use_uvloop"]:
        pytest.skip("uvloop does not tell whether callbacks are waiting")

    class Floods(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.ref.send(message)

    ref = kernel.spawn(Floods)
    ref.send("flood")
    await asyncio.sleep(0)
    before = kernel.statistics().scheduler.turns
    for _ in range(40):
        await asyncio.sleep(0)
    assert kernel.statistics().scheduler.turns - before <= 20
    ref.kill()


async def test_monitors_that_are_taken_back_or_have_fired_are_forgotten_on_both_sides(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    watcher = await kernel.start(Parent, log)
    target = await kernel.start(Notes, [])
    monitor = await watcher.request(lambda context: context.monitor(target))
    await watcher.request(lambda context: context.demonitor(monitor))
    assert (kernel.info(watcher).monitors, kernel.info(target).monitored_by) == ((), ())
    await watcher.request(lambda context: context.monitor(target))
    target.kill()
    await until(lambda: log)
    assert kernel.info(watcher).monitors == ()


async def test_a_child_that_is_merely_linked_survives_the_normal_end_of_its_parent(
    kernel: Kernel,
) -> None:
    parent = await kernel.start(Parent, [])
    child = await parent.request(lambda context: context.spawn(Sends, [], link=True))
    assert await child.request("started") == "started"
    parent.stop()
    await parent.wait()
    assert await child.request("alive") == "alive"


async def test_a_dead_child_is_none_of_its_parents_children(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    parent = await kernel.start(Parent, log)
    child = await parent.request(lambda context: context.spawn_child(Notes, []))
    await until(lambda: len(log) == 1)
    child.kill()
    await until(lambda: len(log) == 2)
    assert kernel.info(parent).children == ()


async def test_who_stopped_waiting_in_the_turn_of_a_death_does_not_disturb_it(
    kernel: Kernel,
) -> None:
    ref = await kernel.start(Notes, [])
    impatient, patient = asyncio.create_task(ref.wait()), asyncio.create_task(ref.wait())
    await asyncio.sleep(0)
    impatient.cancel()
    ref.kill()
    assert await patient == "killed"


async def test_an_idle_timeout_ends_with_its_actor(kernel: Kernel) -> None:
    ref = await kernel.start(Parent, [])
    await ref.request(lambda context: context.set_idle_timeout(3600))
    ref.kill()
    assert kernel.statistics().timers == 0


async def test_an_actor_that_is_ended_before_its_init_never_begins(kernel: Kernel) -> None:
    log: list[Any] = []

    class Begins(Actor[Any]):
        def init(self) -> None:
            log.append("init")

        def receive(self, message: Any) -> None:
            log.append(message)

    ref = kernel.spawn(Begins)
    ref.exit("over")
    assert await ref.wait() == "over"
    assert log == []


def test_timers_that_were_cancelled_leave_nothing_in_the_wheel() -> None:
    wheel = TimerWheel()
    for second in range(1_000):
        wheel.cancel(wheel.add(float(second), print), 0.0)
    assert len(wheel._ticks) < 100


# --- names and groups


class Name(str):
    """A name that a weak reference can point to."""


def test_a_group_that_nobody_watches_any_more_is_forgotten() -> None:
    groups = Groups[str, str]()
    name = Name("workers")
    groups.watch(name, "watcher")
    groups.unwatch(name, "watcher")
    gone = weakref.ref(name)
    del name
    gc.collect()
    assert gone() is None


def test_who_has_left_a_group_is_in_none() -> None:
    groups = Groups[str, str]()
    groups.join("workers", "a")
    groups.leave("workers", "a")
    assert not groups.is_in_any("a")


async def test_the_dead_are_forgotten_by_the_groups_they_were_in(
    kernel: Kernel, until: Until
) -> None:
    ref = await kernel.start(Notes, [])
    kernel.group("workers").join(ref)
    kernel.group("workers").monitor(ref)
    ref.kill()
    await ref.wait()
    gone = weakref.ref(ref)
    del ref
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert gone() is None


async def test_a_monitor_of_the_dead_is_not_active_and_says_its_tag(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []

    class Watches(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                log.append((message.reason, message.tag))
            else:
                log.append(self.context.demonitor(self.context.monitor(message, tag="dead")))

    living, dead = kernel.spawn(held_process, asyncio.Event(), []), kernel.spawn(Owns, [])
    dead.kill()
    ref = kernel.spawn(Watches)
    ref.send(dead)
    await until(lambda: len(log) == 2)
    assert log == [False, ("noproc", "dead")]
    ref.send(living)
    await until(lambda: len(log) == 3)
    assert log[2:] == [True]


async def test_the_end_of_an_actor_that_nobody_knows_is_told_by_telemetry(kernel: Kernel) -> None:
    ended: list[object] = []

    class Ends(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.stop()

    ref = kernel.spawn(Ends)
    kernel.telemetry.attach("actor.ended", lambda event: ended.append(event.metadata["ref"]))
    ref.send("end")
    for _ in range(5):
        await asyncio.sleep(0)
    assert ended == [ref]
