"""A mailbox in order of priority: the highest first, equal ones in the order of their arrival.

Pure. A signal (`Down`, a stop, …) has no priority of its own: it comes after all that was in the
mailbox when it arrived, whatever the priorities, so nothing that a dead actor had sent is overtaken
by the news of its death. Invariants, for any sequence of calls:
  - a message comes before every message of a lower priority that was there with it;
  - entries of one priority keep their order; signals keep theirs;
  - taking all entries out in order and appending them again gives the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from sortedcontainers import SortedDict

from airssys_wasm.kernel.message import SIGNALS, Stamped


def priority_of(entry: Any) -> int:
    """The priority of a message in a mailbox: 0 unless it was sent with another."""
    return entry.priority if entry.__class__ is Stamped else 0


class PriorityQueue:
    """The entries of one mailbox. Appending and taking cost O(log of the number of priorities).

    >>> queue = PriorityQueue([Stamped("low", -1), "plain", Stamped("high", 1)])
    >>> [getattr(entry, "message", entry) for entry in queue]
    ['high', 'plain', 'low']
    """

    __slots__ = ("_count", "_levels")

    def __init__(self, entries: Iterable[Any] = ()) -> None:
        self._levels: Any = SortedDict()  # minus priority → its entries, the oldest first
        self._count = 0
        self.extend(entries)

    def append(self, entry: Any) -> None:
        """Put `entry` where its priority says; a signal after all that is here."""
        levels = self._levels
        if entry.__class__ in SIGNALS:
            level = max(0, levels.keys()[-1]) if levels else 0
        else:
            level = -priority_of(entry)
        entries = levels.get(level)
        if entries is None:
            levels[level] = deque((entry,))
        else:
            entries.append(entry)
        self._count += 1

    def extend(self, entries: Iterable[Any]) -> None:
        """Append each of them."""
        for entry in entries:
            self.append(entry)

    def popleft(self) -> Any:
        """Take the first entry out. Raises IndexError when there is none."""
        if not self._count:
            raise IndexError("the mailbox is empty")
        level, entries = self._levels.peekitem(0)
        entry = entries.popleft()
        self._count -= 1
        if not entries:
            del self._levels[level]
        return entry

    def take_least(self) -> Any:
        """Take out the oldest message of the lowest priority. Raises IndexError without one."""
        place = self._least()
        if place is None:
            raise IndexError("no message but signals")
        return self._take(*place)

    def lowest(self) -> int | None:
        """The lowest priority of a message here; None when there is none."""
        place = self._least()
        return None if place is None else -place[0]

    def _least(self) -> tuple[int, int] | None:
        for level in reversed(self._levels):
            for index, entry in enumerate(self._levels[level]):
                if entry.__class__ not in SIGNALS:
                    return level, index
        return None

    def _take(self, level: int, index: int) -> Any:
        entries = self._levels[level]
        entry = entries[index]
        del entries[index]
        self._count -= 1
        if not entries:
            del self._levels[level]
        return entry

    def _place(self, index: int) -> tuple[int, int]:
        for level, entries in self._levels.items():
            if index < len(entries):
                return level, index
            index -= len(entries)
        raise IndexError(index)

    def __getitem__(self, index: int) -> Any:
        level, place = self._place(index)
        return self._levels[level][place]

    def __delitem__(self, index: int) -> None:
        self._take(*self._place(index))

    def clear(self) -> None:
        """Forget all entries."""
        self._levels.clear()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        for entries in self._levels.values():
            yield from entries
