"""How much of something a second, and when it is nearly too much: token buckets.

Pure: time comes in as `now`. A bucket holds what may be used in one second, and fills at that rate.
What is larger than that passes a full bucket all the same, and the next one waits for longer:
otherwise a message larger than a second's worth of bytes could never be sent.

Always: in any t seconds at most t + 1 seconds' worth is taken, and the excess of one message over
a second's worth; a full bucket refuses nothing; a refusal takes nothing.

Source: RFC 2697, "A Single Rate Three Color Marker", for the bucket.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "critical"]

WARNING, CRITICAL = 0.8, 0.95  # shares of a quota, told once each time they are reached
_CALM = 0.1  # below a threshold by so much, it may be reached again


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many calls and bytes a second; None for no bound.

    Raises TypeError or ValueError for what is no number of at least 1.
    """

    calls: int | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "bytes"):
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"rate: {name}: {value!r} is not a whole number")
            if value < 1:
                raise ValueError(f"rate: {name}: {value} is less than 1 a second")


UNBOUNDED = RateLimit()


class TokenBucket:
    """`rate` tokens a second, and at most those of one second at once.

    >>> bucket = TokenBucket(2)
    >>> [bucket.take(now, 1) for now in (0.0, 0.0, 0.0, 0.5)]
    [True, True, False, True]
    """

    __slots__ = ("_left", "_since", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._left = rate
        self._since = float("-inf")

    def has(self, now: float, cost: float) -> bool:
        """Whether `cost` can be taken now."""
        if now > self._since:
            self._left = min(self.rate, self._left + (now - self._since) * self.rate)
            self._since = now
        return cost <= 0 or self._left >= min(cost, self.rate)

    def take(self, now: float, cost: float) -> bool:
        """Take `cost` if it can be taken; whether it was."""
        if not self.has(now, cost):
            return False
        self._left -= cost
        return True

    @property
    def used(self) -> float:
        """The share that was taken, as of the last question; over 1 after a large message."""
        return 1 - self._left / self.rate


class Gauge:
    """Tells when the used share of a quota rises to the next level.

    >>> gauge = Gauge()
    >>> [gauge.risen(share) for share in (0.5, 0.8, 0.9, 0.96, 0.75, 0.81, 0.6, 0.85)]
    [None, 'warning', None, 'critical', None, None, None, 'warning']
    """

    __slots__ = ("_level",)

    def __init__(self) -> None:
        self._level = 0

    def risen(self, share: float) -> Level | None:
        """The level that `share` has risen to; None when it has not."""
        if share < WARNING and not self._level:
            return None
        thresholds = (WARNING, CRITICAL)
        while self._level and share < thresholds[self._level - 1] - _CALM:
            self._level -= 1
        reached = sum(share >= threshold for threshold in thresholds)
        if reached <= self._level:
            return None
        self._level = reached
        return "critical" if reached == len(thresholds) else "warning"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A quota is nearly used up: `what` of it, as `80% of 100 messages a second`."""

    level: Level
    what: str


class Throttle:
    """The buckets of one family: `unit` is what its calls are called.

    >>> throttle = Throttle(RateLimit(calls=1), "messages")
    >>> throttle.over(0.0, 1, 10), throttle.over(0.0, 1, 10)
    (None, '1 messages a second')
    """

    __slots__ = ("_bytes", "_calls", "_unit", "_watched")

    def __init__(self, limit: RateLimit, unit: str) -> None:
        self._calls = None if limit.calls is None else TokenBucket(limit.calls)
        self._bytes = None if limit.bytes is None else TokenBucket(limit.bytes)
        self._unit = unit
        buckets = (self._calls, unit), (self._bytes, "bytes")
        self._watched = [(bucket, unit, Gauge()) for bucket, unit in buckets if bucket is not None]

    def over(self, now: float, calls: int, size: int) -> str | None:
        """Which bound `calls` of `size` bytes together are over; None when they were taken."""
        if self._calls is not None and not self._calls.has(now, calls):
            return f"{self._calls.rate:g} {self._unit} a second"
        if self._bytes is not None and not self._bytes.take(now, size):
            return f"{self._bytes.rate:.15g} bytes a second"
        if self._calls is not None:
            self._calls.take(now, calls)
        return None

    def alarms(self) -> list[Alarm]:
        """What the last call used up, as far as it was not told before."""
        return [
            Alarm(level, f"{min(bucket.used, 1):.0%} of {bucket.rate:.15g} {unit} a second")
            for bucket, unit, gauge in self._watched
            if (level := gauge.risen(bucket.used)) is not None
        ]
