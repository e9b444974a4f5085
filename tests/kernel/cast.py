"""Actors and clocks that the tests of planted faults share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from airssys_wasm.kernel import Actor, Inbox, RealPlatform


class Held(Actor[Any]):
    """Holds each message until the gate opens, then notes it."""

    def __init__(self, gate: asyncio.Event, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    async def receive(self, message: Any) -> None:
        await self.gate.wait()
        self.log.append(message)


async def held_process(inbox: Inbox[Any], gate: asyncio.Event, log: list[Any]) -> None:
    async for message in inbox:
        await gate.wait()
        log.append(message)


class Lasting(Actor[Any]):
    """Takes its time to terminate, and notes what it gets."""

    def __init__(self, gate: asyncio.Event, log: list[Any]) -> None:
        self.gate = gate
        self.log = log

    def receive(self, message: Any) -> None:
        self.log.append(message)

    async def terminate(self, reason: object) -> None:
        await self.gate.wait()


class Message:
    """Something that a weak reference can point to."""


class Clock(RealPlatform):
    """The real platform, but for a clock that only `move` sets, and timers that wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000.0
        self.now = lambda: self.time
        self._calls: dict[Wakeup, None] = {}

    def call_at(self, when: float, callback: Callable[[], None]) -> Wakeup:  # type: ignore[override]
        wakeup = Wakeup(self._calls, when, callback)
        self._calls[wakeup] = None
        return wakeup

    def move(self, time: float) -> None:
        """Let it be `time`, and make all calls that are due by then, each in its time."""
        while due := [call for call in self._calls if call.when <= time]:
            first = min(due, key=lambda call: call.when)
            del self._calls[first]
            self.time = max(self.time, first.when)
            first.callback()
        self.time = time


class Wakeup:
    def __init__(
        self, calls: dict[Wakeup, None], when: float, callback: Callable[[], None]
    ) -> None:
        self._calls = calls
        self.when = when
        self.callback = callback

    def cancel(self) -> None:
        self._calls.pop(self, None)


class Notes(Actor[Any]):
    """Notes each message with the time."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> None:
        self.log.append((message, self.context.now()))


class Parent(Actor[Any]):
    """Calls messages with its context, and notes the others."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class Child(Actor[Any]):
    """Notes what it gets, and its end."""

    def __init__(self, log: list[Any], name: object) -> None:
        self.log = log
        self.name = name

    def receive(self, message: Any) -> None:
        self.log.append((self.name, message))

    def terminate(self, reason: object) -> None:
        self.log.append((self.name, "terminates"))


class Sends(Actor[Any]):
    """At "ask" sends itself a message."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append(message)
        if message == "ask":
            self.context.ref.send("sent")
        return message


class SendsAsync(Sends):
    """The same in a coroutine."""

    async def receive(self, message: Any) -> object:
        return super().receive(message)


class Traps(Actor[Any]):
    """Traps exits, and notes what it gets."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def init(self) -> None:
        self.context.trap_exit = True

    def receive(self, message: Any) -> None:
        self.log.append(message)


OWNER: ContextVar[str] = ContextVar("owner")


class Owns(Actor[Any]):
    """Has context variables of its own, and never waits."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> None:
        OWNER.set("mine")
        self.log.append(message)


class ShortSlices(RealPlatform):
    """Each look at the clock takes a millisecond: far more than a slice."""

    looks = 0

    def __init__(self) -> None:
        super().__init__()
        self.slice_clock = self.look

    def look(self) -> float:
        self.looks += 1
        return self.looks / 1_000
