"""Ends: stop, exit, kill and terminate, in whatever state the actor is when it is told."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    ActorStopped,
    CrashReport,
    DeadLetter,
    Error,
    Exit,
    Inbox,
    Kernel,
    Stopped,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Does(Actor[Any]):
    """Calls each message with its context; other messages are noted."""

    def __init__(self, trap_exit: bool = False, log: list[object] | None = None) -> None:
        self.trap_exit = trap_exit
        self.log = log if log is not None else []

    def init(self) -> None:
        self.context.trap_exit = self.trap_exit

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None

    def terminate(self, reason: object) -> None:
        self.log.append(("terminate", reason))


class DoesAsync(Does):
    async def receive(self, message: Any) -> object:
        answer = super().receive(message)
        return await answer if asyncio.iscoroutine(answer) else answer


class DoesOwn(DoesAsync):
    """Runs in tasks of its own, since it has a context variable of its own."""

    def init(self) -> None:
        super().init()
        self.context.ref._scheduler.give_context(
            self.context.ref, self.context.ref._scheduler.clean.copy()
        )


class DoesInOneTask(Does):
    own_task = True


class DoesInOneTaskAsync(DoesAsync):
    own_task = True


EACH = [Does, DoesAsync, DoesOwn, DoesInOneTask, DoesInOneTaskAsync]
each = pytest.mark.parametrize("behaviour", EACH)
each_async = pytest.mark.parametrize("behaviour", [DoesAsync, DoesOwn, DoesInOneTaskAsync])


class Gate:
    """A place in a handler: `reached` when it waits there, until `open`."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()
        self.cancelled = 0

    async def __call__(self, _: ActorContext) -> None:
        self.reached.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


# --- stop


@each
@pytest.mark.rule("GS-16")
async def test_a_stop_waits_for_what_was_sent_before_it(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    ref = kernel.spawn(behaviour, False, log)
    ref.send(1)
    ref.send(2)
    ref.stop("done")
    ref.send(3)
    assert await ref.wait() == "done"
    assert log == [1, 2, ("terminate", "done")]
    assert kernel.dead_letters.recent() == (DeadLetter(3, ref, "done"),)


@each
async def test_a_second_stop_changes_nothing(kernel: Kernel, behaviour: type[Does]) -> None:
    ref = kernel.spawn(behaviour)
    ref.stop("first")
    ref.stop("second")
    assert await ref.wait() == "first"
    ref.stop("third")
    ref.exit("fourth")
    ref.kill()
    assert ref.exit_reason == "first"
    assert kernel.dead_letters.count == 0


async def test_a_stop_ends_the_loop_of_a_process_after_what_was_sent_before(
    kernel: Kernel,
) -> None:
    log: list[object] = []

    async def reads(inbox: Inbox[int]) -> None:
        async for message in inbox:
            log.append(("handled", message))  # noqa: PERF401 - it reads as users write it
        log.append("cleaned up")

    ref = kernel.spawn(reads)
    ref.send(1)
    ref.stop("done")
    ref.send(2)
    assert await ref.wait() == "done"
    assert log == [("handled", 1), "cleaned up"]
    assert [letter.message for letter in kernel.dead_letters.recent()] == [2]


async def test_a_process_that_waits_for_something_else_gets_stopped_raised(
    kernel: Kernel,
) -> None:
    log: list[object] = []

    async def picky(inbox: Inbox[int]) -> None:
        try:
            await inbox.receive(lambda message: message == 99)
        except Stopped as stopped:
            log.append(stopped.reason)
            raise

    ref = kernel.spawn(picky)
    ref.send(1)
    ref.stop("done")
    assert await ref.wait() == "done"
    assert log == ["done"]
    assert [letter.message for letter in kernel.dead_letters.recent()] == [1]


@each
async def test_an_idle_actor_that_is_stopped_by_a_task_of_its_own_ends(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    ref = kernel.spawn(behaviour)
    contexts: list[ActorContext] = []
    await ref.request(contexts.append)
    await asyncio.sleep(0)
    contexts[0].stop("by a helper")
    assert await ref.wait() == "by a helper"


# --- exit


@each
async def test_an_exit_acts_at_once_and_what_was_queued_is_dead_letters(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    ref = await kernel.start(behaviour, False, log)
    ref.send(1)
    ref.exit("bye")
    ref.send(2)
    assert await ref.wait() == "bye"
    assert log == [("terminate", "bye")]
    assert kernel.dead_letters.recent() == (
        DeadLetter(1, ref, "bye"),
        DeadLetter(2, ref, "noproc"),
    )


@pytest.mark.rule("LINK-01")
@each
async def test_the_exit_signal_normal_from_another_is_ignored(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    ref = await kernel.start(behaviour)
    other = await kernel.start(Does)
    ref.exit("normal")
    await other.request(lambda _: ref.exit("normal"))
    await ref.request("still there")
    assert ref.is_alive


@pytest.mark.rule("LINK-02")
@each
async def test_an_actor_that_traps_exits_gets_them_as_messages_even_normal(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    ref = await kernel.start(behaviour, True, log)
    other = await kernel.start(Does)
    await other.request(lambda _: ref.exit("normal"))
    ref.exit("whatever")
    await ref.request("after them")
    assert log == [Exit(other, "normal"), Exit(None, "whatever"), "after them"]


@pytest.mark.rule("LINK-03")
@each
async def test_kill_is_not_trapped_and_is_seen_as_killed(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    ref = await kernel.start(behaviour, True, log)
    ref.exit("kill")
    assert not ref.is_alive
    assert await ref.wait() == "killed"
    assert log == []


@pytest.mark.rule("LINK-07")
@each
async def test_of_two_exit_signals_the_first_wins(kernel: Kernel, behaviour: type[Does]) -> None:
    ref = await kernel.start(behaviour)
    ref.exit("first")
    ref.exit("second")
    ref.stop("third")
    assert await ref.wait() == "first"


@pytest.mark.rule("LINK-12")
@each
async def test_an_actor_that_sends_itself_normal_ends_normal(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    ref = await kernel.start(behaviour)
    ref.send(lambda context: context.ref.exit("normal"))
    assert await ref.wait() == "normal"


@pytest.mark.rule("LINK-13")
@each
async def test_an_exit_that_an_actor_sends_itself_cannot_be_caught(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []

    def tries(context: ActorContext) -> None:
        try:
            context.ref.exit("die")
        except BaseException:
            log.append("caught")

    ref = await kernel.start(behaviour, False, log)
    ref.send(tries)
    ref.send("behind")
    assert await ref.wait() == "die"
    assert log == [("terminate", "die")]
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["behind"]


@pytest.mark.rule("LINK-13")
@each_async
@pytest.mark.parametrize("suspended_before", [False, True])
async def test_an_exit_from_inside_an_async_handler_cancels_it_where_it_next_waits(
    kernel: Kernel, behaviour: type[Does], suspended_before: bool
) -> None:
    log: list[object] = []

    async def leaves(context: ActorContext) -> None:
        if suspended_before:
            await asyncio.sleep(0)
        context.ref.exit("die")
        log.append("goes on to its next await")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled there")

    ref = await kernel.start(behaviour, False, log)
    ref.send(leaves)
    assert await ref.wait() == "die"
    assert log == ["goes on to its next await", "cancelled there", ("terminate", "die")]


async def test_an_exit_from_inside_a_process_cancels_it_where_it_next_waits(
    kernel: Kernel,
) -> None:
    log: list[object] = []

    async def leaves(inbox: Inbox[object]) -> None:
        inbox.context.ref.exit("die")
        try:
            await inbox.receive()
        finally:
            log.append("cancelled there")

    ref = kernel.spawn(leaves)
    assert await ref.wait() == "die"
    assert log == ["cancelled there"]


@each_async
async def test_an_exit_cancels_a_suspended_handler_and_terminate_follows(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    gate = Gate()
    ref = await kernel.start(behaviour, False, log)
    ref.send(gate)
    ref.send("behind")
    await gate.reached.wait()
    ref.exit("bye")
    assert ref.is_alive, "until its handler and terminate have ended"
    assert await ref.wait() == "bye"
    assert gate.cancelled == 1
    assert log == [("terminate", "bye")]
    assert [(letter.message, letter.crashed) for letter in kernel.dead_letters.recent()] == [
        ("behind", False),
        (gate, True),
    ]


@each_async
async def test_a_handler_that_swallows_the_cancellation_of_an_exit_is_waited_for(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[object] = []
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stubborn(_: ActorContext) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await go_on.wait()
        log.append("completed")

    ref = await kernel.start(behaviour, False, log)
    ref.send(stubborn)
    await reached.wait()
    ref.exit("bye")
    go_on.set()
    assert await ref.wait() == "bye"
    assert log == ["completed", ("terminate", "bye")]


async def test_an_exit_reaches_a_process_that_has_not_run_its_first_line(
    kernel: Kernel,
) -> None:
    ran: list[object] = []

    async def never(inbox: Inbox[object]) -> None:
        ran.append("first line")
        await inbox.receive()

    ref = kernel.spawn(never)
    # Both are on the run queue: this one runs after the process got its task, and before the task.
    kernel.spawn(Does).send(lambda _: ref.exit("too early"))
    assert await ref.wait() == "too early"
    assert ran in ([], ["first line"])


async def test_an_exit_reaches_an_actor_whose_own_task_has_not_run_its_first_line(
    kernel: Kernel,
) -> None:
    log: list[object] = []
    ref = await kernel.start(DoesOwn, False, log)
    helper = await kernel.start(Does)
    ref.send("work")
    helper.send(lambda _: ref.exit("too early"))
    assert await ref.wait() == "too early"
    assert log[-1] == ("terminate", "too early")


async def test_an_exit_ends_a_process_that_waits(kernel: Kernel, until: Until) -> None:
    log: list[object] = []

    async def waits(inbox: Inbox[object]) -> None:
        try:
            await inbox.receive()
        finally:
            log.append("cleaned up")

    ref = await kernel.start(waits)
    ref.exit("bye")
    assert await ref.wait() == "bye"
    assert log == ["cleaned up"]


async def test_a_process_that_goes_on_after_its_exit_has_a_closed_mailbox(kernel: Kernel) -> None:
    log: list[object] = []

    async def goes_on(inbox: Inbox[object]) -> None:
        try:
            await inbox.receive()
        except asyncio.CancelledError:
            try:
                await inbox.receive(timeout=0)
            except ActorStopped:
                log.append("refused")

    ref = await kernel.start(goes_on)
    ref.exit("bye")
    ref.send("late")
    assert await ref.wait() == "bye"
    assert log == ["refused"]
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["late"]


# --- terminate


@each
@pytest.mark.parametrize("how", ["stop", "exit", "crash", "own stop", "own exit", "close"])
async def test_terminate_runs_at_every_end_but_a_kill(
    kernel: Kernel, behaviour: type[Does], how: str
) -> None:
    log: list[object] = []
    ref = await kernel.start(behaviour, False, log)
    match how:
        case "stop":
            ref.stop("over")
        case "exit":
            ref.exit("over")
        case "crash":
            ref.send(lambda _: 1 / 0)
        case "own stop":
            ref.send(lambda context: context.stop("over"))
        case "own exit":
            ref.send(lambda context: context.ref.exit("over"))
        case "close":
            await kernel.close()
    reason = await ref.wait()
    assert log == [("terminate", reason)]


@each
async def test_terminate_does_not_run_at_a_kill(kernel: Kernel, behaviour: type[Does]) -> None:
    log: list[object] = []
    ref = await kernel.start(behaviour, False, log)
    ref.kill()
    assert await ref.wait() == "killed"
    other = await kernel.start(behaviour, False, log)
    other.send(lambda context: context.ref.kill())
    assert await other.wait() == "killed"
    assert log == []


class CleansUp(Does):
    """Its terminate waits at the gate."""

    def __init__(self, gate: Gate, log: list[object]) -> None:
        super().__init__(False, log)
        self.gate = gate

    async def terminate(self, reason: object) -> None:  # type: ignore[override]
        await self.gate(self.context)
        self.log.append(("terminate", reason))


class CleansUpAsync(CleansUp, DoesAsync):  # pyright: ignore[reportIncompatibleMethodOverride]
    pass


@pytest.mark.parametrize(
    ("behaviour", "how"),
    [
        *itertools.product([CleansUp, CleansUpAsync], ["stop", "exit", "own exit"]),
        (CleansUpAsync, "exit while suspended"),
    ],
)
async def test_an_async_terminate_runs_to_its_end(
    kernel: Kernel, behaviour: type[CleansUp], how: str
) -> None:
    log: list[object] = []
    gate, handler = Gate(), Gate()
    ref = await kernel.start(behaviour, gate, log)
    match how:
        case "stop":
            ref.stop("over")
        case "exit":
            ref.exit("over")
        case "own exit":
            ref.send(lambda context: context.ref.exit("over"))
        case "exit while suspended":
            ref.send(handler)
            await handler.reached.wait()
            ref.exit("over")
    await gate.reached.wait()
    assert ref.is_alive
    gate.open.set()
    assert await ref.wait() == "over"
    assert gate.cancelled == 0
    assert log == [("terminate", "over")]


@pytest.mark.rule("GS-18")
async def test_a_terminate_that_raises_gives_the_reason(kernel: Kernel) -> None:
    class Broken(Actor[object]):
        def terminate(self, reason: object) -> None:
            raise OSError("disk full")

    class BrokenAsync(Actor[object]):
        async def terminate(self, reason: object) -> None:
            await asyncio.sleep(0)
            raise OSError("disk full")

    for behaviour in (Broken, BrokenAsync):
        ref = kernel.spawn(behaviour)
        ref.stop()
        assert await ref.wait() == Error("OSError", "disk full")


@pytest.mark.rule("SHUT-02")
async def test_a_terminate_that_hangs_is_killed_when_its_time_is_up(kernel: Kernel) -> None:
    log: list[object] = []

    class Supervises(Actor[Any]):
        def receive(self, message: Any) -> object:
            if isinstance(message, Gate):
                return self.context.spawn_child(CleansUp, message, log, shutdown=0.001)
            return None

    child: ActorRef[Any] = await kernel.spawn(Supervises).request(Gate())
    child.send(lambda context: context.ref.exit("shutdown"))
    assert await child.wait() == "killed"
    assert log == []


async def test_a_shutdown_time_without_end_is_waited_for(kernel: Kernel) -> None:
    log: list[object] = []

    class Supervises(Actor[Any]):
        def receive(self, message: Any) -> object:
            if isinstance(message, Gate):
                return self.context.spawn_child(CleansUp, message, log, shutdown=float("inf"))
            return None

    gate = Gate()
    child: ActorRef[Any] = await kernel.spawn(Supervises).request(gate)
    child.send(lambda context: context.ref.exit("shutdown"))
    await gate.reached.wait()
    gate.open.set()
    assert await child.wait() == "shutdown"
    assert log == [("terminate", "shutdown")]


async def test_a_kill_during_terminate_is_the_end(kernel: Kernel, until: Until) -> None:
    log: list[object] = []
    gate = Gate()
    ref = await kernel.start(CleansUp, gate, log)
    ref.stop()
    await gate.reached.wait()
    ref.kill()
    assert ref.exit_reason == "killed"
    await until(lambda: gate.cancelled)
    assert log == []


async def test_an_actor_can_still_ask_others_in_its_terminate(kernel: Kernel) -> None:
    answers: list[object] = []
    store = await kernel.start(Does)

    class Says(Actor[object]):
        async def terminate(self, reason: object) -> None:
            answers.append(await store.request(lambda _: "saved"))
            answers.append(self.context.ref.is_alive)

    ref = kernel.spawn(Says)
    ref.stop()
    await ref.wait()
    assert answers == ["saved", True]


# --- kill


@each_async
async def test_a_kill_is_dead_at_once_for_everyone_else(
    kernel: Kernel, until: Until, behaviour: type[Does]
) -> None:
    gate = Gate()
    ref = await kernel.start(behaviour, name="victim")
    ref.send(gate)
    ref.send("behind")
    await gate.reached.wait()
    waiting = asyncio.create_task(ref.wait())
    asking = asyncio.create_task(ref.request("ask"))
    await asyncio.sleep(0)
    ref.kill()
    assert not ref.is_alive
    assert kernel.whereis("victim") is None
    assert await waiting == "killed"
    with pytest.raises(ActorExited, match="killed"):
        await asking
    await until(lambda: gate.cancelled)


@each_async
async def test_what_is_left_of_a_killed_actor_can_do_nothing_through_its_context(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    refused: list[str] = []
    reached, done = asyncio.Event(), asyncio.Event()

    async def leftover(context: ActorContext) -> str:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            calls: list[tuple[str, Callable[[], object]]] = [
                ("spawn", lambda: context.spawn(Does)),
                ("link", lambda: context.link(other)),
                ("monitor", lambda: context.monitor(other)),
                ("send_after", lambda: context.send_after(1, other, "late")),
                ("stop", lambda: context.stop()),
                ("defer_reply", lambda: context.defer_reply()),
            ]
            for name, call in calls:
                try:
                    call()
                except ActorStopped:
                    refused.append(name)
            done.set()
        return "a reply that nobody hears"

    other = await kernel.start(Does)
    ref = await kernel.start(behaviour)
    asking = asyncio.create_task(ref.request(leftover))
    await reached.wait()
    ref.kill()
    with pytest.raises(ActorExited, match="killed"):
        await asking
    await done.wait()
    assert refused == ["spawn", "link", "monitor", "send_after", "stop", "defer_reply"]


@each_async
async def test_killed_code_that_swallows_its_cancellation_is_cancelled_again(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    cancelled: list[int] = []
    reached, ended = asyncio.Event(), asyncio.Event()

    async def stubborn(_: ActorContext) -> None:
        reached.set()
        while len(cancelled) < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(1)
        ended.set()

    ref = await kernel.start(behaviour)
    ref.send(stubborn)
    await reached.wait()
    ref.kill()
    await ended.wait()
    assert len(cancelled) == 3


async def test_code_that_takes_back_its_cancellation_cannot_pass_the_next_on_to_others(
    kernel: Kernel,
) -> None:
    reached = asyncio.Event()

    async def sly(_: ActorContext) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()

    ref = await kernel.start(DoesAsync)
    ref.send(sly)
    await reached.wait()
    ref.kill()
    gates = [Gate() for _ in range(4)]
    others = [await kernel.start(DoesAsync) for _ in gates]
    for other, gate in zip(others, gates, strict=True):
        other.send(gate)
        await gate.reached.wait()
    pause = kernel.spawn(Does)
    pause.send(lambda context: context.send_after(0.03, context.ref, lambda c: c.stop()))
    await pause.wait()  # longer than the reaper waits between two tries
    assert [gate.cancelled for gate in gates] == [0, 0, 0, 0]
    assert all(other.is_alive for other in others)
    for gate in gates:
        gate.open.set()


async def test_a_handler_that_kills_its_own_actor_is_cancelled_where_it_next_waits(
    kernel: Kernel,
) -> None:
    log: list[str] = []
    done = asyncio.Event()

    async def suicide(context: ActorContext) -> None:
        context.ref.kill()
        log.append("goes on")
        try:
            await asyncio.Event().wait()
        finally:
            log.append("cancelled")
            done.set()

    for behaviour in (DoesAsync, DoesOwn):
        log.clear()
        done.clear()
        ref = await kernel.start(behaviour)
        ref.send(suicide)
        assert await ref.wait() == "killed"
        await done.wait()
        assert log == ["goes on", "cancelled"]


async def test_waiting_for_a_dead_actor_gives_its_reason_at_once(kernel: Kernel) -> None:
    ref = kernel.spawn(Does)
    assert ref.exit_reason is None
    ref.exit({"any": "value"})
    assert [await ref.wait(), await ref.wait()] == [{"any": "value"}] * 2
    assert await kernel.named("nobody").wait() == "noproc"


async def test_a_wait_that_is_cancelled_leaves_nothing(kernel: Kernel) -> None:
    ref = kernel.spawn(Does)
    waiting = asyncio.create_task(ref.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    ref.kill()
    assert await ref.wait() == "killed"


@pytest.mark.parametrize("by", ["send", "request"])
async def test_who_swallows_the_cancellation_of_an_exit_leaves_no_trace_of_it_to_others(
    kernel: Kernel, by: str
) -> None:
    """A task that was cancelled once counts it for ever, and asyncio's scopes look at the count."""
    reached = asyncio.Event()

    async def stubborn(_: ActorContext) -> None:
        reached.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    def cancellations(_: ActorContext) -> int:
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    others = [await kernel.start(DoesAsync) for _ in range(20)]
    ref = await kernel.start(DoesAsync)
    asking = asyncio.create_task(ref.request(stubborn)) if by == "request" else None
    if asking is None:
        ref.send(stubborn)
    await reached.wait()
    ref.exit("enough")
    assert await ref.wait() == "enough"
    if asking is not None:
        await asking
    for other in others:
        assert await other.request(cancellations) == 0
    counted: list[int] = []
    for other in others:
        other.send(lambda context: counted.append(cancellations(context)))
    assert await others[-1].request(cancellations) == 0
    assert counted == [0] * 20


@pytest.mark.parametrize("by", ["send", "request"])
@pytest.mark.parametrize("swallows", [False, True])
async def test_a_handler_that_cancels_its_own_task_harms_nobody_else(
    kernel: Kernel, by: str, swallows: bool
) -> None:
    async def cancels_itself(_: ActorContext) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if swallows:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    async def cancellations(_: ActorContext) -> int:
        await asyncio.sleep(0)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    ref = await kernel.start(DoesAsync)
    others = [await kernel.start(DoesAsync) for _ in range(20)]
    if by == "request":
        assert await ref.request(cancels_itself) is None
    else:
        ref.send(cancels_itself)
    for other in others:
        other.send(cancellations)
    for other in others:
        assert await other.request(cancellations) == 0
    assert await ref.request(cancellations) == 0


@each_async
async def test_what_is_left_of_a_killed_actor_acts_as_from_outside(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    reached, done = asyncio.Event(), asyncio.Event()
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)

    async def leftover(_: ActorContext) -> None:
        reached.set()
        try:
            await asyncio.Event().wait()
        finally:
            other.send("sent")
            other.exit("leftover")
            with contextlib.suppress(ActorExited):
                await crashes.request(lambda _: 1 / 0)
            done.set()

    log: list[object] = []
    other = await kernel.start(Does, True, log)
    crashes = await kernel.start(Does)
    ref = await kernel.start(behaviour)
    ref.send(leftover)
    await reached.wait()
    ref.kill()
    await done.wait()
    await other.request(lambda _: None)
    assert log == ["sent", Exit(None, "leftover")]
    assert [report.client for report in reports] == [None]
