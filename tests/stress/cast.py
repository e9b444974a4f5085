"""Acts: the actors of a storm, of every kind that there is. Each tells the storm what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorRef,
    Continue,
    Failed,
    Idle,
    Inbox,
    KeepState,
    NextState,
    Postpone,
    Reply,
    StateMachine,
    StateTimeout,
    StopInit,
    TimedOut,
    Transition,
    state,
)
from tests.stress.letters import Chance, Letter, Refusal

if TYPE_CHECKING:
    from tests.stress.storm import Storm

OWNER: ContextVar[ActorRef[Any] | None] = ContextVar("owner", default=None)


class Plain(Actor[Any]):
    """Handles without waiting. `begun` and `done` differ only while it is at work."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.begun = self.done = 0

    def begin(self, message: Any) -> None:
        self.begun += 1
        self.storm.begin(self.context, message)
        if OWNER.get() not in (None, self.context.ref):
            self.storm.broken(f"{self.context.ref} has the context variables of {OWNER.get()}")

    def end(self, message: Any) -> Any:
        self.done += 1
        return self.storm.end(self.context, message)

    def receive(self, message: Any) -> object:
        self.begin(message)
        self.storm.act(self.context)
        return self.end(message)


class Refuses(Plain):
    """Answers each second letter with a failure."""

    def receive(self, message: Any) -> object:
        answer = super().receive(message)
        return Failed(Refusal(message)) if isinstance(message, Letter) and self.done % 2 else answer


class Waits(Plain):
    """Waits in the middle of its work, and may be cancelled there from outside."""

    async def pause(self) -> None:
        if self.storm.chance.random() < 0.3:
            await self.storm.at_work(self.context.ref)

    async def receive(self, message: Any) -> object:
        self.begin(message)
        await self.pause()
        self.storm.act(self.context)
        await self.pause()
        return self.end(message)


class Hooks(Waits):
    """Has a beginning, which may fail, and an end."""

    async def init(self) -> object:
        await asyncio.sleep(0)
        match self.storm.chance.randrange(30):
            case 0:
                raise Chance
            case 1:
                raise StopInit("by chance")
            case 2:
                return IGNORE
        return None

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(0)


class Stubborn(Plain):
    """Swallows the first cancellation, and goes on for a while."""

    async def receive(self, message: Any) -> object:
        self.begin(message)
        self.storm.act(self.context)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            raise
        return self.end(message)


class Own(Waits):
    """Has context variables of its own."""

    def begin(self, message: Any) -> None:
        super().begin(message)
        OWNER.set(self.context.ref)


class Marks(Plain):
    """Has context variables of its own, and never waits."""

    def begin(self, message: Any) -> None:
        super().begin(message)
        OWNER.set(self.context.ref)


class Changes(Plain):
    """Becomes another, plain or async, and back."""

    now_async = False

    def receive(self, message: Any) -> object:
        self.change(message, self.receive_async, is_async=False)
        return self.end(message)

    async def receive_async(self, message: Any) -> object:
        self.change(message, None, is_async=True)
        await asyncio.sleep(0)
        return self.end(message)

    def change(
        self, message: Any, other: Callable[[Any], Awaitable[object]] | None, *, is_async: bool
    ) -> None:
        self.begin(message)
        if is_async is not self.now_async:
            self.storm.broken(f"{self.context.ref} is handled by what it was before")
        self.storm.act(self.context)
        if self.context.ref.is_alive and self.storm.chance.random() < 0.2:
            self.now_async = not self.now_async
            if other is None:
                self.context.unbecome()
            else:
                self.context.become(other)


class Later(Plain):
    """Answers later: at the next message, or when none came for a while."""

    def __init__(self, storm: Storm) -> None:
        super().__init__(storm)
        self.owed: list[tuple[Reply, Any]] = []

    def receive(self, message: Any) -> object:
        self.begin(message)
        owed, self.owed = self.owed, []
        for reply, value in owed:
            reply.send(value)
        self.storm.act(self.context)
        answer = self.end(message)
        if self.context.ref.is_alive and not isinstance(message, Idle):
            self.owed.append((self.context.defer_reply(), answer))
            self.context.set_idle_timeout(0.0005)
        return answer


class Continues(Waits):
    """Goes on with something before its next message."""

    going_on = False

    async def receive(self, message: Any) -> object:
        if self.going_on:
            self.storm.broken(f"{self.context.ref} has a message before what it continues with")
        answer = await super().receive(message)
        if self.storm.chance.random() < 0.2:
            self.going_on = True
            return Continue("more", reply=answer)
        return answer

    async def handle_continue(self, value: object) -> None:
        self.storm.is_awake(self.context.ref)
        await self.pause()
        self.going_on = False


class Gate(StateMachine[Any]):
    """A state machine that postpones letters while it is shut."""

    initial = "open"

    def __init__(self, storm: Storm) -> None:
        self.storm = storm

    @state("open")
    def opened(self, event: Any) -> Transition:
        self.storm.begin(self.context, event, lane=0)
        self.storm.act(self.context)
        answer = self.storm.end(self.context, event)
        if self.storm.chance.random() < 0.2:
            return NextState("shut", StateTimeout(0.0005), reply=answer)
        return KeepState(reply=answer)

    @state("shut")
    async def shut(self, event: Any) -> Transition:
        if isinstance(event, Letter):
            return KeepState(Postpone())
        self.storm.begin(self.context, event)
        await asyncio.sleep(0)
        if isinstance(event, TimedOut):
            return NextState("open")
        return KeepState(reply=self.storm.end(self.context, event))


async def process(inbox: Inbox[Any], storm: Storm) -> None:
    """Takes what comes."""
    context = inbox.context
    async for message in inbox:
        storm.begin(context, message)
        storm.act(context)
        if storm.chance.random() < 0.3:
            await storm.at_work(context.ref)
        reply = context.defer_reply()
        reply.send(storm.end(context, message))


async def chooser(inbox: Inbox[Any], storm: Storm) -> None:
    """Takes the letters with even numbers for a while, then the odd ones."""
    context, parity = inbox.context, 0
    while True:
        try:
            message = await inbox.receive(
                lambda m, parity=parity: not isinstance(m, Letter) or m.number % 2 == parity,  # type: ignore[misc]
                timeout=0.0005,
            )
        except TimeoutError:
            parity = 1 - parity
            continue
        storm.begin(context, message, lane=parity)
        storm.act(context)
        reply = context.defer_reply()
        reply.send(storm.end(context, message))


CAST: tuple[Any, ...] = (
    Plain, Refuses, Waits, Hooks, Stubborn, Own, Marks, Changes, Later, Continues, Gate, process,
    chooser,
)  # fmt: skip
