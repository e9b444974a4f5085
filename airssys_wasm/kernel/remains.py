"""What an actor leaves in its mailbox: dead letters, or what is kept for the next incarnation.

Many dead letters are written in later turns. Until then they wait in the mailbox, and what is sent
meanwhile waits behind them, so that their order is kept and none is forgotten; whoever watches is
told of the end when they are written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.agenda import Agenda
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import AFRESH, GONE, KEEP, NEW, NOTHING, HeldQueue

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel

AT_ONCE = 400  # dead letters: about half a millisecond


class Remains:
    """The messages of the dead of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.letters = Agenda(kernel.platform)  # the many that are written in later turns
        self._signals: dict[ActorRef[Any], Iterator[None] | None] = {}  # what comes after them

    def close(self, ref: ActorRef[Any], reason: object) -> None:
        """Close the mailbox; what was in it is held or becomes dead letters."""
        extension = ref._extension
        one, ref._one = ref._one, NOTHING
        rest = self._unhandled(ref)
        if one is not NOTHING:
            rest.appendleft(one)
        if extension is not None and extension.inbox is not None:
            rest = deque((*extension.inbox._saved, *rest))
            extension.inbox._saved.clear()
        ref._queue = GONE
        if ref._traits & KEEP:
            if not ref._traits & AFRESH or ref._mode & NEW:
                ref._queue = HeldQueue(self._kernel.keeping.messages_of(rest, ref, reason))
                return
            ref._queue = HeldQueue()
        if isinstance(ref, BoundedRef):
            rest.extend(ref._give_up_putters())
        self.bury(rest, ref, reason)

    def _unhandled(self, ref: ActorRef[Any]) -> deque[Any]:
        """What is in the mailbox, and what a running batch has taken and not handled yet."""
        queue = ref._queue
        batch, ref._batch = ref._batch, None
        if batch is None:
            return queue if queue.__class__ is deque else deque(queue or ())
        rest = deque(batch)  # exhausts the iterator of a running batch
        if batch is queue:
            batch.clear()
        else:
            self._kernel.scheduler.handled -= len(rest)  # the batch counts itself as a whole
            rest.extend(queue or ())
        return rest

    def bury(self, rest: deque[Any], ref: ActorRef[Any], reason: object) -> None:
        """Make dead letters of `rest`: of many, in later turns."""
        if len(rest) <= AT_ONCE:
            for message in rest:
                self._kernel.reporting.dead_letter(message, ref, reason)
            return
        if ref._queue is GONE:
            ref._queue = rest  # the mailbox, until it is empty
        self._signals[ref] = None
        self.letters.add(self._letters(rest, len(rest), ref, reason))
        self.letters.go_later()

    def then_tell(self, ref: ActorRef[Any], signals: Iterator[None]) -> None:
        """Send the signals of a death, when its dead letters are written."""
        if ref in self._signals:
            self._signals[ref] = signals
        else:
            self._kernel.lifecycle.signals.add(signals)

    def _letters(
        self, rest: deque[Any], count: int, ref: ActorRef[Any], reason: object
    ) -> Iterator[None]:
        dead_letter = self._kernel.reporting.dead_letter
        for _ in range(count):
            dead_letter(rest.popleft(), ref, reason)
            yield
        while rest:  # came after the death
            dead_letter(rest.popleft(), ref, "noproc")
            yield
        if ref._queue is rest:
            ref._queue = GONE
        signals = self._signals.pop(ref, None)
        if signals is not None:
            self._kernel.lifecycle.signals.add(signals)
            self._kernel.lifecycle.signals.go()
