"""The platform of a storm: time moves when the storm moves it, so that a seed is one course."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random

from airssys_wasm.kernel import RealPlatform


class Call:
    """A call that is due at a time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None] | None) -> None:
        self.callback = callback

    def cancel(self) -> None:
        """It will not be made."""
        self.callback = None


class StillTime(RealPlatform):
    """The real platform, but for its clocks. How much a slice takes is drawn, too."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = Random(seed)
        self._pace = Random(seed)
        self._time = 1_000.0
        self._slices = 0.0
        self._looks = self._pace.choice((1e4, 1e5, 1e6))  # a slice is some 5, 50 or 500 looks long
        self._calls: list[tuple[float, int, Call]] = []
        self._count = 0
        self.now = self.timestamp = lambda: self._time
        self.slice_clock = self._slice_clock

    def _slice_clock(self) -> float:
        self._slices += self._pace.random() / self._looks
        return self._slices

    def call_at(self, when: float, callback: Callable[[], None]) -> Call:  # type: ignore[override]
        self._count += 1
        call = Call(callback)
        heappush(self._calls, (when, self._count, call))
        return call

    def advance(self, seconds: float) -> None:
        """Let time pass, and make the calls that are due on the way."""
        end = self._time + seconds
        while self._calls and self._calls[0][0] <= end:
            when, _, call = heappop(self._calls)
            self._time = max(self._time, when)
            callback, call.callback = call.callback, None
            if callback is not None:
                self._context.copy().run(callback)
        self._time = end
