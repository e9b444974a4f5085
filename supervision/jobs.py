"""The one thing that a supervisor is doing: its purpose, and how far it has come.

Pure. A job stops some children one by one, then starts some one by one, and waits for one child at
a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from airssys_wasm.supervision.children import Child
from airssys_wasm.supervision.events import StartTimedOut
from airssys_wasm.supervision.shutdown import stop_signal
from airssys_wasm.supervision.steps import (
    Action,
    AddChild,
    CancelTimer,
    DeleteChild,
    Kill,
    Reconfigure,
    RestartChild,
    Retry,
    SendExit,
    SetTimer,
    Spawn,
    TerminateChild,
)


@dataclass(frozen=True, slots=True)
class Boot:
    """Start the children for the first time."""


@dataclass(frozen=True, slots=True)
class Recover:
    """Answer a failure."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Stop everything and end with `reason`, behind which lies `cause`."""

    reason: object
    cause: object | None


@dataclass(frozen=True, slots=True)
class Death:
    """A child ended by itself, and nothing has been done about it yet."""

    child: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Due:
    """The wait of a child before its restart is over."""

    child: str
    attempt: int


Purpose = Boot | Recover | Finish | AddChild | TerminateChild | RestartChild
Pending = Death | Due | Retry | AddChild | TerminateChild | RestartChild | DeleteChild | Reconfigure


@dataclass(slots=True)
class Job:
    """Ids to stop, then ids to start, and the child that is waited for with its timer.

    Its methods begin or break off one stop or start, and answer with the actions that do it.
    `numbers` names incarnations and timers; it never gives a number twice.
    """

    purpose: Purpose
    numbers: Iterator[int]
    stop: deque[str] = field(default_factory=deque)
    start: deque[str] = field(default_factory=deque)
    child: Child | None = None
    timer: int | None = None
    starts: bool = False  # the stops are done
    terminated: list[object] = field(default_factory=list)  # tokens: this start is to be given up

    def start_child(self, child: Child) -> list[Action]:
        """Wait for the start of a new incarnation of `child`."""
        released = child.outgrow()
        child.incarnation = next(self.numbers)
        child.made_with = child.spec
        child.state = "starting"
        child.attempt = 0
        self.child = child
        self.starts = True
        limit = child.spec.start_timeout
        spawn = Spawn(child.incarnation, child.spec, child.held, child.restarts)
        return [*released, spawn, *self._set_timer(None if limit == "infinity" else limit)]

    def stop_child(self, child: Child) -> list[Action]:
        """Wait for the end of `child`."""
        how = stop_signal(child.spec.shutdown)
        child.state = "stopping"
        self.child = child
        if how.signal == "kill":
            return [Kill(child.incarnation)]
        return [SendExit(child.incarnation), *self._set_timer(how.limit)]

    def terminate_start(self, token: object) -> list[Action]:
        """Give up the start that is waited for, because somebody asked for it."""
        self.terminated.append(token)
        if self.child is None or self.child.state != "starting":
            return []
        return [*self.cancel_timer(), *self.stop_child(self.child)]

    def time_up(self, timer: int) -> list[Action]:
        """The child that is waited for took too long to start or to stop."""
        if self.child is None or self.timer != timer:
            return []
        self.timer = None
        limit = self.child.spec.start_timeout
        if self.child.state == "starting" and limit != "infinity":
            self.child.blame = StartTimedOut(limit)
            self.child.state = "stopping"
        return [Kill(self.child.incarnation)]

    def cancel_timer(self) -> list[Action]:
        """What ends the timer, if one runs."""
        timer, self.timer = self.timer, None
        return [] if timer is None else [CancelTimer(timer)]

    def _set_timer(self, after: float | None) -> list[Action]:
        if after is None:
            return []
        self.timer = next(self.numbers)
        return [SetTimer(self.timer, after)]

    def is_starting(self, id: str) -> bool:
        """Whether it waits for this very child to start."""
        return self.starts and self.child is not None and self.child.id == id
