"""What a durable mailbox tells: of the message in hand, of those that nobody handled, its counts.

Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class ValueCodec(Protocol):
    """Values to bytes and back, as a `Node` does it."""

    def encode(self, value: object) -> bytes:
        """The bytes of a value. Raises NotEncodable."""
        ...

    def decode(self, data: bytes) -> Any:
        """The value in these bytes. Raises NotDecodable."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """The message under the handler: its id, and that it is tried for the `tries`th time."""

    id: str
    tries: int


@dataclass(frozen=True, slots=True)
class DurableDeadLetter:
    """A message that no handler completed in so many tries, as the server keeps it.

    `message` is its bytes when they are nothing that this node understands.
    """

    id: str
    message: object
    reason: str
    tries: int


@dataclass(frozen=True, slots=True)
class DurableStatistics:
    """The counts of one mailbox on this node.

    `sent` are stored at the server, `unsent` wait for that; `delivered` counts each delivery to the
    actor, `handled` and `failed` how those ended, `buried` the dead letters; `in_hand` are here and
    not acknowledged.
    """

    sent: int
    unsent: int
    delivered: int
    handled: int
    failed: int
    buried: int
    in_hand: int
