"""Acts: sends what one node has for a durable mailbox, until the server has stored it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.errors import EngineDown, TooLarge
from airssys_wasm.broker.nats.durable_outbox import Outbox
from airssys_wasm.broker.nats.pausing import pause
from airssys_wasm.kernel.errors import MailboxFull

if TYPE_CHECKING:
    from airssys_wasm.broker.nats.durable_stream import DurableStream
    from airssys_wasm.broker.nats.durable_values import ValueCodec
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger(__name__)

MOST_UNSENT = 10_000  # messages that wait for the server on one node before `put` waits too
OVERHEAD = 1_024  # bytes that go with a message beside its own: subject, id, headers


Mark = tuple["Sender", int]


class Outgoing:
    """What the actors that are fed from durable mailboxes send to durable mailboxes themselves.

    A message is acknowledged when what its handler had sent is stored, so that nothing is lost
    between two of them.
    """

    def __init__(self) -> None:
        self._sent: dict[ActorRef[Any], dict[Sender, int]] = {}

    def follow(self, ref: ActorRef[Any]) -> dict[Sender, int]:
        """Note from now on what `ref` sends: to whom, and the number of the last message."""
        return self._sent.setdefault(ref, {})

    def forget(self, ref: ActorRef[Any]) -> None:
        """It has ended."""
        self._sent.pop(ref, None)

    def note(self, ref: ActorRef[Any] | None, sender: Sender, number: int) -> None:
        """`ref`, whose code runs now, has sent a message."""
        if ref is not None and (sent := self._sent.get(ref)) is not None:
            sent[sender] = number


class Sender:
    """What one node sends to the mailbox `name`. `sender` begins the ids that are made up."""

    def __init__(
        self,
        kernel: Kernel,
        codec: ValueCodec,
        name: str,
        stream: DurableStream,
        sender: str,
        outgoing: Outgoing,
    ) -> None:
        self._kernel = kernel
        self._outgoing = outgoing
        self._codec = codec
        self._name = name
        self._stream = stream
        self._outbox = Outbox(sender)
        self._puts: dict[int, asyncio.Future[None]] = {}
        self._room: list[asyncio.Future[None]] = []
        self._something = asyncio.Event()
        self._waiters: list[asyncio.Future[None]] = []  # those in `stored`
        self._answer: asyncio.Timeout | None = None  # what is waited for, on this connection
        self._closed = False
        self._given_up = False
        self.sent = 0

    @property
    def unsent(self) -> int:
        """How many messages are not stored yet."""
        return len(self._outbox)

    def send(self, message: object, id: str | None) -> None:
        """See `DurableMailbox.send`."""
        body = self._body(message)
        if self._closed:
            self._kernel.reporting.dead_letter(message, self._name, "noproc")
        elif len(self._outbox) >= MOST_UNSENT:
            raise MailboxFull(self._name, MOST_UNSENT, message)
        else:
            self._add(body, id)

    async def put(self, message: object, id: str | None) -> None:
        """See `DurableMailbox.put`."""
        body = self._body(message)
        while len(self._outbox) >= MOST_UNSENT and not self._closed:
            room: asyncio.Future[None] = self._kernel.scheduler.future()
            self._room.append(room)
            await room
        if self._closed:
            raise EngineDown(f"the mailbox {self._name!r} is closed")
        future: asyncio.Future[None] = self._kernel.scheduler.future()
        self._puts[self._add(body, id)] = future
        await future

    async def stored(self, number: int) -> None:
        """Return when the message with this number is stored, or given up."""
        while self._outbox.stored_up_to < number and not self._given_up:
            waiter: asyncio.Future[None] = self._kernel.scheduler.future()
            self._waiters.append(waiter)
            await waiter

    def reconnected(self) -> None:
        """The connection is a new one."""
        self._outbox.reconnected()
        self._something.set()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.reschedule(0.0)  # none comes from the old one

    async def go_on(self) -> None:
        """Publish one message after the other, for ever."""
        outbox, platform = self._outbox, self._kernel.platform
        while True:
            await self._something.wait()
            out = outbox.due(platform.now())
            if out is None:
                due = outbox.next_try
                if due is None:
                    self._something.clear()
                else:
                    await pause(self._kernel, due - platform.now())
                continue
            try:
                async with asyncio.timeout(None) as self._answer:
                    await self._stream.publish(out.body, out.id)
            except TimeoutError:
                continue  # it is due at once
            except EngineDown as problem:
                log.debug("%s: %s", self._name, problem)
                outbox.refused(out.number, platform.now())
                continue
            finally:
                self._answer = None
            outbox.stored(out.number)
            self._stored(out.number)

    def close(self) -> None:
        """Take nothing any more."""
        self._closed = True

    def give_up(self) -> None:
        """What is not stored by now is told: to who waits for it, or as a dead letter."""
        self._given_up = True
        self._wake(self._waiters)
        down = EngineDown(f"the mailbox {self._name!r} was closed before the server had it")
        for left in self._outbox.give_up():
            future = self._puts.pop(left.number, None)
            if future is not None and not future.done():
                future.set_exception(down)
            else:
                message = self._codec.decode(left.body)
                self._kernel.reporting.dead_letter(message, self._name, "noconnection")
        self._wake(self._room)

    @staticmethod
    def _wake(waiters: list[asyncio.Future[None]]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        waiters.clear()

    def _body(self, message: object) -> bytes:
        body = self._codec.encode(message)
        limit = self._stream.max_payload - OVERHEAD
        if len(body) > limit:
            raise TooLarge(len(body), limit)
        return body

    def _add(self, body: bytes, id: str | None) -> int:
        number = self._outbox.add(body, id)
        self._outgoing.note(self._kernel.scheduler.current(), self, number)
        self._something.set()
        return number

    def _stored(self, number: int) -> None:
        self.sent += 1
        self._wake(self._waiters)
        future = self._puts.pop(number, None)
        if future is not None and not future.done():
            future.set_result(None)
        while self._room:
            room = self._room.pop(0)
            if not room.done():
                room.set_result(None)
                break
