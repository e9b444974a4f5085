"""The ref of an actor whose mailbox is in order of priority. Others never pay for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.priorities import PriorityQueue, priority_of
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import GONE

if TYPE_CHECKING:
    from asyncio import Future

M = TypeVar("M", contravariant=True)


class PriorityRef(BoundedRef[M]):
    """Its `_queue` is a `PriorityQueue` unless the actor is idle or ending; `_one` is unused."""

    __slots__ = ()

    _by_priority = True

    def _deliver(self, message: Any) -> None:
        queue = self._queue
        if queue:
            queue.append(message)
        elif queue is GONE:
            ActorRef.send(self, message)
        else:
            self._queue = PriorityQueue((message,))
            if queue is None:
                self._scheduler.push(self)
                self._scheduler.arm()

    def _deliver_special(self, message: Any) -> None:
        self._deliver(message)

    def _queue_of(self, entries: Iterable[Any]) -> Any:
        return PriorityQueue(entries)

    def _line_up(self, putter: tuple[Future[None], Any]) -> None:
        """The highest priority gets room first, equal ones in the order of their coming."""
        putters, priority = self._putters, priority_of(putter[1])
        place = len(putters)
        while place and priority_of(putters[place - 1][1]) < priority:
            place -= 1
        putters.insert(place, putter)

    def _make_room(self, message: Any) -> None:
        """Drop the oldest message of the lowest priority, which may be `message` itself."""
        inbox = self._extension.inbox if self._extension is not None else None
        mailboxes = [inbox._saved if inbox is not None else (), self._queue or ()]
        lowest, chosen = priority_of(message), None
        for mailbox in mailboxes:  # what a process has collected is older than what it has not
            least = least_of(mailbox)
            if least is not None and (least < lowest or (least == lowest and chosen is None)):
                lowest, chosen = least, mailbox
        if chosen is None:
            self._drop(message)
            return
        if inbox is not None:
            inbox._seen = 0
        dropped = take_least(chosen)
        self._load -= 1
        self._drop(dropped)
        self._accept(message)


def least_of(mailbox: Any) -> int | None:
    """The lowest priority of a message in it, also while it is held for the next incarnation."""
    queue = mailbox if isinstance(mailbox, PriorityQueue) else PriorityQueue(mailbox)
    return queue.lowest()


def take_least(mailbox: Any) -> Any:
    """Take out the oldest message of the lowest priority."""
    if isinstance(mailbox, PriorityQueue):
        return mailbox.take_least()
    assert isinstance(mailbox, deque)
    least = PriorityQueue(mailbox).take_least()
    del mailbox[next(i for i, entry in enumerate(mailbox) if entry is least)]
    return least
