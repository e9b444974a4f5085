"""The timer of a state machine: one of the kernel's, for the timeout that is due next."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from airssys_wasm.kernel.message import Internal

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

WAKE: Final = Internal("state machine: timeouts are due, or events wait")


class Alarm:
    """The one timer of the kernel that a state machine has: for the timeout that is due next."""

    __slots__ = ("_due", "_ref", "_timer")

    def __init__(self, ref: ActorRef[Any]) -> None:
        self._ref = ref
        self._due = inf
        self._timer: TimerRef | None = None

    def set(self, due: float) -> None:
        """Wake the machine at `due`; `inf`: not at all."""
        if due == self._due:
            return
        timers = self._ref._scheduler.kernel.timers
        if self._timer is not None:
            timers.cancel(self._timer)
            self._timer = None
        self._due = due
        if due != inf:
            self._timer = timer = timers.wake_at(due, self._ring)
            timer.home = timers._timers_of(self._ref)  # it ends with the actor
            timer.home[timer] = None

    def _ring(self, timer: TimerRef) -> None:
        if timer.home is not None:
            timer.home.pop(timer, None)
        self._timer, self._due = None, inf
        self._ref._deliver(WAKE)
