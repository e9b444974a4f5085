"""How a supervisor asks its children for their health, and what the answers mean.

Pure. Each child with a `HealthCheck` has a `Checkup` for each incarnation. No check waits for
another: each is two timers and an answer.

    running ── every ──► asked ── answer in time ──► judged ──► every ...
                           └───── timeout: unhealthy ──┘
                                   `threshold` in a row: the child ends with ("unhealthy", detail)

A degraded child has not failed, and ends the row. So does an answer of a suspended child, which
says nothing about its health.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.fields import seconds

HealthStatus = Literal["healthy", "degraded", "unhealthy"]


@dataclass(frozen=True, slots=True)
class Health:
    """What `health()` answers when a word is not enough; `detail` says what is the matter."""

    status: HealthStatus
    detail: object = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Ask every `every` seconds; no answer within `timeout` seconds is a failure.

    After `threshold` failures in a row the child ends with the reason `("unhealthy", detail)`.

    A behaviour may have a method `health()`, plain or async, which answers `"healthy"`,
    `"degraded"`, `"unhealthy"`, or a `Health`. It runs between two messages, ahead of those that
    wait. What it raises counts as unhealthy. A behaviour without one is healthy when its turn
    comes: it is asked only whether it hangs.

    Raises InvalidSpec, which names the field and the value.
    """

    every: float = 10.0
    timeout: float = 1.0
    threshold: int = 3

    def __post_init__(self) -> None:
        seconds("every", self.every, zero=False)
        seconds("timeout", self.timeout, zero=False)
        if isinstance(self.threshold, bool) or not isinstance(self.threshold, int):
            raise InvalidSpec("threshold", self.threshold, "is not a number of failures")
        if self.threshold < 1:
            raise InvalidSpec("threshold", self.threshold, "is less than 1 failure")


def health_of(answer: object) -> Health:
    """What an answer means; one that is none is unhealthy.

    >>> health_of("degraded"), health_of(7)
    (Health(status='degraded', detail=None), Health(status='unhealthy', detail=('bad_answer', 7)))
    """
    if isinstance(answer, Health) and answer.status in get_args(HealthStatus):
        return answer
    match answer:
        case "healthy":
            return Health("healthy")
        case "degraded":
            return Health("degraded")
        case "unhealthy":
            return Health("unhealthy")
        case "unknown":  # a component that can't tell
            return Health("degraded", "unknown")
        case _:
            return Health("unhealthy", ("bad_answer", answer))


@dataclass(slots=True, eq=False)
class Checkup:
    """The checks of one incarnation: the answer that is waited for, and the row of failures."""

    check: HealthCheck
    timer: int  # that runs: for the next check, for the answer, or for the end
    asked: int | None = None
    asked_at: float = 0.0
    failures: int = 0
    health: Health | None = None  # the last one
    over: bool = False  # it was told to end

    @property
    def status(self) -> HealthStatus:
        """What it answered last; healthy before it was asked."""
        return "healthy" if self.health is None else self.health.status

    def ask(self, number: int, now: float) -> None:
        """Wait for the answer `number`."""
        self.asked = number
        self.asked_at = now

    def judge(self, health: Health, now: float) -> float | None:
        """Take an answer; seconds until the next check, or None when there were enough failures."""
        self.asked = None
        self.health = health
        self.failures = self.failures + 1 if health.status == "unhealthy" else 0
        if self.failures >= self.check.threshold:
            return None
        return max(0.0, self.asked_at + self.check.every - now)
