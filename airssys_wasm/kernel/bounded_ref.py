"""Acts: the ref of an actor with a bounded mailbox, and those who wait for room in it.

What is done when it is full is decided in `mailbox.py`.
"""

from __future__ import annotations

from collections import deque
from sys import maxsize
from typing import TYPE_CHECKING, Any, TypeVar

from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.mailbox import Mailbox, verdict
from airssys_wasm.kernel.message import SIGNALS, payload_of
from airssys_wasm.kernel.ref import MailboxRef, stamped
from airssys_wasm.kernel.states import DEAD, ENDING, NOTHING, HeldQueue

if TYPE_CHECKING:
    from asyncio import Future

M = TypeVar("M", contravariant=True)


class BoundedRef(MailboxRef[M]):
    """The ref of an actor with a bounded mailbox. A class of its own: others never pay for it."""

    __slots__ = ("_load", "_mailbox", "_putters", "_room", "dropped")

    def __init__(self, *args: Any, mailbox: Mailbox) -> None:
        super().__init__(*args)
        self._mailbox = mailbox
        self._room = mailbox.capacity if mailbox.capacity is not None else maxsize
        self._load = 0
        self._putters: deque[tuple[Future[None], Any]] = deque()
        self.dropped = 0

    @property
    def capacity(self) -> int | None:
        return self._mailbox.capacity

    def send(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        if priority or ttl is not None:
            message = stamped(self, message, priority, ttl)
        self._offer(message, can_wait=False)

    async def put(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        if priority or ttl is not None:
            message = stamped(self, message, priority, ttl)
        waiting = self._offer(message, can_wait=True)
        if waiting is not None:
            await self._wait_for_room(waiting)

    def _offer(self, message: Any, *, can_wait: bool) -> Future[None] | None:
        if self._mode & (DEAD | ENDING) and not isinstance(self._queue, HeldQueue):
            self._deliver(message)
            return None
        capacity = self._room
        decision = verdict(self._mailbox.overflow, self._load, capacity, can_wait=can_wait)
        match decision:
            case "accept":
                self._accept(message)
            case "wait":
                future = self._scheduler.future()
                self._line_up((future, message))
                self._tell_full("waits")
                return future
            case "refuse":
                self._tell_full("refused")
                raise MailboxFull(self, self._room, payload_of(message))
            case "drop_new":
                self._drop(message)
            case "drop_old":
                self._make_room(message)
        return None

    def _accept(self, message: Any) -> None:
        self._load += 1
        self._deliver(message)

    def _line_up(self, putter: tuple[Future[None], Any]) -> None:
        self._putters.append(putter)

    def _make_room(self, message: Any) -> None:
        """Drop a message for `message`, or that itself."""
        oldest = self._take_oldest()
        self._load -= 1
        self._drop(oldest)
        self._accept(message)

    def _drop(self, message: Any) -> None:
        self.dropped += 1
        kernel = self._scheduler.kernel
        kernel.reporting.dead_letter(message, self, "full")
        if kernel.telemetry.active:
            counts = {"capacity": self._room, "dropped": self.dropped}
            metadata = {"ref": self, "overflow": self._mailbox.overflow}
            kernel.telemetry.emit("mailbox.dropped", counts, metadata)

    def _tell_full(self, outcome: str) -> None:
        telemetry = self._scheduler.kernel.telemetry
        if telemetry.active:
            counts = {"capacity": self._room, "length": self._load}
            telemetry.emit("mailbox.full", counts, {"ref": self, "outcome": outcome})

    def _take_oldest(self) -> Any:
        inbox = self._extension.inbox if self._extension is not None else None
        if inbox is not None and (oldest := inbox._take_oldest()) is not NOTHING:
            pass  # a process has collected it
        elif self._one is not NOTHING and self._one.__class__ not in SIGNALS:
            oldest, self._one = self._one, NOTHING
        else:
            place = next(i for i, m in enumerate(self._queue) if m.__class__ not in SIGNALS)
            oldest = self._queue[place]
            del self._queue[place]
        return oldest

    async def _wait_for_room(self, waiting: Future[None]) -> None:
        try:
            await waiting
        finally:
            self._give_up_waiting(waiting)

    def _give_up_waiting(self, waiting: Future[None]) -> None:
        if not waiting.done() or waiting.cancelled():
            waiting.cancel()
            self._putters = deque(p for p in self._putters if p[0] is not waiting)

    def _taken(self) -> None:
        """A message left the mailbox: whoever has waited longest for room gets it."""
        self._load -= 1
        while self._putters and self._load < self._room:
            future, message = self._putters.popleft()
            if not future.done():
                self._accept(message)
                future.set_result(None)

    def _give_up_putters(self) -> list[Any]:
        """Let all who wait for room go on; gives the messages that they did not place."""
        waiting, self._putters = self._putters, deque()
        self._load = 0
        messages = []
        for future, message in waiting:
            if not future.done():
                future.set_result(None)
                messages.append(message)
        return messages
