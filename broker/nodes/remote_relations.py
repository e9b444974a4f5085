"""Acts: links, monitors and signals between actors of two nodes.

Who watches an actor elsewhere has its node watch it, once a connection for all; what the end means
for each of them is the kernel's to say. A link is noted on both nodes, and each watches the other
side: so its end is told once. While an Unlink is on its way, a Link that crosses it counts for
nothing, for the other side takes that back when the Unlink comes: so both agree.

Source: Erlang/OTP, ERTS User's Guide, "Communication in Erlang", "Link Protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.nodes.packing import Packing
from airssys_wasm.broker.nodes.remote_refs import Line, RemoteRefs
from airssys_wasm.broker.nodes.wire import (
    Address,
    Bound,
    Gone,
    Link,
    Signal,
    Unlink,
    Unlinked,
    Watch,
)
from airssys_wasm.kernel.outside_ref import How, Onlooker, OutsideRef, dismiss, end, onlooker, sever
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.message import Down

Pair = tuple[ActorRef[Any], ActorRef[Any]]  # one of ours, one of theirs


class _Side:
    """What the actors of this node and of another have to do with each other, now."""

    def __init__(self, eyes: Onlooker) -> None:
        self.eyes = eyes  # watches ours for the other node
        self.watched: dict[Address, OutsideRef[Any]] = {}  # theirs
        self.watching: dict[Address, None] = {}  # ours, as the other node calls them
        self.bound: dict[Address, ActorRef[Any]] = {}  # ours that were watched by a name
        self.unlinking: dict[Pair, int] = {}  # Unlinks that are not answered yet


class RemoteRelations:
    """What the actors of one node have to do with those elsewhere."""

    def __init__(self, kernel: Kernel, line: Line, refs: RemoteRefs, packing: Packing) -> None:
        self._kernel = kernel
        self._line = line
        self._refs = refs
        self._packing = packing
        self._sides: dict[str, _Side] = {}

    # --- what actors here do

    def watch(self, ref: OutsideRef[Any]) -> None:
        """See `Outside.watch`."""
        if not self._line.is_open:
            self._kernel.platform.call_soon(lambda: sever(ref))
            return
        watched = self._side(ref.place.node).watched
        if ref.place not in watched:
            watched[ref.place] = ref
            self._line.post(ref.place.node, Watch(ref.place))

    def link(self, ref: OutsideRef[Any], source: ActorRef[Any]) -> None:
        """See `Outside.link`."""
        address = self._refs.address(source)
        self._watch_for(ref.place.node, address, source)
        self._line.post(ref.place.node, Link(address, ref.place))

    def unlink(self, ref: OutsideRef[Any], source: ActorRef[Any]) -> None:
        """See `Outside.unlink`."""
        unlinking = self._side(ref.place.node).unlinking
        unlinking[source, ref] = unlinking.get((source, ref), 0) + 1
        self._line.post(ref.place.node, Unlink(self._refs.address(source), ref.place))

    def signal(
        self, ref: OutsideRef[Any], how: How, reason: object, source: ActorRef[Any] | None
    ) -> None:
        """See `Outside.signal`."""
        by = None if source is None else self._refs.address(source)
        self._line.post(ref.place.node, Signal(ref.place, by, self._packing.reason(reason), how))

    # --- what comes from other nodes

    def here(self, node: str, address: Address) -> ActorRef[Any] | None:
        """The actor of this node that another one calls so; None when it has ended."""
        if address.life[:1] != "@":
            return self._refs.here(address)
        bound = self._sides[node].bound.get(address) if node in self._sides else None
        return bound or self._kernel.registry.lookup(address.life[1:])

    def watched(self, node: str, body: Watch) -> None:
        """The other node wants to know of an end."""
        ref = self.here(node, body.to)
        if ref is None:
            self._line.post(node, Gone(body.to, self._packing.reason("noproc")))
            return
        if body.to.life[:1] == "@":
            self._side(node).bound[body.to] = ref
            self._line.post(node, Bound(body.to, self._refs.address(ref)))
        self._watch_for(node, body.to, ref)

    def bound(self, node: str, body: Bound) -> None:
        """Who was watched by a name."""
        watched = self._side(node).watched
        ref = watched.get(body.name)
        if ref is not None and body.who.node == node:
            watched[body.name] = self._refs.same(ref, body.who)

    def gone(self, node: str, body: Gone) -> None:
        """One of theirs has ended."""
        ref = self._side(node).watched.pop(body.who, None) or self._refs.find(body.who)
        if ref is not None and body.who.node == node:
            end(ref, self._packing.unpacked(body.reason))

    def linked(self, node: str, body: Link) -> None:
        """One of theirs has linked itself to one of ours."""
        ref, source = self.here(node, body.to), self._theirs(node, body.source)
        if ref is None or source is None or not source.is_alive:
            return  # the end of `ref` is told, for it is watched
        if (ref, source) in self._side(node).unlinking:
            return
        self._side(node).watched[source.place] = source  # its node tells of its end unasked
        self._kernel.relations.tie(ref, source)

    def unlinked(self, node: str, body: Unlink) -> None:
        """One of theirs is no longer linked to one of ours."""
        ref, source = self.here(node, body.to), self._theirs(node, body.source)
        if ref is not None and source is not None:
            self._kernel.relations.untie(ref, source)
        self._line.post(node, Unlinked(body.source, body.to))

    def unlink_came(self, node: str, body: Unlinked) -> None:
        """An Unlink of ours has come to the other side."""
        unlinking = self._side(node).unlinking
        ref, source = self._theirs(node, body.to), self._refs.here(body.source)
        if ref is None or source is None or (source, ref) not in unlinking:
            return
        unlinking[source, ref] -= 1
        if not unlinking[source, ref]:
            del unlinking[source, ref]

    def signalled(self, node: str, body: Signal) -> None:
        """An exit signal, or a wish."""
        ref = self.here(node, body.to)
        if ref is None:
            return
        match body.how:
            case "kill":
                ref.kill()
            case "stop":
                ref.stop(self._packing.unpacked(body.reason))
            case "exit":
                source = None if body.source is None else self._refs.ref(body.source)
                reason = self._packing.unpacked(body.reason)
                self._kernel.lifecycle.signal(ref, reason, source)

    def lost(self, node: str) -> None:
        """The connection is over: all that there was between the two nodes is over, and told."""
        side = self._sides.pop(node, None)
        if side is None:
            return
        dismiss(side.eyes)
        for ref in list(side.watched.values()):
            sever(ref)

    def renewed(self, node: str, life: str) -> None:
        """A node is in another life than before: its actors of earlier ones are no more."""
        for ref in self._refs.of(node):
            if ref.place.life[:1] != "@" and ref.place.life < life:
                end(ref, "noproc")

    # --- its own

    def _side(self, node: str) -> _Side:
        side = self._sides.get(node)
        if side is None:
            eyes = onlooker(self._kernel, f"node {node}", lambda down: self._ended(node, down))
            side = self._sides[node] = _Side(eyes)
        return side

    def _ended(self, node: str, down: Down) -> None:
        """One of ours has ended, and the other node wants to know."""
        address, side = down.tag, self._sides.get(node)
        if isinstance(address, Address) and side is not None and address in side.watching:
            del side.watching[address]
            side.bound.pop(address, None)
            self._line.post(node, Gone(address, self._packing.reason(down.reason)))

    def _watch_for(self, node: str, address: Address, ref: ActorRef[Any]) -> None:
        """Have the other node told of the end of one of ours."""
        side = self._side(node)
        if address not in side.watching:
            side.watching[address] = None
            self._kernel.relations.monitor(side.eyes, ref, tag=address)

    def _theirs(self, node: str, address: Address) -> OutsideRef[Any] | None:
        if address.node != node:
            return None
        ref = self._refs.ref(address)
        return ref if isinstance(ref, OutsideRef) else None
