"""What a node sends to a durable mailbox: one message after the other, until the server has each.

Pure: `durable_mailbox.py` publishes what this says. A message is published with its id again and
again until the server says that it is stored; the server drops what it has stored already. Only
then comes the next one: however the connection fails, what is sent by one node is stored in the
order in which it was sent.

Invariants:
  - a message is published only while all that were added before it are stored;
  - `stored` tells of each message once.

Source: NATS documentation, "JetStream: Message Deduplication".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

PATIENCE = 2.0  # seconds without an answer before a message is published again
PAUSE = 0.1  # seconds before it is published again when the server could not take it


@dataclass(frozen=True, slots=True)
class Publish:
    """Publish it; the answer bears `number`."""

    number: int
    id: str
    body: bytes


class Outbox:
    """The messages of one node for one mailbox, oldest first.

    >>> outbox = Outbox("n1")
    >>> outbox.add(b"a"), outbox.add(b"b")
    (1, 2)
    >>> outbox.due(0.0)
    Publish(number=1, id='n1:1', body=b'a')
    >>> outbox.due(0.1), outbox.stored(1), outbox.due(0.1)
    (None, True, Publish(number=2, id='n1:2', body=b'b'))
    """

    def __init__(self, sender: str) -> None:
        self._sender = sender
        self._waiting: deque[Publish] = deque()
        self._numbers = 0
        self._next_try = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_try(self) -> float | None:
        """When the first one is published, if nothing is heard before; None while there is none."""
        return self._next_try if self._waiting else None

    def add(self, body: bytes, id: str | None = None) -> int:
        """One more message; its number. Its id is made up unless it has one."""
        self._numbers += 1
        number = self._numbers
        self._waiting.append(Publish(number, id or f"{self._sender}:{number}", body))
        return number

    @property
    def stored_up_to(self) -> int:
        """All messages up to this number are stored."""
        return self._waiting[0].number - 1 if self._waiting else self._numbers

    def due(self, now: float) -> Publish | None:
        """What is to be published now."""
        if not self._waiting or now < self._next_try:
            return None
        self._next_try = now + PATIENCE
        return self._waiting[0]

    def stored(self, number: int) -> bool:
        """The server has it; whether that is news."""
        if not self._waiting or self._waiting[0].number != number:
            return False  # of an earlier attempt
        self._waiting.popleft()
        self._next_try = 0.0
        return True

    def refused(self, number: int, now: float) -> None:
        """The server could not take it now: the mailbox is full, or not there yet."""
        if self._waiting and self._waiting[0].number == number:
            self._next_try = now + PAUSE

    def reconnected(self) -> None:
        """The connection is a new one: what was published on the old one may be lost."""
        self._next_try = 0.0

    def give_up(self) -> list[Publish]:
        """All that is not known to be stored, oldest first; it is left to the caller."""
        waiting, self._waiting = self._waiting, deque()
        return list(waiting)
