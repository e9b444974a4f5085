"""What supervisors say about themselves: causes of their ends, and events for those who watch.

Causes travel with exit reasons, as `ref.cause` or inside the reason; events go to the `observer`
of a `Supervisor`, as they happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airssys_wasm.supervision.health import HealthStatus


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Why a supervisor gave up: one failure more than `intensity` restarts in `period` seconds.

    `reason` is why `child` failed the last time. Where the child is a supervisor that gave up in
    its turn, `cause` is its own GaveUp, down to the actor where it began.
    """

    supervisor: str
    child: str
    reason: object
    cause: object | None
    intensity: int
    period: float

    def __str__(self) -> str:
        return (
            f"{self.supervisor} gave up: more than {self.intensity} restarts in {self.period:g} s, "
            f"the last for child {self.child!r}, which ended with: {self.reason}"
        )


@dataclass(frozen=True, slots=True)
class AutoShutdown:
    """Why a supervisor ended without a failure: its significant `child` did, with `reason`."""

    supervisor: str
    child: str
    reason: object
    cause: object | None = None

    def __str__(self) -> str:
        return (
            f"{self.supervisor} shut down: its significant child {self.child!r} "
            f"ended with: {self.reason}"
        )


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """Why a supervisor did not start: its `child` did not, for `reason`.

    The exit reason of that supervisor is `("shutdown", FailedToStart(...))`, so that nested
    supervisors lead to the innermost failure.
    """

    child: str
    reason: object
    cause: object | None = None

    def __str__(self) -> str:
        return f"child {self.child!r} did not start: {self.reason}"


@dataclass(frozen=True, slots=True)
class StartTimedOut:
    """The reason of a child whose `init` took longer than its `start_timeout`, in seconds."""

    start_timeout: float

    def __str__(self) -> str:
        return f"init took longer than {self.start_timeout:g} s"


def chain_of(cause: object) -> Iterator[object]:
    """`cause` and what lies behind it, the outermost first and the first failure last.

    >>> inner = GaveUp("jobs", "worker", "boom", None, 1, 5.0)
    >>> outer = GaveUp("root", "jobs", "shutdown", inner, 1, 5.0)
    >>> [type(link).__name__ for link in chain_of(outer)]
    ['GaveUp', 'GaveUp', 'str']
    """
    while isinstance(cause, GaveUp | AutoShutdown | FailedToStart):
        yield cause
        if cause.cause is not None:
            cause = cause.cause
        elif _failed_start(cause.reason):
            cause = cause.reason[1]  # type: ignore[index]  # a pair, as _failed_start saw
        else:
            cause = cause.reason
    if cause is not None:
        yield cause


def _failed_start(reason: object) -> bool:
    return isinstance(reason, tuple) and len(reason) == 2 and isinstance(reason[1], FailedToStart)


@dataclass(frozen=True, slots=True)
class ChildStarted:
    """A child runs. `restarts` is 0 the first time, and counts this start otherwise."""

    child: str
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child ended by itself; `restart` says whether its restart type answers with a restart."""

    child: str
    reason: object
    restart: bool


@dataclass(frozen=True, slots=True)
class ChildStopped:
    """A child that was asked to stop is gone; `reason` may still be one of its own."""

    child: str
    reason: object


@dataclass(frozen=True, slots=True)
class StartFailed:
    """A child did not start."""

    child: str
    reason: object


@dataclass(frozen=True, slots=True)
class RestartDelayed:
    """A child that failed `failures` times in a row is started again in `seconds`."""

    child: str
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """A child that is asked for its health answered something else than before."""

    child: str
    status: HealthStatus
    detail: object


SupervisionEvent = (
    ChildStarted
    | ChildEnded
    | ChildStopped
    | StartFailed
    | RestartDelayed
    | HealthChanged
    | GaveUp
    | AutoShutdown
)
