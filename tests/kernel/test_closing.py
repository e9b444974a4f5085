"""The end of a kernel: everybody ends in order, nothing of it is left; and what outlives others."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorRef,
    Error,
    Inbox,
    Kernel,
    Mailbox,
    StopRequested,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Does(Actor[Any]):
    """Calls each message with its context; other messages are noted."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class Notes(Does):
    """Notes its end."""

    def __init__(self, name: str, log: list[Any]) -> None:
        super().__init__(log)
        self.name = name

    def terminate(self, reason: object) -> None:
        self.log.append((self.name, reason))


async def test_the_end_of_the_block_ends_all_actors_newest_first(anyio_backend: object) -> None:
    log: list[Any] = []
    async with Kernel("short") as kernel:
        refs = [await kernel.start(Notes, name, log) for name in ("one", "two", "three")]
    assert log == [("three", "shutdown"), ("two", "shutdown"), ("one", "shutdown")]
    assert [ref.exit_reason for ref in refs] == ["shutdown"] * 3


async def test_nothing_is_left_of_a_kernel_with_every_kind_of_actor_in_it(
    anyio_backend: object,
) -> None:
    before = asyncio.all_tasks()

    class Suspended(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.Event().wait()

    class SuspendedInit(Actor[Any]):
        async def init(self) -> None:
            await asyncio.Event().wait()

    async def waits(inbox: Inbox[Any]) -> None:
        await inbox.receive()

    async with Kernel("full") as kernel:
        for mailbox in (None, Mailbox(3)):
            for behaviour in (Does, Suspended, SuspendedInit, waits):
                ref = kernel.spawn(behaviour, mailbox=mailbox)
                ref.send("a message")
                ref.send("another")
        owner = kernel.spawn(Does)
        owner.send(lambda context: context.send_every(60, owner, "tick") and None)
        for _ in range(5):
            await asyncio.sleep(0)
        kernel.spawn(SuspendedInit).send("never handled")
    assert kernel.actors() == []
    assert kernel.statistics().timers == 0
    assert asyncio.all_tasks() == before


async def test_a_closed_kernel_starts_no_actor(anyio_backend: object) -> None:
    async with Kernel("short") as kernel:
        ref = kernel.spawn(Does)
    with pytest.raises(RuntimeError, match="starts no more actors"):
        kernel.spawn(Does)
    with pytest.raises(RuntimeError, match="starts no more actors"):
        await kernel.start(Does)
    ref.send("too late")
    assert kernel.dead_letters.count == 1
    await kernel.close()  # once more: harmless


async def test_the_exception_of_the_body_comes_out_after_the_end(anyio_backend: object) -> None:
    log: list[Any] = []

    async def body() -> None:
        async with Kernel("short") as kernel:
            await kernel.start(Notes, "one", log)
            raise LookupError("from the body")

    with pytest.raises(LookupError, match="from the body"):
        await body()
    assert log == [("one", "shutdown")]


async def test_supervised_children_are_left_to_their_supervisor(anyio_backend: object) -> None:
    log: list[Any] = []

    class Supervises(Actor[Any]):
        handles_parent_exit = True

        def init(self) -> None:
            self.children = [self.context.spawn_child(Notes, name, log) for name in ("a", "b", "c")]

        def receive(self, message: Any) -> None:
            if isinstance(message, StopRequested):
                log.append("the supervisor is asked")
                self.children[1].exit("in its own order")
                self.children[1].send("x")
                self.context.stop(message.reason)

    async with Kernel("tree") as kernel:
        ref = await kernel.start(Supervises)
        await asyncio.sleep(0)
    assert ref.exit_reason == "shutdown"
    assert log[0] == "the supervisor is asked"
    assert ("b", "in its own order") in log
    assert ("a", "shutdown") in log
    assert ("c", "shutdown") in log


async def test_a_supervisor_under_a_supervisor_is_not_asked_by_the_kernel(
    anyio_backend: object,
) -> None:
    asked: list[Any] = []

    class Supervises(Actor[Any]):
        handles_parent_exit = True

        def __init__(self, depth: int) -> None:
            self.depth = depth

        def init(self) -> None:
            if self.depth:
                self.context.spawn_child(Supervises, self.depth - 1)

        def receive(self, message: Any) -> None:
            asked.append((type(message).__name__, self.depth))
            if type(message).__name__ in ("StopRequested", "Exit"):
                self.context.stop(message.reason)

    async with Kernel("tree") as kernel:
        await kernel.start(Supervises, 2)
        for _ in range(5):
            await asyncio.sleep(0)
    assert [entry for entry in asked if entry[0] == "StopRequested"] == [("StopRequested", 2)]


async def test_an_actor_that_does_not_end_in_time_is_killed_and_reported(
    anyio_backend: object, caplog: pytest.LogCaptureFixture
) -> None:
    class Hangs(Actor[Any]):
        async def terminate(self, reason: object) -> None:
            await asyncio.Event().wait()

    kernel = Kernel("slow")
    ref = await kernel.start(Hangs, name="hanging")
    await kernel.close(timeout=0.001)
    assert ref.exit_reason == "killed"
    assert any("hanging" in record.getMessage() for record in caplog.records)


async def test_code_that_will_not_end_is_reported(
    anyio_backend: object, caplog: pytest.LogCaptureFixture
) -> None:
    begun, free = asyncio.Event(), asyncio.Event()
    tasks: list[asyncio.Task[Any] | None] = []

    class Immortal(Actor[Any]):
        async def receive(self, message: Any) -> None:
            tasks.append(asyncio.current_task())
            begun.set()
            while not free.is_set():
                try:
                    await free.wait()
                except asyncio.CancelledError:
                    continue

    try:
        async with Kernel("stubborn", slow_after=None) as kernel:
            ref = kernel.spawn(Immortal)
            ref.send("go")
            await begun.wait()
            ref.kill()
            assert not ref.is_alive
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        assert "goes on" in caplog.text
    finally:
        free.set()  # or nothing ends the test, whatever it found
    task = tasks[0]
    assert task is not None
    await asyncio.wait([task])


async def test_the_tasks_of_a_kernel_may_be_cancelled_twice_from_outside(
    anyio_backend: object,
) -> None:
    """As asyncio.run does at its end with what is left, after somebody else did."""
    problems: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, problem: problems.append(problem))
    before = asyncio.all_tasks()
    kernel = Kernel("abandoned")
    await kernel.spawn(Does).request("hello")
    kernel.spawn(Does).send("hello")
    for _ in range(5):
        await asyncio.sleep(0)  # the workers rest again
    mine = asyncio.all_tasks() - before
    assert mine
    for task in mine:
        task.cancel()
        task.cancel()
    await asyncio.wait(mine)
    await asyncio.sleep(0)
    await kernel.close()
    assert problems == []


def test_a_keyboard_interrupt_leaves_the_loop_and_a_kernel_that_still_works() -> None:
    class Interrupted(Actor[str]):
        def receive(self, message: str) -> object:
            if message == "interrupt":
                raise KeyboardInterrupt
            return message

    class InterruptedAsync(Interrupted):
        async def receive(self, message: str) -> object:
            return super().receive(message)

    for behaviour in (Interrupted, InterruptedAsync):
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda loop, context: None)

        async def begin(behaviour: Any = behaviour) -> tuple[Kernel, ActorRef[Any], ActorRef[Any]]:
            kernel = Kernel("interrupted")
            victim, other = kernel.spawn(behaviour), kernel.spawn(behaviour)
            await other.request("ready")
            victim.send("interrupt")
            other.send("behind")
            return kernel, victim, other

        async def go_on(kernel: Kernel, victim: ActorRef[Any], other: ActorRef[Any]) -> None:
            assert await victim.wait() == Error("KeyboardInterrupt", "")
            assert await other.request("hello") == "hello"
            assert await kernel.spawn(Interrupted).request("new") == "new"
            await kernel.close()

        kernel, victim, other = loop.run_until_complete(begin())
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(asyncio.sleep(0.1))
        loop.run_until_complete(go_on(kernel, victim, other))
        loop.close()
        del kernel, victim, other
        gc.collect()


# --- nothing is leaked


class Payload:
    """Something whose life can be watched."""


async def settle(kernel: Kernel) -> None:
    """Let the workers forget whom they ran last: each runs another actor."""
    gate = asyncio.Event()

    class Waits(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await gate.wait()

    refs = [kernel.spawn(Waits) for _ in range(100)]
    for ref in refs:
        ref.send("wait")
    for _ in range(10):
        await asyncio.sleep(0)
    gate.set()
    for ref in refs:
        ref.stop()
        await ref.wait()


class DoesAsync(Does):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


class Crashes(Does):
    def receive(self, message: Any) -> object:
        raise ValueError("boom")


async def ends_soon(inbox: Inbox[Any]) -> None:
    await inbox.receive()


@pytest.mark.parametrize("behaviour", [Does, DoesAsync, Notes, ends_soon])
@pytest.mark.parametrize("how", ["stop", "exit", "kill"])
async def test_an_ended_actor_goes_without_the_collector(
    kernel: Kernel, behaviour: Any, how: str
) -> None:
    arguments: tuple[Any, ...] = ("name", []) if behaviour is Notes else ()
    gc.disable()
    try:
        ref = await kernel.start(behaviour, *arguments)
        if behaviour is not ends_soon:
            await ref.request("hello")
            ref.send("hello")
        match how:
            case "stop":
                ref.stop()
            case "exit":
                ref.exit("over")
            case "kill":
                ref.kill()
        await ref.wait()
        gone = weakref.ref(ref)
        del ref
        await settle(kernel)
        kernel.dead_letters._recent.clear()
        assert gone() is None
    finally:
        gc.enable()


async def test_a_crashed_actor_its_messages_and_its_exception_are_collectable(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the log has got, the test framework keeps.
    monkeypatch.setattr(logging.getLogger("airssys_wasm.kernel"), "disabled", True)
    ref = kernel.spawn(Crashes)
    payload = Payload()
    ref.send(payload)
    watched: list[weakref.ref[Any]] = [weakref.ref(ref), weakref.ref(payload)]
    await ref.wait()
    del ref, payload
    await settle(kernel)
    kernel.dead_letters._recent.clear()
    gc.collect()
    assert [gone() for gone in watched] == [None, None]


async def test_the_kernel_keeps_nothing_of_ten_thousand_actors_that_lived(
    kernel: Kernel,
) -> None:
    watched: list[weakref.ref[Any]] = []
    watcher = kernel.spawn(Does)

    def family(context: ActorContext) -> None:
        child = context.spawn(Does, link=True, monitor=True, name="child")
        timer = context.send_after(60, child, "never")
        child.send("hello")
        context.unlink(child)
        child.kill()
        context.cancel_timer(timer)
        watched.append(weakref.ref(child))

    for _ in range(10_000):
        watcher.send(family)
    watcher.stop()
    await watcher.wait()
    del watcher
    await settle(kernel)
    kernel.dead_letters._recent.clear()
    gc.collect()
    assert [ref for ref in watched if ref() is not None] == []
    assert len(kernel.registry) == 0
    assert kernel.statistics().timers == 0
