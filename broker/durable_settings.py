"""What a durable mailbox is to be like, and what its parts are called at the server.

Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_DELIVER = 5
ACK_WAIT = 30.0  # seconds; as a JetStream consumer has it unless told otherwise
WINDOW = 120.0  # seconds; as a JetStream stream has it unless told otherwise
KEPT_DEAD = 30 * 24 * 3600.0  # seconds: a month in which somebody looks at the dead letters
MOST_DEAD = 10_000  # dead letters of one mailbox; the oldest go first


@dataclass(frozen=True, slots=True)
class DurableSettings:
    """How a durable mailbox delivers.

    - `max_deliver`: how often a message is given to the actor before it is a dead letter: handlers
      that failed or crashed, and processes that were killed.
    - `ack_wait`: seconds after which the server gives a message to another node when it hears
      nothing of the one that has it. A handler may take longer: its node says that it is at it.
    - `max_in_flight`: how many messages a node has in hand; handlers run one after the other.
    - `window`: seconds in which a second message with an id is dropped.
    - `capacity`: how many messages the server keeps before `put` waits; None for no bound.

    Raises ValueError for what could never be right.

    >>> DurableSettings(max_deliver=0)
    Traceback (most recent call last):
    ...
    ValueError: max_deliver: 0 is below 1
    """

    max_deliver: int = MAX_DELIVER
    ack_wait: float = ACK_WAIT
    max_in_flight: int = 1
    window: float = WINDOW
    capacity: int | None = None

    def __post_init__(self) -> None:
        for field in ("max_deliver", "max_in_flight", "capacity"):
            number = getattr(self, field)
            if number is not None and number < 1:
                raise ValueError(f"{field}: {number!r} is below 1")
        for field in ("ack_wait", "window"):
            if not getattr(self, field) >= 0.1:
                raise ValueError(f"{field}: {getattr(self, field)!r} is below 0.1 s")


def token(name: str) -> str:
    """`name` in letters that a subject and a stream's name may have; no two names are alike in it.

    >>> token("ledger"), token("acme/ledger@1.0")
    ('ledger', 'acme=2fledger=401=2e0')
    """
    return re.sub(
        r"[^A-Za-z0-9_-]", lambda m: "".join(f"={byte:02x}" for byte in m[0].encode()), name
    )
