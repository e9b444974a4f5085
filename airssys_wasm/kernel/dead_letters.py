"""Messages that no handler completed: counted, the latest kept, and told to those who subscribe."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.message import DeadLetter
from airssys_wasm.kernel.statistics import DeadLetterStatistics

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

# Other reasons are those of an actor's end.
KINDS = frozenset({"noproc", "full", "expired", "unsent"})
KEPT = 1_000  # enough to look at after an incident; the count goes on


class DeadLetters:
    """The dead letters of one system, oldest first."""

    def __init__(self) -> None:
        self._recent: deque[DeadLetter] = deque(maxlen=KEPT)
        self._subscribers: dict[ActorRef[Any], None] = {}
        self._by_reason: Counter[str] = Counter()
        self.count = 0

    def recent(self) -> tuple[DeadLetter, ...]:
        """The latest 1,000."""
        return tuple(self._recent)

    def subscribe(self, ref: ActorRef[Any]) -> None:
        """`ref` gets every DeadLetter from now on, until it ends."""
        if ref not in self._subscribers:
            self._subscribers[ref] = None
            ref._scheduler.kernel.on_exit(ref, lambda gone, _: self.unsubscribe(gone))

    def unsubscribe(self, ref: ActorRef[Any]) -> None:
        """No more for `ref`; harmless when it had not subscribed."""
        self._subscribers.pop(ref, None)

    def record(self, letter: DeadLetter) -> None:
        """Count, keep and tell. A dead letter about a dead letter is counted and told to nobody."""
        self.count += 1
        self._by_reason[_kind_of(letter)] += 1
        self._recent.append(letter)
        if letter.message.__class__ is DeadLetter:
            return
        for ref in tuple(self._subscribers):
            try:
                send_unchecked(ref, letter)
            except MailboxFull:
                self.count += 1
                self._by_reason["full"] += 1

    def statistics(self) -> DeadLetterStatistics:
        """How many there were, and why."""
        return DeadLetterStatistics(
            total=self.count,
            by_reason=dict(self._by_reason),
            kept=len(self._recent),
            subscribers=len(self._subscribers),
        )


def _kind_of(letter: DeadLetter) -> str:
    if letter.crashed:
        return "crashed"
    reason = letter.reason
    return reason if isinstance(reason, str) and reason in KINDS else "ended"
