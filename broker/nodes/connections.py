"""Acts: the connections of one node with all others: frames in and out, and signs of life.

What a connection is, is decided in `peer.py`; what goes to a node in one turn of the loop goes in
one frame (`outbox.py`). What comes of it is told to an `Audience`, in order: when somebody who is
told says something, that goes behind what there was to do already.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Protocol

from airssys_wasm.broker.errors import TooLarge
from airssys_wasm.broker.nodes import wire
from airssys_wasm.broker.nodes.outbox import Outbox
from airssys_wasm.broker.nodes.peer import Deliver, Lost, Output, Peer, Transmit

if TYPE_CHECKING:
    from collections.abc import Callable

    from airssys_wasm.broker.engine import Engine
    from airssys_wasm.broker.nodes.node_settings import NodeSettings
    from airssys_wasm.kernel.platform import Platform, Wakeup

log = logging.getLogger(__name__)

MANY = 1_000  # nodes, after which those that are apart are forgotten


class Audience(Protocol):
    """Whom the connections are for."""

    def joined(self, node: str, life: str | None) -> None:
        """A connection has begun; `life` is that of the node, when it was in another one before."""
        ...

    def heard(self, node: str, body: wire.Body) -> None:
        """The other node has said something. Raises nothing."""
        ...

    def lost(self, node: str, why: str, unsent: tuple[wire.Body, ...], *, announced: bool) -> None:
        """A connection is over; `announced` is whether it had begun. `unsent` never went out."""
        ...


class Connections:
    """Those of the node `name` in its life `life`. `clean` calls a function as nobody's code."""

    def __init__(
        self,
        name: str,
        life: str,
        engine: Engine,
        platform: Platform,
        settings: NodeSettings,
        audience: Audience,
        clean: Callable[[Callable[[], None]], None],
    ) -> None:
        self._name = name
        self._life = life
        self._engine = engine
        self._platform = platform
        self._settings = settings
        self._audience = audience
        self._clean = clean
        self._open = True
        self._peers: dict[str, Peer] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._to_do: dict[str, deque[Output]] = {}  # of the nodes that are being dealt with
        self._flushing = False
        self._ticking: Wakeup | None = None
        self._ticked = 0.0

    def nodes(self) -> list[str]:
        """Those that are connected, sorted."""
        return sorted(name for name, peer in self._peers.items() if peer.announced)

    def life_of(self, node: str) -> str:
        """The latest life of a node that is known; empty when none is."""
        peer = self._peers.get(node)
        return peer.their_life if peer is not None else ""

    def post(self, node: str, body: wire.Body) -> None:
        """Say `body`, in order with all else to that node."""
        if self._open:
            now = self._platform.now()
            self._act(node, self._peer(node).post(body, now), now)

    def receive(self, envelope: wire.Envelope) -> None:
        """Something has come from another node."""
        if self._open:
            now = self._platform.now()
            peer = self._peer(envelope.node)
            here = isinstance(envelope.part, wire.Here)
            outputs = peer.connect(now) if here else peer.receive(envelope, now)
            self._act(envelope.node, outputs, now)

    def close(self, why: str) -> None:
        """End all of them; the others are told."""
        now = self._platform.now()
        for name, peer in list(self._peers.items()):
            self._act(name, peer.close(why), now)
        self._flush()
        self._open = False
        if self._ticking is not None:
            self._ticking.cancel()

    # --- what is to be done

    def _act(self, node: str, outputs: list[Output], now: float) -> None:
        to_do = self._to_do.get(node)
        if to_do is not None:  # whoever is told something just now has something to say
            to_do.extend(outputs)
            return
        peer = self._peers[node]
        if peer.announced and len(outputs) == 1 and isinstance(outputs[0], Transmit):
            self._put(node, outputs[0].envelope.part)  # the way of most: nobody is told anything
            return
        self._to_do[node] = to_do = deque(outputs)
        try:
            while to_do or self._is_new(peer):
                if to_do:
                    self._do(node, peer, to_do.popleft())
                else:
                    self._join(node, peer)
        finally:
            del self._to_do[node]
        if self._ticking is None and self._open and peer.phase != "apart":
            self._ticked = now
            self._tick_at(now)

    def _do(self, node: str, peer: Peer, output: Output) -> None:
        match output:
            case Transmit(envelope):
                self._put(node, envelope.part)
            case Deliver(body):
                self._audience.heard(node, body)
            case Lost(why, unsent):
                announced, peer.announced = peer.announced, False
                log.debug("node %s, connection with %s: %s", self._name, node, why)
                self._audience.lost(node, why, unsent, announced=announced)

    @staticmethod
    def _is_new(peer: Peer) -> bool:
        """Whether it is connected and nobody was told yet: that comes before all that it says."""
        return peer.phase == "together" and not peer.announced

    def _join(self, node: str, peer: Peer) -> None:
        peer.announced = True
        renewed = peer.their_life != peer.announced_life
        peer.announced_life = peer.their_life
        self._audience.joined(node, peer.their_life if renewed else None)

    # --- frames

    def _put(self, node: str, part: wire.Part) -> None:
        """Send a part with all else that goes to that node in this turn of the loop."""
        outbox = self._outboxes.get(node)
        if outbox is None:
            outbox = self._outboxes[node] = Outbox(self._name, self._life)
        full = outbox.put(part, self._engine.max_payload)
        if full is not None:
            self._send(node, full)
        if not self._flushing:
            self._flushing = True
            self._platform.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        for node, outbox in list(self._outboxes.items()):
            frame = outbox.take()
            if frame is not None:
                self._send(node, frame)

    def _send(self, node: str, frame: bytes) -> None:
        if not self._open:
            return
        try:
            self._engine.send(subject_of(node), frame)
        except TooLarge as problem:  # the server takes less than it did
            if node in self._peers:
                now = self._platform.now()
                self._act(node, self._peers[node].close(str(problem)), now)

    # --- who there is, and time

    def _peer(self, node: str) -> Peer:
        peer = self._peers.get(node)
        if peer is None:
            if len(self._peers) >= MANY:
                self._forget()
            peer = self._peers[node] = Peer(
                self._name,
                self._life,
                self._platform.new_id,
                beat=self._settings.beat,
                patience=self._settings.patience,
            )
        return peer

    def _forget(self) -> None:
        """Nodes come and go, under names of their own; their later lives need nothing of this."""
        for name in [n for n, known in self._peers.items() if known.phase == "apart"]:
            if name not in self._to_do:
                del self._peers[name]
                self._outboxes.pop(name, None)

    def _tick_at(self, now: float) -> None:
        due = now + self._settings.beat / 2
        self._ticking = self._platform.call_at(due, lambda: self._clean(self._tick))

    def _tick(self) -> None:
        """Give signs of life, and give up who gives none."""
        self._ticking = None
        now = self._platform.now()
        held_up = now - self._ticked - self._settings.beat
        self._ticked = now
        for name, peer in list(self._peers.items()):
            if held_up > 0:  # what has come meanwhile is still to be read
                peer.excuse(held_up)
            self._act(name, peer.tick(now), now)
        talking = any(peer.phase != "apart" for peer in self._peers.values())
        if talking and self._open and self._ticking is None:
            self._tick_at(now)


def subject_of(node: str) -> str:
    """Where frames for a node go."""
    return f"node.{node}"
