"""Acts: feeds an actor of this node from its durable mailbox, one message after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.errors import EngineDown, NotDecodable
from airssys_wasm.broker.nats.durable_inbox import (
    Acknowledge,
    Ask,
    Bury,
    Delivered,
    Extend,
    Hand,
    Inbox,
    Note,
    Output,
    Pull,
    Return,
)
from airssys_wasm.broker.nats.durable_values import Delivery
from airssys_wasm.broker.nats.pausing import pause
from airssys_wasm.kernel.deliveries import deliver, has_begun
from airssys_wasm.kernel.errors import ActorExited, NotTaken
from airssys_wasm.kernel.message import DeadLetter
from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.kernel.turns import run_in_turn

if TYPE_CHECKING:
    from airssys_wasm.broker.durable_settings import DurableSettings
    from airssys_wasm.broker.nats.durable_sender import Mark, Outgoing, Sender
    from airssys_wasm.broker.nats.durable_stream import DurableStream
    from airssys_wasm.broker.nats.durable_values import ValueCodec
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger(__name__)

TRY_AGAIN = 0.5  # seconds after which what the server could not do is asked for again

Step = Output | Callable[[], Coroutine[Any, Any, None]]


class Feeder:
    """The receiving half of the mailbox `name` on one node. `began` is called at each beginning."""

    def __init__(
        self,
        kernel: Kernel,
        codec: ValueCodec,
        name: str,
        stream: DurableStream,
        settings: DurableSettings,
        outgoing: Outgoing,
        began: Callable[[], None],
    ) -> None:
        self._kernel = kernel
        self._codec = codec
        self._name = name
        self._stream = stream
        self._outgoing = outgoing
        self._began = began
        self._inbox = Inbox(
            max_deliver=settings.max_deliver, ack_wait=settings.ack_wait, window=settings.window
        )
        self._ref: ActorRef[Any] | None = None
        self._busy: Delivery | None = None
        self._sent: dict[Sender, int] = {}  # to durable mailboxes, by the actor
        self._sent_on = self._sent  # the same, by the actor that has a message in hand
        self._steps: deque[Step] = deque()
        self._something = asyncio.Event()
        self._closed = False
        self.counts = {"delivered": 0, "handled": 0, "failed": 0, "buried": 0}

    @property
    def in_hand(self) -> int:
        """How many messages are here and not acknowledged."""
        return self._inbox.in_hand

    @property
    def has_steps(self) -> bool:
        """Whether the server has still to be told something."""
        return bool(self._steps)

    @property
    def delivery(self) -> Delivery | None:
        """The message under the handler."""
        return self._busy

    def adjust(self, settings: DurableSettings) -> None:
        """Other settings from now on."""
        self._inbox.adjust(max_deliver=settings.max_deliver, ack_wait=settings.ack_wait)
        self._do(self._stream.make)

    # --- the actor

    def feed(self, ref: ActorRef[Any]) -> None:
        """See `DurableMailbox.feed`."""
        self._ref = ref
        self._sent = self._outgoing.follow(ref)
        self._kernel.on_exit(ref, self._ended)
        if has_begun(ref):
            self._begun(ref)
        else:
            run_in_turn(ref, lambda _: self._begun(ref))

    def _begun(self, ref: ActorRef[Any]) -> None:
        if ref is self._ref and ref.is_alive and not self._closed:
            self._do(self._listen)
            self._act(self._inbox.attach(self._now()))
            self._began()

    def _ended(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        self._outgoing.forget(ref)
        if ref is not self._ref:
            return
        self._ref = None
        if successor is not None:
            self._act(self._inbox.pause())
            self.feed(successor)
        elif is_orderly(ref._end.reason):
            self.detach()
        else:
            self._act(self._inbox.pause())  # its supervisor starts another one, or gives up

    def detach(self) -> None:
        """Nobody is fed any more: what is in hand goes back to the server."""
        self._act(self._inbox.detach())
        self._do(self._stream.deafen)

    def close(self) -> None:
        """Feed nobody from now on."""
        self._closed = True
        self.detach()

    # --- what the server says

    async def _listen(self) -> None:
        await self._stream.listen(self._delivered, self._refused)

    def _delivered(self, message: Delivered) -> None:
        self._act(self._inbox.arrived(message, self._now()))

    def _refused(self) -> None:
        self._act(self._inbox.pull_refused(self._now()))

    def reconnected(self) -> None:
        """The connection is a new one, perhaps with a server that has lost the mailbox."""
        self._do(self._stream.make)
        self._act(self._inbox.reconnected(self._now()))

    def tick(self) -> None:
        """Time has passed."""
        self._act(self._inbox.tick(self._now()))

    # --- what the actor does

    def _hand(self, message: Delivered, tries: int) -> None:
        assert self._ref is not None, "messages are handed on while there is an actor"
        try:
            value = self._codec.decode(message.body)
        except NotDecodable as problem:
            self._act(self._inbox.unreadable(problem))
            return
        self._busy = Delivery(message.id, tries)
        self._sent_on = self._sent
        self.counts["delivered"] += 1
        deliver(self._ref, value).add_done_callback(self._settled)

    def _settled(self, future: asyncio.Future[Any]) -> None:
        self._busy = None
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        now = self._now()
        if error is None:
            self.counts["handled"] += 1
            self._act(self._inbox.handled(now))
        elif isinstance(error, NotTaken):
            self.counts["delivered"] -= 1
            self._act(self._inbox.untaken(now))
        else:
            self.counts["failed"] += 1
            why = error.reason if isinstance(error, ActorExited) else error
            self._act(self._inbox.failed(why, now))

    # --- doing what was decided

    def _act(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Hand):
                self._hand(output.message, output.tries)
            elif isinstance(output, Acknowledge) and self._sent_on:
                marks = tuple(self._sent_on.items())
                self._sent_on.clear()
                self._do(partial(self._acknowledge, output.message, marks))
            else:
                self._do(output)

    def _do(self, step: Step) -> None:
        self._steps.append(step)
        self._something.set()

    async def go_on(self) -> None:
        """Tell the server what there is to tell, in its order, for ever."""
        while True:
            await self._something.wait()
            self._something.clear()
            while self._steps:
                step = self._steps[0]
                try:
                    await self._one(step)
                except EngineDown as problem:
                    log.debug("%s: %s", self._name, problem)
                    if isinstance(step, Bury | Note) or callable(step):
                        await pause(self._kernel, TRY_AGAIN)
                        continue
                self._steps.popleft()

    async def _one(self, step: Step) -> None:
        stream = self._stream
        match step:
            case Acknowledge(message):
                await stream.acknowledge(message)
            case Return(message, delay):
                await stream.give_back(message, delay)
            case Extend(message):
                await stream.extend(message)
            case Pull(batch):
                await stream.pull(batch)
            case Ask():
                first, last = await stream.bounds()
                tried = await stream.noted()
                self._act(self._inbox.bounds(first, last, tried, self._now()))
            case Note(message, tries):
                await stream.note(message, tries)
                self._act(self._inbox.noted(self._now()))
            case Bury(message, why, tries):
                await stream.bury(message, _text(why), tries)
                self._buried(message, why)
            case Hand():
                raise AssertionError("it is done at once")
            case _:
                await step()

    async def _acknowledge(self, message: Delivered, marks: tuple[Mark, ...]) -> None:
        for sender, number in marks:
            await sender.stored(number)
        await self._stream.acknowledge(message)

    def _buried(self, message: Delivered, why: object) -> None:
        try:
            value = self._codec.decode(message.body)
        except NotDecodable:
            value = message.body
        self.counts["buried"] += 1
        letter = DeadLetter(value, self._ref or self._name, why, crashed=why != "not acknowledged")
        self._kernel.dead_letters.record(letter)
        self._act(self._inbox.buried(self._now()))

    def _now(self) -> float:
        return self._kernel.platform.now()


def _text(why: object) -> str:
    if isinstance(why, BaseException):
        return f"{type(why).__name__}: {why}"
    return str(why)
