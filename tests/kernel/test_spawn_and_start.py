"""How actors begin: spawn, start, init, and what a beginning that fails leaves behind (nothing)."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorExited,
    ActorRef,
    AlreadyStarted,
    ContextNotReady,
    Error,
    Inbox,
    Kernel,
    StartError,
    StopInit,
)
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

TENANT: ContextVar[str] = ContextVar("tenant")


class Counter(Actor[str]):
    def __init__(self, start: int = 0) -> None:
        self.count = start

    def receive(self, message: str) -> object:
        match message:
            case "increment":
                self.count += 1
                return None
            case "read":
                return self.count
            case _:
                return self.unhandled(message)


class Init(Actor[object]):
    """Does what it is told to in its init, and notes what of it ran."""

    def __init__(self, answer: object = None, log: list[object] | None = None) -> None:
        self.answer = answer
        self.log = log if log is not None else []

    def init(self) -> object:
        self.log.append("init")
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def receive(self, message: object) -> object:
        self.log.append(message)
        return message

    def terminate(self, reason: object) -> None:
        self.log.append(("terminate", reason))


class AsyncInit(Init):
    async def init(self) -> object:
        await asyncio.sleep(0)
        return super().init()


class GatedInit(Actor[object]):
    """Waits in its init until the gate opens."""

    def __init__(self, gate: asyncio.Event, log: list[object]) -> None:
        self.gate = gate
        self.log = log

    async def init(self) -> None:
        self.log.append("begun")
        await self.gate.wait()
        self.log.append("ready")

    def receive(self, message: object) -> object:
        self.log.append(message)
        return message

    def terminate(self, reason: object) -> None:
        self.log.append(("terminate", reason))


async def test_a_spawned_actor_answers(kernel: Kernel) -> None:
    counter = kernel.spawn(Counter, 5)
    counter.send("increment")
    assert await counter.request("read") == 6


async def test_a_ref_is_printed_with_system_name_and_serial(kernel: Kernel) -> None:
    counter = kernel.spawn(Counter, name="counter")
    assert repr(counter).startswith("<ActorRef test/counter#")
    assert repr(kernel.spawn(Counter)).startswith("<ActorRef test/Counter#")


async def test_wrong_arguments_raise_at_the_call(kernel: Kernel) -> None:
    before = kernel.actors()
    with pytest.raises(TypeError):
        kernel.spawn(Counter, 1, 2, 3)
    assert kernel.actors() == before


async def test_an_exception_of_the_constructor_raises_at_the_call_and_leaves_nothing(
    kernel: Kernel,
) -> None:
    class Refuses(Actor[object]):
        def __init__(self) -> None:
            raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        kernel.spawn(Refuses, name="store")
    assert kernel.actors() == []
    assert kernel.whereis("store") is None


@pytest.mark.parametrize("nonsense", [None, 7, "counter", Counter(), object])
async def test_what_is_no_behaviour_is_a_type_error(kernel: Kernel, nonsense: object) -> None:
    with pytest.raises(TypeError):
        kernel.spawn(nonsense)
    assert kernel.actors() == []


async def test_the_context_does_not_exist_before_init(kernel: Kernel) -> None:
    class Early(Actor[object]):
        def __init__(self) -> None:
            self.me = self.context.ref

    with pytest.raises(ContextNotReady, match="move what needs it to init"):
        kernel.spawn(Early)


async def test_the_context_exists_from_init_on(kernel: Kernel) -> None:
    seen: list[object] = []

    class Ready(Actor[object]):
        def init(self) -> None:
            seen.append(self.context.ref)

    ref = await kernel.start(Ready)
    assert seen == [ref]


@pytest.mark.rule("GS-01")
async def test_start_returns_after_init_has_succeeded(kernel: Kernel, until: Until) -> None:
    gate = asyncio.Event()
    log: list[object] = []
    starting = asyncio.create_task(kernel.start(GatedInit, gate, log))
    await until(lambda: bool(log))
    assert not starting.done()
    gate.set()
    ref = await starting
    assert log == ["begun", "ready"]
    assert await ref.request("hello") == "hello"


@pytest.mark.parametrize("behaviour", [Init, AsyncInit])
async def test_messages_sent_before_init_are_handled_after_it(
    kernel: Kernel, behaviour: type[Init]
) -> None:
    log: list[object] = []
    ref = kernel.spawn(behaviour, None, log)
    ref.send("first")
    assert await ref.request("second") == "second"
    assert log == ["init", "first", "second"]


@pytest.mark.rule("GS-05", "GS-30")
@pytest.mark.parametrize("behaviour", [Init, AsyncInit])
async def test_a_failing_init_is_a_failed_start_with_the_exception_as_cause(
    kernel: Kernel, behaviour: type[Init]
) -> None:
    log: list[object] = []
    error = ValueError("no such table")
    with pytest.raises(StartError) as caught:
        await kernel.start(behaviour, error, log, name="store")
    assert caught.value.reason == Error("ValueError", "no such table")
    assert caught.value.__cause__ is error
    assert kernel.whereis("store") is None
    assert kernel.actors() == []
    assert log == ["init"], "terminate runs only after an init that succeeded"


@pytest.mark.parametrize("behaviour", [Init, AsyncInit])
async def test_a_failing_init_shows_as_the_exit_reason_of_a_spawned_actor(
    kernel: Kernel, behaviour: type[Init]
) -> None:
    ref = kernel.spawn(behaviour, KeyError("x"))
    ref.send("lost")
    assert await ref.wait() == Error("KeyError", "'x'")
    (letter,) = kernel.dead_letters.recent()
    assert (letter.message, letter.crashed) == ("lost", False)


async def test_stop_init_ends_without_a_crash_report(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StartError) as caught:
        await kernel.start(Init, StopInit("not today"))
    assert caught.value.reason == "not today"
    assert caplog.records == []


@pytest.mark.rule("GS-04")
@pytest.mark.parametrize("answer", [IGNORE, StopInit("no")])
async def test_the_name_is_free_when_start_says_that_init_ignored_or_stopped(
    kernel: Kernel, answer: object
) -> None:
    with pytest.raises(StartError):
        await kernel.start(Init, answer, name="store")
    assert kernel.whereis("store") is None
    await kernel.start(Init, name="store")


async def test_ignore_is_an_end_with_the_reason_normal(kernel: Kernel) -> None:
    log: list[object] = []
    ref = kernel.spawn(AsyncInit, IGNORE, log)
    assert await ref.wait() == "normal"
    assert log == ["init"]


@pytest.mark.parametrize("answer", [1, "ok", (IGNORE,)])
async def test_an_init_that_returns_rubbish_is_a_bad_return_value(
    kernel: Kernel, answer: object
) -> None:
    ref = kernel.spawn(Init, answer)
    assert await ref.wait() == ("bad_return_value", answer)


@pytest.mark.rule("GS-02")
async def test_a_start_that_takes_too_long_leaves_nothing(
    anyio_backend: object, until: Until
) -> None:
    clock, log = SetClock(), list[object]()
    async with Kernel("slow", platform=clock) as kernel:
        starting = asyncio.create_task(
            kernel.start(GatedInit, asyncio.Event(), log, name="slow", timeout=1)
        )
        await until(lambda: log)
        await clock.advance(2)
        with pytest.raises(StartError) as caught:
            await starting
        assert caught.value.reason == "timeout"
        assert kernel.actors() == []
        assert kernel.whereis("slow") is None
        assert log == ["begun"]
        await until(lambda: kernel.statistics().timers == 0)


async def test_a_start_that_is_cancelled_leaves_nothing(kernel: Kernel, until: Until) -> None:
    log: list[object] = []
    starting = asyncio.create_task(
        kernel.start(GatedInit, asyncio.Event(), log, name="slow", timeout=60)
    )
    await until(lambda: bool(log))
    starting.cancel()
    await asyncio.wait([starting])
    assert starting.cancelled()
    assert kernel.actors() == []
    assert kernel.whereis("slow") is None
    await until(lambda: kernel.statistics().timers == 0)


@pytest.mark.rule("GS-03")
async def test_a_taken_name_is_already_started_and_the_holder_is_untouched(kernel: Kernel) -> None:
    first = await kernel.start(Counter, 3, name="counter")
    with pytest.raises(AlreadyStarted) as caught:
        await kernel.start(Counter, name="counter")
    assert caught.value.ref is first
    assert await first.request("read") == 3
    assert kernel.actors() == [first]


async def test_a_constructor_that_takes_its_own_name_leaves_nothing_half_started(
    kernel: Kernel,
) -> None:
    class Greedy(Actor[object]):
        def __init__(self) -> None:
            kernel.spawn(Counter, name="greedy")

    with pytest.raises(AlreadyStarted):
        kernel.spawn(Greedy, name="greedy")
    assert [type(ref) for ref in kernel.actors()] == [ActorRef]
    assert await kernel.named("greedy").request("read") == 0


@pytest.mark.parametrize("state", ["queued", "suspended"])
async def test_a_kill_during_init_is_a_failed_start(
    kernel: Kernel, until: Until, state: str
) -> None:
    log: list[object] = []
    starting = asyncio.create_task(kernel.start(GatedInit, asyncio.Event(), log, name="victim"))
    if state == "suspended":
        await until(lambda: bool(log))
    else:
        await until(lambda: kernel.whereis("victim") is not None)
    kernel.named("victim").kill()
    with pytest.raises(StartError) as caught:
        await starting
    assert caught.value.reason == "killed"
    assert ("terminate", "killed") not in log


@pytest.mark.parametrize("behaviour", [Init, AsyncInit])
async def test_an_actor_that_is_told_to_exit_before_its_init_runs_neither_init_nor_terminate(
    kernel: Kernel, behaviour: type[Init]
) -> None:
    log: list[object] = []
    ref = kernel.spawn(behaviour, None, log)
    ref.exit("not needed")
    assert await ref.wait() == "not needed"
    assert log == []


async def test_an_exit_during_a_suspended_init_ends_it_without_terminate(
    kernel: Kernel, until: Until
) -> None:
    log: list[object] = []
    ref = kernel.spawn(GatedInit, asyncio.Event(), log)
    await until(lambda: bool(log))
    ref.exit("changed our mind")
    assert await ref.wait() == "changed our mind"
    assert log == ["begun"]


async def test_an_init_that_stops_its_own_actor_is_a_failed_start(kernel: Kernel) -> None:
    log: list[object] = []

    class Stops(Init):
        def init(self) -> None:
            self.context.stop("enough")

    with pytest.raises(StartError) as caught:
        await kernel.start(Stops, None, log)
    assert caught.value.reason == "enough"
    assert log == []


async def test_a_stop_sent_before_init_is_handled_after_it(kernel: Kernel) -> None:
    log: list[object] = []
    ref = kernel.spawn(AsyncInit, None, log)
    ref.send("work")
    ref.stop()
    assert await ref.wait() == "normal"
    assert log == ["init", "work", ("terminate", "normal")]


async def test_a_request_waits_for_init(kernel: Kernel) -> None:
    ref = kernel.spawn(AsyncInit)
    assert await ref.request("hello") == "hello"


async def test_a_request_to_an_actor_whose_init_fails_is_told_the_reason(kernel: Kernel) -> None:
    ref = kernel.spawn(AsyncInit, ValueError("broken"))
    with pytest.raises(ActorExited) as caught:
        await ref.request("hello")
    assert caught.value.reason == Error("ValueError", "broken")


async def test_a_process_function_is_started_when_its_task_runs(kernel: Kernel) -> None:
    async def double(inbox: Inbox[int], factor: int) -> None:
        async for number in inbox:
            inbox.context.defer_reply().send(number * factor)

    ref = await kernel.start(double, 2)
    assert await ref.request(21) == 42


async def test_a_function_that_returns_an_actor_is_a_behaviour(kernel: Kernel) -> None:
    ref = await kernel.start(lambda: Counter(9))
    assert await ref.request("read") == 9


async def test_a_description_makes_a_fresh_behaviour_each_time(kernel: Kernel) -> None:
    class Description:
        def incarnate(self) -> Actor[str]:
            return Counter(1)

    description = Description()
    one, other = kernel.spawn(description), kernel.spawn(description)
    one.send("increment")
    assert (await one.request("read"), await other.request("read")) == (2, 1)
    with pytest.raises(TypeError):
        kernel.spawn(description, 1)


async def test_the_parent_is_who_spawned_through_its_context(kernel: Kernel) -> None:
    class Child(Actor[str]):
        def receive(self, message: str) -> object:
            return self.context.parent

    class Parent(Actor[str]):
        def receive(self, message: str) -> object:
            return self.context.spawn(Child)

    parent = kernel.spawn(Parent)
    child: ActorRef[Any] = await parent.request("spawn")
    assert await child.request("who") is parent
    assert await kernel.spawn(Child).request("who") is None


@pytest.mark.parametrize("hook", ["plain", "async"])
@pytest.mark.parametrize("answer", [ValueError("no"), StopInit("no"), IGNORE, "rubbish"])
async def test_an_init_that_sets_a_context_variable_and_fails_is_followed_by_no_terminate(
    kernel: Kernel, hook: str, answer: object
) -> None:
    log: list[object] = []

    class Sets(Init):
        def init(self) -> object:
            TENANT.set("shop")
            return super().init()

    class SetsAsync(Sets):
        async def init(self) -> object:
            await asyncio.sleep(0)
            return super().init()

    with pytest.raises(StartError):
        await kernel.start(Sets if hook == "plain" else SetsAsync, answer, log)
    assert log == ["init"]
