"""What init or a handler asks to go on with comes before any message."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, Continue, Error, Kernel, Mailbox
from airssys_wasm.kernel.states import ENTRIES

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


STEP: ContextVar[int] = ContextVar("step")


class Steps(Actor[Any]):
    """Notes what it handles; an int n has it go on n times, "crash" has it fail then."""

    def __init__(self, log: list[Any], at_init: Any = None) -> None:
        self.log = log
        self.at_init = at_init

    def init(self) -> object:
        self.log.append("init")
        return Continue(self.at_init) if self.at_init is not None else None

    def receive(self, message: Any) -> object:
        self.log.append(message)
        if message == "defer":
            self.context.defer_reply().send("deferred")
            return Continue(1, reply="not this")
        if isinstance(message, int | tuple) or message == "crash":
            return Continue(message, reply=("reply", message))
        return message

    def handle_continue(self, value: Any) -> object:
        self.log.append(("continue", value))
        if value == "crash":
            raise ValueError("crashed")
        return Continue(value - 1) if isinstance(value, int) and value > 1 else None


class AsyncSteps(Steps):
    async def init(self) -> object:
        return super().init()

    async def receive(self, message: Any) -> object:
        return super().receive(message)

    async def handle_continue(self, value: Any) -> object:
        return super().handle_continue(value)


class StepsInOneTask(AsyncSteps):
    own_task = True


class StepsInOneContext(Steps):
    """Has a context variable of its own, and so runs in tasks of its own."""

    def init(self) -> object:
        STEP.set(1)
        return super().init()


each = pytest.mark.parametrize("behaviour", [Steps, AsyncSteps, StepsInOneTask, StepsInOneContext])
each_mailbox = pytest.mark.parametrize(
    "mailbox",
    [None, Mailbox(capacity=100), Mailbox(order="priority")],
    ids=["unbounded", "bounded", "priority"],
)


@pytest.mark.rule("GS-24")
@each
@each_mailbox
async def test_what_init_goes_on_with_comes_before_all_that_was_sent_before(
    kernel: Kernel, behaviour: type[Steps], mailbox: Mailbox | None
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, 2, mailbox=mailbox)
    for message in ("a", "b"):
        ref.send(message)
    assert await ref.request("c") == "c"
    assert log == ["init", ("continue", 2), ("continue", 1), "a", "b", "c"]


@pytest.mark.rule("GS-24")
@each
@each_mailbox
@pytest.mark.parametrize("before", [0, 1, 300], ids="{} before".format)
@pytest.mark.parametrize("after", [0, 1, 300], ids="{} after".format)
async def test_what_a_handler_goes_on_with_comes_before_all_that_is_queued(
    kernel: Kernel,
    until: Until,
    behaviour: type[Steps],
    mailbox: Mailbox | None,
    before: int,
    after: int,
) -> None:
    if mailbox is not None and mailbox.capacity is not None:
        mailbox = Mailbox(capacity=1_000)
    log: list[Any] = []
    ref = await kernel.start(behaviour, log, mailbox=mailbox)
    handled = kernel.statistics().handled
    messages = ["x"] * before + [2] + ["y"] * after
    for message in messages:
        ref.send(message)
    expected = ["x"] * before + [2, ("continue", 2), ("continue", 1)] + ["y"] * after
    await until(lambda: len(log) > len(expected))  # no stop: it would be no batch with one
    assert log == ["init", *expected]
    assert await ref.request("over") == "over"
    assert kernel.statistics().handled - handled == before + 2 + after


@pytest.mark.rule("GS-24")
@each
async def test_a_request_is_answered_before_its_handler_goes_on(
    kernel: Kernel, behaviour: type[Steps], until: Until
) -> None:
    log: list[Any] = []
    ref = await kernel.start(behaviour, log)
    assert await ref.request(2) == ("reply", 2)
    await until(lambda: len(log) == 4)
    assert log == ["init", 2, ("continue", 2), ("continue", 1)]
    assert await ref.request("defer") == "deferred"
    await until(lambda: len(log) == 6)
    assert log[4:] == ["defer", ("continue", 1)]
    assert not ref._mode & ENTRIES  # its messages cost what they did before


@each
async def test_several_requests_go_on_each_after_its_own(
    kernel: Kernel, behaviour: type[Steps]
) -> None:
    log: list[Any] = []
    ref = await kernel.start(behaviour, log)
    ref.send("first")
    replies = await asyncio.gather(*(ref.request((i,)) for i in range(3)))
    assert replies == [("reply", (i,)) for i in range(3)]
    await ref.request("last")
    assert log[1:] == [
        "first",
        (0,),
        ("continue", (0,)),
        (1,),
        ("continue", (1,)),
        (2,),
        ("continue", (2,)),
        "last",
    ]


@each
async def test_to_fail_while_going_on_is_a_crash_that_costs_no_message_but_those_queued(
    kernel: Kernel, behaviour: type[Steps]
) -> None:
    log: list[Any] = []
    ref: ActorRef[Any] = await kernel.start(behaviour, log)
    handled = kernel.statistics().handled
    ref.send("crash")
    ref.send("queued")
    assert await ref.wait() == Error("ValueError", "crashed")
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["queued"]
    assert kernel.statistics().handled - handled == 1


async def test_to_go_on_without_a_hook_for_it_is_a_crash(kernel: Kernel) -> None:
    class Hookless(Actor[Any]):
        def receive(self, message: Any) -> object:
            return Continue(message)

    ref = kernel.spawn(Hookless)
    ref.send(1)
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.type == "NotImplementedError"


@each
async def test_who_stops_does_not_go_on(kernel: Kernel, behaviour: type[Steps]) -> None:
    class Stops(behaviour):  # type: ignore[valid-type, misc]
        def receive(self, message: Any) -> object:
            self.context.stop()
            return Continue(1)

    log: list[Any] = []
    ref = kernel.spawn(Stops, log)
    ref.send(None)
    assert await ref.wait() == "normal"
    assert log == ["init"]
    assert ref.mailbox_length == 0


@pytest.mark.parametrize("behaviour", [Steps, AsyncSteps])
async def test_an_end_in_between_ends_the_going_on(kernel: Kernel, behaviour: type[Steps]) -> None:
    log: list[Any] = []
    ref = await kernel.start(behaviour, log)
    ref.send(3)

    class Killer(Actor[Any]):
        def receive(self, message: Any) -> None:
            ref.kill()

    kernel.spawn(Killer).send(None)
    assert await ref.wait() == "killed"
    assert kernel.dead_letters.count == 0
