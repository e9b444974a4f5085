"""Process functions: a receive loop, selective receive, and what a flood does to others."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    Down,
    Error,
    Exit,
    ExitActor,
    Inbox,
    Kernel,
    Mailbox,
    RealPlatform,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.mark.rule("RCV-01")
async def test_selective_receive_leaves_the_others_in_their_order(kernel: Kernel) -> None:
    got: list[Any] = []

    async def selects(inbox: Inbox[Any]) -> None:
        got.append(await inbox.receive(lambda message: message == "third"))
        got.append(await inbox.receive(lambda message: message == "first"))
        got.append(await inbox.receive())
        got.append(await inbox.receive())

    ref = kernel.spawn(selects)
    for message in ["first", "second", "third", "fourth"]:
        ref.send(message)
    assert await ref.wait() == "normal"
    assert got == ["third", "first", "second", "fourth"]


async def test_a_message_that_comes_while_it_waits_is_looked_at_once(
    kernel: Kernel, until: Until
) -> None:
    looked_at: list[Any] = []

    async def selects(inbox: Inbox[Any]) -> object:
        def wanted(message: Any) -> bool:
            looked_at.append(message)
            return bool(message == "wanted")

        return await inbox.receive(wanted)

    ref = await kernel.start(selects)
    for message in ["a", "b", "wanted"]:
        await asyncio.sleep(0)
        ref.send(message)
    assert await ref.wait() == "normal"
    assert looked_at == ["a", "b", "wanted"]


@pytest.mark.rule("RCV-02")
async def test_a_timeout_of_nothing_looks_once(kernel: Kernel) -> None:
    got: list[Any] = []

    async def polls(inbox: Inbox[Any]) -> None:
        got.append(await inbox.receive(timeout=0))
        try:
            await inbox.receive(timeout=0)
        except TimeoutError:
            got.append("nothing")

    ref = kernel.spawn(polls)
    ref.send("something")
    await ref.wait()
    assert got == ["something", "nothing"]


async def test_a_receive_that_times_out_loses_no_message(kernel: Kernel) -> None:
    got: list[Any] = []

    async def reads(inbox: Inbox[Any]) -> None:
        while len(got) < 100:
            try:
                got.append(await inbox.receive(timeout=0.0001))
            except TimeoutError:
                continue

    ref = kernel.spawn(reads)
    for number in range(100):
        ref.send(number)
        if number % 10 == 0:
            await asyncio.sleep(0.0002)
    await ref.wait()
    assert got == list(range(100))


async def test_a_receive_that_is_cancelled_by_a_timeout_of_its_own_loses_no_message(
    kernel: Kernel,
) -> None:
    got: list[Any] = []

    async def reads(inbox: Inbox[Any]) -> None:
        while len(got) < 50:
            try:
                async with asyncio.timeout(0.0001):
                    got.append(await inbox.receive())
            except TimeoutError:
                continue

    ref = kernel.spawn(reads)
    for number in range(50):
        ref.send(number)
        if number % 5 == 0:
            await asyncio.sleep(0.0002)
    await ref.wait()
    assert got == list(range(50))


async def test_a_predicate_that_raises_ends_the_process_and_takes_nothing(
    kernel: Kernel,
) -> None:
    async def selects(inbox: Inbox[Any]) -> None:
        await inbox.receive(lambda message: message.missing)

    ref = kernel.spawn(selects)
    ref.send("hello")
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.type == "AttributeError"
    assert [(letter.message, letter.crashed) for letter in kernel.dead_letters.recent()] == [
        ("hello", False)
    ]


async def test_two_tasks_cannot_receive_from_one_inbox(kernel: Kernel) -> None:
    async def doubled(inbox: Inbox[Any]) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(receive(inbox))
            group.create_task(receive(inbox))

    async def receive(inbox: Inbox[Any]) -> None:
        await inbox.receive()

    reason = await kernel.spawn(doubled).wait()
    assert isinstance(reason, Error)
    assert isinstance(reason.exception, ExceptionGroup)
    assert "by two tasks" in str(reason.exception.exceptions[0])


async def test_signals_arrive_like_messages(kernel: Kernel) -> None:
    got: list[Any] = []

    async def watches(inbox: Inbox[Any], target: Any) -> None:
        inbox.context.trap_exit = True
        monitor = inbox.context.monitor(target)
        inbox.context.link(target)
        target.send("go")
        got.append(await inbox.receive(lambda message: isinstance(message, Down)))
        got.append(await inbox.receive())
        assert got[0] == Down(target, "gone", monitor)
        assert got[1] == Exit(target, "gone")

    class Goes(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.stop("gone")

    assert await kernel.spawn(watches, kernel.spawn(Goes)).wait() == "normal"
    assert len(got) == 2


async def test_a_process_ends_with_the_reason_that_it_raises(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    async def leaves(inbox: Inbox[Any], reason: object) -> None:
        raise ExitActor(reason)

    assert await kernel.spawn(leaves, "shutdown").wait() == "shutdown"
    assert caplog.records == []
    assert await kernel.spawn(leaves, "odd").wait() == "odd"
    assert len(caplog.records) == 1


async def test_a_process_that_stops_through_its_context_ends_after_its_messages(
    kernel: Kernel,
) -> None:
    got: list[Any] = []

    async def stops(inbox: Inbox[Any]) -> None:
        inbox.context.stop("done")
        async for message in inbox:
            got.append(message)  # noqa: PERF401 - it reads as users write it

    ref = kernel.spawn(stops)
    ref.send("before")
    assert await ref.wait() == "done"
    assert got == ["before"]


async def test_a_message_in_hand_was_handled_when_the_process_asks_for_more_or_returns(
    kernel: Kernel, until: Until
) -> None:
    async def fragile(inbox: Inbox[Any]) -> None:
        await inbox.receive()
        await inbox.receive(lambda message: message == "never")

    ref = await kernel.start(fragile)
    ref.send("handled")
    ref.send("queued")
    await until(lambda: ref.mailbox_length == 1)
    ref.exit("over")
    await ref.wait()
    assert [(letter.message, letter.crashed) for letter in kernel.dead_letters.recent()] == [
        ("queued", False)
    ]

    async def once(inbox: Inbox[Any]) -> None:
        await inbox.receive()

    ref = kernel.spawn(once)
    ref.send("handled")
    await ref.wait()
    assert kernel.dead_letters.count == 1


async def test_a_request_that_was_answered_is_not_lost_with_the_process(kernel: Kernel) -> None:
    async def answers_and_dies(inbox: Inbox[Any]) -> None:
        message = await inbox.receive()
        inbox.context.defer_reply().send(message)
        raise ValueError("after the answer")

    ref = kernel.spawn(answers_and_dies)
    assert await ref.request("hello") == "hello"
    await ref.wait()
    assert kernel.dead_letters.count == 0


@pytest.mark.parametrize("mailbox", [None, Mailbox(100_000)])
async def test_a_flooded_process_lets_others_run(kernel: Kernel, mailbox: Mailbox | None) -> None:
    turns: list[int] = []
    handled = 0

    async def flooded(inbox: Inbox[int]) -> None:
        nonlocal handled
        async for _ in inbox:
            handled += 1

    ref = await kernel.start(flooded, mailbox=mailbox)

    def turn() -> None:
        turns.append(handled)
        if handled < 10_000:
            asyncio.get_running_loop().call_soon(turn)

    for number in range(10_000):
        ref.send(number)
    asyncio.get_running_loop().call_soon(turn)
    ref.stop()
    await ref.wait()
    assert handled == 10_000
    assert len(turns) > 50


class WatchedQueue(deque[Any]):
    """Notes who is put on it although it is there."""

    def __init__(self) -> None:
        super().__init__()
        self.twice: list[object] = []

    def append(self, actor: object) -> None:
        if actor in self:
            self.twice.append(actor)
        super().append(actor)


class WatchedPlatform(RealPlatform):
    def __init__(self) -> None:
        super().__init__()
        self.queue = WatchedQueue()

    def run_queue(self) -> WatchedQueue:
        return self.queue


async def test_a_process_whose_receive_was_given_up_is_on_the_run_queue_once(
    until: Until,
) -> None:
    got: list[object] = []
    tasks: list[asyncio.Task[Any] | None] = []

    async def gives_up_once(inbox: Inbox[Any]) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(asyncio.CancelledError):
            await inbox.receive()
        while len(got) < 3:
            got.append(await inbox.receive())

    platform = WatchedPlatform()
    async with Kernel("once", platform=platform) as kernel:
        ref = kernel.spawn(gives_up_once)
        await until(lambda: tasks)
        task = tasks[0]
        assert task is not None
        task.cancel()
        asyncio.get_running_loop().call_soon(ref.send, 2)  # when it has taken 1, before its turn
        ref.send(1)
        await until(lambda: len(got) == 2)
        ref.send(3)
        assert await ref.wait() == "normal"
    assert got == [1, 2, 3]
    assert platform.queue.twice == []
