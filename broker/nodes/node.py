"""Acts: this system as one of several nodes: who is there, and what is said between them.

A node finds the others through the engine alone: it says to all that it is there, when it starts
and again and again. With each it has one connection (`peer.py`), in which all that one says to the
other is numbered and keeps its order: what actors do to those elsewhere (`remote_actors.py`), and
what services of the two nodes say. When anything is lost, the connection is over: that is told to
all whom it concerns, once, behind all that had come, and then a new one may begin.

Source: Erlang/OTP, Reference Manual, "Distributed Erlang".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.errors import NotDecodable
from airssys_wasm.broker.nodes import wire
from airssys_wasm.broker.nodes.codecs import Codecs
from airssys_wasm.broker.nodes.connections import Connections, subject_of
from airssys_wasm.broker.nodes.node_events import NodeDown, NodeUp, Watching
from airssys_wasm.broker.nodes.node_name import new_life
from airssys_wasm.broker.nodes.node_settings import NAME, NodeSettings
from airssys_wasm.broker.nodes.packing import Packing
from airssys_wasm.broker.nodes.remote_actors import RemoteActors
from airssys_wasm.broker.nodes.values import Registry, Values
from airssys_wasm.kernel.address import NamedRef
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.reasons import Error, Frame
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Carried, Engine, Stoppable
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.platform import Wakeup

log = logging.getLogger(__name__)

ALL = "nodes"  # the subject that all nodes hear


class Node:
    """One node among several.

    `name` is how the others call it, `life` is another one at each start: later lives are greater.
    `types` are classes that may be in messages beside those of the settings.
    """

    def __init__(
        self,
        kernel: Kernel,
        engine: Engine,
        settings: NodeSettings | None = None,
        *,
        types: Iterable[type] = (),
    ) -> None:
        self.settings = settings or NodeSettings()
        random = kernel.platform.new_id()
        self.name = self.settings.name or f"{_plain(kernel.name)}-{random[:8]}"
        self.life = ""
        self.engine = engine
        self.is_open = False
        self.messages_in = 0  # from other nodes, of all kinds; beside beats and greetings
        self.messages_out = 0
        self._kernel = kernel
        self._random = random
        self._context = copy_context()
        self._connections: Connections | None = None
        self._watchers: dict[ActorRef[Any], None] = {}
        self._watchings: dict[Watching, None] = {}
        self._services: dict[str, Callable[[str, Any], None]] = {}
        self._subscriptions: list[Stoppable] = []
        self._announcing: Wakeup | None = None
        registry = Registry((Error, Frame, NodeUp, NodeDown), types, self.settings.messages)
        values = Values(registry, (ActorRef, NamedRef), self._out, self._into)
        self._packing = Packing(Codecs(values, self.settings.codec), lambda: self.room)
        self._actors = RemoteActors(kernel, self, self._packing)
        self._refs = self._actors.refs

    async def open(self) -> None:
        """Be one of the nodes. Raises EngineDown, NodeNameTaken."""
        platform = self._kernel.platform
        await self.engine.open(self.name, platform)
        try:
            own = subject_of(self.name)
            self.life = await new_life(self.engine, self.name, own, self._random)
            self._connections = Connections(
                self.name, self.life, self.engine, platform, self.settings, self, self._clean
            )
            self.is_open = True
            for subject in (own, ALL):
                self._subscriptions.append(await self.engine.subscribe(subject, self._carried))
        except BaseException:
            self.is_open = False
            await self.engine.close()
            raise
        self._call_all()

    async def close(self) -> None:
        """Be one no more: all refs of actors elsewhere end with `"noconnection"`."""
        self._end("this node is closed")
        await self.engine.close()

    def _end(self, why: str) -> None:
        if not self.is_open:
            return
        for subscription in self._subscriptions:
            subscription.stop()
        if self._connections is not None:
            self._connections.close(why)
        self.is_open = False
        if self._announcing is not None:
            self._announcing.cancel()

    # --- services: what one node says to another, in order with all else between the two

    def serve(self, service: str, receive: Callable[[str, Any], None]) -> None:
        """Call `receive(node, value)` with each value that another node says to `service`.

        In order with all else that comes from that node. Raises ValueError when it is served.
        """
        if service in self._services:
            raise ValueError(f"the service {service!r} is served already")
        self._services[service] = receive

    def say(self, to_node: str, service: str, value: object) -> None:
        """Say `value` to a service of another node. Never waits.

        It is lost with the connection, and then those who `watch` are told. Raises NotEncodable,
        TooLarge.
        """
        self.post(to_node, wire.Said(service, self._packing.signal(value)))

    def watch(self, up: Callable[[str], None], down: Callable[[str, str], None]) -> Stoppable:
        """Call `up(node)` for each node that is connected, now and later, and `down(node, why)`
        when it is no more, behind all that it had said."""
        watching = Watching(self._watchings, up, down)
        for node in self.nodes():
            up(node)
        return watching

    # --- nodes

    def nodes(self) -> list[str]:
        """The nodes that this one is connected with, sorted."""
        return self._connections.nodes() if self._connections is not None else []

    def monitor_nodes(self, ref: ActorRef[Any]) -> None:
        """Have `ref` get NodeUp and NodeDown, until it ends."""
        if ref not in self._watchers:
            self._watchers[ref] = None
            self._kernel.on_exit(ref, lambda gone, _: self._watchers.pop(gone, None))

    # --- refs

    def address(self, ref: ActorRef[Any]) -> wire.Address:
        """Where `ref` is, whichever node has it. Raises NotEncodable for a ref that means nothing
        to other nodes."""
        return self._refs.address(ref)

    def ref(self, address: wire.Address) -> ActorRef[Any]:
        """The actor at `address`. One that is not known any more, or was of an earlier life of a
        node, is dead, and its end is told to who asks for it."""
        return self._refs.ref(address)

    def text(self, ref: ActorRef[Any] | NamedRef) -> str:
        """`ref` as a string, which `from_text` of any node turns back: `node/life/number`, or
        `name@node` for a name."""
        node, life, serial = self._refs.out(ref)
        return f"{life[1:]}@{node}" if life[:1] == "@" else f"{node}/{life}/{serial}"

    def from_text(self, text: str) -> ActorRef[Any] | NamedRef:
        """The ref that `text` gave on some node. Raises ValueError for anything else."""
        name, at, node = text.rpartition("@")
        if at and name and NAME.fullmatch(node):
            return self._refs.named(name, node)
        match text.split("/"):
            case [node, life, serial] if NAME.fullmatch(node) and life and serial.isdecimal():
                if life[0] != "@":
                    return self.ref(wire.Address(node, life, int(serial)))
        raise ValueError(f"{text[:80]!r} is no ref: those are 'node/life/number' or 'name@node'")

    def named(self, name: str, node: str) -> NamedRef:
        """An address that follows a name on `node`, over restarts.

        `link` and `monitor` bind to who has it when they come there; nobody is `"noproc"`.
        """
        return self._refs.named(name, node)

    async def whereis(self, name: str, node: str) -> ActorRef[Any] | None:
        """Who has the registered `name` on another node now; None when nobody has.

        Raises ActorExited with `"noconnection"` when that node is not reached.
        """
        if node == self.name:
            return self._kernel.whereis(name)
        return await self._actors.requests.whereis(name, node)

    # --- values

    def encode(self, value: object) -> bytes:
        """The bytes of a value, for what is said to several nodes. Raises NotEncodable."""
        packed = self._packing.message(value)
        return packed.codec.encode() + b"\n" + packed.data

    def decode(self, data: bytes) -> Any:
        """The value in these bytes. Raises NotDecodable."""
        codec, _, rest = data.partition(b"\n")
        return self._packing.unpacked(wire.Packed(codec.decode("ascii", "replace"), rest))

    def _out(self, ref: Any) -> list[Any]:
        return self._refs.out(ref)

    def _into(self, given: Any) -> Any:
        return self._refs.into(given)

    # --- `Line`: what is said

    @property
    def room(self) -> int:
        """How many bytes a value may have."""
        return self.engine.max_payload - wire.OVERHEAD

    def life_of(self, node: str) -> str:
        """The latest life of a node that is known; empty when none is."""
        return self._connections.life_of(node) if self._connections is not None else ""

    def post(self, node: str, body: wire.Body) -> None:
        """Say `body`, in order with all else to that node. Never waits, never raises."""
        if self._connections is not None and self.is_open and node != self.name:
            self.messages_out += 1
            self._connections.post(node, body)

    # --- what comes

    def _carried(self, carried: Carried) -> None:
        """A frame: from a task of the engine's client, or from whoever runs the local hub."""
        self._clean(lambda: self._came(carried))

    def _clean(self, function: Callable[[], None]) -> None:
        """Call it as nobody's code: not in the name of an actor whose context is the current."""
        self._context.copy().run(function)

    def _came(self, carried: Carried) -> None:
        if not self.is_open:
            return
        if carried.reply is not None:  # somebody who starts wants to know whether the name is free
            if not carried.body:
                self.engine.send(carried.reply, b"")
            return
        envelopes = wire.decode(carried.body)
        if envelopes is None or not all(NAME.fullmatch(each.node) for each in envelopes[:1]):
            log.warning("what came to %s is no frame of a node", carried.subject)
            return
        for envelope in envelopes:
            self._receive(envelope)

    def _receive(self, envelope: wire.Envelope) -> None:
        if not self.is_open:
            return
        if envelope.node == self.name:
            if envelope.life > self.life:
                log.error("node %s: another one has this name now, and this one ends", self.name)
                self._end("another node has this name")
            return
        if self._connections is not None:
            self._connections.receive(envelope)

    # --- `Audience`: what comes of the connections

    def joined(self, node: str, life: str | None) -> None:
        """See `Audience.joined`."""
        if life is not None:
            self._actors.renewed(node, life)
        log.info("node %s is connected with %s", self.name, node)
        self._tell(NodeUp(node))

    def lost(self, node: str, why: str, unsent: tuple[wire.Body, ...], *, announced: bool) -> None:
        """See `Audience.lost`."""
        self._actors.lost(node, unsent)
        if announced:
            log.info("node %s is no longer connected with %s: %s", self.name, node, why)
            self._tell(NodeDown(node, why))

    def heard(self, node: str, body: wire.Body) -> None:
        """See `Audience.heard`."""
        self.messages_in += 1
        try:
            if not isinstance(body, wire.Said):
                self._actors.deliver(node, body)
                return
            receive = self._services.get(body.service)
            if receive is None:
                log.warning("%s said something to %r, which nobody serves", node, body.service)
            else:
                receive(node, self._packing.unpacked(body.value))
        except NotDecodable as problem:
            log.warning("%s said what is not understood here: %s", node, problem)
        except Exception:  # of a service, or of a callback: the other node goes on talking
            log.exception("what %s said could not be dealt with", node)

    def _tell(self, event: NodeUp | NodeDown) -> None:
        for ref in list(self._watchers):
            send_unchecked(ref, event)
        for watching in list(self._watchings):
            try:
                if isinstance(event, NodeUp):
                    watching.up(event.node)
                else:
                    watching.down(event.node, event.why)
            except Exception:  # of one who watches: the others want to know, too
                log.exception("a callback for %s raised", event)

    def _call_all(self) -> None:
        """Say to all that this node is there; again and again."""
        here = wire.Envelope(self.name, self.life, wire.Here())
        self.engine.send(ALL, wire.encode(here))
        due = self._kernel.platform.now() + self.settings.announce
        self._announcing = self._kernel.platform.call_at(due, self._call_all)


def _plain(name: str) -> str:
    """A system's name as the beginning of a node's."""
    return "".join(c if NAME.fullmatch(c) else "_" for c in name)[:64]
