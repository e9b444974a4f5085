"""Acts: this system as one of several nodes: its refs of actors elsewhere, and theirs of its own.

A ref of an actor on another node is a ref like any other: it can be sent to and asked, linked and
monitored. Between two actors the order of what one does to the other is kept. When a node is lost,
or anything that it said, each ref of its actors here ends with `"noconnection"`, once; a ref of an
earlier life of a node ends with `"noproc"`. Nothing here waits for another node.

Source: Erlang/OTP, Reference Manual, "Distributed Erlang"; "Processes", "Signals".
"""

from __future__ import annotations

import logging
from asyncio import Future, timeout
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from airssys_wasm.broker import wire
from airssys_wasm.broker.errors import NotDecodable, NotEncodable
from airssys_wasm.broker.node_settings import NodeSettings
from airssys_wasm.broker.peer import Deliver, Lost, Output, Peer, Transmit
from airssys_wasm.kernel.errors import ActorExited, AirssysError
from airssys_wasm.kernel.outside_ref import How, OutsideRef, end, enrol
from airssys_wasm.kernel.posting import post_request
from airssys_wasm.kernel.reasons import Error
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Carried, Engine, Stoppable
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.platform import Wakeup

log = logging.getLogger(__name__)

ANSWER_TIME = 5.0  # seconds for a node to say who has a name
ALL = "airssys.nodes"  # the subject that all nodes hear


class RemoteError(AirssysError):
    """An actor on another node answered a request with an error: its type and its text."""

    def __init__(self, type: str, text: str) -> None:
        super().__init__(f"{type}: {text}" if text else type)
        self.type = type


@dataclass(frozen=True, slots=True)
class NodeUp:
    """To those who watch the nodes: this one is connected."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeDown:
    """The connection with this node is over; what it had said has come before this."""

    node: str
    why: str


class _Watching:
    """Somebody who wants to know of each node that comes and goes."""

    def __init__(
        self,
        watchings: dict[_Watching, None],
        up: Callable[[str], None],
        down: Callable[[str, str], None],
    ) -> None:
        self._watchings = watchings
        self.up = up
        self.down = down

    def stop(self) -> None:
        """No call from now on."""
        self._watchings.pop(self, None)


class _Peer:
    """What is known of one other node."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.refs: dict[wire.Address, OutsideRef[Any]] = {}  # its actors, as they are known here
        self.asked: dict[int, tuple[OutsideRef[Any], Future[Any]]] = {}
        self.looked_up: dict[int, Future[Any]] = {}
        self.watching: set[int] = set()  # serials of ours whose end it is to be told


class Node:
    """One node among several."""

    def __init__(
        self, kernel: Kernel, engine: Engine, settings: NodeSettings | None = None
    ) -> None:
        self.settings = settings or NodeSettings()
        self.life = kernel.platform.new_id()[:16]
        self.name = self.settings.name or f"{kernel.name}-{self.life[:8]}"
        self.engine = engine
        self._kernel = kernel
        self._beat, self._patience = self.settings.beat, self.settings.patience
        self._peers: dict[str, _Peer] = {}
        self._addresses: dict[OutsideRef[Any], wire.Address] = {}
        self._numbers = 0
        self._watchers: dict[ActorRef[Any], None] = {}
        self._watchings: dict[_Watching, None] = {}
        self._services: dict[str, Callable[[str, Any], None]] = {}
        self._subscriptions: list[Stoppable] = []
        self._timer: Wakeup | None = None
        self._announcing: Wakeup | None = None
        self._open = False
        messages = self.settings.messages
        given = (
            messages.items()
            if isinstance(messages, Mapping)
            else ((made.__name__, made) for made in messages)
        )
        self._codec = wire.Codec(
            lambda value: isinstance(value, ActorRef),
            self.address,
            self.ref,
            {"Error": Error, **dict(given)},
        )

    async def open(self) -> None:
        """Be one of the nodes. Raises EngineDown."""
        await self.engine.open(self.name, self._kernel.platform)
        self._open = True
        for subject in (_subject(self.name), ALL):
            self._subscriptions.append(await self.engine.subscribe(subject, self._carried))
        self._call_all()

    async def close(self) -> None:
        """Be one no more: all refs of actors elsewhere end with `"noconnection"`."""
        if not self._open:
            return
        self._open = False
        for subscription in self._subscriptions:
            subscription.stop()
        for name in list(self._peers):
            self._lost(name, "this node is closed")
        for timer in (self._timer, self._announcing):
            if timer is not None:
                timer.cancel()
        await self.engine.close()

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
        self._post(to_node, wire.Said(service, self._encoded(value)))

    def watch(self, up: Callable[[str], None], down: Callable[[str, str], None]) -> Stoppable:
        """Call `up(node)` for each node that is connected, now and later, and `down(node, why)`
        when it is no more, behind all that it had said."""
        watching = _Watching(self._watchings, up, down)
        self._watchings[watching] = None
        for node in self.nodes():
            up(node)
        return watching

    # --- refs

    def address(self, ref: ActorRef[Any]) -> wire.Address:
        """Where `ref` is, whichever node has it."""
        if isinstance(ref, OutsideRef) and ref in self._addresses:
            return self._addresses[ref]
        return wire.Address(self.name, self.life, ref._serial)

    def ref(self, address: wire.Address) -> ActorRef[Any]:
        """The actor at `address`. One that is not known any more, or was of an earlier life of a
        node, is dead, and its end is told to who asks for it."""
        if address.node == self.name:
            if address.life == self.life:
                found = self._kernel.spawner.actors.get(address.serial)
                if found is not None:
                    return found
            gone = enrol(self._kernel, self, _label(address))
            end(gone, "noproc")
            return gone
        known = self._peer(address.node)
        ref = known.refs.get(address)
        if ref is None:
            ref = known.refs[address] = enrol(self._kernel, self, _label(address))
            self._addresses[ref] = address
            self._post(address.node, wire.Watch(address))
        return ref

    def text(self, ref: ActorRef[Any]) -> str:
        """`ref` as a string, which `from_text` of any node turns back into a ref."""
        address = self.address(ref)
        return f"{address.node}/{address.life}/{address.serial}"

    def from_text(self, text: str) -> ActorRef[Any]:
        """The ref that `text` gave on some node. Raises ValueError for anything else."""
        match text.split("/"):
            case [node, life, serial] if node and life and serial.isdecimal():
                return self.ref(wire.Address(node, life, int(serial)))
        raise ValueError(f"{text[:80]!r} is no ref: those are node/life/number")

    async def whereis(self, name: str, node: str) -> ActorRef[Any] | None:
        """Who has the registered `name` on another node now; None when nobody has.

        Raises ActorExited with `"noconnection"` when that node is not reached.
        """
        if node == self.name:
            return self._kernel.whereis(name)
        future = self._kernel.scheduler.future()
        number = self._next()
        known = self._peer(node)
        known.looked_up[number] = future
        self._post(node, wire.WhoIs(name, number))
        try:
            async with timeout(ANSWER_TIME):
                found: ActorRef[Any] | None = await future
                return found
        except TimeoutError:
            raise ActorExited(f"{name}@{node}", "noconnection") from None
        finally:
            known.looked_up.pop(number, None)

    # --- nodes

    def nodes(self) -> list[str]:
        """The nodes that this one is connected with, sorted."""
        return sorted(n for n, known in self._peers.items() if known.peer.phase == "together")

    def monitor_nodes(self, ref: ActorRef[Any]) -> None:
        """Have `ref` get NodeUp and NodeDown, until it ends."""
        if ref not in self._watchers:
            self._watchers[ref] = None
            self._kernel.on_exit(ref, lambda gone, _: self._watchers.pop(gone, None))

    # --- `Outside`: what actors here do to those elsewhere

    def tell(self, ref: ActorRef[Any], message: Any) -> None:
        """See `Outside.tell`. Raises NotEncodable, TooLarge."""
        address = self._addresses[ref]  # type: ignore[index]  # it is one of ours
        self._post(address.node, wire.Send(address, self._encoded(message)))

    def ask(self, ref: ActorRef[Any], message: Any, future: Future[Any]) -> None:
        """See `Outside.ask`. Raises NotEncodable, TooLarge."""
        assert isinstance(ref, OutsideRef)
        address = self._addresses[ref]
        body = wire.Ask(address, self._next(), self._encoded(message))
        asked = self._peer(address.node).asked
        asked[body.number] = ref, future
        future.add_done_callback(lambda _: asked.pop(body.number, None))
        self._post(address.node, body)

    def signal(
        self, ref: ActorRef[Any], how: How, reason: object, source: ActorRef[Any] | None
    ) -> None:
        """See `Outside.signal`."""
        address = self._addresses[ref]  # type: ignore[index]
        by = None if source is None else self.address(source)
        self._post(address.node, wire.Signal(address, by, self._reason(reason), how))

    # --- what other nodes say

    def _carried(self, carried: Carried) -> None:
        envelope = wire.decode(carried.body)
        if envelope is None or not self._open or envelope.node == self.name:
            log.debug("what came from another node is no frame")
            return
        now = self._kernel.platform.now()
        peer = self._peer(envelope.node).peer
        if isinstance(envelope.part, wire.Here):
            self._act(envelope.node, peer.connect(now))
        else:
            self._act(envelope.node, peer.receive(envelope, now))

    def _act(self, node: str, outputs: Iterable[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(envelope):
                    self.engine.send(_subject(node), wire.encode(envelope))
                case Deliver(body):
                    try:
                        self._deliver(node, body)
                    except NotDecodable as problem:
                        log.warning("%s said what is not understood here: %s", node, problem)
                case Lost(why):
                    self._lost(node, why)
        self._announce(node)
        self._plan()

    def _deliver(self, node: str, body: wire.Body) -> None:
        match body:
            case wire.Send(to, message):
                self.ref(to).send(self._codec.decode(message))
            case wire.Ask(to, number, message):
                self._asked(node, number, self.ref(to), self._codec.decode(message))
            case wire.Answer(number, value, error):
                self._answered(node, number, self._codec.decode(value), error=error)
            case wire.Watch(to):
                self._watch(node, to)
            case wire.Gone(who, reason):
                self._gone(node, who, self._codec.decode(reason))
            case wire.Signal(to, source, reason, how):
                by = None if source is None else self.ref(source)
                self._signalled(self.ref(to), by, self._codec.decode(reason), how)
            case wire.Said(service, value):
                receive = self._services.get(service)
                if receive is None:
                    log.warning("%s said something to %r, which is not served", node, service)
                else:
                    receive(node, self._codec.decode(value))
            case wire.WhoIs(name, number):
                found = self._kernel.whereis(name)
                self._post(node, wire.Answer(number, self._encoded(found)))

    def _asked(self, node: str, number: int, ref: ActorRef[Any], message: Any) -> None:
        try:
            future = post_request(ref, message)
        except ActorExited:
            return  # who asked is told of the end of `ref`
        except AirssysError as error:
            self._post(node, wire.Answer(number, self._failure(error), error=True))
            return

        def answer(done: Future[Any]) -> None:
            if done.cancelled():
                return
            error = done.exception()
            if isinstance(error, ActorExited) and error.target is ref:
                return
            if error is None:
                try:
                    body = wire.Answer(number, self._encoded(done.result()))
                except NotEncodable as problem:
                    body = wire.Answer(number, self._failure(problem), error=True)
            else:
                body = wire.Answer(number, self._failure(error), error=True)
            self._post(node, body)

        future.add_done_callback(answer)

    def _answered(self, node: str, number: int, value: Any, *, error: bool) -> None:
        known = self._peer(node)
        future = known.looked_up.pop(number, None)
        if future is None:
            _, future = known.asked.pop(number, (None, None))
        if future is None or future.done():
            return  # who asked has given up
        if error:
            future.set_exception(RemoteError(*value))
        else:
            future.set_result(value)

    def _watch(self, node: str, address: wire.Address) -> None:
        ref = self._kernel.spawner.actors.get(address.serial)
        if ref is None or address.life != self.life:
            self._post(node, wire.Gone(address, self._encoded("noproc")))
            return
        watching = self._peer(node).watching
        if address.serial in watching:
            return
        watching.add(address.serial)

        def ended(gone: ActorRef[Any], _: ActorRef[Any] | None) -> None:
            if address.serial in watching:
                watching.discard(address.serial)
                self._post(node, wire.Gone(address, self._reason(gone._end.reason)))

        self._kernel.on_exit(ref, ended)

    def _gone(self, node: str, address: wire.Address, reason: object) -> None:
        ref = self._peer(node).refs.pop(address, None)
        if ref is not None:
            self._end(ref, reason)

    def _signalled(
        self, ref: ActorRef[Any], source: ActorRef[Any] | None, reason: object, how: str
    ) -> None:
        match how:
            case "kill":
                ref.kill()
            case "stop":
                ref.stop(reason)
            case _:
                self._kernel.lifecycle.signal(ref, reason, source)

    # --- connections

    def _peer(self, node: str) -> _Peer:
        known = self._peers.get(node)
        if known is None:
            peer = Peer(
                self.name,
                self.life,
                self._kernel.platform.new_id,
                beat=self._beat,
                patience=self._patience,
            )
            known = self._peers[node] = _Peer(peer)
        return known

    def _post(self, node: str, body: wire.Body) -> None:
        if self._open:
            now = self._kernel.platform.now()
            self._act(node, self._peer(node).peer.post(body, now))

    def _lost(self, node: str, why: str) -> None:
        known = self._peer(node)
        refs, known.refs = known.refs, {}
        known.watching.clear()
        looked_up, known.looked_up = known.looked_up, {}
        for future in looked_up.values():
            if not future.done():
                future.set_exception(ActorExited(node, "noconnection"))
        for ref in refs.values():
            self._end(ref, "noconnection")
        self._announced(node, up=False, why=why)

    def _end(self, ref: OutsideRef[Any], reason: object) -> None:
        known = self._peer(self._addresses.pop(ref).node)
        for asked, future in list(known.asked.values()):
            if asked is ref and not future.done():
                future.set_exception(ActorExited(ref, reason))
        end(ref, reason)

    def _announce(self, node: str) -> None:
        if self._peer(node).peer.phase == "together":
            self._announced(node, up=True)

    def _announced(self, node: str, *, up: bool, why: str = "") -> None:
        known = self._peer(node)
        if known.peer.announced is up:
            return
        known.peer.announced = up
        for ref in list(self._watchers):
            ref.send(NodeUp(node) if up else NodeDown(node, why))
        for watching in list(self._watchings):
            if up:
                watching.up(node)
            else:
                watching.down(node, why)

    def _call_all(self) -> None:
        """Say to all that this node is there; again and again."""
        here = wire.Envelope(self.name, self.life, wire.Here())
        self.engine.send(ALL, wire.encode(here))
        due = self._kernel.platform.now() + self.settings.announce
        self._announcing = self._kernel.platform.call_at(due, self._call_all)

    def _plan(self) -> None:
        """Wake up when the next connection wants to be looked at."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = [d for known in self._peers.values() if (d := known.peer.due()) is not None]
        if due and self._open:
            self._timer = self._kernel.platform.call_at(min(due), self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self._kernel.platform.now()
        for node, known in list(self._peers.items()):
            self._act(node, known.peer.tick(now))

    # --- values

    def encode(self, value: object) -> bytes:
        """The bytes of a value, for what is said to several nodes. Raises NotEncodable."""
        return bytes(self._codec.encode(value))

    def decode(self, data: bytes) -> Any:
        """The value in these bytes. Raises NotDecodable."""
        return self._codec.decode(msgspec.Raw(data))

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _encoded(self, value: object) -> msgspec.Raw:
        return self._codec.encode(value)

    def _reason(self, reason: object) -> msgspec.Raw:
        """An exit reason; what has no bytes is told by its type and its text."""
        try:
            return self._codec.encode(reason)
        except NotEncodable:
            return self._codec.encode(Error(type(reason).__name__, str(reason)[:1_000]))

    def _failure(self, error: BaseException) -> msgspec.Raw:
        return self._codec.encode([type(error).__name__, str(error)[:1_000]])


def _subject(node: str) -> str:
    return f"airssys.node.{node}"


def _label(address: wire.Address) -> str:
    return f"{address.node}:{address.serial}"
