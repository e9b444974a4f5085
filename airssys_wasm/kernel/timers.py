"""Timers as data: a sparse wheel of ticks, in which ten timers cost the same as a million.

Pure: time comes in, due timers come out. Invariants:
  - a timer is never due early (a tick is complete before it is taken);
  - timers with distinct deadlines come out in that order, equal ones in the order of adding;
  - a cancelled timer never comes out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import ceil, inf

TICK = 0.001  # seconds; the resolution that users of asyncio's own timers are used to
SPENT = 64  # empty ticks below which a sweep is not worth its while


class TimerRef:
    """One timer; pass it to `cancel_timer`. `due` is the time of its next firing, by `now()`."""

    __slots__ = ("callback", "due", "home", "interval", "serial", "tick")

    def __init__(self, serial: int) -> None:
        self.due = 0.0
        self.callback: Callable[[TimerRef], None] | None = None
        self.home: dict[TimerRef, None] | None = None  # the timers of its owner
        self.interval = 0.0
        self.serial = serial
        self.tick = 0

    @property
    def is_active(self) -> bool:
        """Whether it is still to fire."""
        return self.callback is not None


class TimerWheel:
    """Pending timers by tick; a tick is a dict, so that a cancelled timer leaves nothing behind.

    >>> wheel = TimerWheel()
    >>> timer = wheel.add(2.0, print)
    >>> wheel.due(1.999), [t.due for t in wheel.due(2.0)]
    ([], [2.0])
    """

    def __init__(self) -> None:
        self._ticks: dict[int, dict[TimerRef, None]] = {}
        self._order: list[int] = []
        self._serial = 0
        self._spent = 0  # ticks whose timers were all cancelled
        self.pending = 0

    def add(self, due: float, callback: Callable[[TimerRef], None]) -> TimerRef:
        """A timer that is due at `due` seconds."""
        self._serial += 1
        timer = TimerRef(self._serial)
        self.add_again(timer, due, callback)
        return timer

    def add_again(self, timer: TimerRef, due: float, callback: Callable[[TimerRef], None]) -> None:
        """Wind up a timer that came out of `due`."""
        timer.due = due
        timer.callback = callback
        timer.tick = tick = ceil(due / TICK)
        slot = self._ticks.get(tick)
        if slot is None:
            self._ticks[tick] = {timer: None}
            heapq.heappush(self._order, tick)
        else:
            if not slot:
                self._spent -= 1
            slot[timer] = None
        self.pending += 1

    def cancel(self, timer: TimerRef, now: float) -> float | None:
        """Seconds that were left, at least 0; None when it had fired or was cancelled before."""
        if timer.callback is None:
            return None
        timer.callback = None
        slot = self._ticks.get(timer.tick)
        if slot is None or timer not in slot:
            return 0.0  # taken out by `due`, and cancelled before its turn to fire
        del slot[timer]
        self.pending -= 1
        if not slot:
            self._spent += 1
            if self._spent >= SPENT and 2 * self._spent > len(self._order):
                self._sweep()
        return max(0.0, timer.due - now)

    def _sweep(self) -> None:
        """Forget the ticks that hold no timer any more."""
        self._ticks = {tick: slot for tick, slot in self._ticks.items() if slot}
        self._order = list(self._ticks)
        heapq.heapify(self._order)
        self._spent = 0

    def next_due(self) -> float:
        """When to look again, in seconds; `inf` when nothing is pending."""
        while self._order:
            tick = self._order[0]
            if self._ticks[tick]:
                return tick * TICK
            heapq.heappop(self._order)
            del self._ticks[tick]
            self._spent -= 1
        return inf

    def due(self, now: float) -> list[TimerRef]:
        """The timers that are due at `now`, in the order of their deadlines; they are taken out."""
        fired: list[TimerRef] = []
        while self._order and self._order[0] * TICK <= now:
            slot = self._ticks.pop(heapq.heappop(self._order))
            self._spent -= not slot
            fired.extend(slot)
        self.pending -= len(fired)
        fired.sort(key=_deadline)
        # tick * TICK can round to just below a deadline: the comparison keeps "never early" exact.
        while fired and fired[-1].due > now:
            early = fired.pop()
            assert early.callback is not None
            self.add_again(early, early.due, early.callback)
        return fired


def _deadline(timer: TimerRef) -> tuple[float, int]:
    return timer.due, timer.serial
