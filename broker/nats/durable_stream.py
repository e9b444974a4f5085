"""Acts: one durable mailbox at a NATS server: a stream with one consumer, and its dead letters.

    subject  <bucket>.mailbox.<name>  ──►  stream <bucket>_mailbox_<name>, a work queue
    subject  <bucket>.dead.<name>     ──►  stream <bucket>_dead, kept for 30 days

Source: NATS documentation, "JetStream", and the wire protocol of its API.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nats.errors
import nats.js.errors
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from airssys_wasm.broker.durable_settings import KEPT_DEAD, MOST_DEAD, DurableSettings, token
from airssys_wasm.broker.errors import EngineDown, KeyChanged
from airssys_wasm.broker.nats.durable_inbox import PULL_LASTS, Delivered
from airssys_wasm.broker.nats.nats_engine import ANSWER_TIME, DOWN

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
    from nats.js.api import StreamInfo

    from airssys_wasm.broker.nats.nats_engine import NatsEngine

ID, OWN_ID, WHY, TRIES = "Nats-Msg-Id", "Airssys-Id", "Airssys-Reason", "Airssys-Tries"
CONSUMER = "actor"
NOTHING_CAME = "408"  # the status that ends what was asked for so long ago: it was asked anew since
NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that was buried: its bytes, why, and after how many tries."""

    number: int
    id: str
    body: bytes
    reason: str
    tries: int


class DurableStream:
    """What the server is told and asked about the mailbox `name`."""

    def __init__(self, engine: NatsEngine, name: str, settings: DurableSettings) -> None:
        self._engine = engine
        self._settings = settings
        own = token(name)
        self._subject = f"{engine.bucket}.mailbox.{own}"
        self._dead_subject = f"{engine.bucket}.dead.{own}"
        self._stream = f"{engine.bucket}_mailbox_{own}"
        self._dead = f"{engine.bucket}_dead"
        self._key = f"durable.{own}"  # of what is noted: a number and how often it was tried
        self._subscription: Subscription | None = None
        self._receive_at = ""

    @property
    def connections(self) -> int:
        """How often the client has connected anew; 0 where it is closed."""
        try:
            return int(self._engine.client.stats["reconnects"])
        except EngineDown:
            return 0

    @property
    def max_payload(self) -> int:
        """How many bytes one message may have."""
        return self._engine.max_payload

    def adjust(self, settings: DurableSettings) -> None:
        """Other settings, with the next `make`."""
        self._settings = settings

    async def make(self) -> None:
        """Have the streams and the consumer at the server, as the settings want them.

        Raises EngineDown.
        """
        settings, replicas = self._settings, self._engine.replicas
        mailbox = StreamConfig(
            name=self._stream,
            subjects=[self._subject],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            num_replicas=replicas,
            duplicate_window=settings.window,
            max_msgs=settings.capacity or -1,
            discard=DiscardPolicy.NEW,
        )
        dead = StreamConfig(
            name=self._dead,
            subjects=[f"{self._engine.bucket}.dead.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
            max_age=KEPT_DEAD,
            max_msgs_per_subject=MOST_DEAD,
        )
        consumer = ConsumerConfig(
            durable_name=CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=settings.ack_wait,
            max_ack_pending=settings.max_in_flight,
            max_deliver=-1,  # who buries a message says why
        )
        try:
            await self._stream_as(mailbox)
            await self._stream_as(dead)
            await self._manager().add_consumer(self._stream, consumer)
        except DOWN as error:
            raise EngineDown(f"no durable mailbox can be made: {error}") from error

    async def _stream_as(self, wanted: StreamConfig) -> None:
        try:
            found: StreamInfo = await self._manager().stream_info(wanted.name or "")
        except nats.js.errors.NotFoundError:
            await self._manager().add_stream(wanted)
            return
        kept = found.config
        limits = {"duplicate_window": wanted.duplicate_window, "max_msgs": wanted.max_msgs}
        if any(getattr(kept, limit) != value for limit, value in limits.items()):
            await self._manager().update_stream(kept.evolve(**limits))

    # --- sending

    async def publish(self, body: bytes, id: str) -> bool:
        """Store a message; False when it was there already.

        Raises EngineDown when that is not known, or there is no room.
        """
        return await self._publish(self._subject, body, {ID: id})

    async def bury(self, message: Delivered, why: str, tries: int) -> None:
        """Keep a message among the dead letters, once. Raises EngineDown."""
        headers = {
            ID: f"{self._stream}:{message.number}:{message.id}",
            OWN_ID: message.id,
            WHY: " ".join(why.split())[:1_000],
            TRIES: str(tries),
        }
        await self._publish(self._dead_subject, message.body, headers)

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str]) -> bool:
        client = self._engine.client
        if not client.is_connected:
            raise EngineDown("not stored: there is no connection just now")
        try:
            answer = await client.request(subject, body, timeout=ANSWER_TIME, headers=headers)
        except DOWN as error:
            raise EngineDown(f"not stored: {error or 'no answer'}") from error
        told: dict[str, Any] = json.loads(answer.data)
        if "error" in told:
            raise EngineDown(f"not stored: {told['error'].get('description', told['error'])}")
        return not told.get("duplicate", False)

    # --- receiving

    async def listen(
        self, receive: Callable[[Delivered], None], refused: Callable[[], None]
    ) -> None:
        """Call `receive` with what is delivered, `refused` when the server can't deliver now.

        Does nothing again before `deafen`. Raises EngineDown.
        """
        if self._subscription is not None:
            return
        client = self._engine.client
        self._receive_at = client.new_inbox()

        async def take(message: Msg) -> None:
            if message.reply:
                receive(_delivered(message))
            elif (message.headers or {}).get("Status") != NOTHING_CAME:
                refused()

        try:
            self._subscription = await client.subscribe(self._receive_at, cb=take)
        except DOWN as error:
            raise EngineDown(f"no subscription: {error}") from error

    async def deafen(self) -> None:
        """Undo `listen`: the server delivers nothing here any more."""
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            with suppress(*DOWN):
                await subscription.unsubscribe()

    async def pull(self, batch: int) -> None:
        """Ask for messages."""
        asked = {"batch": batch, "expires": int(PULL_LASTS * NANOSECONDS)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{CONSUMER}"
        await self._say(subject, json.dumps(asked).encode(), self._receive_at)

    async def acknowledge(self, message: Delivered) -> None:
        """It was handled."""
        await self._say(message.reply, b"+ACK")

    async def give_back(self, message: Delivered, delay: float) -> None:
        """It was not; again after `delay` seconds."""
        when = json.dumps({"delay": int(delay * NANOSECONDS)}) if delay else ""
        await self._say(message.reply, f"-NAK {when}".strip().encode())

    async def extend(self, message: Delivered) -> None:
        """It is still being handled."""
        await self._say(message.reply, b"+WPI")

    async def _say(self, subject: str, body: bytes, reply: str = "") -> None:
        # What is lost is made up for: the server delivers again what was not acknowledged.
        with suppress(EngineDown, *DOWN):
            client: Client = self._engine.client
            if client.is_connected:
                await client.publish(subject, body, reply)

    # --- looking

    async def bounds(self) -> tuple[int, int]:
        """The numbers of the first and the last message. Raises EngineDown."""
        try:
            state = (await self._manager().stream_info(self._stream)).state
        except DOWN as error:
            raise EngineDown(f"the mailbox can't be looked at: {error}") from error
        return state.first_seq, state.last_seq

    async def noted(self) -> tuple[int, int]:
        """What `note` has noted last; (0, 0) for nothing. Raises EngineDown."""
        entry = await self._engine.get(self._key)
        number, tries = (entry.value or b"0 0").split() if entry is not None else (b"0", b"0")
        return int(number), int(tries)

    async def note(self, message: Delivered, tries: int) -> None:
        """Remember how often a message was tried. Raises EngineDown."""
        value = b"%d %d" % (message.number, tries)
        entry = await self._engine.get(self._key)
        try:
            if entry is None:
                await self._engine.create(self._key, value)
            else:
                await self._engine.update(self._key, value, entry.revision)
        except KeyChanged:
            raise EngineDown("another node has noted something just now") from None

    async def waiting(self) -> int:
        """How many messages the server keeps. Raises EngineDown."""
        try:
            return int((await self._manager().stream_info(self._stream)).state.messages)
        except DOWN as error:
            raise EngineDown(f"the mailbox can't be looked at: {error}") from error

    async def dead(self, limit: int) -> list[DeadMessage]:
        """The oldest `limit` messages that were buried. Raises EngineDown."""
        stream = self._engine.client.jetstream(timeout=ANSWER_TIME)
        try:
            found = await stream.pull_subscribe(self._dead_subject, stream=self._dead)
            try:
                there = (await found.consumer_info()).num_pending or 0
                messages = await found.fetch(min(limit, there)) if there else []
            finally:
                await found.unsubscribe()
        except DOWN as error:
            raise EngineDown(f"the dead letters can't be read: {error}") from error
        return [_dead(message) for message in messages]

    def _manager(self) -> Any:
        return self._engine.client.jsm(timeout=ANSWER_TIME)


def _delivered(message: Msg) -> Delivered:
    told = message.metadata
    id = (message.headers or {}).get(ID, "")
    number = told.sequence.stream
    again = told.num_delivered > 1
    return Delivered(number, id or f"#{number}", again, message.reply, message.data)


def _dead(message: Msg) -> DeadMessage:
    headers = message.headers or {}
    return DeadMessage(
        message.metadata.sequence.stream,
        headers.get(OWN_ID, ""),
        message.data,
        headers.get(WHY, ""),
        int(headers.get(TRIES, "0")),
    )
