"""What several nodes want and one may have: the value of its key, and what follows from it.

Pure. Something is had by whoever has written its key, in a term of its node's lease, for as long as
that term counts. The key's revision is the fencing token: whoever has it later has a higher one.

Source: Martin Kleppmann, "How to do distributed locking", 2016, for fencing tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Entry

_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_ESCAPED = re.compile(r"=([0-9a-f]{2})")


class Holding(msgspec.Struct, frozen=True, array_like=True):
    """The value of the key: who has it, in which term of a lease of `length` seconds, and what
    there is to know of it."""

    node: str
    life: str
    term: int
    length: float
    data: bytes = b""

    @property
    def identity(self) -> tuple[str, str, int]:
        """The term in which it is held."""
        return self.node, self.life, self.term


def holding_of(entry: Entry | None) -> Holding | None:
    """Who has a key; None when nobody has, or it says something else."""
    if entry is None or entry.value is None:
        return None
    try:
        return msgspec.msgpack.decode(entry.value, type=Holding)
    except msgspec.MsgspecError:
        return None


def bytes_of(holding: Holding) -> bytes:
    """The value of the key."""
    return msgspec.msgpack.encode(holding)


def token_of(name: str) -> str:
    """A name as one token of a key: other than letters, digits, `_` and `-` is written `=hh`.

    >>> token_of("shop/ledger"), name_of("shop=2fledger")
    ('shop=2fledger', 'shop/ledger')
    """
    return "".join(
        sign if _PLAIN.match(sign) else "".join(f"={byte:02x}" for byte in sign.encode())
        for sign in name
    )


def name_of(token: str) -> str:
    """The name that a token stands for."""
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), token)
    return plain.encode("latin-1", "replace").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Take:
    """Write the key: create it, or change it if it is at `revision` still."""

    holding: Holding
    revision: int | None


@dataclass(frozen=True, slots=True)
class Free:
    """Delete the key if it is at `revision` still."""

    revision: int


@dataclass(frozen=True, slots=True)
class Have:
    """It is had, with this token."""

    token: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done now. `holder` has it; None: this node has no lease, or wants nothing."""

    holder: Holding | None = None


Step = Take | Free | Have | Wait


def next_step(
    entry: Entry | None,
    want: Holding | None,
    life: tuple[str, str],
    is_free: Callable[[Holding], bool],
) -> Step:
    """What the node of `life` (its name, its life) does about a key that is as `entry` says.

    `want` is what it would write, in its term; None when it does not want it, or has no lease.
    `is_free` says whether a holding of somebody counts no more.

    >>> want = Holding("a", "l1", 1, 10.0)
    >>> next_step(None, want, ("a", "l1"), lambda holding: False) == Take(want, None)
    True
    """
    holding = holding_of(entry)
    if holding is None:
        if want is None:
            return Wait()
        is_there = entry is not None and entry.value is not None
        return Take(want, entry.revision if entry is not None and is_there else None)
    assert entry is not None
    own = (holding.node, holding.life) == life
    if want is None:
        return Free(entry.revision) if own else Wait(holding)
    if holding == want:
        return Have(entry.revision)
    return Take(want, entry.revision) if own or is_free(holding) else Wait(holding)
