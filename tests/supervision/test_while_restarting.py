"""What becomes of messages to a child that is being restarted: they fail, or they are queued."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import Actor, ActorExited, ActorRef, Kernel, Mailbox, NamedRef
from airssys_wasm.supervision import Backoff, ChildSpec, InvalidSpec, Supervisor, SupervisorRef
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

WAIT = Backoff(initial=1.0, jitter=0.0)


class Clerk(Actor[Any]):
    """Notes what it gets, and answers it."""

    def __init__(self, seen: list[object], broken: list[str]) -> None:
        self.seen = seen
        self.broken = broken

    def init(self) -> None:
        if self.broken:
            raise OSError(self.broken.pop())

    async def receive(self, message: Any) -> object:
        if message == "crash":
            await anyio.lowlevel.checkpoint()
            raise ValueError("boom")
        self.seen.append(message)
        return message


class Office:
    """A supervisor with one clerk, by a clock that the test moves."""

    def __init__(self, kernel: Kernel, clock: SetClock) -> None:
        self.kernel = kernel
        self.clock = clock
        self.seen: list[object] = []
        self.broken: list[str] = []
        self.clerk: NamedRef = kernel.named("clerk")
        self.first: ActorRef[Any]
        self.ref: ActorRef[Any]
        self.root: SupervisorRef

    async def open(self, **options: Any) -> None:
        options = {"backoff": WAIT} | options
        start = options.pop("start", Clerk)
        spec = ChildSpec("clerk", start, args=(self.seen, self.broken), name="clerk", **options)
        self.ref = await self.kernel.start(Supervisor(intensity=5, period=1000.0, children=[spec]))
        self.root = SupervisorRef.of(self.ref)
        (child,) = await self.root.which_children()
        assert child.ref is not None
        self.first = child.ref

    async def crash(self, *behind: object) -> None:
        """Let the clerk crash with these messages behind the one that it dies of."""
        for message in ("crash", *behind):
            self.first.send(message)
        await self.first.wait()
        await self.root.which_children()

    def dead_letters(self) -> list[object]:
        return [letter.message for letter in self.kernel.dead_letters.recent()]


@pytest.fixture
async def office(anyio_backend: object) -> AsyncIterator[Office]:
    clock = SetClock()
    with anyio.fail_after(20):
        async with Kernel("office", platform=clock) as kernel:
            yield Office(kernel, clock)
    assert kernel.actors() == []


def test_what_messages_do_meanwhile_is_one_of_two_words() -> None:
    with pytest.raises(InvalidSpec, match="while_restarting: 'wait'"):
        ChildSpec("a", list, while_restarting="wait")  # type: ignore[arg-type]


async def test_messages_to_a_child_that_is_being_restarted_fail_by_default(office: Office) -> None:
    await office.open()
    await office.crash()
    office.clerk.send("lost")
    with pytest.raises(ActorExited) as failed:
        await office.clerk.request("read")
    assert failed.value.reason == "noproc"
    await office.clock.advance(1.0)
    assert await office.clerk.request("read") == "read"
    assert office.seen == ["read"]
    assert office.dead_letters() == ["crash", "lost"]


class PlainClerk(Clerk):
    def receive(self, message: Any) -> object:  # type: ignore[override]
        if message == "crash":
            raise ValueError("boom")
        self.seen.append(message)
        return message


async def test_a_message_with_a_time_to_live_is_queued_as_itself(office: Office) -> None:
    await office.open(start=PlainClerk, while_restarting="queue")
    await office.crash()
    await office.clerk.put("one", ttl=60.0)
    await office.clerk.put("late", ttl=0.5)
    office.clerk.send("two")
    await office.clock.advance(1.0)
    assert await office.clerk.request("three") == "three"
    assert office.seen == ["one", "two", "three"]
    assert office.dead_letters() == ["crash", "late"]


@pytest.mark.parametrize("by_name", [True, False])
async def test_queued_messages_and_requests_wait_for_the_next_incarnation(
    office: Office, by_name: bool
) -> None:
    await office.open(while_restarting="queue")
    await office.crash()
    address: Any = office.clerk if by_name else office.first
    address.send("one")
    answers: list[object] = []
    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            answers.append(await address.request("two", timeout=None))

        tasks.start_soon(ask)
        await office.clock.advance(0.5)
        assert answers == []
        await office.clock.advance(0.5)
    assert answers == ["two"]
    assert office.seen == ["one", "two"]
    assert office.dead_letters() == ["crash"]
    assert await office.clerk.request("three") == "three"


async def test_what_was_queued_before_the_end_is_not_for_the_next_incarnation(
    office: Office,
) -> None:
    await office.open(while_restarting="queue")
    await office.crash("before")
    office.clerk.send("after")
    await office.clock.advance(1.0)
    assert await office.clerk.request("now") == "now"
    assert office.seen == ["after", "now"]
    assert set(office.dead_letters()) == {"crash", "before"}


async def test_messages_stay_queued_when_a_restart_fails(office: Office) -> None:
    await office.open(while_restarting="queue")
    office.broken += ["no disk"] * 2
    await office.crash()
    office.clerk.send("one")
    await office.clock.advance(1.0)
    office.clerk.send("two")
    await office.clock.advance(2.0)
    office.clerk.send("three")
    await office.clock.advance(4.0)
    assert await office.clerk.request("now") == "now"
    assert office.seen == ["one", "two", "three", "now"]


@pytest.mark.parametrize("how", ["terminate", "stop", "gives up"])
async def test_queued_messages_become_dead_letters_when_nobody_comes(
    office: Office, how: str
) -> None:
    await office.open(while_restarting="queue")
    await office.crash()
    office.clerk.send("one")
    async with anyio.create_task_group() as tasks:

        async def ask() -> None:
            with pytest.raises(ActorExited):
                await office.clerk.request("two", timeout=None)

        tasks.start_soon(ask)
        await office.clock.advance(0.5)
        match how:
            case "terminate":
                await office.root.terminate_child("clerk")
            case "stop":
                office.ref.stop("shutdown")
                await office.ref.wait()
            case "gives up":
                office.broken += ["no disk"] * 9
                await office.clock.advance(100.0)
                assert await office.ref.wait() == "shutdown"
    assert office.seen == []
    assert office.dead_letters()[1:] == ["one", "two"]
    assert office.kernel.whereis("clerk") is None


async def test_a_transient_child_that_ends_in_order_leaves_nothing_queued(office: Office) -> None:
    await office.open(while_restarting="queue", restart="transient")
    office.first.stop()
    await office.first.wait()
    await office.root.which_children()
    office.clerk.send("one")
    assert office.dead_letters() == ["one"]
    assert office.kernel.whereis("clerk") is None


async def test_a_bounded_mailbox_queues_no_more_than_it_holds(office: Office) -> None:
    mailbox = Mailbox(capacity=2, overflow="drop_new")
    await office.open(while_restarting="queue", mailbox=mailbox)
    await office.crash("before")
    for number in range(4):
        office.clerk.send(number)
    await office.clock.advance(1.0)
    await office.root.which_children()
    assert office.seen == [0, 1]
    assert set(office.dead_letters()) == {"crash", "before", 2, 3}


async def test_a_kept_mailbox_queues_whatever_the_child_says(office: Office) -> None:
    await office.open(mailbox=Mailbox(keep_on_restart=True), while_restarting="queue")
    await office.crash("before")
    office.clerk.send("after")
    await office.clock.advance(1.0)
    assert await office.clerk.request("now") == "now"
    assert office.seen == ["before", "after", "now"]


async def test_messages_queue_for_a_child_that_has_ended_itself_and_has_no_name(
    office: Office,
) -> None:
    seen: list[object] = []

    class Ends(Actor[str]):
        def receive(self, message: str) -> None:
            seen.append(message)
            if message == "end":
                self.context.stop()

    spec = ChildSpec("ends", Ends, backoff=WAIT, while_restarting="queue")
    root = SupervisorRef.of(await office.kernel.start(Supervisor(children=[spec])))
    (child,) = await root.which_children()
    assert child.ref is not None
    child.ref.send("end")
    await child.ref.wait()
    await root.which_children()
    child.ref.send("queued")
    await office.clock.advance(1.0)
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    assert seen == ["end", "queued"]
