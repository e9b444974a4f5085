"""The state of one supervisor, and the steps that more than one of its decisions takes.

Pure. `tree.py` says how it is used.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Literal

from airssys_wasm.supervision import events, steps
from airssys_wasm.supervision.backoff import NO_JITTER
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import Child, Children
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.supervision.jobs import Finish, Job, Pending, Recover

Phase = Literal["new", "starting", "running", "stopping", "ended"]


class TreeState:
    """What a supervisor knows. `actions` collects what is to be done about the event in hand."""

    __slots__ = (
        "actions",
        "budget",
        "chance",
        "children",
        "flags",
        "job",
        "label",
        "living",
        "now",
        "numbers",
        "pending",
        "phase",
        "restarts",
    )

    def __init__(self, flags: Flags, children: Iterable[ChildSpec], label: str) -> None:
        self.flags = flags
        self.label = label
        self.budget = RestartBudget(flags.intensity, flags.period)
        self.children = Children()
        for spec in children:
            self.children.add(spec)
        self.phase: Phase = "new"
        self.restarts = 0
        self.living: dict[int, Child] = {}
        self.numbers: Iterator[int] = count(1)
        self.job: Job | None = None
        self.pending: deque[Pending] = deque()
        self.actions: list[steps.Action] = []
        self.now = 0.0
        self.chance: Callable[[], float] = lambda: NO_JITTER

    def set_timer(self, child: Child, timer: int, after: float) -> None:
        """Start a timer that concerns `child`."""
        self.actions += self.children.set_timer(child, timer, after)

    def cancel(self, timer: int) -> None:
        """End a timer that concerns a child, if it runs."""
        self.actions += self.children.cancel(timer)

    def refuse(self, token: object, problem: steps.Problem) -> None:
        """Answer a change that can't be made."""
        self.actions.append(steps.Refuse(token, problem))

    def report(self, event: events.SupervisionEvent) -> None:
        """Tell those who watch."""
        self.actions.append(steps.Report(event))

    def arrived(self, child: Child) -> Job | None:
        """The job that has waited for `child`, if one has; it can go on."""
        job = self.job
        if job is None or job.child is not child:
            return None
        self.actions += job.cancel_timer()
        job.child = None
        return job

    def settle(self, child: Child, job: Job | None) -> None:
        """`child` is not running any more, because the job has stopped it or found it so."""
        purpose = None if job is None or job.terminated else job.purpose
        if isinstance(purpose, Recover) and child.spec.restart != "temporary":
            child.state = "stopped"  # what it kept waits for its next incarnation
            self.actions += self.children.wait_no_longer(child)
        elif job is not None and isinstance(job.purpose, steps.AddChild):
            self.actions += self.children.drop(child)
        else:
            self.actions += self.children.lay_down(child)

    def finish(self, reason: object, cause: object | None) -> None:
        """Stop everything and end. A stop in progress is waited for; all else is given up."""
        if self.phase == "stopping":
            return
        self.phase = "stopping"
        self.pending.clear()
        old = self.job
        job = Job(Finish(reason, cause), self.numbers, stop=deque(self.children.ids_newest_first()))
        if old is not None and old.child is not None and old.child.state == "stopping":
            job.child, job.timer = old.child, old.timer
        elif old is not None:
            self.actions += old.cancel_timer()
        self.job = job
