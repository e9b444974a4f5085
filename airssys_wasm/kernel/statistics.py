"""The counts of a kernel and its parts, as frozen values: what operators and tests read.

Pure. Counts are since the start, unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeadLetterStatistics:
    """Messages that no handler completed.

    `by_reason`: `noproc` went to an actor that was dead or unknown, `full` to one without room,
    `expired` had waited for too long; `crashed` were in hand when their actor crashed, and `ended`
    still queued when it ended. `kept` are those that can be looked at now, `subscribers` who is
    told of new ones.
    """

    total: int = 0
    by_reason: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    subscribers: int = 0


@dataclass(frozen=True, slots=True)
class SchedulerStatistics:
    """What runs actors.

    `turns` are callbacks of the loop in which actors ran, `slices` the pieces of work in them. Now:
    `queued` actors wait for their turn; of the `workers` (tasks), `resting` have nothing to do, and
    `suspended` belong to handlers and processes that await something.
    """

    turns: int = 0
    slices: int = 0
    queued: int = 0
    workers: int = 0
    resting: int = 0
    suspended: int = 0


@dataclass(frozen=True, slots=True)
class TimerStatistics:
    """Timers: how many are `pending` now, and how many have `fired`."""

    pending: int = 0
    fired: int = 0


@dataclass(frozen=True, slots=True)
class RegistryStatistics:
    """How many `names` are taken now."""

    names: int = 0


@dataclass(frozen=True, slots=True)
class MembershipStatistics:
    """How many `groups` there are, how many places in them, and how many `monitors` of groups."""

    groups: int = 0
    places: int = 0
    monitors: int = 0


@dataclass(frozen=True, slots=True)
class KernelStatistics:
    """Messages handled and dead-lettered, actors alive and spawned, and the counts of each part.

    `restarted` counts the spawned ones that a supervisor started anew; `slow` the episodes in which
    code of an actor held the loop for too long; `long_mailboxes` the actors whose unbounded mailbox
    was found to hold 100,000 messages; `timers` those that are pending.
    """

    actors: int
    spawned: int
    restarted: int
    crashed: int
    handled: int
    dead_letters: int
    timers: int
    slow: int = 0
    long_mailboxes: int = 0
    letters: DeadLetterStatistics = field(default_factory=DeadLetterStatistics)
    scheduler: SchedulerStatistics = field(default_factory=SchedulerStatistics)
    timer_service: TimerStatistics = field(default_factory=TimerStatistics)
    registry: RegistryStatistics = field(default_factory=RegistryStatistics)
    membership: MembershipStatistics = field(default_factory=MembershipStatistics)
