"""Servers and who asks them: starts, requests, timeouts and ends, as the rules GS-* have them."""

import asyncio
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Down,
    Error,
    Exit,
    Inbox,
    Kernel,
    RequestTimeout,
    StartError,
)
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture
async def timed(anyio_backend: object) -> AsyncIterator[tuple[Kernel, SetClock]]:
    """A kernel and the clock that it goes by."""
    clock = SetClock()
    async with Kernel("timed", platform=clock) as kernel:
        yield kernel, clock
    assert kernel.statistics().timers == 0


Timed = tuple[Kernel, SetClock]


class Server(Actor[Any]):
    """Answers with the message."""

    def receive(self, message: Any) -> object:
        if message == "stop":
            self.context.stop("done")
        return ("reply", message)


class AsyncServer(Server):
    """Waits at its gate when told to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def receive(self, message: Any) -> object:
        match message:
            case "open":
                self.gate.set()
            case "wait":
                await self.gate.wait()
        return super().receive(message)


class Gated(Server):
    """Its receive waits until the test opens the gate."""

    def __init__(self, gate: asyncio.Event) -> None:
        self.gate = gate

    async def receive(self, message: Any) -> object:
        if message == "wait":
            await self.gate.wait()
        return super().receive(message)


class NeverReady(Actor[Any]):
    async def init(self) -> None:
        await asyncio.Event().wait()


class Stillborn(Actor[Any]):
    def init(self) -> None:
        raise ValueError("stillborn")


each_server = pytest.mark.parametrize("behaviour", [Server, AsyncServer])


# --- starts


@pytest.mark.rule("GS-02")
async def test_a_start_that_takes_too_long_leaves_its_starter_no_message(timed: Timed) -> None:
    kernel, clock = timed
    seen: list[object] = []

    async def starter(inbox: Inbox[Any]) -> None:
        with pytest.raises(StartError) as caught:
            await kernel.start(NeverReady, name="slow", timeout=1.0)
        seen.append(caught.value.reason)
        assert kernel.whereis("slow") is None
        try:
            seen.append(await inbox.receive(timeout=60.0))
        except TimeoutError:
            seen.append("nothing else")

    ref = kernel.spawn(starter)
    await clock.advance(0.999)
    assert kernel.whereis("slow") is not None
    await clock.advance(100)
    assert await ref.wait() == "normal"
    assert seen == ["timeout", "nothing else"]


@pytest.mark.rule("GS-05")
async def test_a_failing_init_is_an_error_to_who_asks_and_an_exit_to_a_linked_parent_that_traps(
    kernel: Kernel,
) -> None:
    seen: list[Any] = []

    async def parent(inbox: Inbox[Any]) -> None:
        inbox.context.trap_exit = True
        child = inbox.context.spawn(Stillborn, link=True)
        with pytest.raises(ActorExited) as caught:
            await child.request("hello")
        seen.append(caught.value.reason)
        exit = await inbox.receive()
        assert exit == Exit(child, caught.value.reason)

    assert await kernel.spawn(parent).wait() == "normal"
    assert seen == [Error("ValueError", "stillborn")]


# --- requests


@pytest.mark.rule("GS-06", "GS-23")
async def test_a_request_gives_up_after_five_seconds_and_the_server_answers_the_next(
    timed: Timed,
) -> None:
    kernel, clock = timed
    gate = asyncio.Event()
    server = kernel.spawn(Gated, gate)
    asking = asyncio.create_task(server.request("wait"))
    await clock.advance(4.999)
    assert not asking.done()
    await clock.advance(0.001)
    assert isinstance(asking.exception(), RequestTimeout)
    gate.set()
    assert await server.request("next") == ("reply", "next")


@pytest.mark.rule("GS-06")
async def test_a_caller_that_does_not_catch_its_timeout_ends_of_it(timed: Timed) -> None:
    kernel, clock = timed
    gate = asyncio.Event()
    server = kernel.spawn(Gated, gate)

    class Caller(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await server.request("wait")

    caller = kernel.spawn(Caller)
    caller.send("go")
    await clock.advance(6)
    reason = caller.exit_reason
    assert isinstance(reason, Error)
    assert reason.type == "RequestTimeout"
    assert server.is_alive
    gate.set()


@pytest.mark.rule("GS-09")
@pytest.mark.parametrize("reason", ["boom", "shutdown", ("shutdown", "upgrade"), "kill"])
async def test_the_end_of_the_server_is_the_end_of_the_requests_that_it_has(
    kernel: Kernel, until: Until, reason: object
) -> None:
    server = kernel.spawn(AsyncServer)
    asking = [
        asyncio.create_task(server.request(message, timeout=None)) for message in ("wait", "queued")
    ]
    await until(lambda: server.mailbox_length == 1)
    server.exit(reason)
    errors: list[Any] = await asyncio.gather(*asking, return_exceptions=True)
    expected = "killed" if reason == "kill" else reason
    assert [(type(error), error.reason) for error in errors] == [(ActorExited, expected)] * 2


@pytest.mark.rule("GS-14")
@each_server
async def test_the_reply_of_a_server_that_stops_comes_before_its_down(
    kernel: Kernel, behaviour: type[Server]
) -> None:
    seen: list[Any] = []
    server = await kernel.start(behaviour)

    async def caller(inbox: Inbox[Any]) -> None:
        monitor = inbox.context.monitor(server)
        seen.append(await server.request("stop"))
        seen.append(await inbox.receive())
        assert seen[1] == Down(server, "done", monitor)

    assert await kernel.spawn(caller).wait() == "normal"
    assert seen[0] == ("reply", "stop")


@pytest.mark.rule("GS-22")
async def test_a_request_can_be_made_now_and_waited_for_later(kernel: Kernel) -> None:
    server = await kernel.start(AsyncServer)
    asking = asyncio.create_task(server.request("open"))
    other = kernel.spawn(Gated, gate := asyncio.Event())
    waiting = asyncio.create_task(other.request("wait"))
    done, pending = await asyncio.wait({waiting}, timeout=0)
    assert (done, pending) == (set(), {waiting})
    gate.set()
    assert await waiting == ("reply", "wait")
    assert await asking == ("reply", "open")


@pytest.mark.rule("GS-22")
async def test_a_wait_that_gives_up_abandons_its_request(kernel: Kernel) -> None:
    gate = asyncio.Event()
    server = kernel.spawn(Gated, gate)
    seen: list[Any] = []

    async def caller(inbox: Inbox[Any]) -> None:
        asking = asyncio.create_task(server.request("wait"))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asking, timeout=0)
        gate.set()
        seen.append(await server.request("next"))
        with pytest.raises(TimeoutError):
            await inbox.receive(timeout=0)

    assert await kernel.spawn(caller).wait() == "normal"
    assert seen == [("reply", "next")]
    assert kernel.dead_letters.count == 0


@pytest.mark.rule("GS-22")
async def test_a_request_to_the_dead_that_is_waited_for_later_is_a_value(kernel: Kernel) -> None:
    server = kernel.spawn(Server)
    server.kill()
    asking = asyncio.create_task(server.request("hello"))
    await asyncio.wait({asking})
    error = asking.exception()
    assert isinstance(error, ActorExited)
    assert error.reason == "noproc"


class CountedCalls:
    """How many functions are called within, by anybody, and how much memory is taken at most."""

    def __enter__(self) -> "CountedCalls":
        self.calls = 0
        tracemalloc.start()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self.memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self.calls += event in ("call", "c_call")


@pytest.mark.rule("GS-28", "RCV-03")
@pytest.mark.parametrize("process", [False, True], ids=["class", "process"])
@each_server
async def test_a_request_does_as_much_whatever_is_queued_at_the_caller(
    kernel: Kernel, behaviour: type[Server], process: bool
) -> None:
    server = await kernel.start(behaviour)
    costs: dict[int, int] = {}

    async def ask(ref: ActorRef[Any], backlog: int) -> None:
        for _ in range(3):
            await server.request("warm up")
        assert ref.mailbox_length == backlog
        with CountedCalls() as counted:
            assert await server.request("hello") == ("reply", "hello")
        assert ref.mailbox_length == backlog
        assert counted.memory < 100_000  # a copy of the references alone would be 1.6 MB
        costs[backlog] = counted.calls

    class Caller(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message is not None:
                await ask(self.context.ref, message)
                self.context.stop()

    async def caller(inbox: Inbox[Any]) -> None:
        backlog = await inbox.receive(lambda message: message is not None)
        await ask(inbox.context.ref, backlog)

    for backlog in (0, 200_000):
        ref = kernel.spawn(caller if process else Caller)
        ref.send(backlog)
        for _ in range(backlog):
            ref.send(None)
        assert await ref.wait() == "normal"
    assert costs[200_000] <= costs[0] + 50  # what the workers do beside it differs a little


# --- idle time, and stops


@pytest.mark.rule("GS-15")
async def test_a_time_without_messages_is_told_and_any_message_ends_it(timed: Timed) -> None:
    kernel, clock = timed
    seen: list[Any] = []

    async def dozes(inbox: Inbox[Any]) -> None:
        while True:
            try:
                seen.append(await inbox.receive(timeout=1.0))
            except TimeoutError:
                seen.append(("idle", round(inbox.context.now() - 1_000.0, 6)))

    ref = kernel.spawn(dozes)
    await clock.advance(0.9)
    ref.send("first")
    await clock.advance(0.9)
    ref.send("second")
    await clock.advance(0.9)
    assert seen == ["first", "second"]
    await clock.advance(0.2)
    assert seen == ["first", "second", ("idle", 2.8)]
    ref.stop()
    await ref.wait()


@pytest.mark.rule("GS-16")
async def test_a_stop_is_over_when_the_wait_is_and_a_second_one_is_nothing_unlike_in_otp(
    kernel: Kernel,
) -> None:
    server = await kernel.start(Server, name="server")
    watcher: list[Any] = []

    async def watches(inbox: Inbox[Any]) -> None:
        inbox.context.monitor(server)
        watcher.append((await inbox.receive()).reason)

    watching = await kernel.start(watches)
    server.stop("custom")
    assert await server.wait() == "custom"
    assert not server.is_alive
    assert kernel.whereis("server") is None
    await watching.wait()
    assert watcher == ["custom"]
    server.stop("again")
    assert await server.wait() == "custom"
    assert await kernel.named("server").wait() == "noproc"
