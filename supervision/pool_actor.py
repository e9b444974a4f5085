"""Acts: a pool: a supervisor of equal children that gives each message to one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.errors import ActorExited, MailboxFull
from airssys_wasm.kernel.message import SIGNALS, Down, Failed
from airssys_wasm.kernel.posting import (
    has_room,
    is_held,
    is_open,
    kernel_of,
    pass_on,
    request_in_hand,
    see_requests,
    work_of,
)
from airssys_wasm.kernel.reasons import Error
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.supervision import protocol, steps
from airssys_wasm.supervision.routing import Rota, place_of
from airssys_wasm.supervision.supervisor_actor import SupervisorActor

if TYPE_CHECKING:
    from airssys_wasm.supervision.pool import Key, Pool

log = logging.getLogger(__name__)

OWN = SIGNALS | {
    value
    for module in (protocol, steps)
    for value in vars(module).values()
    if isinstance(value, type) and value.__module__ == module.__name__
}  # what is for the supervisor, and not for a child

_FIXED = "a pool has its size: no child can be added or deleted"


class PoolActor(SupervisorActor):
    """One incarnation of a pool."""

    __slots__ = ("_ids", "_key", "_places", "_ready", "_rota", "_routed", "_stale")

    _description: Pool  # type: ignore[assignment]  # has what a supervisor asks of one

    def __init__(self, description: Pool) -> None:
        super().__init__(description)  # type: ignore[arg-type]  # the same
        self._routed: Pool | None = None  # the description that routing was set up for
        self._stale = True  # a child may have started or ended since it was looked at
        self._places: list[ActorRef[Any] | None] = []  # the last incarnation of each child
        self._ready: list[bool] = []  # whether that runs
        self._ids: list[str] = []

    def init(self) -> object:
        see_requests(self.context.ref)
        return super().init()

    def receive(self, message: Any) -> object:
        if message.__class__ not in OWN:
            return self._route(message)
        if self._stale and message.__class__ is Down:
            self._look()  # the address of who ended, where its mailbox may be held
        self._stale = True
        if isinstance(message, protocol.Start | protocol.Delete):
            return Failed(TypeError(_FIXED))
        return super().receive(message)

    def _route(self, message: Any) -> Failed | None:
        if self._stale:
            self._look()
        try:
            target = self._target(message)
        except Exception as error:  # of a key: whoever sent this must not end all children
            return self._undeliverable(message, error)
        if target is None or not (is_open(target) or is_held(target)):
            return self._undeliverable(message, None)
        try:
            pass_on(self.context.ref, message, target)
        except MailboxFull as error:
            return self._undeliverable(message, error)
        return None

    def _target(self, message: Any) -> ActorRef[Any] | None:
        match self._description.route:
            case "round_robin":
                place = self._rota.round_robin(self._free)
            case "least_loaded":
                place = self._rota.least_loaded(self._work)
            case "by_key":
                return self._places[place_of(self._key(message), self._rota.size)]
        return self._places[place] if place is not None else self._any()

    def _free(self, place: int) -> int | None:
        return 0 if self._takes(place) is not None else None

    def _work(self, place: int) -> int | None:
        ref = self._takes(place)
        return work_of(ref) if ref is not None else None

    def _takes(self, place: int) -> ActorRef[Any] | None:
        ref = self._places[place]
        if ref is None or not self._ready[place]:
            return None
        return ref if is_open(ref) and has_room(ref) else None

    def _any(self) -> ActorRef[Any] | None:
        """No child is running with room: one that will take messages, or one that is full."""
        known = [ref for ref in self._places if ref is not None]
        starting = (ref for ref in known if is_open(ref) and has_room(ref))
        restarting = (ref for ref in known if is_held(ref))
        full = (ref for ref in known if is_open(ref))
        return next(chain(starting, restarting, full), None)

    def _look(self) -> None:
        """Who the children are now."""
        self._stale = False
        if self._routed is not self._description:
            self._routed = description = self._description
            self._ids = [spec.id for spec in description.children]
            self._rota = Rota(description.size)
            self._key = key_of(description.key)
            self._places = [None] * description.size
        children = {child.id: child for child in self._which_children()}
        self._ready = [id in children and children[id].status == "running" for id in self._ids]
        for place, id in enumerate(self._ids):
            if id in children and children[id].ref is not None:
                self._places[place] = children[id].ref

    def _undeliverable(self, message: Any, error: Exception | None) -> Failed | None:
        ref = self.context.ref
        if request_in_hand(ref) is not None:
            return Failed(error if error is not None else ActorExited(ref, "noproc"))
        reason: object = "noproc"
        if isinstance(error, MailboxFull):
            reason = "full"
        elif error is not None:
            log.warning("%s has no child for %r: %s", ref, message, error)
            reason = Error.of(error)
        kernel_of(ref).reporting.dead_letter(message, ref, reason)
        return None


def key_of(key: Key | None) -> Callable[[Any], object]:
    """The function that gives the key of a message."""
    if callable(key):
        return key
    name = key or ""

    def field(message: Any) -> object:
        return message[name] if isinstance(message, Mapping) else getattr(message, name)

    return field
