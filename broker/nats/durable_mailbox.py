"""Acts: a durable mailbox as one node has it: it sends to it, and feeds the actor if that is here.

    send, put ──► outbox ──► the server's work queue ──► inbox ──► actor, one message at a time
                                      ▲                               │ handled
                                      └────────── acknowledged ───────┘

What is promised: a message that `put` returned for is handled at least once, or becomes a dead
letter that the server keeps. It is handled twice only when a process, or its connection for longer
than `ack_wait`, is lost between the return of the handler and the acknowledgement. That waits until
what the handler sent to durable mailboxes is stored: nothing is lost from one to the next.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.durable_settings import DurableSettings
from airssys_wasm.broker.errors import EngineDown, NotDecodable
from airssys_wasm.broker.nats.durable_feeder import TRY_AGAIN, Feeder
from airssys_wasm.broker.nats.durable_sender import Outgoing, Sender
from airssys_wasm.broker.nats.durable_stream import DurableStream
from airssys_wasm.broker.nats.durable_values import (
    Delivery,
    DurableDeadLetter,
    DurableStatistics,
    ValueCodec,
)
from airssys_wasm.broker.nats.pausing import pause

if TYPE_CHECKING:
    from airssys_wasm.broker.nats.nats_engine import NatsEngine
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.platform import Wakeup
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds between two looks at the connection and at what is due
LAST_WORDS = 5.0  # seconds at the end of a system for what is not stored yet


class DurableMailbox:
    """The durable mailbox of the actor `name`, wherever that is. See `ActorSystem.durable`.

    What one node sends comes in its order. `sender` begins the ids of what this node sends,
    `outgoing` is what its actors send to such mailboxes.
    """

    def __init__(
        self,
        kernel: Kernel,
        engine: NatsEngine,
        codec: ValueCodec,
        name: str,
        settings: DurableSettings,
        sender: str,
        outgoing: Outgoing,
    ) -> None:
        self.name = name
        self.settings = settings
        self._kernel = kernel
        self._codec = codec
        self._stream = stream = DurableStream(engine, name, settings)
        self._sender = Sender(kernel, codec, name, stream, f"{sender}:{name}", outgoing)
        self._feeder = Feeder(kernel, codec, name, stream, settings, outgoing, self._look_again)
        self._made = asyncio.Event()
        self._connections = 0
        self._timer: Wakeup | None = None
        self._closed = False
        start = asyncio.get_running_loop().create_task
        self._tasks = [start(self._make())]

    async def _make(self) -> None:
        """Have the streams at the server, then go on for ever."""
        while not self._made.is_set():
            try:
                await self._stream.make()
            except EngineDown as problem:
                log.warning("%s: %s; it is tried again", self.name, problem)
                await pause(self._kernel, TRY_AGAIN)
            else:
                self._connections = self._stream.connections
                self._made.set()
        start = asyncio.get_running_loop().create_task
        self._tasks += [start(self._sender.go_on()), start(self._feeder.go_on())]

    def adjust(self, settings: DurableSettings) -> None:
        """Deliver with other settings from now on, on this node and at the server."""
        if settings != self.settings:
            self.settings = settings
            self._stream.adjust(settings)
            self._feeder.adjust(settings)

    # --- sending

    def send(self, message: object, *, id: str | None = None) -> None:
        """Send a message; never waits. The server gets it as soon as it can be reached.

        A second one with the same `id` is dropped, within the window; ids are made up where none is
        given. What is not stored when this system ends is a dead letter here, with the reason
        `"noconnection"`. Raises NotEncodable, TooLarge; MailboxFull when too much waits already.
        """
        self._sender.send(message, id)
        self._look_again()

    async def put(self, message: object, *, id: str | None = None) -> None:
        """Send a message, and return when the server has stored it.

        Waits for the server to be reached, and for room. When the caller gives up waiting, the
        message is still sent. Raises NotEncodable, TooLarge; EngineDown when the system ends first.
        """
        self._look_again()
        await self._sender.put(message, id)

    # --- feeding

    def feed(self, ref: ActorRef[Any]) -> None:
        """Give what comes to `ref`, once its init is done, until it ends.

        Where its mailbox is kept on restarts, the next incarnation is fed by itself; another one is
        fed when this is called again: `ChildSpec(attach=mailbox.feed)`.
        """
        self._feeder.feed(ref)

    @property
    def delivery(self) -> Delivery | None:
        """The message under the actor's handler, where the actor is of this node; else None."""
        return self._feeder.delivery

    def _look_again(self) -> None:
        if self._timer is None and not self._closed:
            due = self._kernel.platform.now() + min(LOOK_EVERY, self.settings.ack_wait / 4)
            self._timer = self._kernel.platform.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        connections = self._stream.connections
        if self._made.is_set() and connections != self._connections:
            self._connections = connections
            self._sender.reconnected()
            self._feeder.reconnected()
        self._feeder.tick()
        self._look_again()

    # --- looking at it

    async def dead_letters(self, limit: int = 100) -> list[DurableDeadLetter]:
        """The oldest messages that no handler completed, of all nodes, as the server keeps them:
        for 30 days, the latest 10,000. Raises EngineDown."""
        await self._made.wait()
        return [
            DurableDeadLetter(dead.id, self._read(dead.body), dead.reason, dead.tries)
            for dead in await self._stream.dead(limit)
        ]

    def _read(self, body: bytes) -> object:
        try:
            return self._codec.decode(body)
        except NotDecodable:
            return body

    async def waiting(self) -> int:
        """How many messages the server keeps, those in hand included. Raises EngineDown."""
        await self._made.wait()
        return await self._stream.waiting()

    def statistics(self) -> DurableStatistics:
        """The counts of this node, as of now."""
        return DurableStatistics(
            **self._feeder.counts,
            sent=self._sender.sent,
            unsent=self._sender.unsent,
            in_hand=self._feeder.in_hand,
        )

    # --- its end

    async def close(self) -> None:
        """Store what was sent and give back what is in hand, for up to 5 s. Does nothing again."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._sender.close()
        self._feeder.close()
        left = LAST_WORDS
        while (self._sender.unsent or self._feeder.has_steps) and self._made.is_set() and left > 0:
            await pause(self._kernel, 0.005)
            left -= 0.005
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sender.give_up()

    def __repr__(self) -> str:
        return f"<DurableMailbox {self.name}>"
