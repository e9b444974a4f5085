"""What the mailbox of an actor is like: unbounded by default, or bounded with a policy.

Pure: `ref.py` asks `verdict` at each message to a bounded mailbox and does what it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Overflow = Literal["block", "reject", "drop_new", "drop_old"]
Order = Literal["fifo", "priority"]
Verdict = Literal["accept", "refuse", "wait", "drop_new", "drop_old"]

WARN_LENGTH = 100_000  # an unbounded mailbox of this length is reported once: its actor is too slow


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The capacity of a mailbox in messages (None: unbounded), and what happens when it is full.

    | overflow | `send` | `put` | `request` |
    |---|---|---|---|
    | `block` | raises MailboxFull | waits for room | waits for room within its timeout |
    | `reject` | raises MailboxFull | raises MailboxFull | raises MailboxFull |
    | `drop_new` | drops its message | drops its message | raises MailboxFull |
    | `drop_old` | drops the oldest message | the same | the same |

    A dropped message is counted and becomes a dead letter. With order `priority` messages of a
    higher `priority` are taken first, equal ones in the order of their arrival; signals (`Down`,
    stops) come after all that was there before them; whoever waits for room gets it in the same
    order; and `drop_old` drops the oldest message of the lowest priority, which may be the one that
    comes.

    With `keep_on_restart` the mailbox belongs to the supervised child, not to one incarnation of
    it: a restart goes on with its messages. Signals are not handed on: they are about what the last
    incarnation had watched, and what it was told to do.

    Raises ValueError for a capacity below 1, an unknown policy or order.
    """

    capacity: int | None = None
    overflow: Overflow = "block"
    keep_on_restart: bool = False
    order: Order = "fifo"

    def __post_init__(self) -> None:
        if self.capacity is not None:
            if isinstance(self.capacity, bool) or not isinstance(self.capacity, int):
                raise TypeError(f"capacity: {self.capacity!r} is not a number of messages")
            if self.capacity < 1:
                raise ValueError(f"capacity: {self.capacity} is below 1 message")
        if self.overflow not in get_args(Overflow):
            raise ValueError(
                f"overflow: {self.overflow!r} is not one of {', '.join(get_args(Overflow))}"
            )
        if self.order not in get_args(Order):
            raise ValueError(f"order: {self.order!r} is not one of {', '.join(get_args(Order))}")


def verdict(overflow: Overflow, load: int, capacity: int, *, can_wait: bool) -> Verdict:
    """What becomes of one more message when `load` messages are queued.

    `can_wait` is True for `put` and `request`, which may wait for room.

    >>> verdict("block", 3, 3, can_wait=True), verdict("reject", 2, 3, can_wait=True)
    ('wait', 'accept')
    """
    if load < capacity:
        return "accept"
    match overflow:
        case "block":
            return "wait" if can_wait else "refuse"
        case "reject":
            return "refuse"
        case "drop_new" | "drop_old":
            return overflow


def check_stamp(priority: int, ttl: float | None) -> None:
    """Raise TypeError or ValueError for what can't be the priority and the time to live.

    >>> check_stamp(-3, 0.5)
    >>> check_stamp(0, 0)
    Traceback (most recent call last):
    ...
    ValueError: ttl: 0 s is no time to live; it has to be above 0
    """
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise TypeError(f"priority: {priority!r} is not a whole number")
    if ttl is None:
        return
    if isinstance(ttl, bool) or not isinstance(ttl, int | float):
        raise TypeError(f"ttl: {ttl!r} is not a number of seconds")
    if not ttl > 0:
        raise ValueError(f"ttl: {ttl!r} s is no time to live; it has to be above 0")
