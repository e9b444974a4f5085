"""Acts: actors of other nodes, as those of this one know them; and this one's for the others.

Implements the kernel's `Outside`, and hands on what comes.
"""

from __future__ import annotations

from asyncio import Future
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.nodes import wire
from airssys_wasm.broker.nodes.packing import Packing
from airssys_wasm.broker.nodes.remote_refs import Line, RemoteRefs
from airssys_wasm.broker.nodes.remote_relations import RemoteRelations
from airssys_wasm.broker.nodes.remote_requests import RemoteRequests

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.outside_ref import How, OutsideRef
    from airssys_wasm.kernel.ref import ActorRef


class RemoteActors:
    """What one node's actors have to do with those elsewhere."""

    def __init__(self, kernel: Kernel, line: Line, packing: Packing) -> None:
        self.refs = RemoteRefs(kernel, line, self)
        self._relations = RemoteRelations(kernel, line, self.refs, packing)
        self.requests = RemoteRequests(kernel, line, self.refs, packing, self._relations.here)
        self.link = self._relations.link
        self.unlink = self._relations.unlink
        self.watch = self._relations.watch

    # --- `Outside`: what actors here do to those elsewhere

    def tell(
        self, ref: OutsideRef[Any], message: Any, priority: int = 0, ttl: float | None = None
    ) -> None:
        """See `Outside.tell`. Raises NotEncodable, TooLarge."""
        self.requests.tell(ref, message, priority, ttl)

    def hand(
        self, ref: OutsideRef[Any], message: Any, priority: int = 0, ttl: float | None = None
    ) -> Future[None]:
        """See `Outside.hand`. Raises NotEncodable, TooLarge."""
        return self.requests.hand(ref, message, priority, ttl)

    def ask(
        self,
        ref: OutsideRef[Any],
        message: Any,
        future: Future[Any],
        priority: int = 0,
        ttl: float | None = None,
    ) -> None:
        """See `Outside.ask`. Raises NotEncodable, TooLarge."""
        self.requests.ask(ref, message, future, priority, ttl)

    def signal(
        self, ref: OutsideRef[Any], how: How, reason: object, source: ActorRef[Any] | None
    ) -> None:
        """See `Outside.signal`."""
        self._relations.signal(ref, how, reason, source)

    # --- what comes from other nodes

    def deliver(self, node: str, body: wire.Body) -> None:
        """Something that is not for a service. Raises NotDecodable."""
        match body:
            case wire.Send():
                self.requests.send(node, body)
            case wire.Ask() | wire.Put():
                self.requests.serve(node, body)
            case wire.Answer():
                self.requests.answered(node, body)
            case wire.GiveUp():
                self.requests.give_up(node, body)
            case wire.WhoIs():
                self.requests.who_is(node, body)
            case wire.Watch():
                self._relations.watched(node, body)
            case wire.Bound():
                self._relations.bound(node, body)
            case wire.Gone():
                self._relations.gone(node, body)
            case wire.Link():
                self._relations.linked(node, body)
            case wire.Unlink():
                self._relations.unlinked(node, body)
            case wire.Unlinked():
                self._relations.unlink_came(node, body)
            case wire.Signal():
                self._relations.signalled(node, body)

    def lost(self, node: str, unsent: tuple[wire.Body, ...]) -> None:
        """The connection with `node` is over."""
        self._relations.lost(node)
        self.requests.lost(node, unsent)

    def renewed(self, node: str, life: str) -> None:
        """`node` is in another life than when it was last connected."""
        self._relations.renewed(node, life)
