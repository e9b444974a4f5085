"""The laws of messages, checked as they come and again whenever a storm is quiet. Pure.

Each letter is begun once, and then completed or a dead letter; or it is a dead letter without
having been begun; or it waits. What one actor sends to one mailbox with one priority is begun in
order. A letter whose sender was cancelled, refused or timed out may be nowhere, but never in two
places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from airssys_wasm.kernel import ActorRef, DeadLetter
from tests.stress.letters import Letter


class Ledger:
    """All letters of one storm. `broken` is called with what is wrong."""

    def __init__(self, broken: Callable[[str], None]) -> None:
        self._broken = broken
        self.slots: dict[ActorRef[Any], int] = {}
        self.sent: set[Letter] = set()
        self.begun: set[Letter] = set()
        self.completed: set[Letter] = set()
        self.dead: set[Letter] = set()
        self._open: dict[Letter, None] = {}  # not known to be completed or dead
        self._numbers: Counter[object] = Counter()
        self._latest: dict[object, int] = {}

    def enrol(self, ref: ActorRef[Any], predecessor: ActorRef[Any] | None) -> None:
        """`ref` has a mailbox of its own, or that of its predecessor."""
        new = len(self.slots)
        self.slots[ref] = new if predecessor is None else self.slots[predecessor]

    # --- what is sent

    def letter(self, sender: object, to: ActorRef[Any], priority: int = 0) -> Letter:
        """The next letter of `sender`, of which it is not known yet whether it will be sent."""
        slot = self.slots[to]
        self._numbers[sender, slot, priority] += 1
        letter = Letter(sender, slot, self._numbers[sender, slot, priority], priority)
        self._open[letter] = None
        return letter

    def was_sent(self, letter: Letter) -> None:
        """It is sure that `letter` was sent."""
        self.sent.add(letter)

    def was_refused(self, letter: Letter) -> None:
        """It is sure that `letter` was not sent."""
        self._open.pop(letter, None)
        if letter in self.begun:
            self._broken(f"refused, and handled: {letter}")

    # --- what comes

    def begin(self, ref: ActorRef[Any], letter: Letter, lane: int | None) -> None:
        """A handler of `ref` begins; each lane of one that receives selectively has its order."""
        if letter in self.begun:
            self._broken(f"handled twice: {letter}")
        if letter in self.dead:
            self._broken(f"handled after it was a dead letter: {letter}")
        if letter.slot != self.slots[ref]:
            self._broken(f"for another mailbox: {letter} came to {ref}")
        self.begun.add(letter)
        key = (letter.sender, letter.slot, letter.priority, lane)
        if self._latest.get(key, 0) >= letter.number:
            self._broken(f"out of order: {letter} after number {self._latest[key]}")
        self._latest[key] = letter.number

    def complete(self, letter: Letter) -> None:
        """The handler has returned."""
        if letter in self.dead:
            self._broken(f"completed, and a dead letter: {letter}")
        self.completed.add(letter)
        self._open.pop(letter, None)

    def bury(self, dead: DeadLetter) -> None:
        """A dead letter was reported."""
        letter = dead.message
        assert isinstance(letter, Letter)
        if letter in self.dead:
            self._broken(f"two dead letters: {letter}")
        if letter in self.completed:
            self._broken(f"a dead letter, and completed: {letter}")
        if dead.crashed is not (letter in self.begun):
            self._broken(f"a dead letter ({dead.reason}) with crashed={dead.crashed}: {letter}")
        self.dead.add(letter)
        self._open.pop(letter, None)

    # --- when it is quiet

    def audit(self, waiting: Iterable[Letter]) -> None:
        """No handler is at work, and `waiting` is all that is in mailboxes."""
        places = Counter(waiting)
        for letter, count in places.items():
            if count > 1:
                self._broken(f"waits twice: {letter}")
            if letter in self.begun or letter in self.dead:
                self._broken(f"waits, though it was handled or is a dead letter: {letter}")
        for letter in self._open:
            if letter in self.begun:
                self._broken(f"begun, and neither completed nor a dead letter: {letter}")
            elif letter in self.sent and letter not in places:
                self._broken(f"lost: {letter}")
