"""Looking into living actors: suspended, read, replaced, traced; and the time that they idle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Down,
    Error,
    Idle,
    Inbox,
    Kernel,
    Mailbox,
    OpaqueState,
    RequestTimeout,
    SelfRequest,
    TraceEvent,
)
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]
Timed = tuple[Kernel, SetClock]


@pytest.fixture
async def timed(anyio_backend: object) -> AsyncIterator[Timed]:
    """A kernel and the clock that it goes by."""
    clock = SetClock()
    async with Kernel("timed", platform=clock) as kernel:
        yield kernel, clock
    assert kernel.statistics().timers == 0


class Counter(Actor[Any]):
    """Notes what it gets, and runs what it can call."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []
        self.count = 0

    def receive(self, message: Any) -> object:
        self.log.append(message)
        self.count += 1
        if message == "crash":
            raise ValueError("crashed")
        if callable(message):
            message(self)
        return self.count


class AsyncCounter(Counter):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


class WaitingCounter(Counter):
    """Suspends in each of its handlers."""

    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        return super().receive(message)


async def collects(inbox: Inbox[Any], log: list[Any]) -> None:
    async for message in inbox:
        log.append(message)
        if inbox.context.ref._ext().deferred is not None:
            inbox.context.defer_reply().send(message)


CLASSES = [Counter, AsyncCounter, WaitingCounter]
each = pytest.mark.parametrize("behaviour", CLASSES)
each_mailbox = pytest.mark.parametrize(
    "mailbox",
    [None, Mailbox(capacity=1_000), Mailbox(order="priority")],
    ids=["unbounded", "bounded", "priority"],
)


# --- suspend and resume


@pytest.mark.rule("GS-19")
@pytest.mark.parametrize("behaviour", [*CLASSES, collects])
@each_mailbox
async def test_a_suspended_actor_handles_nothing_and_all_of_it_in_order_when_resumed(
    kernel: Kernel, until: Until, behaviour: Any, mailbox: Mailbox | None
) -> None:
    log: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour, log, mailbox=mailbox)
    ref.send("before")
    await until(lambda: log == ["before"])
    for _ in range(2):
        kernel.suspend(ref)
    for number in range(300):
        ref.send(number)
    with pytest.raises(RequestTimeout):
        await ref.request("asked", timeout=0.01)
    assert log == ["before"]
    assert ref.mailbox_length == 301
    for _ in range(2):
        kernel.resume(ref)
    ref.send("after")
    ref.stop()
    await ref.wait()
    assert log == ["before", *range(300), "asked", "after"]
    assert kernel.statistics().handled == len(log)


@pytest.mark.rule("GS-19")
@each
@each_mailbox
@pytest.mark.parametrize("queued", [0, 1, 300])
async def test_the_state_of_a_suspended_actor_can_be_read(
    kernel: Kernel, behaviour: type[Counter], mailbox: Mailbox | None, queued: int
) -> None:
    ref: ActorRef[Any] = kernel.spawn(behaviour, mailbox=mailbox)
    for number in range(queued):
        ref.send(number)
    assert (await kernel.get_state(ref))["count"] == queued
    kernel.suspend(ref)
    ref.send("queued")
    assert (await kernel.get_state(ref))["count"] == queued
    kernel.resume(ref)
    assert (await kernel.get_state(ref))["count"] == queued + 1


@each
@each_mailbox
@pytest.mark.parametrize("at", [0, 5, 299])
async def test_an_actor_suspended_by_its_own_handler_ends_that_one_and_no_more(
    kernel: Kernel, until: Until, behaviour: type[Counter], mailbox: Mailbox | None, at: int
) -> None:
    log: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour, log, mailbox=mailbox)
    messages: list[Any] = list(range(300))
    messages[at] = lambda actor: kernel.suspend(actor.context.ref)
    for message in messages:
        ref.send(message)
    await until(lambda: len(log) == at + 1)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (await kernel.get_state(ref))["count"] == at + 1
    kernel.resume(ref)
    assert await ref.request("last") == 301
    assert log == [*messages, "last"]


async def test_a_resume_before_the_handler_has_ended_does_not_run_it_twice(
    kernel: Kernel, until: Until
) -> None:
    gate = asyncio.Event()
    active: list[int] = []
    asked: list[asyncio.Task[Any]] = []

    class Gated(Actor[Any]):
        running = 0

        async def receive(self, message: Any) -> None:
            self.running += 1
            active.append(self.running)
            await gate.wait()
            self.running -= 1

    ref: ActorRef[Any] = kernel.spawn(Gated)
    for number in range(3):
        ref.send(number)
    await until(lambda: active)
    for _ in range(3):
        kernel.suspend(ref)
        asked.append(asyncio.create_task(kernel.get_state(ref)))
        await asyncio.sleep(0)
        kernel.resume(ref)
        kernel.suspend(ref)
        kernel.resume(ref)
    gate.set()
    await asyncio.gather(*asked)
    ref.stop()
    await ref.wait()
    assert active == [1, 1, 1]


@each
@each_mailbox
async def test_an_actor_that_was_about_to_run_when_it_was_suspended_does_not(
    kernel: Kernel, behaviour: type[Counter], mailbox: Mailbox | None
) -> None:
    log: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour, log, mailbox=mailbox)
    ref.send("hello")
    kernel.suspend(ref)
    assert (await kernel.get_state(ref))["count"] == 0
    assert log == []
    kernel.resume(ref)
    assert await ref.request("again") == 2


async def test_the_state_is_told_when_the_handler_has_ended_though_others_are_queued(
    kernel: Kernel, until: Until
) -> None:
    gate = asyncio.Event()
    log: list[Any] = []

    class Gated(Actor[Any]):
        async def receive(self, message: Any) -> None:
            log.append(message)
            await gate.wait()

    ref: ActorRef[Any] = kernel.spawn(Gated)
    for message in ("a", "b"):
        ref.send(message)
    await until(lambda: log)
    before = asyncio.create_task(kernel.get_state(ref))
    await asyncio.sleep(0)
    kernel.suspend(ref)
    during = asyncio.create_task(kernel.get_state(ref))
    await asyncio.sleep(0)
    assert not during.done()
    gate.set()
    assert (await before, await during, log) == ({}, {}, ["a"])
    kernel.resume(ref)
    await until(lambda: log == ["a", "b"])


async def test_a_new_actor_is_suspended_after_its_init(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []

    class Ready(Counter):
        def init(self) -> None:
            self.log.append("init")

    ref: ActorRef[Any] = kernel.spawn(Ready, log)
    kernel.suspend(ref)
    ref.send("hello")
    await until(lambda: log)
    await kernel.get_state(ref)
    assert log == ["init"]
    kernel.resume(ref)
    await ref.request("again")
    assert log == ["init", "hello", "again"]


@pytest.mark.parametrize("behaviour", [*CLASSES, collects])
@pytest.mark.parametrize("how", ["exit", "kill", "stop of its own"])
async def test_a_suspended_actor_can_be_ended(
    kernel: Kernel, until: Until, behaviour: Any, how: str
) -> None:
    ended: list[object] = []

    if isinstance(behaviour, type):

        class Terminated(behaviour):  # type: ignore[misc]
            def terminate(self, reason: object) -> None:
                ended.append(reason)

        ref: ActorRef[Any] = kernel.spawn(Terminated)
    else:
        ref = kernel.spawn(behaviour, [])
    await asyncio.sleep(0)
    kernel.suspend(ref)
    ref.send("queued")
    for _ in range(3):
        await asyncio.sleep(0)
    match how:
        case "exit":
            ref.exit("boom")
        case "kill":
            ref.kill()
        case _ if isinstance(behaviour, type):
            kernel.stop_self(ref, "boom")
        case _:
            return
    assert await ref.wait() == ("killed" if how == "kill" else "boom")
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["queued"]
    if isinstance(behaviour, type):
        assert ended == ([] if how == "kill" else ["boom"])


async def test_a_stop_of_a_suspended_actor_waits_for_its_resume(kernel: Kernel) -> None:
    ref: ActorRef[Any] = kernel.spawn(Counter)
    kernel.suspend(ref)
    ref.stop("done")
    await kernel.get_state(ref)
    assert ref.is_alive
    kernel.resume(ref)
    assert await ref.wait() == "done"


async def test_a_supervisor_that_is_suspended_wakes_to_end_itself(kernel: Kernel) -> None:
    class Boss(Counter):
        handles_parent_exit = True

        def receive(self, message: Any) -> object:
            self.context.stop(message.reason)
            return None

    ref: ActorRef[Any] = kernel.spawn(Boss)
    kernel.suspend(ref)
    ref.stop("shutdown")
    assert await ref.wait() == "shutdown"

    class Parent(Counter):
        def init(self) -> None:
            self.log.append(self.context.spawn_child(Boss))

    children: list[Any] = []
    parent: ActorRef[Any] = await kernel.start(Parent, children)
    kernel.suspend(children[0])
    parent.exit("over")
    assert await children[0].wait() == "over"
    assert children[0].exit_reason == "over"


async def test_a_suspended_process_gets_nothing_and_its_timeouts_run_on(timed: Timed) -> None:
    kernel, clock = timed
    seen: list[Any] = []

    async def waits(inbox: Inbox[Any]) -> None:
        for _ in range(2):
            try:
                seen.append(await inbox.receive(timeout=1.0))
            except TimeoutError:
                seen.append("timeout")

    ref: ActorRef[Any] = kernel.spawn(waits)
    await clock.advance(0)
    kernel.suspend(ref)
    ref.send("hello")
    await clock.advance(0.9)
    assert seen == []
    await clock.advance(0.1)
    assert seen == ["timeout"]
    kernel.resume(ref)
    await ref.wait()
    assert seen == ["timeout", "hello"]


async def test_the_dead_and_the_unknown_can_not_be_looked_into(kernel: Kernel) -> None:
    dead: ActorRef[Any] = kernel.spawn(Counter)
    dead.kill()
    for address in (dead, kernel.named("nobody")):
        for look in (kernel.suspend, kernel.resume, lambda a: kernel.trace(a, print)):
            with pytest.raises(ActorExited):
                look(address)
        with pytest.raises(ActorExited):
            await kernel.get_state(address)


# --- the state


@each
async def test_the_state_is_that_after_the_messages_that_were_sent_before(
    kernel: Kernel, behaviour: type[Counter]
) -> None:
    ref: ActorRef[Any] = kernel.spawn(behaviour, name="counter")
    for number in range(3):
        ref.send(number)
    assert await kernel.get_state(kernel.named("counter")) == {"log": [0, 1, 2], "count": 3}
    assert kernel.statistics().handled == 3


@pytest.mark.rule("GS-20")
@each
@pytest.mark.parametrize("suspended", [False, True])
async def test_what_fails_to_replace_a_state_changes_nothing_and_harms_nobody(
    kernel: Kernel, behaviour: type[Counter], suspended: bool
) -> None:
    ref: ActorRef[Any] = kernel.spawn(behaviour)
    assert await ref.request("one") == 1
    if suspended:
        kernel.suspend(ref)

    def fails(state: dict[str, Any]) -> object:
        state["count"] = 100
        raise ZeroDivisionError

    def stops(state: dict[str, Any]) -> object:
        raise StopIteration

    with pytest.raises(ZeroDivisionError):
        await kernel.replace_state(ref, fails)
    with pytest.raises(RuntimeError):
        await kernel.replace_state(ref, stops)
    with pytest.raises(TypeError):
        await kernel.replace_state(ref, lambda state: None)
    assert await kernel.get_state(ref) == {"log": ["one"], "count": 1}
    kernel.resume(ref)
    assert await ref.request("two") == 2


@pytest.mark.rule("GS-20")
@each
async def test_a_state_is_replaced_between_two_messages(
    kernel: Kernel, behaviour: type[Counter]
) -> None:
    ref: ActorRef[Any] = kernel.spawn(behaviour)
    ref.send("one")
    replaced = asyncio.create_task(
        kernel.replace_state(ref, lambda state: {**state, "count": state["count"] + 10})
    )
    await asyncio.sleep(0)
    assert await ref.request("two") == 12
    assert (await replaced)["count"] == 11


async def test_a_state_that_is_not_the_kernels_to_tell_is_said_to_be_so(kernel: Kernel) -> None:
    class Slotted(Actor[Any]):
        __slots__ = ("count",)

    for ref in (kernel.spawn(collects, []), kernel.spawn(Slotted)):
        with pytest.raises(OpaqueState):
            await kernel.get_state(ref)
        assert ref.is_alive


async def test_who_waits_for_a_state_learns_of_the_end_and_of_the_time(timed: Timed) -> None:
    kernel, clock = timed
    gate = asyncio.Event()

    class Gated(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await gate.wait()

    ref: ActorRef[Any] = kernel.spawn(Gated)
    ref.send("wait")
    asking = [
        asyncio.create_task(kernel.get_state(ref, timeout=seconds)) for seconds in (1.0, None)
    ]
    await clock.advance(1.0)
    with pytest.raises(RequestTimeout):
        await asking[0]
    ref.exit("boom")
    with pytest.raises(ActorExited) as caught:
        await asking[1]
    assert caught.value.reason == "boom"


async def test_an_actor_does_not_ask_for_its_own_state(kernel: Kernel) -> None:
    class Vain(Actor[Any]):
        async def receive(self, message: Any) -> object:
            with pytest.raises(SelfRequest):
                await kernel.get_state(self.context.ref)
            return "refused"

    assert await kernel.spawn(Vain).request(None) == "refused"


# --- traces


@pytest.mark.rule("GS-31")
@each
@each_mailbox
async def test_a_running_actor_is_traced_by_several_until_each_stops(
    kernel: Kernel, behaviour: type[Counter], mailbox: Mailbox | None
) -> None:
    ref: ActorRef[Any] = kernel.spawn(behaviour, mailbox=mailbox)
    await ref.request("unseen")
    first: list[TraceEvent] = []
    second: list[TraceEvent] = []
    one, two = kernel.trace(ref, first.append), kernel.trace(ref, second.append)
    await ref.request("a")
    one.stop()
    one.stop()
    assert (one.is_active, two.is_active) == (False, True)
    ref.send("b")
    await ref.request("c")
    two.stop()
    await ref.request("unseen")

    def handled(message: str, count: int) -> list[TraceEvent]:
        return [TraceEvent(ref, "in", message), TraceEvent(ref, "out", message, count)]

    assert first == handled("a", 2)
    assert second == handled("a", 2) + handled("b", 3) + handled("c", 4)
    assert ref._mode & ~3 == 0  # nothing of it is left to pay for


@pytest.mark.rule("GS-31")
@each
async def test_a_trace_begins_with_the_next_message_also_amid_a_backlog(
    kernel: Kernel, behaviour: type[Counter]
) -> None:
    seen: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour)

    def begin(_: object) -> None:
        kernel.trace(ref, lambda event: seen.append((event.event, event.message)))

    for message in ("unseen", begin, "a", "b"):
        ref.send(message)
    await kernel.get_state(ref)
    assert seen == [("in", "a"), ("out", "a"), ("in", "b"), ("out", "b")]


@each
async def test_a_trace_tells_of_the_crash(kernel: Kernel, behaviour: type[Counter]) -> None:
    seen: list[TraceEvent] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour)
    trace = kernel.trace(ref, seen.append)
    ref.send("crash")
    assert await ref.wait() == Error("ValueError", "crashed")
    assert [event.event for event in seen] == ["in", "raised"]
    assert isinstance(seen[1].result, ValueError)
    assert not trace.is_active
    trace.stop()


@pytest.mark.rule("GS-31")
async def test_a_process_is_traced_from_taking_a_message_to_asking_for_the_next(
    kernel: Kernel,
) -> None:
    seen: list[Any] = []
    ref: ActorRef[Any] = await kernel.start(collects, [])
    trace = kernel.trace(ref, lambda event: seen.append((event.event, event.message)))
    assert await ref.request("a") == "a"
    ref.send("b")
    await ref.request("c")
    trace.stop()
    await ref.request("unseen")
    assert seen[:5] == [("in", "a"), ("out", "a"), ("in", "b"), ("out", "b"), ("in", "c")]


async def test_a_trace_that_raises_is_stopped_and_the_actor_and_the_others_go_on(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[TraceEvent] = []
    ref: ActorRef[Any] = kernel.spawn(Counter)

    def fails(event: TraceEvent) -> None:
        raise ZeroDivisionError

    failing = kernel.trace(ref, fails)
    kernel.trace(ref, seen.append)
    assert await ref.request("a") == 1
    assert not failing.is_active
    assert len(seen) == 2
    assert "of a trace of" in caplog.text


# --- the time without messages


@pytest.mark.rule("GS-15")
@each
async def test_a_time_without_messages_comes_once_and_any_message_ends_it(
    timed: Timed, behaviour: type[Counter]
) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour, log)

    def wait_a_second(actor: Counter) -> None:
        actor.context.set_idle_timeout(1.0)

    ref.send(wait_a_second)
    await clock.advance(0.9)
    ref.send("first")
    await clock.advance(5)
    assert log == [wait_a_second, "first"]
    ref.send(wait_a_second)
    await clock.advance(1.0)
    assert log[3:] == [Idle()]
    await clock.advance(5)
    assert log[4:] == []
    assert ref._mode & ~3 == 0


@pytest.mark.rule("GS-15")
@each
async def test_what_is_queued_behind_the_one_that_asks_for_it_ends_it(
    timed: Timed, behaviour: type[Counter]
) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref: ActorRef[Any] = kernel.spawn(behaviour, log)
    for message in ("a", lambda actor: actor.context.set_idle_timeout(1.0), "b", "c"):
        ref.send(message)
    await clock.advance(5)
    assert log[0::2] == ["a", "b"]
    assert log[3:] == ["c"]


@each
async def test_an_idle_timeout_is_set_anew_taken_back_and_gone_with_its_actor(
    timed: Timed, behaviour: type[Counter]
) -> None:
    kernel, clock = timed
    log: list[Any] = []

    class Setting(behaviour):  # type: ignore[valid-type, misc]
        def init(self) -> None:
            self.context.set_idle_timeout(1.0)
            self.context.set_idle_timeout(3.0)

    ref: ActorRef[Any] = await kernel.start(Setting, log)
    await clock.advance(2.9)
    assert log == []
    await clock.advance(0.1)
    assert log == [Idle()]

    def set_and_take_back(actor: Counter) -> None:
        actor.context.set_idle_timeout(1.0)
        actor.context.set_idle_timeout(None)

    ref.send(set_and_take_back)
    await clock.advance(5)
    assert log[2:] == []
    ref.send(lambda actor: actor.context.set_idle_timeout(1.0))
    await clock.advance(0)
    ref.kill()
    assert kernel.statistics().timers == 0


@pytest.mark.parametrize("queued", [True, False])
async def test_a_time_that_passes_under_a_handler_counts_if_nothing_is_queued(
    timed: Timed, queued: bool
) -> None:
    kernel, clock = timed
    gate = asyncio.Event()
    log: list[Any] = []

    class Gated(Actor[Any]):
        async def receive(self, message: Any) -> None:
            log.append(message)
            if message == "wait":
                self.context.set_idle_timeout(1.0)
                await gate.wait()

    ref: ActorRef[Any] = kernel.spawn(Gated)
    ref.send("wait")
    await clock.advance(0.5)
    if queued:
        ref.send("queued")
    await clock.advance(1.0)
    gate.set()
    await clock.advance(5.0)
    assert log == ["wait", "queued" if queued else Idle()]


async def test_what_is_no_time_is_no_idle_timeout(kernel: Kernel) -> None:
    refused: list[str] = []

    class Asks(Actor[Any]):
        def receive(self, message: Any) -> None:
            for seconds in (-1, float("inf"), "1"):
                with pytest.raises((TypeError, ValueError)) as caught:
                    self.context.set_idle_timeout(seconds)  # type: ignore[arg-type]
                refused.append(str(caught.value))

    async def process(inbox: Inbox[Any]) -> None:
        with pytest.raises(TypeError):
            inbox.context.set_idle_timeout(1.0)
        refused.append("process")

    await kernel.spawn(Asks).request(None)
    await kernel.spawn(process).wait()
    assert len(refused) == 4


# --- a monitor's tag


@pytest.mark.rule("MON-11")
async def test_a_down_carries_the_tag_of_its_monitor(kernel: Kernel) -> None:
    seen: list[Any] = []
    target: ActorRef[Any] = kernel.spawn(Counter)
    dead: ActorRef[Any] = kernel.spawn(Counter)
    dead.kill()

    async def watches(inbox: Inbox[Any]) -> None:
        inbox.context.monitor(target, tag="store")
        inbox.context.monitor(target)
        inbox.context.monitor(dead, tag=("gone", 1))
        target.exit("boom")
        for _ in range(3):
            match await inbox.receive():
                case Down(tag="store", reason=reason):
                    seen.append(("store", reason))
                case Down(tag=tag, reason=reason):
                    seen.append((tag, reason))

    await kernel.spawn(watches).wait()
    assert sorted(seen, key=repr) == [
        ("store", "boom"),
        (("gone", 1), "noproc"),
        (None, "boom"),
    ]
