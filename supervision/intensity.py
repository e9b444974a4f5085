"""How many restarts a supervisor may make before it gives up.

Pure: `now` comes in. The budget belongs to the supervisor and is shared by its children; a failure
costs one unit however many siblings restart with it, and so does each further attempt.

Invariants:
  - no window of `period` holds more than `intensity` restarts, both of its edges counted;
  - a restart is refused only by a full window.

Source: Erlang/OTP, supervisor(3), "Maximum Restart Intensity"; in milliseconds instead of seconds.
"""

from __future__ import annotations

from collections import deque


class RestartBudget:
    """A sliding window of restarts: at most `intensity` in any `period` seconds."""

    __slots__ = ("_period_ms", "_spent", "intensity", "period")

    def __init__(self, intensity: int, period: float) -> None:
        self.intensity = intensity
        self.period = period
        self._period_ms = round(period * 1000)
        self._spent: deque[int] = deque()

    def spend(self, now: float) -> bool:
        """Take one unit at `now` (monotonic seconds); False when none is left.

        >>> budget = RestartBudget(1, 5.0)
        >>> budget.spend(0.0), budget.spend(5.0), budget.spend(5.001)
        (True, False, True)
        """
        now_ms = self._forget(now)
        if len(self._spent) >= self.intensity:
            return False
        self._spent.append(now_ms)
        return True

    def left(self, now: float) -> int:
        """Units left at `now`."""
        now_ms = round(now * 1000)
        in_window = sum(now_ms - at <= self._period_ms for at in self._spent)
        return max(0, self.intensity - in_window)

    def change(self, intensity: int, period: float) -> None:
        """Go on with another budget; what was spent stays spent."""
        self.intensity = intensity
        self.period = period
        self._period_ms = round(period * 1000)

    def _forget(self, now: float) -> int:
        now_ms = round(now * 1000)
        while self._spent and now_ms - self._spent[0] > self._period_ms:
            self._spent.popleft()
        return now_ms
