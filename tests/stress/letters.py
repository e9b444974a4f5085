"""What travels in a storm: letters that know where they come from, and posts to topics. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Broken(AssertionError):
    """A law was broken."""


@dataclass(eq=False, slots=True)
class Letter:
    """One message to one mailbox: who sent it, and its number among theirs of this priority.

    `slot` is the number of the mailbox, which may outlive the actor. A letter that a timer is to
    send has an `owner`, the time at which it is `due`, and is `forbidden` once that was cancelled.
    """

    sender: object
    slot: int
    number: int
    priority: int = 0
    owner: Any = None
    due: float = 0.0
    forbidden: bool = False

    def __repr__(self) -> str:
        return f"<letter {self.number} of {self.sender} to {self.slot}, priority {self.priority}>"


@dataclass(eq=False, slots=True)
class Post:
    """One publication: who is to have how many copies, and how many each one had.

    Of each of `groups` one member is to have one more. What was published with `put` is `unsure`:
    its publisher may have been cancelled.
    """

    sender: object
    number: int
    direct: dict[int, int]
    groups: tuple[frozenset[int], ...]
    unsure: bool = False
    copies: dict[int, int] = field(default_factory=dict)

    def most(self, slot: int) -> int:
        """How many copies may come to this mailbox."""
        return self.direct.get(slot, 0) + sum(slot in group for group in self.groups)

    def __repr__(self) -> str:
        return f"<post {self.number} of {self.sender} to {self.direct} and {self.groups}>"


@dataclass(eq=False, slots=True)
class Tick:
    """What a repeated timer sends, since when and how often; and how often it came."""

    owner: Any
    interval: float
    since: float
    came: int = 0


class Roll:
    """Asks whoever gets it for its ref."""


class Chance(Exception):
    """What actors of a storm die of."""


class Refusal(Exception):
    """What an actor may answer to a letter."""

    def __init__(self, letter: Letter) -> None:
        super().__init__(repr(letter))
        self.letter = letter
