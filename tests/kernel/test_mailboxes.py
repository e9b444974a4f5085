"""Bounded mailboxes: what send, put and request do when there is no room."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    DeadLetter,
    Down,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
    RequestTimeout,
)
from airssys_wasm.kernel.mailbox import Overflow

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


class Full:
    """An actor with room for two, which holds message 0 and has 1 and 2 in its mailbox."""

    def __init__(self, kernel: Kernel, behaviour: Any, overflow: Overflow) -> None:
        self.gate = asyncio.Event()
        self.log: list[Any] = []
        self.ref: ActorRef[Any] = kernel.spawn(
            behaviour, self.gate, self.log, mailbox=Mailbox(2, overflow)
        )

    async def end(self) -> list[Any]:
        """What the actor has handled when everything is done."""
        self.gate.set()
        self.ref.stop()
        await self.ref.wait()
        return self.log


MakeFull = Callable[[Overflow], Awaitable[Full]]


@pytest.fixture(params=[Held, held_process])
def make_full(request: pytest.FixtureRequest, kernel: Kernel, until: Until) -> MakeFull:
    async def make(overflow: Overflow) -> Full:
        full = Full(kernel, request.param, overflow)
        full.ref.send(0)
        await until(lambda: full.ref.mailbox_length == 0)
        full.ref.send(1)
        full.ref.send(2)
        assert full.ref.mailbox_length == 2
        return full

    return make


@pytest.mark.parametrize("overflow", ["block", "reject"])
async def test_send_raises_and_carries_what_was_not_delivered(
    make_full: MakeFull, overflow: Overflow
) -> None:
    full = await make_full(overflow)
    with pytest.raises(MailboxFull) as caught:
        full.ref.send(3)
    assert (caught.value.target, caught.value.capacity, caught.value.undelivered) == (
        full.ref,
        2,
        3,
    )
    assert await full.end() == [0, 1, 2]


async def test_put_waits_for_room_in_the_order_of_the_calls(
    make_full: MakeFull, kernel: Kernel
) -> None:
    full = await make_full("block")
    putting = [asyncio.create_task(full.ref.put(number)) for number in (3, 4, 5)]
    await asyncio.sleep(0)
    assert [task.done() for task in putting] == [False, False, False]
    full.gate.set()
    await asyncio.gather(*putting)
    assert await full.end() == [0, 1, 2, 3, 4, 5]
    assert kernel.dead_letters.count == 0


async def test_put_and_request_are_refused_at_once_where_the_policy_rejects(
    make_full: MakeFull,
) -> None:
    full = await make_full("reject")
    with pytest.raises(MailboxFull):
        await full.ref.put(3)
    with pytest.raises(MailboxFull) as caught:
        await full.ref.request(4)
    assert caught.value.undelivered == 4
    assert await full.end() == [0, 1, 2]


async def test_drop_new_drops_what_comes(make_full: MakeFull, kernel: Kernel) -> None:
    full = await make_full("drop_new")
    full.ref.send(3)
    await full.ref.put(4)
    with pytest.raises(MailboxFull):
        await full.ref.request(5)
    assert await full.end() == [0, 1, 2]
    assert kernel.dead_letters.recent() == (
        DeadLetter(3, full.ref, "full"),
        DeadLetter(4, full.ref, "full"),
        DeadLetter(5, full.ref, "full", request=True),
    )


async def test_drop_old_drops_what_has_waited_longest(make_full: MakeFull, kernel: Kernel) -> None:
    full = await make_full("drop_old")
    full.ref.send(3)
    await full.ref.put(4)
    assert await full.end() == [0, 3, 4]
    assert kernel.dead_letters.recent() == (
        DeadLetter(1, full.ref, "full"),
        DeadLetter(2, full.ref, "full"),
    )


async def test_a_process_that_waits_for_one_message_finds_it_though_others_were_dropped(
    kernel: Kernel, until: Until
) -> None:
    got: list[Any] = []

    async def picky(inbox: Inbox[Any]) -> None:
        got.append(await inbox.receive(lambda message: message == "wanted"))
        got.append(await inbox.receive())

    ref = await kernel.start(picky, mailbox=Mailbox(2, "drop_old"))
    for message in ["a", "b", "c", "wanted"]:
        ref.send(message)
        for _ in range(5):
            await asyncio.sleep(0)
    assert await ref.wait() == "normal"
    assert got == ["wanted", "c"]


async def test_a_request_that_is_dropped_as_the_oldest_fails_at_once(
    make_full: MakeFull,
) -> None:
    full = await make_full("drop_old")
    asking = asyncio.create_task(full.ref.request("asked", timeout=None))
    await asyncio.sleep(0)
    full.ref.send(4)
    full.ref.send(5)
    with pytest.raises(MailboxFull) as caught:
        await asking
    assert caught.value.undelivered == "asked"
    assert await full.end() == [0, 4, 5]


async def test_a_request_waits_for_room_within_its_timeout(
    make_full: MakeFull,
) -> None:
    full = await make_full("block")
    asking = asyncio.create_task(full.ref.request("asked", timeout=60))
    await asyncio.sleep(0)
    full.gate.set()
    assert await asking == "asked"
    assert await full.end() == [0, 1, 2, "asked"]


async def test_a_request_that_never_got_room_leaves_nothing(make_full: MakeFull) -> None:
    full = await make_full("block")
    with pytest.raises(RequestTimeout):
        await full.ref.request("asked", timeout=0.001)
    assert await full.end() == [0, 1, 2]


async def test_a_put_that_is_cancelled_leaves_nothing(make_full: MakeFull) -> None:
    full = await make_full("block")
    putting = [asyncio.create_task(full.ref.put(number)) for number in (3, 4)]
    await asyncio.sleep(0)
    putting[0].cancel()
    await asyncio.wait([putting[0]])
    full.gate.set()
    await putting[1]
    assert await full.end() == [0, 1, 2, 4]


@pytest.mark.parametrize("how", ["kill", "exit", "stop"])
async def test_a_put_to_an_actor_that_dies_returns_and_its_message_is_a_dead_letter(
    make_full: MakeFull, kernel: Kernel, how: str
) -> None:
    full = await make_full("block")
    putting = asyncio.create_task(full.ref.put(3))
    asking = asyncio.create_task(full.ref.request(4, timeout=None))
    await asyncio.sleep(0)
    match how:
        case "kill":
            full.ref.kill()
        case "exit":
            full.ref.exit("over")
        case "stop":
            full.ref.stop("over")
            full.gate.set()
    reason = await full.ref.wait()
    await putting
    if how == "stop":
        assert full.log == [0, 1, 2]
    with pytest.raises(ActorExited) as caught:
        await asking
    assert caught.value.reason == reason
    left = [letter.message for letter in kernel.dead_letters.recent() if not letter.crashed]
    assert left[-2:] == [3, 4]


async def test_signals_are_not_counted_and_never_dropped(
    make_full: MakeFull, kernel: Kernel
) -> None:
    for overflow in ("reject", "drop_new", "drop_old"):
        full = await make_full(overflow)
        target = kernel.spawn(Held, full.gate, [])
        reference = kernel.monitor(full.ref, target)
        target.kill()
        full.ref.stop()
        full.gate.set()
        await full.ref.wait()
        assert full.log == [0, 1, 2, Down(target, "killed", reference)]


async def test_the_length_counts_what_waits_and_the_capacity_can_be_asked(
    kernel: Kernel,
) -> None:
    gate = asyncio.Event()
    ref = kernel.spawn(Held, gate, [], mailbox=Mailbox(10))
    for number in range(10):
        ref.send(number)
    assert (ref.mailbox_length, ref.capacity) == (10, 10)
    assert kernel.spawn(Held, gate, []).capacity is None


@pytest.mark.parametrize(
    ("capacity", "overflow", "error"),
    [(0, "block", ValueError), (-1, "block", ValueError), (True, "block", TypeError),
     (1.5, "block", TypeError), (1, "explode", ValueError)],
)  # fmt: skip
async def test_a_mailbox_that_could_never_be_right_is_refused(
    capacity: Any, overflow: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Mailbox(capacity, overflow)
