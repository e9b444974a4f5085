"""Actors for the tests of several nodes."""

from __future__ import annotations

from typing import Any

from airssys_wasm import Actor, ActorRef, Failed
from tests.nodes.cluster import until


class Keeper(Actor[Any]):
    """Keeps what it gets in a list that the test has; a trapping one keeps `Exit`, too."""

    def __init__(self, got: list[Any], trap: bool = True) -> None:
        self.got = got
        self.trap = trap

    def init(self) -> None:
        self.context.trap_exit = self.trap

    def receive(self, message: Any) -> object:
        self.got.append(message)
        match message:
            case ("link", ref):
                self.context.link(ref)
            case ("unlink", ref):
                self.context.unlink(ref)
            case ("monitor", ref):
                return self.context.monitor(ref)
            case ("demonitor", monitor):
                return self.context.demonitor(monitor)
            case ("exit", ref, reason):
                ref.exit(reason)
            case ("send", ref, what):
                ref.send(what)
        return None


class Server(Actor[Any]):
    """Answers by what it is asked."""

    def __init__(self, got: list[Any] | None = None) -> None:
        self.got: list[Any] = [] if got is None else got

    def receive(self, message: Any) -> object:
        self.got.append(message)
        match message:
            case ("twice", value):
                return value * 2
            case ("echo", value):
                return value
            case "self":
                return self.context.ref
            case ("fail", error):
                return Failed(ValueError(error))
            case "crash":
                raise LookupError("no such order")
            case ("stop", reason):
                self.context.stop(reason)
                return "stopping"
            case "never":
                self.context.defer_reply()
                return None
            case "object":
                return object()
        return None


def elsewhere(system: Any, home: Any, ref: ActorRef[Any]) -> ActorRef[Any]:
    """`ref`, which is of `home`, as `system` knows it."""
    found = system.node.from_text(home.node.text(ref))
    assert isinstance(found, ActorRef)
    return found


async def got_all(got: list[Any], count: int) -> list[Any]:
    """Waits for so many; there are no more then."""
    await until(lambda: len(got) >= count)
    assert len(got) == count, got
    return got
