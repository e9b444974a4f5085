"""To which of its equal children a pool gives a message.

Pure. The children have places, 0 up to the size of the pool. A child's work is what waits in its
mailbox and what it has not answered yet; None says that nothing can be given to it now.

Invariants:
  - a place is one of a child that takes messages, whenever there is such a child;
  - round robin: of any `size` choices in a row, where all take messages, each place is one;
  - least loaded: no child that takes messages has less work than the one chosen;
  - by key: the place depends on the key and the size alone, in every process and on every machine.

Source: Lamping and Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Literal

Route = Literal["round_robin", "least_loaded", "by_key"]
Work = Callable[[int], int | None]


class Rota:
    """Whose turn it is, among `size` places."""

    __slots__ = ("_next", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._next = 0

    def round_robin(self, work: Work) -> int | None:
        """The next place whose child takes messages; None when none does.

        >>> rota = Rota(3)
        >>> [rota.round_robin(lambda place: None if place == 1 else 0) for _ in range(4)]
        [0, 2, 0, 2]
        """
        for step in range(self.size):
            place = (self._next + step) % self.size
            if work(place) is not None:
                self._next = (place + 1) % self.size
                return place
        return None

    def least_loaded(self, work: Work) -> int | None:
        """A place with the least work; equals take turns. None when no child takes messages.

        >>> rota = Rota(3)
        >>> [rota.least_loaded([1, 0, 0].__getitem__) for _ in range(3)]
        [1, 2, 1]
        """
        best: int | None = None
        least = 0
        for step in range(self.size):
            place = (self._next + step) % self.size
            load = work(place)
            if load is not None and (best is None or load < least):
                best, least = place, load
                if load == 0:
                    break
        if best is not None:
            self._next = (best + 1) % self.size
        return best


def place_of(key: object, size: int) -> int:
    """The place of a key among `size`; when they become one more, a key stays or moves to that one.

    Keys that are equal have one place, whatever their types. Raises TypeError for a key that is
    not a str, bytes, int, float, None, or a tuple of such.

    >>> [place_of(key, 8) for key in ("a", "b", 1, 1.0, True, ("a", 1))]
    [1, 7, 4, 4, 4, 1]
    """
    digest = blake2b(_bytes_of(key), digest_size=8).digest()
    return _jump(int.from_bytes(digest, "big"), size)


def _bytes_of(key: object) -> bytes:
    if type(key) is str:  # as most keys are
        return b"s" + key.encode(errors="surrogatepass")
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    match key:
        case None:
            return b"n"
        case str():
            return b"s" + key.encode(errors="surrogatepass")
        case bytes():
            return b"b" + key
        case int():
            return b"i%d" % key
        case float():
            return b"f" + key.hex().encode()
        case tuple():
            parts = [_bytes_of(part) for part in key]
            return b"t" + b"".join(b"%d:%b" % (len(part), part) for part in parts)
        case _:
            raise TypeError(
                f"{key!r} is no key for a pool: a str, bytes, int, float, None or a tuple of such"
            )


def _jump(key: int, size: int) -> int:
    """The jump consistent hash of a 64-bit key."""
    place, following = -1, 0
    while following < size:
        place = following
        key = (key * 2862933555777941757 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        following = int((place + 1) * (0x8000_0000 / ((key >> 33) + 1)))
    return place
