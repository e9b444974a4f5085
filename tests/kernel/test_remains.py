"""Many messages of an actor that ends: dead letters in pieces, in their order, before its Down."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorExited, DeadLetter, Down, Inbox, Kernel, Mailbox
from airssys_wasm.testing.conservation import Ledger

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]
MANY = 5_000


class Keeps(Actor[Any]):
    def __init__(self, got: list[object]) -> None:
        self.got = got

    def receive(self, message: Any) -> None:
        self.got.append(message)


class Plain(Actor[Any]):
    def receive(self, message: Any) -> None:
        if message == "stop":
            self.context.stop("enough")


class Waits(Actor[Any]):
    async def receive(self, message: Any) -> None:
        if message == "stop":
            await asyncio.sleep(0)
            self.context.stop("enough")


async def process(inbox: Inbox[Any]) -> None:
    await inbox.receive(lambda message: message == "never")


each_kind = pytest.mark.parametrize(
    ("behaviour", "mailbox"),
    [
        pytest.param(Plain, None, id="plain"),
        pytest.param(Waits, None, id="async"),
        pytest.param(process, None, id="process"),
        pytest.param(Plain, Mailbox(10_000), id="bounded"),
        pytest.param(Plain, Mailbox(order="priority"), id="priority"),
    ],
)


@each_kind
async def test_all_that_was_queued_is_dead_lettered_in_order_and_before_what_comes_later(
    kernel: Kernel, until: Until, behaviour: Any, mailbox: Mailbox | None
) -> None:
    ledger = Ledger()
    letters: list[DeadLetter] = []
    kernel.dead_letters.subscribe(kernel.spawn(Keeps, letters))
    ref = kernel.spawn(behaviour, mailbox=mailbox)
    counted = ledger.ref(ref)
    for number in range(MANY):
        counted.send(number)
    ref.kill()
    counted.send("late")
    assert not ref.is_alive
    assert kernel.dead_letters.count < MANY
    assert kernel.dead_letters.count + ref.mailbox_length == MANY + 1
    await until(lambda: len(letters) == MANY + 1)
    assert [letter.message for letter in letters] == [*range(MANY), "late"]
    assert {letter.reason for letter in letters[:-1]} == {"killed"}
    assert letters[-1].reason == "noproc"
    assert ref.mailbox_length == 0
    counted.send("later")
    assert kernel.dead_letters.count == MANY + 2


@pytest.mark.parametrize("behaviour", [Plain, Waits])
async def test_who_watches_learns_of_the_end_when_the_dead_letters_are_written(
    kernel: Kernel, until: Until, behaviour: type[Actor[Any]]
) -> None:
    downs: list[tuple[object, int]] = []

    class Watcher(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                downs.append((message.reason, kernel.dead_letters.count))
            else:
                self.context.monitor(message)

    watcher = kernel.spawn(Watcher)
    ref = kernel.spawn(behaviour, name="doomed")
    await watcher.request(ref)
    for message in ["stop", *range(MANY)]:
        ref.send(message)
    assert await ref.wait() == "enough"
    assert kernel.dead_letters.count == MANY
    await until(lambda: downs)
    assert downs == [("enough", MANY)]
    assert kernel.whereis("doomed") is None


async def test_requests_among_many_messages_fail(kernel: Kernel) -> None:
    ref = kernel.spawn(process)
    for number in range(MANY):
        ref.send(number)
    request = asyncio.ensure_future(ref.request("hello", timeout=None))
    await asyncio.sleep(0)
    ref.kill()
    with pytest.raises(ActorExited):
        await request
    assert kernel.dead_letters.count == MANY + 1


async def test_the_end_of_the_system_forgets_none(anyio_backend: object) -> None:
    async with Kernel("ends") as kernel:
        ref = kernel.spawn(process)
        for number in range(MANY):
            ref.send(number)
    assert kernel.dead_letters.count == MANY
