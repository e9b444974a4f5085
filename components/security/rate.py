"""How many of one thing a second, and how many were too many.

Pure: time comes in as `now`.
"""

from __future__ import annotations


class Rate:
    """At most `limit` in each `period` seconds; periods begin with the first that is asked for.

    >>> rate = Rate(limit=2, period=1.0)
    >>> [rate.admits(now) for now in (0.0, 0.1, 0.2, 1.0)]
    [True, True, False, True]
    >>> rate.refused
    1
    """

    __slots__ = ("_began", "_count", "limit", "period", "refused")

    def __init__(self, limit: int, period: float = 1.0) -> None:
        self.limit = limit
        self.period = period
        self.refused = 0
        self._began = float("-inf")
        self._count = 0

    def admits(self, now: float) -> bool:
        """Whether one more is within the rate; one that is not is counted."""
        if now - self._began >= self.period:
            self._began = now
            self._count = 0
        if self._count >= self.limit:
            self.refused += 1
            return False
        self._count += 1
        return True
