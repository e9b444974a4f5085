"""The state of a dynamic supervisor, and the steps that more than one of its decisions takes.

Pure. `dynamic_tree.py` says how it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from airssys_wasm.supervision import dynamic_steps, events, steps
from airssys_wasm.supervision.backoff import NO_JITTER
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.dynamic_steps import DynamicAction
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.health import Checkup
from airssys_wasm.supervision.intensity import RestartBudget

DynamicPhase = Literal["running", "stopping", "ended"]
InstanceState = Literal["starting", "running", "stopping", "restarting"]

INACTIVE = ("starting", "restarting")


@dataclass(slots=True, eq=False)
class Instance:
    """One child: its own arguments, its state, and the incarnation that is alive or was the last.

    `former` is the one that ran before a restart, until another runs.
    """

    number: int
    spec: ChildSpec  # the template that the incarnation was made from
    args: tuple[Any, ...]
    token: object  # of whoever waits for its first start
    state: InstanceState = "starting"
    incarnation: int = 0
    former: int | None = None
    held: int | None = None  # the dead incarnation whose mailbox is kept for the next
    restarts: int = 0
    attempt: int = 0
    reason: object = None  # of the last failure
    cause: object = None
    blame: object = None  # why it was ended by a kill
    up_since: float = 0.0
    failures: int = 0  # in a row, where it backs off
    due: float | None = None  # when the wait before its restart is over
    timer: int | None = None  # bounds its start, its stop, or its wait
    checkup: Checkup | None = None
    ends: list[object] | None = None  # tokens of those who wait for its end

    @property
    def id(self) -> str:
        """What it is called in reports."""
        return f"{self.spec.id}-{self.number}"


class DynamicState:
    """What a dynamic supervisor knows. `actions` collects what is to be done about an event."""

    __slots__ = (
        "actions",
        "budget",
        "chance",
        "children",
        "flags",
        "former",
        "inactive",
        "label",
        "living",
        "max_children",
        "now",
        "numbers",
        "ordinals",
        "phase",
        "restarts",
        "template",
        "timers",
    )

    def __init__(
        self, template: ChildSpec, flags: Flags, max_children: int | None, label: str
    ) -> None:
        self.template = template
        self.flags = flags
        self.max_children = max_children
        self.label = label
        self.budget = RestartBudget(flags.intensity, flags.period)
        self.phase: DynamicPhase = "running"
        self.restarts = 0
        self.children: dict[int, Instance] = {}
        self.living: dict[int, Instance] = {}
        self.former: dict[int, Instance] = {}
        self.timers: dict[int, Instance] = {}
        self.inactive = 0  # children that are starting or restarting
        self.numbers: Iterator[int] = count(1)  # of incarnations, timers and attempts
        self.ordinals: Iterator[int] = count(1)  # of children
        self.actions: list[DynamicAction] = []
        self.now = 0.0
        self.chance: Callable[[], float] = lambda: NO_JITTER

    # --- children

    def add(self, args: tuple[Any, ...], token: object) -> Instance:
        """A new youngest child, which is starting."""
        child = Instance(next(self.ordinals), self.template, args, token)
        self.children[child.number] = child
        self.inactive += 1
        return child

    def drop(self, child: Instance) -> None:
        """Forget `child`: nothing restarts it."""
        if self.children.pop(child.number, None) is None:
            return
        self.inactive -= child.state in INACTIVE
        self.cancel_timer(child)
        self.release(child)
        self.forget_former(child)

    def become(self, child: Instance, state: InstanceState) -> None:
        """Let `child` go over to `state`; what was timed in the old one is over."""
        self.inactive += (state in INACTIVE) - (child.state in INACTIVE)
        child.state = state
        child.due = None
        self.cancel_timer(child)

    def keep(self, child: Instance, incarnation: int) -> None:
        """The dead `incarnation` has left its mailbox to be adopted or released, if it keeps it."""
        child.held = incarnation if child.spec.keeps_mailbox else None

    def release(self, child: Instance) -> None:
        """Give up the mailbox that is kept, if one is."""
        if child.held is not None:
            self.actions.append(steps.Release(child.held))
            child.held = None

    def renew(self, child: Instance) -> None:
        """The next incarnation is made from the template as it is now."""
        old, new = child.spec, self.template
        if (old.mailbox, old.while_restarting) != (new.mailbox, new.while_restarting):
            self.release(child)
        child.spec = new

    def remember_former(self, child: Instance) -> None:
        """The incarnation that ran stays a way to speak of `child` until another runs."""
        child.former = child.incarnation
        self.former[child.incarnation] = child
        self.actions.append(dynamic_steps.Remember(child.incarnation))

    def forget_former(self, child: Instance) -> None:
        """Another incarnation runs, or none ever will."""
        if child.former is not None:
            del self.former[child.former]
            self.actions.append(dynamic_steps.Forget(child.former))
            child.former = None

    # --- timers

    def time(self, child: Instance, after: float) -> None:
        """Bound what `child` is doing."""
        child.timer = next(self.numbers)
        self.set_timer(child, child.timer, after)

    def cancel_timer(self, child: Instance) -> None:
        """What bounded `child` is over."""
        if child.timer is not None:
            self.cancel(child.timer)
            child.timer = None

    def end_checks(self, child: Instance) -> None:
        """`child` is not asked for its health any more."""
        if child.checkup is not None:
            self.cancel(child.checkup.timer)
            child.checkup = None

    def set_timer(self, child: Instance, timer: int, after: float) -> None:
        """Start a timer that concerns `child`."""
        self.timers[timer] = child
        self.actions.append(steps.SetTimer(timer, after))

    def cancel(self, timer: int) -> None:
        """End the timer, if it runs."""
        if self.timers.pop(timer, None) is not None:
            self.actions.append(steps.CancelTimer(timer))

    # --- answers

    def answer(self, token: object, incarnation: int | None = None) -> None:
        """Tell who asked for a start or an end that it is done."""
        self.actions.append(steps.Answer(token, incarnation))

    def refuse(self, token: object, problem: dynamic_steps.DynamicProblem) -> None:
        """Answer a change that can't be made."""
        self.actions.append(dynamic_steps.RefuseInstance(token, problem))

    def report(self, event: events.SupervisionEvent) -> None:
        """Tell those who watch."""
        self.actions.append(steps.Report(event))
