"""Acts: the groups of actors, over several nodes: each owns the places of its own actors.

    join on a ──► a's own places ──► said to b and c ──► places of a, in the groups of b and c
    a is lost ──► its actors end there with "noconnection", and so leave

A change is said in order with all else that this node says to another. So whoever hears of an actor
by a message finds it in the groups that it was in when the message was sent.

Source: Erlang/OTP, pg(3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from airssys_wasm.broker.errors import NotDecodable
from airssys_wasm.broker.nodes.wire import Address
from airssys_wasm.broker.shared_map import Change, SharedMap, in_pieces

if TYPE_CHECKING:
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef

SERVICE = "groups"


class Place(NamedTuple):
    """An actor of some node in a group: its number there, in one life of the node."""

    group: str
    life: str
    serial: int


class Places(msgspec.Struct, frozen=True, array_like=True):
    """How often actors of mine are in a group; None: not any more."""

    said: list[tuple[Place, int | None]]


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """`own` places of this node's actors that others know, `elsewhere` those of others, each once
    however often an actor joined; `said` and `heard` are changes since the start, of those that
    went to other nodes and came from them."""

    own: int
    elsewhere: int
    said: int
    heard: int


class SharedGroups:
    """The groups of one kernel, which is one node of several."""

    def __init__(self, kernel: Kernel, node: Node) -> None:
        self._kernel = kernel
        self._node = node
        self._places: SharedMap[Place, int] = SharedMap()
        self._refs: dict[tuple[str, Place], ActorRef[Any]] = {}
        self._said = 0
        self._heard = 0
        node.serve(SERVICE, self._hear)
        kernel.membership.carry(self)
        node.watch(self._up, self._down)

    def placed(self, group: str, ref: ActorRef[Any], places: int) -> None:
        """See `kernel.membership.Carrier`."""
        place = Place(group, self._node.life, self._node.address(ref).serial)
        if self._places.put(place, places or None):
            for other in self._places.nodes:
                self._say(other, [(place, places or None)])

    def statistics(self) -> GroupStatistics:
        """The counts, as of now."""
        return GroupStatistics(
            own=len(self._places.own),
            elsewhere=len(self._refs),
            said=self._said,
            heard=self._heard,
        )

    def _up(self, node: str) -> None:
        for piece in in_pieces(self._places.up(node), lambda entry: len(entry[0].group)):
            self._say(node, piece)

    def _say(self, node: str, said: list[tuple[Place, int | None]]) -> None:
        self._said += len(said)
        self._node.say(node, SERVICE, msgspec.msgpack.encode(Places(said)))

    def _down(self, node: str, why: str) -> None:
        self._change(node, self._places.down(node))

    def _hear(self, node: str, value: Any) -> None:
        try:
            places = msgspec.msgpack.decode(value, type=Places)
        except (msgspec.DecodeError, TypeError) as error:
            raise NotDecodable(f"no places in groups: {error}") from None
        self._heard += len(places.said)
        self._change(node, self._places.hear(node, places.said))

    def _change(self, node: str, changes: Iterable[Change[Place, int]]) -> None:
        """What holds for actors of `node`. A place names no node: each places its own alone."""
        for change in changes:
            place = change.key
            ref = self._refs.get((node, place))
            if ref is None:
                ref = self._node.ref(Address(node, place.life, place.serial))
                self._refs[node, place] = ref
            if change.after is None:
                del self._refs[node, place]
            self._kernel.membership.place_outside(place.group, ref, change.after or 0)
            telemetry = self._kernel.telemetry
            if telemetry.active:
                metadata = {"group": place.group, "ref": ref, "node": node}
                telemetry.emit("group.told", {"places": change.after or 0}, metadata)
