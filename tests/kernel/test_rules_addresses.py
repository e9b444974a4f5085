"""Addresses that an actor gives up or that take one answer: names and replies."""

from collections.abc import Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    AlreadyAnswered,
    Inbox,
    Kernel,
    Reply,
)

pytestmark = pytest.mark.anyio


class Notes(Actor[Any]):
    """Calls each message with its context; notes the others."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class NotesAsync(Notes):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


each = pytest.mark.parametrize("behaviour", [Notes, NotesAsync])


@pytest.mark.rule("ALIAS-01")
async def test_after_a_name_was_given_up_what_is_sent_to_it_is_dropped_and_what_is_queued_stays(
    kernel: Kernel,
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Notes, log, name="desk")
    desk = kernel.named("desk")
    desk.send("queued")
    kernel.unregister("desk")
    desk.send("late")
    ref.send("direct")
    ref.stop()
    await ref.wait()
    assert log == ["queued", "direct"]
    assert [(letter.message, letter.to) for letter in kernel.dead_letters.recent()] == [
        ("late", "desk")
    ]


@pytest.mark.rule("ALIAS-02")
@each
async def test_a_reply_is_given_once(kernel: Kernel, behaviour: type[Notes]) -> None:
    refused: list[object] = []

    def answer_twice(context: ActorContext) -> None:
        reply = context.defer_reply()
        reply.send("first")
        for again in (reply.send, reply.fail):
            try:
                again(ValueError("second"))
            except AlreadyAnswered as error:
                refused.append(type(error))

    server = await kernel.start(behaviour)
    assert await server.request(answer_twice) == "first"
    assert refused == [AlreadyAnswered] * 2
    assert server.is_alive


def answer_now(context: ActorContext) -> None:
    context.defer_reply().send("reply")


@pytest.mark.rule("ALIAS-03")
@pytest.mark.parametrize("ask", [answer_now, lambda context: "reply"], ids=["deferred", "returned"])
@each
async def test_after_the_reply_the_end_of_the_server_does_not_concern_the_caller(
    kernel: Kernel, behaviour: type[Notes], ask: Callable[[ActorContext], object]
) -> None:
    server = await kernel.start(behaviour)
    seen: list[Any] = []

    async def caller(inbox: Inbox[Any]) -> None:
        seen.append(await server.request(ask))
        server.kill()
        await server.wait()
        with pytest.raises(TimeoutError):
            await inbox.receive(timeout=0)

    assert await kernel.spawn(caller).wait() == "normal"
    assert seen == ["reply"]
    assert kernel.statistics().timers == 0


@pytest.mark.rule("ALIAS-03")
@each
async def test_after_the_end_of_the_server_its_reply_reaches_nobody(
    kernel: Kernel, behaviour: type[Notes]
) -> None:
    taken: list[Reply] = []
    seen: list[Any] = []
    server = await kernel.start(behaviour)

    def take_and_die(context: ActorContext) -> None:
        taken.append(context.defer_reply())
        context.ref.send(lambda context: context.stop("gone"))

    async def caller(inbox: Inbox[Any]) -> None:
        with pytest.raises(ActorExited) as caught:
            await server.request(take_and_die)
        seen.append(caught.value.reason)
        taken[0].send("late")
        with pytest.raises(TimeoutError):
            await inbox.receive(timeout=0)

    assert await kernel.spawn(caller).wait() == "normal"
    assert seen == ["gone"]
    assert kernel.dead_letters.count == 0


@pytest.mark.rule("REG-06")
async def test_the_end_of_who_had_a_name_before_leaves_it_with_who_has_it_now(
    kernel: Kernel,
) -> None:
    log: list[Any] = []
    first, second = kernel.spawn(Notes, name="store"), kernel.spawn(Notes, log)
    kernel.unregister("store")
    kernel.register("store", second)
    first.kill()
    assert kernel.whereis("store") is second
    kernel.named("store").send("still there")
    second.stop()
    await second.wait()
    assert log == ["still there"]
    assert kernel.whereis("store") is None
