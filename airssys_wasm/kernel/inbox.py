"""Acts: the mailbox as a process function sees it: a receive loop, and selective receive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airssys_wasm.kernel.backlog import long_mailbox
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.context import ActorContext, Reply
from airssys_wasm.kernel.errors import ActorStopped, Stopped
from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.message import KEPT, SIGNALS, Envelope, Stamped, StopEntry, payload_of
from airssys_wasm.kernel.states import BUSY, DEAD, ENDING, NOTHING, SUSPENDED, WATCHED
from airssys_wasm.kernel.tracing import TraceEvent, tell

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.ref import ActorRef

M = TypeVar("M")

YIELD_EVERY = 64  # messages taken without waiting, after which others get a turn


class Inbox(Generic[M]):
    """What a process function receives from. `async for message in inbox` ends at a stop.

    A request arrives as its bare message; answer it through `inbox.context.defer_reply()`.
    """

    def __init__(self, ref: ActorRef[Any]) -> None:
        self.context = ActorContext(ref)
        self._ref = ref
        self._saved: Any = ref._queue_of(())  # messages in order, which have been collected
        self._waiter: Future[None] | None = None
        self._stop: StopEntry | None = None
        self._taken = 0
        self._armed = False  # it waits, and the next send puts the actor on the run queue
        self._queued = False  # it waited, was woken by something else, and is still on there
        self._seen = 0  # how many of the saved ones a waiting receive has refused
        self._hand: Any = NOTHING  # the message between two receives, and its reply if it has one
        self._reply: Reply | None = None

    async def receive(
        self, wanted: Callable[[M], bool] | None = None, timeout: float | None = None
    ) -> M:
        """The first message that `wanted` accepts; the others stay, in their order.

        Raises TimeoutError after `timeout` seconds (0 looks once and does not wait), and Stopped
        when the actor was asked to stop and nothing wanted was sent before that.
        """
        if self._waiter is not None:
            raise RuntimeError(f"{self._ref} is received from by two tasks at once")
        self._completed()
        await self._give_way()
        self._seen = 0
        deadline = None
        while True:
            found, message = self._take(wanted)
            if found:
                return message  # type: ignore[no-any-return]
            if self._stop is not None and not self._ref._mode & SUSPENDED:
                raise Stopped(self._stop.reason)
            if timeout is not None:
                now = self.context.now()
                deadline = now + timeout if deadline is None else deadline
                if now >= deadline:
                    raise TimeoutError(f"nothing wanted came within {timeout:g} s")
            await self._wait(deadline)

    def __aiter__(self) -> AsyncIterator[M]:
        return self

    async def __anext__(self) -> M:
        try:
            return await self.receive()
        except Stopped:
            raise StopAsyncIteration from None

    def __len__(self) -> int:
        return len(self._saved)

    def _take(self, wanted: Callable[[M], bool] | None) -> tuple[bool, Any]:
        """Take the first wanted message; the first `_seen` saved ones were refused before."""
        if self._ref._mode & (SUSPENDED | ENDING) == SUSPENDED:
            return False, None
        self._collect()
        saved = self._saved
        place = self._seen
        while place < len(saved):
            entry = saved[place]
            if entry.__class__ is Stamped:
                entry = self._ref._scheduler.kernel.reporting.unexpired(self._ref, entry)
                if entry is NOTHING:
                    del saved[place]
                    self._made_room()
                    continue
            message: Any = entry.message if entry.__class__ is Envelope else entry
            if wanted is None or wanted(message):
                del saved[place]
                self._in_hand(entry)
                return True, message
            place += 1
        self._seen = len(saved)
        return False, None

    def _take_oldest(self) -> Any:
        """Give up the oldest message that has been collected; NOTHING when none has."""
        for place, entry in enumerate(self._saved):
            if entry.__class__ not in SIGNALS:
                del self._saved[place]
                self._seen = max(0, self._seen - 1)
                return entry
        return NOTHING

    def _collect(self) -> None:
        """Move what has arrived out of the kernel's queue."""
        ref = self._ref
        if ref._mode & (DEAD | ENDING):  # its code goes on after an exit: the mailbox is closed
            raise ActorStopped(ref)
        arrived = [] if ref._one is NOTHING else [ref._one]
        arrived.extend(ref._queue or ())
        if len(arrived) + len(self._saved) >= WARN_LENGTH:
            long_mailbox(ref, len(arrived) + len(self._saved))
        ref._one = NOTHING
        ref._queue = BUSY
        if arrived and ref._by_priority:
            self._seen = 0  # it may come before those that were refused
        for entry in arrived:
            if entry.__class__ is StopEntry:
                self._stop = self._stop or entry
            elif self._stop is None:
                self._saved.append(entry)
            else:  # came after the stop: nobody will handle it
                ref._scheduler.kernel.reporting.dead_letter(entry, ref, self._stop.reason)
                takes_room = entry.__class__ not in SIGNALS
                if takes_room and isinstance(ref, BoundedRef):
                    ref._taken()

    def _in_hand(self, entry: Any) -> None:
        ref = self._ref
        extension = ref._ext()
        extension.last_message = entry
        extension.deferred = self._reply = None
        self._hand = entry
        if entry.__class__ is Envelope:
            extension.deferred = self._reply = reply = Reply(ref)
            reply._bind(entry.future, extension.open_replies())
        self._taken += 1
        if entry.__class__ not in SIGNALS:
            self._made_room()
        if ref._mode & WATCHED:
            tell(TraceEvent(ref, "in", payload_of(entry)))

    def _made_room(self) -> None:
        if isinstance(self._ref, BoundedRef):
            self._ref._taken()

    def _completed(self) -> None:
        """The process asks for more, or ends: the message in hand was handled."""
        if self._hand is not NOTHING:
            entry, self._hand = self._hand, NOTHING
            self._ref._scheduler.handled += 1
            reply = self._reply
            if reply is not None and entry.source is KEPT and not reply.given:
                reply.send()  # no request: who keeps it is told that it was handled
            if self._ref._mode & WATCHED:
                tell(TraceEvent(self._ref, "out", payload_of(entry)))

    def _crashed(self, reason: object) -> None:
        """The process was ended over the message in hand, unless it had answered it."""
        entry, self._hand = self._hand, NOTHING
        if entry is not NOTHING and not (self._reply is not None and self._reply.given):
            reporting = self._ref._scheduler.kernel.reporting
            reporting.dead_letter(entry, self._ref, reason, crashed=True)

    async def _wait(self, deadline: float | None) -> None:
        """Wait for the next arrival, or until `deadline`."""
        ref = self._ref
        suspended = ref._mode & SUSPENDED
        if ref._mode & (DEAD | ENDING):  # ended by the one who asked whether it wants a message
            return
        if (ref._queue or ref._one is not NOTHING) and not suspended:
            return
        kernel = ref._scheduler.kernel
        self._waiter = waiter = ref._scheduler.future()
        timer = kernel.timers.wake_at(deadline, self._wake) if deadline is not None else None
        if not suspended and not self._queued:
            ref._queue = None  # idle: the next send puts the actor on the run queue
            self._armed = True
        self._taken = 0
        try:
            await waiter
        finally:
            self._waiter = None
            if timer is not None:
                kernel.timers.cancel(timer)
            if ref._queue is None:
                ref._queue = BUSY
            elif self._armed:
                self._queued = True
            self._armed = False

    def _suspended(self) -> None:
        """It is idle no longer: what is sent queues, and puts nothing on the run queue."""
        if self._ref._queue is None:
            self._ref._queue = BUSY
            self._armed = False

    def _turn(self) -> None:
        """The actor was taken from the run queue."""
        self._armed = self._queued = False
        self._wake()

    def _wake(self, *_: object) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _give_way(self) -> None:
        if self._taken >= YIELD_EVERY:
            self._taken = 0
            await self._ref._scheduler.give_way()
