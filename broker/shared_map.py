"""What each node says of itself, as every other one knows it.

Pure. Each node owns its own entries, and nobody else changes them: so there is nothing to agree on.
It tells them to each node that connects, and each change after that, in order; what a connection
has said is forgotten with it.

Invariants:
  - `theirs` has entries of nodes that are connected, and of no others;
  - once all that was said has been heard, two nodes that are connected know each other's entries
    as they are: a connection carries all or ends.

Source: Erlang/OTP, pg(3), which keeps groups so; here topics are kept so, too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")

PIECE = 64 * 1024  # bytes that are said at once; far below what an engine carries
ENTRY = 64  # bytes that an entry takes beside its text, at most


@dataclass(frozen=True, slots=True)
class Change(Generic[K, V]):
    """An entry of another node is another than it was; None: it is not there."""

    key: K
    before: V | None
    after: V | None


class SharedMap(Generic[K, V]):
    """The entries of one node, and what the others have said of theirs.

    >>> a, b = SharedMap[str, int](), SharedMap[str, int]()
    >>> a.put("x", 1)
    True
    >>> b.up("a"), b.hear("a", a.up("b"))
    ([], [Change(key='x', before=None, after=1)])
    >>> b.down("a"), b.theirs
    ([Change(key='x', before=1, after=None)], {})
    """

    def __init__(self) -> None:
        self.own: dict[K, V] = {}
        self.theirs: dict[str, dict[K, V]] = {}

    def put(self, key: K, value: V | None) -> bool:
        """This is so on this node now, None: no more; whether the others are to be told."""
        if self.own.get(key) == value:
            return False
        if value is None:
            del self.own[key]
        else:
            self.own[key] = value
        return True

    def up(self, node: str) -> list[tuple[K, V | None]]:
        """`node` is connected; what to tell it."""
        self.theirs[node] = {}
        return list(self.own.items())

    def hear(self, node: str, said: Iterable[tuple[K, V | None]]) -> list[Change[K, V]]:
        """`node` said this of itself; what has changed by it. Nothing, when it is not connected."""
        known = self.theirs.get(node)
        if known is None:
            return []
        changes = []
        for key, value in said:
            before = known.get(key)
            if value is None:
                known.pop(key, None)
            else:
                known[key] = value
            if value != before:
                changes.append(Change(key, before, value))
        return changes

    def down(self, node: str) -> list[Change[K, V]]:
        """`node` is not connected any more; what has changed by it."""
        return [Change(key, value, None) for key, value in self.theirs.pop(node, {}).items()]

    @property
    def nodes(self) -> Iterator[str]:
        """Those that are connected, and so are told of each change, the longest connected first."""
        return iter(tuple(self.theirs))


def in_pieces(entries: Iterable[T], length: Callable[[T], int]) -> Iterator[list[T]]:
    """The entries, so many at a time as are said at once; `length` is the bytes of one's text.

    >>> [len(piece) for piece in in_pieces(["x" * 30_000] * 5, len)]
    [2, 2, 1]
    """
    piece: list[T] = []
    size = 0
    for entry in entries:
        bytes_ = ENTRY + length(entry)
        if piece and size + bytes_ > PIECE:
            yield piece
            piece, size = [], 0
        piece.append(entry)
        size += bytes_
    if piece:
        yield piece
