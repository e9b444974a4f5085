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
from airssys_wasm.supervision.steps import Release
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
    blame: object = None  # why its start was ended by a kill

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
        if old is None or (old.name, old.mailbox) == (new.name, new.mailbox):
            return []
        return self.release()

    def release(self) -> list[Release]:
        """What gives up the mailbox that is kept, if one is."""
        held, self.held = self.held, None
        return [] if held is None else [Release(held)]

    @property
    def status(self) -> Status:
        """The state as others are told: a dead child is one that will be restarted, or not."""
        if self.state != "dead":
            return self.state
        return "restarting" if wants_restart(self.spec.restart, self.reason) else "stopped"


@dataclass(frozen=True, slots=True)
class ChildView:
    """What `which_children` tells of one child; `incarnation` is None while none is alive."""

    id: str
    incarnation: int | None
    status: Status
    type: ChildType
    restarts: int


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """Children with a spec, those of them that run, and how many of the specs are of each type."""

    specs: int
    active: int
    supervisors: int
    workers: int


class Children:
    """The table: finding, adding and forgetting a child takes the same time for any number."""

    __slots__ = ("_children", "specs")

    def __init__(self) -> None:
        self.specs: dict[str, ChildSpec] = {}
        self._children: dict[str, Child] = {}

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

    def lay_down(self, child: Child) -> list[Release]:
        """`child` has ended and nothing restarts it: its spec stays, unless it is temporary."""
        if child.spec.restart == "temporary":
            return self.drop(child)
        child.state = "stopped"
        child.attempt = 0
        return child.release()

    def drop(self, child: Child) -> list[Release]:
        """Forget `child` and its spec."""
        child.state = "stopped"
        del self.specs[child.id]
        del self._children[child.id]
        return child.release()

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
