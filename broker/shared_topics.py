"""Acts: topics over several nodes: what is published here and wanted there, and the other way.

    subscribe ──► Wants, to all ──► a pattern of this node, in the tries of the others
    publish ──► encoded once ──► Publish, to each node that wants it ──► those who subscribed there
    put ──► Put ──► they have taken it ──► Done

A publication goes in order with all else that this node says to another: what one publisher
publishes reaches one subscriber in that order, and behind the messages that its node sent before.
What is on its way is lost with the connection, then nobody waits for it any more.
"""

from __future__ import annotations

import logging
from asyncio import Future, Task, get_running_loop
from collections.abc import Iterable, Mapping
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker import topic_frames as frames
from airssys_wasm.broker.delivery import Published, Share
from airssys_wasm.broker.errors import (
    NoResponders,
    NotDecodable,
    NotEncodable,
    RemoteError,
    TooLarge,
    TopicError,
)
from airssys_wasm.broker.retained import Kept, Stamp
from airssys_wasm.broker.shared_map import SharedMap, in_pieces
from airssys_wasm.broker.topic_frames import Interest, Parcel
from airssys_wasm.kernel.errors import ActorExited, AirssysError
from airssys_wasm.kernel.message import DeadLetter

if TYPE_CHECKING:
    from airssys_wasm.broker.broker import Broker
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.kernel.kernel import Kernel

log = logging.getLogger(__name__)

SERVICE = "topics"
AROUND = 4 * 1024  # bytes that a frame has beside message, headers, topic and groups, at most


@dataclass(frozen=True, slots=True)
class Awaited:
    """What another node is to say under a number; None, when it is lost before."""

    node: str
    number: int
    future: Future[Any]


class SharedTopics:
    """The topics of one broker, whose kernel is one node of several."""

    def __init__(self, kernel: Kernel, broker: Broker, node: Node) -> None:
        self._kernel = kernel
        self._broker = broker
        self._node = node
        self.name = node.name
        self.sent = 0
        self.received = 0
        self.unsent = 0
        self._interest: SharedMap[Interest, int] = SharedMap()
        self._subscribers: dict[Interest, int] = {}
        self._numbers = 0
        self._awaited: dict[int, Awaited] = {}
        self._at_work: dict[tuple[str, int], Future[Any]] = {}  # of others: by node and number
        node.serve(SERVICE, self._hear)
        broker.share(self)
        node.watch(self._up, self._down)

    # --- what happens here; the broker calls these

    def subscribed(self, pattern: str, group: str | None, more: int) -> None:
        """So many more subscribed, or fewer. One without a group is as good as many."""
        interest = (pattern, group)
        count = self._subscribers.get(interest, 0) + more
        if count:
            self._subscribers[interest] = count
        else:
            self._subscribers.pop(interest, None)
        told = (min(count, 1) if group is None else count) or None
        if self._interest.put(interest, told):
            for node in self._interest.nodes:
                self._say(node, frames.Wants([(interest, told)]))

    def publish(self, published: Published, shares: Mapping[str, Share], kept: Kept | None) -> None:
        """Send it to these nodes; with `kept`, which is retained, to all. Never raises."""
        to = dict(shares)
        if kept is not None:
            for node in self._interest.nodes:
                to.setdefault(node, Share(False, []))
        message = self._encoded(published, len(to)) if to else None
        if message is None:
            return
        stamp = kept.stamp if kept is not None else None
        for node, share in to.items():
            self._say(node, frames.Publish(frames.parcel(published, message, share), stamp))

    def put(self, published: Published, shares: Mapping[str, Share]) -> list[Awaited]:
        """Send it to these nodes now. Wait for each future, then `give_up` all of them."""
        message = self._encoded(published, len(shares))
        if message is None:
            return []
        awaited = []
        for node, share in shares.items():
            one = self._await(node)
            self._say(node, frames.Put(one.number, frames.parcel(published, message, share)))
            awaited.append(one)
        return awaited

    def give_up(self, awaited: Iterable[Awaited]) -> None:
        """Nobody waits for it any more; when it has not come, the other node is told."""
        for one in awaited:
            del self._awaited[one.number]
            if not one.future.done() or one.future.cancelled():
                self._say(one.node, frames.GiveUp(one.number))

    async def ask(self, node: str, group: str | None, published: Published) -> Any:
        """The reply of somebody there. Raises NoResponders, ActorExited, RemoteError, NotEncodable,
        TooLarge."""
        message = self._node.encode(published.message)
        self._check_size(published, message)
        parcel = frames.parcel(published, message, Share(group is None, []))
        awaited = self._await(node)
        self._say(node, frames.Question(awaited.number, parcel, group))
        try:
            reply = await awaited.future
        finally:
            self.give_up([awaited])
        if reply is None:
            raise ActorExited(f"{published.topic}@{node}", "noconnection")
        match reply.how:
            case "reply":
                return self._node.decode(reply.value)
            case "exited":
                raise ActorExited(f"{published.topic}@{node}", self._node.decode(reply.value))
            case "nobody":
                raise NoResponders(published.topic)
            case _:
                type, text = self._node.decode(reply.value)
                raise RemoteError(type, text)

    def hold(self, kept: Kept) -> None:
        """Tell all nodes what is retained for a topic."""
        for node in self._interest.nodes:
            self._hold(node, kept)

    # --- nodes that come and go

    def _up(self, node: str) -> None:
        wants = self._interest.up(node)
        for piece in in_pieces(wants, lambda entry: len(entry[0][0]) + len(entry[0][1] or "")):
            self._say(node, frames.Wants(piece))
        for kept in self._broker.retained:
            self._hold(node, kept)

    def _down(self, node: str, why: str) -> None:
        for change in self._interest.down(node):
            pattern, group = change.key
            self._broker.want(pattern, node, group, 0)
        for awaited in list(self._awaited.values()):
            if awaited.node == node and not awaited.future.done():
                awaited.future.set_result(None)
        for (of, _), work in list(self._at_work.items()):
            if of == node:
                work.cancel()

    # --- what other nodes say

    def _hear(self, node: str, value: Any) -> None:
        frame = frames.decode(value)
        try:
            self._act(node, frame)
        except (TopicError, TypeError) as error:
            raise NotDecodable(str(error)) from None

    def _act(self, node: str, frame: frames.Frame) -> None:
        match frame:
            case frames.Publish(parcel, stamp):
                self._came(node, parcel, stamp)
            case frames.Wants(said):
                for change in self._interest.hear(node, said):
                    pattern, group = change.key
                    self._broker.want(pattern, node, group, change.after or 0)
            case frames.Put(number, parcel):
                self._placed(node, number, parcel)
            case frames.Question(number, parcel, group):
                self._asked(node, number, parcel, group)
            case frames.Done(number) | frames.Reply(number):
                awaited = self._awaited.get(number)
                if awaited and awaited.node == node and not awaited.future.done():
                    awaited.future.set_result(frame)
            case frames.GiveUp(number):
                work = self._at_work.get((node, number))
                if work is not None:
                    work.cancel()
            case frames.Holds():
                self._holds(node, frame)

    def _came(self, node: str, parcel: Parcel, stamp: Stamp | None) -> None:
        published = self._received(node, parcel)
        if published is None:
            return
        if parcel.direct or parcel.groups:
            self._broker.deliver(published, Share(parcel.direct, parcel.groups))
        if stamp is not None:
            again = Published(published.topic, published.message, published.headers, retained=True)
            self._broker.hold(Kept(parcel.topic, stamp, again), tell=False)

    def _placed(self, node: str, number: int, parcel: Parcel) -> None:
        published = self._received(node, parcel)
        if published is None:
            self._say(node, frames.Done(number))
            return
        share = Share(parcel.direct, parcel.groups)
        waits = self._broker.deliver(published, share, wait=True)
        if not waits:
            self._say(node, frames.Done(number))
            return
        from airssys_wasm.broker.broker import together

        work = get_running_loop().create_task(together(waits), context=Context())
        self._at_work[node, number] = work
        work.add_done_callback(partial(self._taken, node, number, published))

    def _taken(self, node: str, number: int, published: Published, work: Task[None]) -> None:
        """All have taken what was put, or its publisher does not wait any more."""
        del self._at_work[node, number]
        if work.cancelled():
            if node not in self._interest.theirs:  # it is lost: nobody else tells of it
                letter = DeadLetter(published, published.topic, "noconnection")
                self._kernel.dead_letters.record(letter)
            return
        error = work.exception()
        if error is not None:
            log.error("what %s put into mailboxes here has failed", node, exc_info=error)
        self._say(node, frames.Done(number))

    def _asked(self, node: str, number: int, parcel: Parcel, group: str | None) -> None:
        published = self._received(node, parcel)
        try:
            if published is None:
                raise NotDecodable(f"{self.name} does not understand this message")
            work = self._broker.ask(published, group)
        except NoResponders:
            self._say(node, frames.Reply(number, "nobody", b""))
        except AirssysError as error:
            self._say(node, self._failed(number, error))
        else:
            self._at_work[node, number] = work
            work.add_done_callback(partial(self._answered, node, number))

    def _answered(self, node: str, number: int, work: Future[Any]) -> None:
        del self._at_work[node, number]
        if work.cancelled():
            return  # nobody waits any more
        error = work.exception()
        if error is None:
            try:
                value = self._node.encode(work.result())
                self._check_room(len(value))
                self._say(node, frames.Reply(number, "reply", value))
                return
            except (NotEncodable, TooLarge) as problem:
                error = problem
        self._say(node, self._failed(number, error))

    def _failed(self, number: int, error: BaseException) -> frames.Reply:
        if isinstance(error, ActorExited):
            try:
                return frames.Reply(number, "exited", self._node.encode(error.reason))
            except NotEncodable:
                pass
        told = [type(error).__name__, str(error)[:1_000]]
        return frames.Reply(number, "error", self._node.encode(told))

    def _holds(self, node: str, frame: frames.Holds) -> None:
        published = None
        if frame.message is not None:
            parcel = Parcel(frame.topic, frame.headers, frame.message)
            came = self._received(node, parcel)
            if came is None:
                return
            published = Published(came.topic, came.message, came.headers, retained=True)
        self._broker.hold(Kept(frame.topic, frame.stamp, published), tell=True)

    # --- doing it

    def _received(self, node: str, parcel: Parcel) -> Published | None:
        """A publication that came; None when this node does not understand its message."""
        self.received += 1
        telemetry = self._kernel.telemetry
        if telemetry.active:
            metadata = {"topic": parcel.topic, "node": node}
            telemetry.emit("topic.received", {"bytes": len(parcel.message)}, metadata)
        try:
            return frames.published(parcel.topic, parcel.headers, self._node.decode(parcel.message))
        except NotDecodable as problem:
            log.warning("%s published to %s: %s", node, parcel.topic, problem)
            bytes_ = frames.published(parcel.topic, parcel.headers, parcel.message)
            self._kernel.dead_letters.record(DeadLetter(bytes_, parcel.topic, "unsent"))
            return None

    def _encoded(self, published: Published, nodes: int) -> bytes | None:
        """The message, for other nodes. What can't be sent there is a dead letter: then None."""
        telemetry = self._kernel.telemetry
        try:
            message = self._node.encode(published.message)
            self._check_size(published, message)
        except (NotEncodable, TooLarge) as error:
            self.unsent += 1
            self._kernel.dead_letters.record(DeadLetter(published, published.topic, "unsent"))
            log.warning("%s is not sent to other nodes: %s", published.topic, error)
            if telemetry.active:
                metadata = {"topic": published.topic, "error": error}
                telemetry.emit("topic.unsent", {"nodes": nodes}, metadata)
            return None
        self.sent += nodes
        if telemetry.active:
            counts = {"nodes": nodes, "bytes": len(message)}
            telemetry.emit("topic.sent", counts, {"topic": published.topic})
        return message

    def _check_size(self, published: Published, message: bytes) -> None:
        texts = sum(len(name) + len(value) for name, value in published.headers.items())
        self._check_room(len(message) + len(published.topic) + 4 * texts)

    def _check_room(self, size: int) -> None:
        limit = self._node.engine.max_payload - AROUND
        if size > limit:
            raise TooLarge(size, limit)

    def _hold(self, node: str, kept: Kept) -> None:
        if kept.published is None:
            self._say(node, frames.Holds(kept.topic, kept.stamp, None, None))
            return
        message = self._encoded(kept.published, 1)
        if message is not None:
            parcel = frames.parcel(kept.published, message, Share(True, []))
            self._say(node, frames.Holds(kept.topic, kept.stamp, parcel.headers, message))

    def _await(self, node: str) -> Awaited:
        self._numbers += 1
        awaited = Awaited(node, self._numbers, self._kernel.scheduler.future())
        self._awaited[awaited.number] = awaited
        return awaited

    def _say(self, node: str, frame: frames.Frame) -> None:
        self._node.say(node, SERVICE, frames.encode(frame))
