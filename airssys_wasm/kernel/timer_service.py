"""The timers of one kernel: a wheel, and one wake-up of the platform for whatever is due next."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.address import Address, resolve
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import AirssysError, MailboxFull
from airssys_wasm.kernel.reasons import Error
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD
from airssys_wasm.kernel.statistics import TimerStatistics
from airssys_wasm.kernel.timers import TimerRef, TimerWheel

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import Platform, Wakeup
    from airssys_wasm.kernel.telemetry import Telemetry

FIRED_A_TURN = 500  # timers, after which the loop gets its turn: about half a millisecond


class TimerService:
    """Timers that fire by the platform's clock."""

    def __init__(self, platform: Platform, telemetry: Telemetry) -> None:
        self._platform = platform
        self._telemetry = telemetry
        self._wheel = TimerWheel()
        self._wakeup: Wakeup | None = None
        self._wakeup_at = 0.0
        self._closed = False
        self.fired = 0

    @property
    def pending(self) -> int:
        """How many timers are still to fire."""
        return self._wheel.pending

    def statistics(self) -> TimerStatistics:
        """How many there are, and how many have fired."""
        return TimerStatistics(self.pending, self.fired)

    def close(self) -> None:
        """No timer fires any more."""
        self._closed = True
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        self._wheel = TimerWheel()

    def send_after(self, owner: ActorRef[Any], delay: float, to: Address, message: Any) -> TimerRef:
        """See `ActorContext.send_after`."""
        if to.__class__ is not ActorRef:
            resolve(to)
        timers = self._timers_of(owner)

        def fire(timer: TimerRef) -> None:
            timers.pop(timer, None)
            _send_quietly(to, message)

        if delay.__class__ is not float or not 0 <= delay < inf:
            delay = duration(delay)
        due = self._platform.now() + delay
        timer = self._wheel.add(due, fire)
        timer.home = timers
        timers[timer] = None
        if self._wakeup is None or due < self._wakeup_at:
            self._plan_wakeup()
        return timer

    def send_every(
        self, owner: ActorRef[Any], interval: float, to: Address, message: Any
    ) -> TimerRef:
        """See `ActorContext.send_every`."""
        resolve(to)
        if duration(interval) <= 0:
            raise ValueError(f"an interval of {interval!r} s would never end")
        timers = self._timers_of(owner)

        def fire(timer: TimerRef) -> None:
            target = resolve(to)
            # A name may come back to life; a dead ref does not.
            if target is not None and target is to and target._mode & DEAD:
                timers.pop(timer, None)
                return
            self._wheel.add_again(timer, timer.due + interval, fire)
            _send_quietly(to, message)

        timer = self.wake_at(self._platform.now() + interval, fire)
        timer.interval = interval
        timer.home = timers
        timers[timer] = None
        return timer

    def cancel(self, timer: TimerRef) -> float | None:
        """Seconds that were left; None when it had fired."""
        home = timer.home
        if home is not None:
            home.pop(timer, None)
        return self._wheel.cancel(timer, self._platform.now())

    def wake_at(self, when: float, callback: Callable[[TimerRef], None]) -> TimerRef:
        """A timer of the kernel's own."""
        timer = self._wheel.add(when, callback)
        if self._wakeup is None or when < self._wakeup_at:
            self._plan_wakeup()
        return timer

    def wake_after(
        self, owner: ActorRef[Any], delay: float, callback: Callable[[TimerRef], None]
    ) -> TimerRef:
        """A timer of the kernel's own that ends with its owner."""
        timers = self._timers_of(owner)

        def fire(timer: TimerRef) -> None:
            timers.pop(timer, None)
            callback(timer)

        timer = self.wake_at(self._platform.now() + duration(delay), fire)
        timer.home = timers
        timers[timer] = None
        return timer

    def _timers_of(self, owner: ActorRef[Any]) -> dict[TimerRef, None]:
        extension = owner._extension or owner._ext()
        timers = extension.timers
        if timers is None:
            timers = extension.timers = {}
        return timers

    def _plan_wakeup(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        due = self._wheel.next_due()
        if due != inf and not self._closed:
            due = max(due, self._platform.now())  # what is left for another turn comes at once
            self._wakeup_at = due
            self._wakeup = self._platform.call_at(due, self._fire_timers)

    def _fire_timers(self) -> None:
        self._wakeup = None
        now = self._platform.now()
        timers = self._wheel.due(now, FIRED_A_TURN)
        self.fired += len(timers)
        late = now - timers[0].due if timers else 0.0
        for timer in timers:
            callback, timer.callback = timer.callback, None
            if callback is not None:
                callback(timer)
        self._plan_wakeup()
        if timers and self._telemetry.active:
            counts = {"count": len(timers), "late": late, "pending": self.pending}
            self._telemetry.emit("timers.fired", counts, {})


def duration(seconds: float) -> float:
    """`seconds`, if it can be a time from now; else TypeError or ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{seconds!r} is not a number of seconds")
    if not 0 <= seconds < inf:
        raise ValueError(f"{seconds!r} s is not a time from now")
    return float(seconds)


def _send_quietly(to: Address, message: Any) -> None:
    """A timer has no caller to tell that a bounded mailbox is full, or that the message can't go to
    another node: it becomes a dead letter."""
    try:
        if isinstance(to, ActorRef):
            send_unchecked(to, message)
        else:
            to._send_unchecked(message)
    except MailboxFull as full:
        target = full.target
        if isinstance(target, ActorRef):
            target._scheduler.kernel.reporting.dead_letter(message, target, "full")
    except AirssysError as error:
        if isinstance(to, ActorRef):
            to._scheduler.kernel.reporting.dead_letter(message, to, Error.of(error))
        else:
            to._kernel.reporting.dead_letter(message, to.name, Error.of(error))
