"""An actor that handles its messages otherwise from the next one on."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Error, Inbox, Kernel, Mailbox

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Door(Actor[Any]):
    """Notes what each of its handlers gets."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def _turn(self, message: Any) -> None:
        match message:
            case "open":
                self.context.become(self.when_open)
            case "slow":
                self.context.become(self.when_slow)
            case "close":
                self.context.unbecome()
            case "crash":
                raise ValueError("crashed")

    def receive(self, message: Any) -> object:
        self._turn(message)
        self.log.append(("closed", message))
        return ("closed", message)

    def when_open(self, message: Any) -> object:
        self._turn(message)
        self.log.append(("open", message))
        return ("open", message)

    async def when_slow(self, message: Any) -> object:
        self._turn(message)
        self.log.append(("slow", message))
        return ("slow", message)


class AsyncDoor(Door):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


each = pytest.mark.parametrize("behaviour", [Door, AsyncDoor])
each_mailbox = pytest.mark.parametrize("mailbox", [None, Mailbox(capacity=2_000)], ids=["-", "b"])


@each
@each_mailbox
@pytest.mark.parametrize("filler", [0, 1, 300])
async def test_the_new_handler_has_the_very_next_message(
    kernel: Kernel, until: Until, behaviour: type[Door], mailbox: Mailbox | None, filler: int
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log, mailbox=mailbox)
    expected = []
    handler = "closed"
    for message, then in (
        ("open", "open"),
        ("slow", "slow"),
        ("close", "closed"),
        ("slow", "slow"),
        ("open", "open"),
        ("close", "closed"),
    ):
        for sent in (*["x"] * filler, message):
            ref.send(sent)
            expected.append((handler, sent))
        handler = then
    await until(lambda: len(log) == len(expected))  # no stop: it would be no batch with one
    assert log == expected


@each
async def test_requests_are_answered_by_the_handler_of_the_time(
    kernel: Kernel, behaviour: type[Door]
) -> None:
    ref = kernel.spawn(behaviour, [])
    assert await ref.request("open") == ("closed", "open")
    assert await ref.request("slow") == ("open", "slow")
    assert await ref.request("x") == ("slow", "x")
    assert await ref.request("close") == ("slow", "close")
    assert await ref.request("x") == ("closed", "x")
    assert await ref.request("close") == ("closed", "close")  # as it is already


@each
async def test_a_new_incarnation_begins_with_receive(kernel: Kernel, behaviour: type[Door]) -> None:
    log: list[Any] = []
    ref = kernel.spawn(behaviour, log)
    ref.send("open")
    ref.send("crash")
    assert await ref.wait() == Error("ValueError", "crashed")
    again = kernel.spawn(behaviour, log)
    assert await again.request("x") == ("closed", "x")


async def test_an_actor_becomes_only_what_it_has_itself(kernel: Kernel) -> None:
    refused: list[str] = []

    class Odd(Door):
        def receive(self, message: Any) -> object:
            for handler in (print, lambda message: None, Door([]).when_open):
                with pytest.raises(TypeError) as caught:
                    self.context.become(handler)
                refused.append(str(caught.value))
            return None

    async def process(inbox: Inbox[Any]) -> None:
        with pytest.raises(TypeError) as caught:
            inbox.context.become(print)
        refused.append(str(caught.value))
        with pytest.raises(TypeError) as caught:
            inbox.context.unbecome()
        refused.append(str(caught.value))

    await kernel.spawn(Odd, []).request("x")
    assert await kernel.spawn(process).wait() == "normal"
    assert len(refused) == 5
