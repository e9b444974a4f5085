"""Acts: runs one message against a component, outside of any tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airssys_wasm.application.system import ActorSystem
from airssys_wasm.components import Component, ComponentMessage
from airssys_wasm.components.engine.code_cache import default_directory
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import Actor

CALLED = "component"  # the name under which it runs


@dataclass(frozen=True, slots=True)
class Sent:
    """What the component sent or asked: to whom, and the payload."""

    to: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Called:
    """What came of the message: the reply, and what the component sent meanwhile, in its order."""

    reply: object
    sent: tuple[Sent, ...]


class _Recorder(Actor[Any]):
    """Stands for an actor that the component may send to; answers nothing."""

    def __init__(self, name: str, sent: list[Sent]) -> None:
        self.name = name
        self.sent = sent

    def receive(self, message: Any) -> None:
        if isinstance(message, ComponentMessage):
            self.sent.append(Sent(self.name, bytes(message.payload)))


async def call_component(
    component: Component,
    message: object,
    *,
    names: Sequence[str] = (),
    services: ComponentServices | None = None,
    timeout: float | None = None,
) -> Called:
    """Start `component`, ask it once, and stop it in order.

    `names` are those it may send to; each is an actor that writes down what it gets. `services` are
    the usual ones unless given. Raises StartError when it does not start, ActorExited when it ends
    instead of answering, ComponentError when it answers with an error, RequestTimeout after
    `timeout` seconds, and what its codec raises.
    """
    sent: list[Sent] = []
    services = services or ComponentServices(settings=EngineSettings(cache=default_directory()))
    async with ActorSystem("call", components=services, slow_after=None) as system:
        for name in names:
            await system.start(_Recorder, name, sent, name=name)
        ref = await system.start(component, name=CALLED)
        reply = await ref.request(message, timeout=timeout)
    return Called(reply, tuple(sent))
