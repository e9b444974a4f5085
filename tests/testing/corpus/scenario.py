"""Acts: one scenario of the corpus as a value, and the actors that many of them use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import anyio

from airssys_wasm.kernel import Actor, ActorRef
from airssys_wasm.supervision import ChildSpec
from airssys_wasm.testing.faults import FaultKind
from airssys_wasm.testing.runs import Settings, settings_of
from airssys_wasm.testing.simulation import Simulation


@dataclass(frozen=True)
class Scenario:
    """A simulated test and the faults that may come in it."""

    name: str
    test: Callable[[Simulation], Awaitable[object]]
    settings: Settings

    @property
    def nodes(self) -> bool:
        """Whether it is one of several nodes."""
        return self.test.__module__.endswith(".nodes")


SCENARIOS: list[Scenario] = []


SimulatedTest = Callable[[Simulation], Awaitable[object]]


def scenario(
    *faults: FaultKind, spare: tuple[str, ...] = ("root",)
) -> Callable[[SimulatedTest], SimulatedTest]:
    """Put a simulated test among the scenarios, with the faults that may come in it."""

    def add(test: SimulatedTest) -> SimulatedTest:
        settings = settings_of(faults=faults, spare=spare)
        SCENARIOS.append(Scenario(test.__name__, test, settings))
        return test

    return add


class Listener(Actor[Any]):
    """Keeps what it gets, and does what functions tell it."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        if message == "got":
            return list(self.got)
        if message == "boom":
            raise ValueError("boom")
        self.got.append(message)
        return None


class Slow(Listener):
    """Takes its time for numbers."""

    async def receive(self, message: Any) -> Any:
        if isinstance(message, int | float) and not isinstance(message, bool):
            await anyio.sleep(message)
        return super().receive(message)


class Patient(Slow):
    """Takes its time to begin and to end."""

    async def init(self) -> None:
        await anyio.sleep(0.2)

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(0.3)


def trap(listener: Listener) -> None:
    listener.context.trap_exit = True


async def told(ref: ActorRef[Any], function: Callable[[Any], Any]) -> Any:
    """What `function` gives for the actor behind `ref`."""
    return await ref.request(function, timeout=None)


def monitoring(target: ActorRef[Any], tag: object = None) -> Callable[[Listener], Any]:
    return lambda actor: actor.context.monitor(target, tag=tag)


def linking(target: ActorRef[Any]) -> Callable[[Listener], Any]:
    return lambda actor: actor.context.link(target)


def worker(name: str, **options: Any) -> ChildSpec:
    return ChildSpec(name, Listener, name=name, **options)
