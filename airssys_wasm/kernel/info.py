"""What one actor looks like from outside, for those who watch a running system.

Pure: reads the state of an actor and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airssys_wasm.kernel.states import DEAD, ENDING, NEW, SUSPENDED, TRAP

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

RunState = Literal[
    "starting", "idle", "queued", "running", "waiting", "suspended", "ending", "dead"
]


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """One actor, as of now.

    `state`: `queued` has messages and waits for its turn, `waiting` is inside a handler that
    awaits, which may go on in one that is to be `suspended`. `mailbox_length` does not count the
    message under the handler. `dropped` are what a bounded mailbox dropped by policy. `links` and
    `monitors` are whom it is tied to and whom it watches, `monitored_by` who watches it, `children`
    its supervised ones.

    `handled` messages and the `seconds` that they took are known from when `Kernel.measure` was
    asked for them: production counts messages for the kernel as a whole (`Kernel.statistics`), once
    a batch. `memory` is bytes, where the behaviour can tell (`Actor.bytes_in_use`).
    """

    ref: ActorRef[Any]
    name: str | None
    behaviour: str
    state: RunState
    parent: ActorRef[Any] | None
    mailbox_length: int
    capacity: int | None
    dropped: int
    restarts: int
    trap_exit: bool
    timers: int
    links: tuple[ActorRef[Any], ...]
    monitors: tuple[ActorRef[Any] | str, ...]
    monitored_by: tuple[ActorRef[Any], ...]
    children: tuple[ActorRef[Any], ...]
    suspended: bool = False
    handled: int | None = None
    seconds: float | None = None
    memory: int | None = None


def behaviour_of(ref: ActorRef[Any]) -> str:
    """The name of the actor's class or process function; a dead actor's own label."""
    actor = getattr(ref._receive, "__self__", None)
    if actor is not None:
        return type(actor).__qualname__
    extension = ref._extension
    if extension is not None and extension.behaviour is not None:
        return extension.behaviour
    return ref._label


def info_of(ref: ActorRef[Any]) -> ActorInfo:
    """All that can be told of `ref` without asking it."""
    extension = ref._extension
    meter = None
    if extension is None:
        links = watching = watchers = children = timers = None
    else:
        meter = extension.meter
        links, children, timers = extension.links, extension.children, extension.timers
        watching, watchers = extension.watching, extension.watchers
    return ActorInfo(
        ref=ref,
        name=ref.name,
        behaviour=behaviour_of(ref),
        state=_state_of(ref),
        parent=ref._parent,
        mailbox_length=ref.mailbox_length,
        capacity=ref.capacity,
        dropped=getattr(ref, "dropped", 0),
        restarts=extension.restarts if extension is not None else 0,
        trap_exit=bool(ref._traits & TRAP),
        timers=len(timers or ()),
        links=tuple(links or ()),
        monitors=tuple(monitor.target for monitor in watching or ()),
        monitored_by=tuple(monitor.watcher for monitor in watchers or () if monitor.active),
        children=tuple(children or ()),
        suspended=bool(ref._mode & SUSPENDED),
        handled=meter.handled if meter is not None else None,
        seconds=meter.seconds if meter is not None else None,
        memory=_memory_of(ref),
    )


def _memory_of(ref: ActorRef[Any]) -> int | None:
    actor = getattr(ref._receive, "__self__", None)
    try:
        return None if actor is None else actor.bytes_in_use()
    except Exception:  # a look at an actor must not fail for what its author wrote
        return None


def _state_of(ref: ActorRef[Any]) -> RunState:
    mode, extension = ref._mode, ref._extension
    if mode & DEAD:
        return "dead"
    if mode & ENDING:
        return "ending"
    scheduler = ref._scheduler
    if mode & SUSPENDED and extension is not None and extension.at_rest:
        return "suspended"
    if scheduler.is_running(ref) or scheduler.current() is ref:
        return "running"
    if mode & NEW or (extension is not None and extension.process is not None):
        return "starting"
    if ref._queue is None:
        return "idle"
    if extension is not None and extension.task is not None:
        return "waiting"
    return "queued"
