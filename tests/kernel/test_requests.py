"""Requests: the reply, and every way in which none comes. Inline and queued ones give the same."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    AlreadyAnswered,
    Error,
    ExitActor,
    Failed,
    Inbox,
    Kernel,
    Mailbox,
    Reply,
    RequestTimeout,
    SelfRequest,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

VARIABLE: ContextVar[object] = ContextVar("test_variable", default=None)


class Server(Actor[Any]):
    """Does what the message says; `gate` holds it up where it is told to wait."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.taken: list[Reply] = []
        self.handled: list[object] = []

    def receive(self, message: Any) -> object:
        self.handled.append(message)
        match message:
            case "crash":
                raise ValueError("boom")
            case "fail":
                return Failed(LookupError("no such order"))
            case "nothing":
                return None
            case "coroutine":
                return asyncio.sleep(0)
            case "future":
                return asyncio.get_running_loop().create_future()
            case "unknown":
                return self.unhandled(message)
            case "stop":
                self.context.stop("done")
                return "stopping"
            case "exit":
                raise ExitActor("leaving")
            case "kill":
                self.context.ref.kill()
                return "killed"
            case "defer":
                self.taken.append(self.context.defer_reply())
                return "ignored"
            case "answer twice":
                reply = self.context.defer_reply()
                reply.send(1)
                reply.send(2)
            case "cancelled":
                raise asyncio.CancelledError
        return ("reply", message)


class AsyncServer(Server):
    async def receive(self, message: Any) -> object:
        if message == "wait":
            await self.gate.wait()
        if message == "coroutine":
            return None
        return super().receive(message)


class SuspendingServer(AsyncServer):
    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        return await super().receive(message)


class ServerInOneTask(AsyncServer):
    own_task = True


SERVERS = [Server, AsyncServer, SuspendingServer, ServerInOneTask]


@pytest.fixture(params=["idle", "busy", "bounded", "own context", "in an actor", "in a process"])
def ask(
    request: pytest.FixtureRequest, kernel: Kernel
) -> Callable[[type[Server], Any], Awaitable[Any]]:
    """A request in each of the ways that the kernel treats differently."""
    mailbox = Mailbox(10) if request.param == "bounded" else None

    async def ask_in_this_way(behaviour: type[Server], message: Any) -> Any:
        server = await kernel.start(behaviour, mailbox=mailbox)
        match request.param:
            case "busy":
                server.send("earlier")
            case "own context":
                await server.request("earlier")
                server._scheduler.give_context(server, server._scheduler.clean.copy())
            case "in an actor" | "in a process":
                return await via(kernel, server, message, process=request.param.endswith("ocess"))
        return await server.request(message)

    return ask_in_this_way


async def via(kernel: Kernel, server: ActorRef[Any], message: Any, *, process: bool) -> Any:
    """What an actor gets that requests `message` of `server`."""
    outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def relay() -> None:
        try:
            outcome.set_result(await server.request(message))
        except Exception as error:
            outcome.set_exception(error)

    class Relay(Actor[str]):
        async def receive(self, message: str) -> None:
            await relay()

    async def relaying(inbox: Inbox[str]) -> None:
        await inbox.receive()
        await relay()

    kernel.spawn(relaying if process else Relay).send("go")
    return await outcome


Ask = Callable[[type[Server], Any], Awaitable[Any]]
each_server = pytest.mark.parametrize("behaviour", SERVERS)


@each_server
async def test_the_returned_value_is_the_reply(ask: Ask, behaviour: type[Server]) -> None:
    assert await ask(behaviour, ("any", "message")) == ("reply", ("any", "message"))


@each_server
async def test_none_is_a_reply_like_any_other(ask: Ask, behaviour: type[Server]) -> None:
    assert await ask(behaviour, "nothing") is None


@each_server
async def test_none_is_a_message_like_any_other(ask: Ask, behaviour: type[Server]) -> None:
    assert await ask(behaviour, None) == ("reply", None)


@pytest.mark.rule("GS-09")
@each_server
async def test_a_crash_under_the_request_is_raised_with_the_exception_as_cause(
    ask: Ask, kernel: Kernel, behaviour: type[Server]
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "crash")
    assert caught.value.reason == Error("ValueError", "boom")
    assert isinstance(caught.value.__cause__, ValueError)
    (letter,) = kernel.dead_letters.recent()
    assert (letter.message, letter.crashed, letter.request) == ("crash", True, True)
    assert letter.reason == Error("ValueError", "boom")


@each_server
async def test_failed_is_raised_in_the_caller_and_the_actor_lives(
    ask: Ask, kernel: Kernel, behaviour: type[Server]
) -> None:
    with pytest.raises(LookupError, match="no such order"):
        await ask(behaviour, "fail")
    assert any(ref.is_alive for ref in kernel.actors())
    assert kernel.dead_letters.count == 0


@pytest.mark.rule("GS-26")
@each_server
async def test_an_unhandled_request_ends_the_actor(ask: Ask, behaviour: type[Server]) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "unknown")
    assert caught.value.reason == ("unhandled_request", "unknown")


@pytest.mark.rule("GS-11")
@pytest.mark.parametrize("awaitable", ["coroutine", "future"])
async def test_an_awaitable_from_a_plain_receive_is_a_bad_return_value(
    ask: Ask, awaitable: str
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(Server, awaitable)
    assert isinstance(caught.value.reason, tuple)
    assert caught.value.reason[0] == "bad_return_value"


@pytest.mark.rule("GS-14")
@each_server
async def test_a_handler_that_replies_and_stops_gets_its_reply_out(
    ask: Ask, kernel: Kernel, behaviour: type[Server]
) -> None:
    assert await ask(behaviour, "stop") == "stopping"


@each_server
async def test_an_actor_that_raises_its_exit_under_a_request_gives_that_reason(
    ask: Ask, behaviour: type[Server]
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "exit")
    assert caught.value.reason == "leaving"


@each_server
async def test_a_reply_of_an_actor_that_killed_itself_is_discarded(
    ask: Ask, behaviour: type[Server]
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "kill")
    assert caught.value.reason == "killed"


@each_server
async def test_a_cancelled_error_from_elsewhere_is_a_crash_and_does_not_cancel_the_caller(
    ask: Ask, behaviour: type[Server]
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "cancelled")
    assert caught.value.reason == Error("CancelledError", "")


@each_server
async def test_a_second_answer_is_an_error_where_it_is_given(
    ask: Ask, behaviour: type[Server]
) -> None:
    with pytest.raises(ActorExited) as caught:
        await ask(behaviour, "answer twice")
    assert isinstance(caught.value.__cause__, AlreadyAnswered)


@pytest.mark.rule("GS-12")
@each_server
async def test_a_deferred_reply_arrives_and_others_are_served_meanwhile(
    kernel: Kernel, until: Until, behaviour: type[Server]
) -> None:
    taken: list[Reply] = []

    class Defers(behaviour):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            self.taken = taken

    server = await kernel.start(Defers)
    waiting = asyncio.create_task(server.request("defer"))
    await until(lambda: bool(taken))
    assert await server.request("another") == ("reply", "another")
    assert not waiting.done()
    taken[0].send("late")
    assert await waiting == "late"


@each_server
async def test_a_deferred_reply_can_fail(
    kernel: Kernel, until: Until, behaviour: type[Server]
) -> None:
    taken: list[Reply] = []

    class Defers(behaviour):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            self.taken = taken

    server = await kernel.start(Defers)
    waiting = asyncio.create_task(server.request("defer"))
    await until(lambda: bool(taken))
    taken[0].fail(LookupError("gone"))
    with pytest.raises(LookupError, match="gone"):
        await waiting
    assert server.is_alive


@each_server
async def test_a_deferred_reply_fails_at_once_when_the_actor_ends_first(
    kernel: Kernel, until: Until, behaviour: type[Server]
) -> None:
    taken: list[Reply] = []

    class Defers(behaviour):  # type: ignore[misc, valid-type]
        def init(self) -> None:
            self.taken = taken

    server = await kernel.start(Defers)
    waiting = asyncio.create_task(server.request("defer", timeout=None))
    await until(lambda: bool(taken))
    server.stop("bye")
    with pytest.raises(ActorExited) as caught:
        await waiting
    assert caught.value.reason == "bye"
    taken[0].send("what is left of the actor may still say something: nobody hears it")


@pytest.mark.rule("GS-06", "GS-23")
async def test_a_request_that_times_out_leaves_the_actor_untouched(kernel: Kernel) -> None:
    class Slow(AsyncServer):
        async def receive(self, message: Any) -> object:
            if message == "open":
                self.gate.set()
                return None
            return await super().receive(message)

    server = kernel.spawn(SuspendingServer)
    with pytest.raises(RequestTimeout) as caught:
        await server.request("wait", timeout=0.001)
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.target, caught.value.timeout) == (server, 0.001)
    assert server.is_alive
    assert kernel.statistics().timers == 0
    server.kill()


@pytest.mark.rule("GS-07")
async def test_a_late_reply_is_dropped_and_never_seen(kernel: Kernel) -> None:
    gate = asyncio.Event()
    seen: list[object] = []

    class Late(Actor[str]):
        async def receive(self, message: str) -> str:
            if message == "slow":
                await gate.wait()
            return f"reply to {message}"

    class Caller(Actor[object]):
        async def receive(self, message: object) -> object:
            seen.append(message)
            with pytest.raises(RequestTimeout):
                await late.request("slow", timeout=0.001)
            gate.set()
            return await late.request("fast")

    late = kernel.spawn(Late)
    caller = kernel.spawn(Caller)
    assert await caller.request("go") == "reply to fast"
    assert seen == ["go"]
    assert caller.mailbox_length == 0
    assert kernel.dead_letters.count == 0


@pytest.mark.rule("GS-08")
async def test_a_request_to_a_dead_actor_is_noproc(kernel: Kernel) -> None:
    server = kernel.spawn(Server)
    server.kill()
    with pytest.raises(ActorExited) as caught:
        await server.request("hello")
    assert caught.value.reason == "noproc"


@pytest.mark.rule("GS-08")
async def test_a_request_to_an_unknown_name_is_noproc(kernel: Kernel) -> None:
    with pytest.raises(ActorExited) as caught:
        await kernel.named("nobody").request("hello")
    assert (caught.value.target, caught.value.reason) == ("nobody", "noproc")


async def test_a_request_to_an_actor_that_is_ending_is_noproc(kernel: Kernel, until: Until) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    class Ending(Actor[object]):
        async def terminate(self, reason: object) -> None:
            begun.set()
            await gate.wait()

    ref = kernel.spawn(Ending)
    ref.stop()
    await begun.wait()
    assert ref.is_alive
    with pytest.raises(ActorExited) as caught:
        await ref.request("hello")
    assert caught.value.reason == "noproc"
    gate.set()
    assert await ref.wait() == "normal"


@pytest.mark.rule("GS-10")
async def test_an_actor_that_asks_itself_is_refused_at_once(kernel: Kernel) -> None:
    class Narcissus(Actor[str]):
        async def receive(self, message: str) -> object:
            return await self.context.ref.request("who is the fairest?")

    ref = kernel.spawn(Narcissus)
    with pytest.raises(ActorExited) as caught:
        await ref.request("go")
    assert isinstance(caught.value.__cause__, SelfRequest)


@pytest.mark.rule("GS-10")
async def test_a_process_that_asks_itself_is_refused_at_once(kernel: Kernel) -> None:
    async def narcissus(inbox: Inbox[str]) -> None:
        await inbox.context.ref.request("who is the fairest?")

    ref = kernel.spawn(narcissus)
    assert await ref.wait() == Error("SelfRequest", str(SelfRequest(ref)))


async def test_a_cycle_of_requests_times_out_as_any_other(kernel: Kernel) -> None:
    peers: list[ActorRef[Any]] = []

    class Peer(Actor[int]):
        async def receive(self, turn: int) -> object:
            try:
                return await peers[(turn + 1) % 2].request(turn + 1, timeout=0.01)
            except RequestTimeout:
                return "nobody answered"

    peers.extend(kernel.spawn(Peer) for _ in range(2))
    assert await peers[0].request(0) == "nobody answered"


async def test_a_cancelled_requester_leaves_the_target_alone(kernel: Kernel) -> None:
    handled: list[str] = []
    begun, gate = asyncio.Event(), asyncio.Event()

    class Slow(Actor[str]):
        async def receive(self, message: str) -> str:
            if message == "slow":
                begun.set()
                await gate.wait()
            handled.append(message)
            return message

    server = kernel.spawn(Slow)
    waiting = asyncio.create_task(server.request("slow"))
    await begun.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert kernel.statistics().timers == 0
    gate.set()
    assert await server.request("next") == "next"
    assert handled == ["slow", "next"]


async def test_a_request_is_nothing_until_it_is_awaited(kernel: Kernel) -> None:
    handled: list[object] = []

    class Notes(Actor[object]):
        def receive(self, message: object) -> None:
            handled.append(message)

    server = kernel.spawn(Notes)
    request = server.request("hello")
    assert handled == []
    await request
    assert handled == ["hello"]


async def test_requests_keep_their_order_among_messages(kernel: Kernel) -> None:
    handled: list[object] = []

    class Notes(Actor[object]):
        def receive(self, message: object) -> object:
            handled.append(message)
            return message

    server = kernel.spawn(Notes)
    server.send(1)
    request = asyncio.create_task(server.request(2))
    await asyncio.sleep(0)
    server.send(3)
    assert await request == 2
    assert await server.request(4) == 4
    assert handled == [1, 2, 3, 4]


async def test_two_requests_at_once_get_their_own_replies(kernel: Kernel) -> None:
    server = kernel.spawn(SuspendingServer)
    replies = await asyncio.gather(*(server.request(number) for number in range(100)))
    assert replies == [("reply", number) for number in range(100)]


@pytest.mark.rule("GS-09")
async def test_every_queued_request_learns_of_the_end_at_once(kernel: Kernel) -> None:
    server = kernel.spawn(SuspendingServer)
    requests = [
        asyncio.create_task(server.request(message, timeout=None))
        for message in ["crash", "queued", "queued too"]
    ]
    results = await asyncio.gather(*requests, return_exceptions=True)
    assert [getattr(result, "reason", None) for result in results] == [
        Error("ValueError", "boom")
    ] * 3
    assert [letter.crashed for letter in kernel.dead_letters.recent()] == [True, False, False]


async def test_a_request_cannot_fail_with_what_a_future_cannot_raise(kernel: Kernel) -> None:
    with pytest.raises(TypeError):
        Failed(StopIteration())
    with pytest.raises(TypeError):
        Failed("not an exception")  # type: ignore[arg-type]


async def test_a_process_answers_through_the_deferred_reply(kernel: Kernel) -> None:
    async def adder(inbox: Inbox[int]) -> None:
        total = 0
        async for number in inbox:
            total += number
            inbox.context.defer_reply().send(total)

    ref = kernel.spawn(adder)
    assert [await ref.request(number) for number in (1, 2, 3)] == [1, 3, 6]


async def test_a_process_that_returns_fails_the_request_it_never_answered(kernel: Kernel) -> None:
    async def once(inbox: Inbox[str]) -> None:
        await inbox.receive()

    with pytest.raises(ActorExited) as caught:
        await kernel.spawn(once).request("hello")
    assert caught.value.reason == "normal"


async def test_a_process_that_crashes_fails_the_request_in_hand_and_those_behind_it(
    kernel: Kernel,
) -> None:
    async def fragile(inbox: Inbox[str]) -> None:
        await inbox.receive()
        raise ValueError("boom")

    ref = kernel.spawn(fragile)
    results = await asyncio.gather(ref.request("one"), ref.request("two"), return_exceptions=True)
    assert [getattr(result, "reason", None) for result in results] == [
        Error("ValueError", "boom")
    ] * 2


async def test_an_inline_request_that_stops_its_actor_runs_terminate(kernel: Kernel) -> None:
    ended: list[object] = []

    class Ends(Server):
        def terminate(self, reason: object) -> None:
            ended.append(reason)

    server = await kernel.start(Ends)
    assert await server.request("stop") == "stopping"
    await server.wait()
    assert ended == ["done"]


async def test_messages_sent_by_the_handler_of_an_inline_request_to_itself_are_handled(
    kernel: Kernel,
) -> None:
    handled: list[int] = []

    class Countdown(Actor[int]):
        def receive(self, left: int) -> str:
            handled.append(left)
            if left:
                self.context.ref.send(left - 1)
            return "begun"

    ref = await kernel.start(Countdown)
    assert await ref.request(3) == "begun"
    ref.stop()
    await ref.wait()
    assert handled[:2] == [3, 2]


async def test_a_loop_of_inline_requests_does_not_starve_the_loop(kernel: Kernel) -> None:
    server = await kernel.start(Server)
    turns = 0

    def turn() -> None:
        nonlocal turns
        turns += 1
        if turns < 5:
            asyncio.get_running_loop().call_soon(turn)

    asyncio.get_running_loop().call_soon(turn)
    while turns < 5:
        await server.request("hello")


async def test_what_comes_while_a_long_loop_of_requests_gives_way_is_handled_first(
    kernel: Kernel,
) -> None:
    made = Server()
    server = kernel.spawn(lambda: made)
    await server.request("first")
    while kernel.scheduler.streak > 0:
        await server.request("again")
    asyncio.get_running_loop().call_soon(server.send, "sent")
    await server.request("asked")
    assert made.handled[-2:] == ["sent", "asked"]


async def test_a_request_that_has_given_way_finds_the_actor_dead(kernel: Kernel) -> None:
    server = await kernel.start(Server)
    while kernel.scheduler.streak > 0:
        await server.request("again")
    asyncio.get_running_loop().call_soon(server.kill)
    with pytest.raises(ActorExited) as exited:
        await server.request("asked")
    assert exited.value.reason == "noproc"


async def test_each_request_counts_as_handled_once_however_it_was_run(kernel: Kernel) -> None:
    server = await kernel.start(Server)
    before = kernel.statistics().handled
    for _ in range(600):
        await server.request("hello")
    assert kernel.statistics().handled == before + 600


class Incomparable:
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        raise ValueError("nobody compares me")


async def test_a_context_variable_that_cannot_be_compared_is_one_that_was_changed(
    anyio_backend: object,
) -> None:
    class Sets(Actor[Any]):
        def receive(self, message: Any) -> object:
            before = VARIABLE.get()
            VARIABLE.set(Incomparable())
            return before

    found = Incomparable()
    token = VARIABLE.set(found)
    try:
        async with Kernel("own") as kernel:
            one, other = kernel.spawn(Sets), kernel.spawn(Sets)
            assert await one.request("set") is found
            assert await one.request("set") is not found
            assert await other.request("set") is found
    finally:
        VARIABLE.reset(token)
