"""How long a child that failed waits before it is started again.

Pure: chance comes in. A failure more doubles the wait (`factor`), up to `max`; a child that has run
for `healthy_after` seconds begins anew.

Invariants:
  - no wait is longer than `max`;
  - without jitter, a wait is never shorter than the one before it in the same row of failures.

Source: Exponential backoff with jitter, as in the AWS Builders' Library, "Timeouts, retries, and
backoff with jitter"; Akka, BackoffSupervisor.
"""

from __future__ import annotations

from dataclasses import dataclass

from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.fields import number, seconds

NO_JITTER = 0.5  # the chance that changes nothing


@dataclass(frozen=True, slots=True)
class Backoff:
    """The first wait is `initial` seconds, each next one `factor` times as long, `max` at most.

    `jitter` spreads each wait by that part of it to both sides, so that those who failed together
    don't come back together.

    Raises InvalidSpec, which names the field and the value.
    """

    initial: float = 0.1
    factor: float = 2.0
    max: float = 30.0
    jitter: float = 0.1
    healthy_after: float = 10.0

    def __post_init__(self) -> None:
        seconds("initial", self.initial)
        number("factor", self.factor, "a number, 1 or more", 1.0)
        seconds("max", self.max)
        if self.max < self.initial:
            raise InvalidSpec("max", self.max, f"is less than initial={self.initial!r}")
        number("jitter", self.jitter, "a part of the wait, from 0 to 1", 0.0, 1.0)
        seconds("healthy_after", self.healthy_after)

    def delay(self, failures: int, chance: float = NO_JITTER) -> float:
        """Seconds to wait after so many failures in a row; `chance` is from 0 to 1.

        >>> [Backoff(max=1.0).delay(n) for n in (1, 2, 3, 4, 5, 9999)]
        [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
        >>> [round(Backoff().delay(1, chance), 3) for chance in (0.0, 1.0)]
        [0.09, 0.11]
        """
        try:
            grown = min(self.max, self.initial * self.factor ** (failures - 1))
        except OverflowError:
            grown = self.max if self.initial else 0.0
        return min(self.max, grown * (1 + self.jitter * (2 * chance - 1)))
