"""What a supervisor does next: the state machine of one supervisor, events in, actions out.

Pure: no clock, no tasks; `now` comes in with each event. `supervisor.py` carries the actions out,
and so do the property tests and the simulator.

One thing is done at a time, a *job*: starting the children, answering a failure, a change that was
asked for, or the end. A job stops some children one by one, then starts some one by one; meanwhile
it waits for one child, never for anything else. What comes in between waits in `pending`, in its
order: failures of other children, changes, further attempts. Only the end does not wait: it takes
the place of the job, and so interrupts a start that hangs.

    event --> take --> pending --> decide --> job --> actions
              |                     |
         arrivals.py           decisions.py

Invariants:
  - at most one incarnation of a child is alive, and at most one child is in transition;
  - an event of an incarnation that is not alive changes nothing;
  - children are stopped in reverse start order and started in start order;
  - a failure costs one unit of the budget, and so does each further attempt to start;
  - what a dead child kept is adopted by its next incarnation or released.

Source: Erlang/OTP, supervisor.erl.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import assert_never

from airssys_wasm.supervision import arrivals, checkups, events, steps
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import ChildCounts, ChildView
from airssys_wasm.supervision.decisions import decide
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.jobs import Boot, Due, Finish, Job, Recover
from airssys_wasm.supervision.steps import Action, Event
from airssys_wasm.supervision.tree_state import Phase, TreeState


class SupervisorMachine:
    """The state of one supervisor. `handle` is all that changes it."""

    __slots__ = ("_tree",)

    def __init__(
        self, flags: Flags, children: Iterable[ChildSpec], *, label: str = "supervisor"
    ) -> None:
        self._tree = TreeState(flags, children, label)

    def handle(self, event: Event, now: float) -> list[Action]:
        """What to do about `event` at `now` (monotonic seconds), in this order.

        Unknown and outdated events ask for nothing.
        """
        tree = self._tree
        tree.now = now
        if tree.phase != "ended":
            _take(tree, event)
            _go_on(tree)
        actions, tree.actions = tree.actions, []
        return actions

    @property
    def phase(self) -> Phase:
        """How far its life has come."""
        return self._tree.phase

    @property
    def restarts(self) -> int:
        """How many restarts it has made."""
        return self._tree.restarts

    @property
    def label(self) -> str:
        """What it is called in reports."""
        return self._tree.label

    @label.setter
    def label(self, label: str) -> None:
        self._tree.label = label

    @property
    def chance(self) -> Callable[[], float]:
        """Where the jitter of waits comes from: a number from 0 to 1, each time anew."""
        return self._tree.chance

    @chance.setter
    def chance(self, chance: Callable[[], float]) -> None:
        self._tree.chance = chance

    def which_children(self) -> tuple[ChildView, ...]:
        """All children, newest first."""
        return self._tree.children.views()

    def count_children(self) -> ChildCounts:
        """How many children there are."""
        return self._tree.children.counts()

    def child_spec(self, child: str) -> ChildSpec | None:
        """The spec of a child, defaults filled in; None for an unknown id."""
        return self._tree.children.specs.get(child)

    def restarts_left(self, now: float) -> int:
        """How many more restarts the budget allows at `now`."""
        return self._tree.budget.left(now)


def _take(tree: TreeState, event: Event) -> None:
    match event:
        case steps.Begin():
            if tree.phase == "new":
                tree.phase = "starting"
                tree.job = Job(Boot(), tree.numbers, start=deque(tree.children.specs))
        case steps.Up(incarnation):
            arrivals.up(tree, incarnation)
        case steps.Declined(incarnation):
            arrivals.declined(tree, incarnation)
        case steps.NotSpawned(incarnation, reason):
            arrivals.gone(tree, incarnation, reason, None, spawned=False)
        case steps.Gone(incarnation, reason, cause):
            arrivals.gone(tree, incarnation, reason, cause, spawned=True)
        case steps.TimeUp(timer):
            _time_up(tree, timer)
        case steps.Checked(incarnation, number, health):
            checkups.answered(tree, incarnation, number, health)
        case steps.Stop(reason):
            tree.finish(reason, None)
        case steps.TerminateChild(child, token) if tree.job and tree.job.is_starting(child):
            tree.actions += tree.job.terminate_start(token)
        case _:
            tree.pending.append(event)  # never looked at again once the end has begun


def _time_up(tree: TreeState, timer: int) -> None:
    child = tree.children.time_up(timer)
    if child is None:
        if tree.job is not None:
            tree.actions += tree.job.time_up(timer)
    elif child.checkup is not None and child.checkup.timer == timer:
        checkups.time_up(tree, child, child.checkup)
    else:
        tree.pending.append(Due(child.id, timer))


def _go_on(tree: TreeState) -> None:
    while tree.phase not in ("new", "ended"):
        job = tree.job
        if job is None:
            if not tree.pending:
                return
            decide(tree, tree.pending.popleft())
        elif job.child is not None:
            return
        elif job.stop:
            _stop_next(tree, job, job.stop.popleft())
        elif job.start:
            _start_next(tree, job, job.start.popleft())
        else:
            _complete(tree, job)


def _stop_next(tree: TreeState, job: Job, id: str) -> None:
    child = tree.children.get(id)
    if child is None:
        return
    if child.is_alive:
        tree.actions += tree.children.end_checks(child)
        tree.actions += job.stop_child(child)
        return
    if child.state == "dead":  # by itself, before its turn came
        tree.report(events.ChildStopped(child.id, child.reason))
    tree.settle(child, job)


def _start_next(tree: TreeState, job: Job, id: str) -> None:
    child = tree.children.get(id)
    if child is None or child.is_alive:
        return
    if isinstance(job.purpose, Recover):
        child.restarts += 1
    tree.actions += job.start_child(child)
    tree.living[child.incarnation] = child


def _complete(tree: TreeState, job: Job) -> None:
    tree.job = None
    match job.purpose:
        case Boot():
            tree.phase = "running"
            tree.actions.append(steps.Ready())
        case Finish(reason, cause):
            tree.phase = "ended"
            tree.actions.append(steps.End(reason, cause))
        case steps.TerminateChild(_, token):
            tree.actions.append(steps.Answer(token))
        case Recover() | steps.AddChild() | steps.RestartChild():
            pass
        case never:
            assert_never(never)
