"""Timers as data: a sparse wheel of ticks, in which ten timers cost the same as a million.

Pure: time comes in, due timers come out, as many at a time as are asked for. A tick of many timers
is put in order piece by piece, so that a million timers that are due at once cost little at a time.

Invariants:
  - a timer is never due early (a tick is complete before it is taken);
  - timers with distinct deadlines come out in that order, equal ones in the order of adding;
  - a cancelled timer never comes out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from math import ceil, inf

TICK = 0.001  # seconds; the resolution that users of asyncio's own timers are used to
PIECE = 512  # timers of one tick that are sorted at once: about a fifth of a millisecond
SPENT = 64  # empty ticks below which a sweep is not worth its while


class TimerRef:
    """One timer; pass it to `cancel_timer`. `due` is the time of its next firing, by `now()`."""

    __slots__ = ("callback", "due", "home", "interval", "serial", "taken", "tick")

    def __init__(
        self, serial: int, due: float, tick: int, callback: Callable[[TimerRef], None]
    ) -> None:
        self.due = due
        self.callback: Callable[[TimerRef], None] | None = callback
        self.home: dict[TimerRef, None] | None = None  # the timers of its owner
        self.interval = 0.0
        self.serial = serial
        self.taken = False  # out of the wheel, and about to fire
        self.tick = tick

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
        self._ripe: Iterator[TimerRef | None] | None = None  # the tick that is being taken
        self._first: TimerRef | None = None  # came out of it before its time
        self._serial = 0
        self._spent = 0  # ticks whose timers were all cancelled
        self.pending = 0

    def add(self, due: float, callback: Callable[[TimerRef], None]) -> TimerRef:
        """A timer that is due at `due` seconds."""
        self._serial = serial = self._serial + 1
        tick = ceil(due / TICK)
        timer = TimerRef(serial, due, tick, callback)
        self._put(timer, tick)
        return timer

    def add_again(self, timer: TimerRef, due: float, callback: Callable[[TimerRef], None]) -> None:
        """Wind up a timer that came out of `due`."""
        timer.due = due
        timer.callback = callback
        timer.taken = False
        timer.tick = tick = ceil(due / TICK)
        self._put(timer, tick)

    def _put(self, timer: TimerRef, tick: int) -> None:
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
        if timer.taken:
            return 0.0  # cancelled between `due` and its turn to fire
        self.pending -= 1
        slot = self._ticks.get(timer.tick)
        if slot is None or timer not in slot:
            return max(0.0, timer.due - now)  # of the tick that is being taken, which skips it
        del slot[timer]
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
        if self._first is not None and self._first.callback is not None:
            return self._first.due
        if self._ripe is not None:
            return -inf  # at once
        while self._order:
            tick = self._order[0]
            if self._ticks[tick]:
                return tick * TICK
            heapq.heappop(self._order)
            del self._ticks[tick]
            self._spent -= 1
        return inf

    def due(self, now: float, most: float = inf) -> list[TimerRef]:
        """The timers that are due at `now`, in the order of their deadlines; they are taken out.

        At most `most` of them, or fewer for as much work: `next_due` says whether there are more.
        """
        fired: list[TimerRef] = []
        while most > 0:
            most -= 1
            if self._first is not None:
                timer, self._first = self._first, None
            elif self._ripe is not None:
                try:
                    found = next(self._ripe)
                except StopIteration:
                    self._ripe = None
                    continue
                if found is None:  # a piece was sorted
                    most -= PIECE // 8
                    continue
                timer = found
            elif self._order and self._order[0] * TICK <= now:
                slot = self._ticks.pop(heapq.heappop(self._order))
                self._spent -= not slot
                self._ripe = _in_order(slot)
                continue
            else:
                break
            if timer.callback is None:
                continue  # cancelled
            if timer.due > now:  # tick * TICK can round to just below a deadline
                self._first = timer
                break
            timer.taken = True
            self.pending -= 1
            fired.append(timer)
        return fired


def _in_order(slot: dict[TimerRef, None]) -> Iterator[TimerRef | None]:
    """The timers of a tick by their deadlines; None after each piece of work on the way."""
    if len(slot) <= PIECE:
        yield from sorted(slot, key=_deadline)
        return
    runs: list[list[list[TimerRef]]] = []  # of pieces, the latest first, as all in them
    while slot:  # what is taken out leaves at once: to let go of a million takes long, too
        taken = [slot.popitem()[0] for _ in range(min(PIECE, len(slot)))]
        piece = sorted(taken, key=_deadline, reverse=True)
        if runs and _deadline(piece[0]) < _deadline(runs[-1][-1][-1]):
            runs[-1].append(piece)  # as when timers were wound up one after the other
        else:
            runs.append([piece])
        yield None
    yield from heapq.merge(*map(_emptied, runs), key=_deadline)


def _emptied(run: list[list[TimerRef]]) -> Iterator[TimerRef]:
    while run:
        piece = run.pop()
        while piece:
            yield piece.pop()


def _deadline(timer: TimerRef) -> tuple[float, int]:
    return timer.due, timer.serial
