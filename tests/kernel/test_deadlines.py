"""Messages with a time to live: what is not taken in time is a dead letter."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    DeadLetter,
    Inbox,
    Kernel,
    Mailbox,
    RealPlatform,
    RequestTimeout,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Held(Actor[Any]):
    """Takes one message and holds it until the gate opens; then notes what comes."""

    def __init__(self, gate: asyncio.Event, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    async def receive(self, message: Any) -> object:
        await self.gate.wait()
        self.log.append(message)
        return message


async def held_process(inbox: Inbox[Any], gate: asyncio.Event, log: list[Any]) -> None:
    async for message in inbox:
        await gate.wait()
        log.append(message)
        inbox.context.defer_reply().send(message)


class Aged:
    """An actor whose platform's clock moves when the test moves it; it holds message 0."""

    def __init__(self, kernel: Kernel, behaviour: Any, mailbox: Any) -> None:
        self.kernel = kernel
        self.gate = asyncio.Event()
        self.log: list[Any] = []
        self.ref: Any = kernel.spawn(behaviour, self.gate, self.log, mailbox=mailbox)
        self.ref.send(0)

    def later(self, seconds: float) -> None:
        platform = self.kernel.platform
        assert isinstance(platform, RealPlatform)
        now = platform.now
        platform.now = lambda: now() + seconds

    async def end(self) -> list[Any]:
        self.gate.set()
        self.ref.stop()
        await self.ref.wait()
        return self.log


@pytest.fixture(
    params=[None, Mailbox(), Mailbox(100), Mailbox(order="priority"),
            Mailbox(100, order="priority")],
    ids=["ordinary", "unbounded", "bounded", "priority", "bounded priority"],
)  # fmt: skip
def mailbox(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=[Held, held_process])
def aged(request: pytest.FixtureRequest, kernel: Kernel, mailbox: Mailbox | None) -> Aged:
    return Aged(kernel, request.param, mailbox)


async def test_what_is_not_taken_in_time_is_a_dead_letter_and_the_rest_is_handled(
    aged: Aged, until: Until
) -> None:
    await until(lambda: aged.ref.mailbox_length == 0)
    await aged.ref.put("short", ttl=10)
    await aged.ref.put("long", ttl=1_000)
    await aged.ref.put("for ever")
    await aged.ref.put("short, too", ttl=10)
    assert aged.ref.mailbox_length == 4
    aged.later(100)
    assert await aged.end() == [0, "long", "for ever"]
    assert aged.kernel.dead_letters.recent() == (
        DeadLetter("short", aged.ref, "expired"),
        DeadLetter("short, too", aged.ref, "expired"),
    )
    assert aged.ref.exit_reason == "normal"


async def test_a_request_that_is_not_taken_in_time_fails_as_one_that_took_too_long(
    aged: Aged, until: Until
) -> None:
    await until(lambda: aged.ref.mailbox_length == 0)
    asking = [
        asyncio.create_task(aged.ref.request(ttl, timeout=None, ttl=ttl)) for ttl in (10, 1_000)
    ]
    await asyncio.sleep(0)
    aged.later(100)
    aged.gate.set()
    with pytest.raises(RequestTimeout, match="10"):
        await asking[0]
    assert await asking[1] == 1_000
    assert await aged.end() == [0, 1_000]
    assert aged.kernel.dead_letters.recent() == (DeadLetter(10, aged.ref, "expired", request=True),)


async def test_what_expired_is_not_counted_as_handled_and_makes_room(
    kernel: Kernel, until: Until
) -> None:
    for behaviour in (Held, held_process):
        before = kernel.statistics().handled
        aged = Aged(kernel, behaviour, Mailbox(2))
        await until(lambda: aged.ref.mailbox_length == 0)  # noqa: B023
        aged.ref.send(1, ttl=10)
        aged.ref.send(2, ttl=10)
        putting = asyncio.create_task(aged.ref.put(3))
        await asyncio.sleep(0)
        aged.later(100)
        aged.gate.set()
        await putting
        assert await aged.end() == [0, 3]
        assert kernel.statistics().handled - before == 2


async def test_a_plain_handler_never_sees_what_expired(kernel: Kernel) -> None:
    class Plain(Actor[Any]):
        def receive(self, message: Any) -> object:
            log.append(message)
            return message

    for mailbox in (None, Mailbox(), Mailbox(9)):
        log: list[Any] = []
        ref = kernel.spawn(Plain, mailbox=mailbox)
        ref.send(0)
        await ref.put("short", ttl=10)
        await ref.put("long", ttl=1_000)
        ref.send("for ever")
        platform: Any = kernel.platform
        platform.now = lambda now=platform.now: now() + 100
        assert await ref.request("asked", ttl=1_000) == "asked"
        assert log == [0, "long", "for ever", "asked"]
        assert kernel.dead_letters.recent()[-1] == DeadLetter("short", ref, "expired")


async def test_a_put_that_waited_too_long_for_room_has_expired(
    kernel: Kernel, until: Until
) -> None:
    aged = Aged(kernel, Held, Mailbox(1))
    await until(lambda: aged.ref.mailbox_length == 0)
    aged.ref.send(1)
    putting = asyncio.create_task(aged.ref.put(2, ttl=10))
    await asyncio.sleep(0)
    aged.later(100)
    aged.gate.set()
    await putting
    assert await aged.end() == [0, 1]
    assert kernel.dead_letters.recent() == (DeadLetter(2, aged.ref, "expired"),)


async def test_a_dead_letter_for_another_reason_says_that_reason(aged: Aged, until: Until) -> None:
    await until(lambda: aged.ref.mailbox_length == 0)
    await aged.ref.put("queued", ttl=10)
    aged.later(100)
    aged.ref.kill()
    await aged.ref.put("late", ttl=10)
    letters = {letter.message: letter.reason for letter in aged.kernel.dead_letters.recent()}
    assert letters["queued"] == "killed"
    assert letters["late"] == "noproc"


async def test_a_kept_mailbox_keeps_deadlines(kernel: Kernel) -> None:
    log: list[Any] = []

    class Child(Actor[Any]):
        def receive(self, message: Any) -> None:
            if message == "poison":
                raise ValueError("poisoned")
            log.append(message)

    class Parent(Actor[Any]):
        def receive(self, message: Any) -> object:
            return message(self.context) if callable(message) else None

    for kept in (Mailbox(keep_on_restart=True), Mailbox(9, keep_on_restart=True)):
        parent = kernel.spawn(Parent)
        child = await parent.request(lambda c, m=kept: c.spawn_child(Child, mailbox=m))
        child.send("poison", ttl=10)
        child.send("short", ttl=10)
        child.send("long", ttl=1_000)
        await child.wait()
        platform: Any = kernel.platform
        now = platform.now
        platform.now = lambda now=now: now() + 100
        second = await parent.request(
            lambda c, m=kept, old=child: c.spawn_child(Child, mailbox=m, adopt=old)
        )
        second.stop()
        await second.wait()
        await parent.request(lambda c, old=second: c.release(old))
        assert log == ["long"]
        log.clear()
        letters = [(letter.message, letter.crashed) for letter in kernel.dead_letters.recent()]
        assert letters[-2:] == [("poison", True), ("short", False)]


async def test_a_name_takes_a_ttl_whatever_the_mailbox(kernel: Kernel, until: Until) -> None:
    aged = Aged(kernel, Held, None)
    kernel.register("held", aged.ref)
    await until(lambda: aged.ref.mailbox_length == 0)
    named = kernel.named("held")
    named.send("sent", ttl=10)
    await named.put("put", ttl=1_000)
    aged.later(100)
    assert await aged.end() == [0, "put"]


@pytest.mark.parametrize(
    ("ttl", "error"),
    [(0, ValueError), (-1.0, ValueError), (float("nan"), ValueError), ("1s", TypeError),
     (True, TypeError)],
)  # fmt: skip
async def test_a_ttl_is_a_number_of_seconds_above_zero(
    kernel: Kernel, ttl: Any, error: type[Exception]
) -> None:
    aged = Aged(kernel, Held, Mailbox())
    for call in (
        lambda: aged.ref.put(1, ttl=ttl),
        lambda: aged.ref.request(1, ttl=ttl),
        lambda: kernel.named("nobody").put(1, ttl=ttl),
    ):
        with pytest.raises(error):
            await call()
    with pytest.raises(error):
        aged.ref.send(1, ttl=ttl)
    aged.gate.set()
    assert kernel.dead_letters.count == 0
