"""The children of one supervisor: their specs in start order, and what each is doing.

Pure. A child is always in one of these states; `dead` says that its end still waits to be answered,
`restarting` that it was.

    stopped -> starting -> running -> dead -> restarting -> starting -> ...
                  |           |                   ^
                  |           +-> stopping -> stopped
                  +-> (failed) -> restarting, or stopped
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from airssys_wasm.supervision.child_spec import ChildSpec, ChildType
from airssys_wasm.supervision.health import Checkup, HealthStatus
from airssys_wasm.supervision.steps import Action, CancelTimer, Release, SetTimer
from airssys_wasm.supervision.strategy import wants_restart

State = Literal["stopped", "starting", "running", "stopping", "dead", "restarting"]
Status = Literal["stopped", "starting", "running", "stopping", "restarting"]


@dataclass(slots=True, eq=False)
class Child:
    """One child: its spec, its state, and the incarnation that is alive or was the last."""

    spec: ChildSpec
    state: State = "stopped"
    incarnation: int = 0
    made_with: ChildSpec | None = None  # what that incarnation was made with
    held: int | None = None  # the dead incarnation whose mailbox is kept for the next
    restarts: int = 0
    attempt: int = 0  # the one that is announced to the outside; 0: none
    reason: object = None  # of the last failure
    cause: object = None
    blame: object = None  # why it was ended by a kill
    up_since: float = 0.0
    lived: float = 0.0  # seconds that the last incarnation ran
    failures: int = 0  # in a row, where it backs off
    due: float | None = None  # when the wait before its restart is over; `attempt` is its timer
    checkup: Checkup | None = None

    @property
    def id(self) -> str:
        """The id in its spec."""
        return self.spec.id

    @property
    def is_alive(self) -> bool:
        """Whether an incarnation exists that has not been reported dead."""
        return self.state in ("starting", "running", "stopping")

    def keep(self, incarnation: int) -> None:
        """The dead `incarnation` has left its mailbox to be adopted or released, if it keeps it."""
        keeps = self.made_with is not None and self.made_with.keeps_mailbox
        self.held = incarnation if keeps else None

    def outgrow(self) -> list[Release]:
        """What gives up a kept mailbox that the next incarnation, of another spec, can't adopt."""
        old, new = self.made_with, self.spec
        if old is None or _kept(old) == _kept(new):
            return []
        return self.release()

    def release(self) -> list[Release]:
        """What gives up the mailbox that is kept, if one is."""
        held, self.held = self.held, None
        return [] if held is None else [Release(held)]

    @property
    def health(self) -> HealthStatus | None:
        """What it answered last when it was asked for its health; None while it isn't asked."""
        if self.checkup is None:
            return None
        return "healthy" if self.checkup.health is None else self.checkup.health.status

    @property
    def status(self) -> Status:
        """The state as others are told: a dead child is one that will be restarted, or not."""
        if self.state != "dead":
            return self.state
        return "restarting" if wants_restart(self.spec.restart, self.reason) else "stopped"


def _kept(spec: ChildSpec) -> object:
    return spec.name, spec.mailbox, spec.while_restarting


@dataclass(frozen=True, slots=True)
class ChildView:
    """What `which_children` tells of one child; `incarnation` is None while none is alive."""

    id: str
    incarnation: int | None
    status: Status
    type: ChildType
    restarts: int
    due: float | None = None  # when its restart is due, while it waits for that
    health: HealthStatus | None = None


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """Children with a spec, those of them that run, and how many of the specs are of each type."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Children:
    """The table: finding, adding and forgetting a child takes the same time for any number."""

    __slots__ = ("_children", "_timers", "specs")

    def __init__(self) -> None:
        self.specs: dict[str, ChildSpec] = {}
        self._children: dict[str, Child] = {}
        self._timers: dict[int, Child] = {}  # of waits and checks; a job has its own

    def add(self, spec: ChildSpec) -> Child:
        """A new youngest child."""
        self.specs[spec.id] = spec
        child = self._children[spec.id] = Child(spec)
        return child

    def respecify(self, child: Child, spec: ChildSpec) -> None:
        """Go on with another spec of the same id."""
        self.specs[spec.id] = child.spec = spec

    def arrange(self, ids: Sequence[str]) -> None:
        """Put all children into this order, oldest first."""
        self.specs = {id: self.specs[id] for id in ids}
        self._children = {id: self._children[id] for id in ids}

    def set_timer(self, child: Child, timer: int, after: float) -> list[SetTimer]:
        """Start a timer that concerns `child`."""
        self._timers[timer] = child
        return [SetTimer(timer, after)]

    def time_up(self, timer: int) -> Child | None:
        """Whom the timer that went off concerns; None when it was cancelled, or is a job's."""
        return self._timers.pop(timer, None)

    def cancel(self, timer: int) -> list[CancelTimer]:
        """What ends the timer, if it runs."""
        return [] if self._timers.pop(timer, None) is None else [CancelTimer(timer)]

    def wait_no_longer(self, child: Child) -> list[CancelTimer]:
        """`child` is not started when its wait is over, nor by an attempt that was announced."""
        timer, child.attempt, child.due = child.attempt, 0, None
        return self.cancel(timer)

    def end_checks(self, child: Child) -> list[CancelTimer]:
        """`child` is not asked for its health any more."""
        checkup, child.checkup = child.checkup, None
        return [] if checkup is None else self.cancel(checkup.timer)

    def lay_down(self, child: Child) -> list[Action]:
        """`child` has ended and nothing restarts it: its spec stays, unless it is temporary."""
        if child.spec.restart == "temporary":
            return self.drop(child)
        child.state = "stopped"
        child.failures = 0
        return [*self.wait_no_longer(child), *child.release()]

    def drop(self, child: Child) -> list[Action]:
        """Forget `child` and its spec."""
        child.state = "stopped"
        del self.specs[child.id]
        del self._children[child.id]
        return [*self.wait_no_longer(child), *child.release()]

    def get(self, id: str) -> Child | None:
        """The child with that id."""
        return self._children.get(id)

    def ids_newest_first(self) -> list[str]:
        """All ids, in the order in which to stop."""
        return list(reversed(self._children))

    def disinherit(self) -> list[Release]:
        """The restart of a group is given up: nobody will adopt what its other children kept."""
        stopped = [child for child in self._children.values() if child.state == "stopped"]
        return [action for child in stopped for action in child.release()]

    def has_significant(self) -> bool:
        """Whether a significant child has not ended for good."""
        return any(
            child.spec.significant and child.state != "stopped" for child in self._children.values()
        )

    def views(self) -> tuple[ChildView, ...]:
        """All children, newest first."""
        return tuple(
            ChildView(
                child.id,
                child.incarnation if child.is_alive else None,
                child.status,
                child.spec.type,
                child.restarts,
                child.due,
                child.health,
            )
            for child in reversed(self._children.values())
        )

    def counts(self) -> ChildCounts:
        """How many children there are of each kind."""
        children = self._children.values()
        supervisors = sum(child.spec.type == "supervisor" for child in children)
        return ChildCounts(
            specs=len(children),
            active=sum(child.state in ("running", "stopping") for child in children),
            supervisors=supervisors,
            workers=len(children) - supervisors,
        )
