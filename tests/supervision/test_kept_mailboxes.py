"""`Mailbox(keep_on_restart=True)` over real supervisors: what waits is neither lost nor leaked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorRef,
    KeepState,
    Kernel,
    Mailbox,
    Postpone,
    StateMachine,
    Transition,
    state,
)
from airssys_wasm.supervision import ChildSpec, Supervisor, SupervisorRef

pytestmark = pytest.mark.anyio

KEPT = Mailbox(capacity=5, keep_on_restart=True)


@asynccontextmanager
async def kernel_for_test() -> AsyncIterator[Kernel]:
    with anyio.fail_after(10):
        async with Kernel("test") as kernel:
            yield kernel


class Sink(Actor[Any]):
    """Notes what it gets; starts as `inits` says, in turn, and well when nothing is left of it."""

    def __init__(self, seen: list[object], inits: list[str]) -> None:
        self.seen = seen
        self.inits = inits

    async def init(self) -> object:
        match self.inits.pop(0) if self.inits else "ok":
            case "fail":
                raise OSError("no disk")
            case "ignore":
                return IGNORE
            case "slow":
                await anyio.lowlevel.checkpoint()
        return None

    def receive(self, message: Any) -> object:
        if message == "crash":
            raise ValueError("boom")
        self.seen.append(message)
        return message


def sink(id: str, seen: list[object], inits: list[str], **options: Any) -> ChildSpec:
    return ChildSpec(id, Sink, args=(seen, inits), name=id, mailbox=KEPT, **options)


async def until_seen(seen: list[object], count: int) -> None:
    while len(seen) < count:
        await anyio.lowlevel.checkpoint()


async def test_what_waits_survives_attempts_that_fail() -> None:
    seen: list[object] = []
    inits: list[str] = []
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(intensity=10, children=[sink("a", seen, inits)]))
        inits[:] = ["fail", "fail", "slow"]
        a = kernel.named("a")
        for message in ("crash", 1, 2):
            a.send(message)
        await until_seen(seen, 2)
        assert seen == [1, 2]
        assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash"]


async def test_put_waits_for_room_over_a_restart_and_everything_comes_in_order() -> None:
    seen: list[object] = []
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(intensity=10, children=[sink("a", seen, [])]))
        a = kernel.named("a")
        for number in range(30):
            await a.put("crash" if number in (7, 8, 20) else number)
        await until_seen(seen, 27)
        assert seen == [number for number in range(30) if number not in (7, 8, 20)]


async def test_a_queued_request_is_answered_by_the_next_incarnation() -> None:
    seen: list[object] = []
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(intensity=10, children=[sink("a", seen, [])]))
        a = kernel.named("a")
        a.send("crash")
        assert await a.request("hello") == "hello"


async def test_a_whole_group_keeps_its_mailboxes() -> None:
    seen: list[object] = []
    specs = [sink(id, seen, []) for id in "abc"]
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor("one_for_all", intensity=10, children=specs))
        kernel.named("b").send("crash")
        for id in "cab":
            kernel.named(id).send(id)
        await until_seen(seen, 3)
        assert sorted(map(str, seen)) == ["a", "b", "c"]
        assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash"]


@pytest.mark.parametrize("end", ["ignore", "terminate", "stop"])
async def test_a_child_that_is_not_started_again_gives_up_mailbox_and_name(end: str) -> None:
    seen: list[object] = []
    inits: list[str] = []
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(intensity=10, children=[sink("a", seen, inits)]))
        a: ActorRef[Any] | None = kernel.whereis("a")
        assert a is not None
        match end:
            case "ignore":
                inits.append("ignore")
                a.send("crash")
                a.send(1)
            case "terminate":
                await SupervisorRef.of(root).terminate_child("a")
            case "stop":
                root.stop("shutdown")
        while kernel.registry.find("a") is not None:
            await anyio.lowlevel.checkpoint()
        kernel.named("a").send("late")
        a.send("later")
        letters = [letter.message for letter in kernel.dead_letters.recent()]
        assert letters[-2:] == ["late", "later"]
        assert (1 in letters) is (end == "ignore")
        assert seen == []


class Gate(StateMachine[Any]):
    """The first one is shut and postpones, others are open; the second kills itself at the word."""

    def __init__(self, seen: list[object], lives: list[str]) -> None:
        self.seen = seen
        self.life = lives.pop(0)
        self.initial = "shut" if self.life == "first" else "open"

    @state("shut")
    def shut(self, event: Any) -> Transition:
        return KeepState(Postpone())

    @state("open")
    def opened(self, event: Any) -> Transition:
        self.seen.append(event)
        if event == "die" and self.life == "second":
            self.context.ref.kill()
        return KeepState()


async def test_what_waits_is_kept_though_a_machine_kills_itself_before_it_takes_the_next() -> None:
    seen: list[object] = []
    lives = ["first", "second", "third"]
    gate = ChildSpec("gate", Gate, args=(seen, lives), name="gate", mailbox=KEPT)
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=[gate], intensity=3), name="root")
        first = kernel.whereis("gate")
        assert first is not None
        for message in ("one", "die", "two"):
            first.send(message)
        while first.mailbox_length:
            await anyio.lowlevel.checkpoint()
        first.send("four")  # in the mailbox when it dies; the others are postponed
        first.kill()
        await until_seen(seen, 4)
        assert lives == []
    assert seen == ["one", "die", "two", "four"]
