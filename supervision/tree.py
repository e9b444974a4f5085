"""What a supervisor does next: the state machine of one supervisor, events in, actions out.

Pure: no clock, no tasks; `now` comes in with each event. `supervisor.py` carries the actions out,
and so do the property tests and the simulator.

One thing is done at a time, a *job*: starting the children, answering a failure, a change that was
asked for, or the end. A job stops some children one by one, then starts some one by one; meanwhile
it waits for one child, never for anything else. What comes in between waits in `_pending`, in its
order: failures of other children, changes, further attempts. Only the end does not wait: it takes
the place of the job, and so interrupts a start that hangs.

    event --> _take --> _pending --> _decide --> job --> actions

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
from collections.abc import Iterable
from itertools import count
from typing import Literal, assert_never

from airssys_wasm.supervision import events, steps
from airssys_wasm.supervision.administration import refusal
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import Child, ChildCounts, Children, ChildView
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.supervision.jobs import Boot, Death, Finish, Job, Pending, Recover
from airssys_wasm.supervision.steps import Action, Event
from airssys_wasm.supervision.strategy import AutoShutdownMode, Strategy, plan, wants_restart

Phase = Literal["new", "starting", "running", "stopping", "ended"]


class SupervisorMachine:
    """The state of one supervisor. `handle` is all that changes it."""

    def __init__(
        self,
        strategy: Strategy,
        budget: RestartBudget,
        auto_shutdown: AutoShutdownMode,
        children: Iterable[ChildSpec],
        *,
        label: str = "supervisor",
    ) -> None:
        self.phase: Phase = "new"
        self.restarts = 0
        self.label = label
        self._strategy: Strategy = strategy
        self._budget = budget
        self._auto_shutdown: AutoShutdownMode = auto_shutdown
        self._children = Children()
        for spec in children:
            self._children.add(spec)
        self._living: dict[int, Child] = {}
        self._numbers = count(1)
        self._job: Job | None = None
        self._pending: deque[Pending] = deque()
        self._actions: list[Action] = []
        self._now = 0.0

    def handle(self, event: Event, now: float) -> list[Action]:
        """What to do about `event` at `now` (monotonic seconds), in this order.

        Unknown and outdated events ask for nothing.
        """
        self._now = now
        self._take(event)
        self._go_on()
        actions, self._actions = self._actions, []
        return actions

    def which_children(self) -> tuple[ChildView, ...]:
        """All children, newest first."""
        return self._children.views()

    def count_children(self) -> ChildCounts:
        """How many children there are."""
        return self._children.counts()

    def child_spec(self, child: str) -> ChildSpec | None:
        """The spec of a child, defaults filled in; None for an unknown id."""
        return self._children.specs.get(child)

    def restarts_left(self, now: float) -> int:
        """How many more restarts the budget allows at `now`."""
        return self._budget.left(now)

    # --- what comes in

    def _take(self, event: Event) -> None:
        if self.phase == "ended":
            return
        match event:
            case steps.Begin():
                if self.phase == "new":
                    self.phase = "starting"
                    self._job = Job(Boot(), self._numbers, start=deque(self._children.specs))
            case steps.Up(incarnation):
                self._up(incarnation)
            case steps.Declined(incarnation):
                self._declined(incarnation)
            case steps.NotSpawned(incarnation, reason):
                self._gone(incarnation, reason, None, spawned=False)
            case steps.Gone(incarnation, reason, cause):
                self._gone(incarnation, reason, cause, spawned=True)
            case steps.TimeUp(timer):
                if self._job is not None:
                    self._actions += self._job.time_up(timer)
            case steps.Stop(reason):
                self._finish(reason, None)
            case steps.TerminateChild(child, token) if self._job and self._job.is_starting(child):
                self._actions += self._job.terminate_start(token)
            case _:
                self._pending.append(event)  # never looked at again once the end has begun

    def _up(self, incarnation: int) -> None:
        child = self._living.get(incarnation)
        if child is None or child.state != "starting":
            return
        child.state = "running"
        child.held = None
        self._report(events.ChildStarted(child.id, child.restarts))
        job = self._arrived(child)
        self._answer_start(job, incarnation)

    def _declined(self, incarnation: int) -> None:
        child = self._living.get(incarnation)
        if child is None:
            return
        if child.state != "starting":
            self._gone(incarnation, "normal", None, spawned=True)
            return
        del self._living[incarnation]
        child.keep(incarnation)
        job = self._arrived(child)
        self._actions += self._children.lay_down(child)
        self._answer_start(job, None)

    def _answer_start(self, job: Job | None, incarnation: int | None) -> None:
        if job is not None and isinstance(job.purpose, steps.AddChild | steps.RestartChild):
            self._actions.append(steps.Answer(job.purpose.token, incarnation))

    def _gone(self, incarnation: int, reason: object, cause: object, *, spawned: bool) -> None:
        child = self._living.pop(incarnation, None)
        if child is None:
            return
        if spawned:
            child.keep(incarnation)
        match child.state:
            case "starting":
                self._start_failed(child, self._arrived(child), reason, cause)
            case "stopping":
                self._stopped(child, self._arrived(child), reason)
            case "running" if self.phase == "stopping":
                self._report(events.ChildStopped(child.id, reason))
                self._actions += self._children.lay_down(child)
            case _:
                child.state = "dead"
                child.reason = reason
                child.cause = cause
                self._pending.append(Death(child.id, incarnation))

    def _start_failed(
        self, child: Child, job: Job | None, reason: object, cause: object | None
    ) -> None:
        self._report(events.StartFailed(child.id, reason))
        purpose = job.purpose if job is not None else None
        match purpose:
            case Boot():
                self._actions += self._children.lay_down(child)
                self._finish(("shutdown", events.FailedToStart(child.id, reason, cause)), None)
            case Recover() if job is not None:
                job.start.clear()
                child.reason = reason
                child.cause = cause
                child.state = "restarting"
                child.attempt = next(self._numbers)
                self._actions.append(steps.Again(child.id, child.attempt))
            case steps.AddChild(_, token):
                self._actions += self._children.drop(child)
                self._refuse(token, steps.DidNotStart(child.id, reason))
            case steps.RestartChild(_, token):
                self._actions += self._children.lay_down(child)
                self._refuse(token, steps.DidNotStart(child.id, reason))
            case _:
                self._actions += self._children.lay_down(child)

    def _stopped(self, child: Child, job: Job | None, reason: object) -> None:
        blame, child.blame = child.blame, None
        if job is not None and job.starts and not job.terminated:
            self._start_failed(child, job, blame if blame is not None else reason, None)
            return
        self._report(events.ChildStopped(child.id, reason))
        self._settle(child, job)
        if job is not None and job.terminated:
            tokens, job.terminated = job.terminated, []
            if isinstance(job.purpose, steps.AddChild | steps.RestartChild):
                self._refuse(job.purpose.token, steps.DidNotStart(child.id, reason))
            for token in tokens:
                self._actions.append(steps.Answer(token))

    # --- what is done next

    def _go_on(self) -> None:
        while self.phase not in ("new", "ended"):
            job = self._job
            if job is None:
                if not self._pending:
                    return
                self._decide(self._pending.popleft())
            elif job.child is not None:
                return
            elif job.stop:
                self._stop_next(job, job.stop.popleft())
            elif job.start:
                self._start_next(job, job.start.popleft())
            else:
                self._complete(job)

    def _stop_next(self, job: Job, id: str) -> None:
        child = self._children.get(id)
        if child is None:
            return
        if child.is_alive:
            self._actions += job.stop_child(child)
            return
        if child.state == "dead":  # by itself, before its turn came
            self._report(events.ChildStopped(child.id, child.reason))
        self._settle(child, job)

    def _start_next(self, job: Job, id: str) -> None:
        child = self._children.get(id)
        if child is None or child.is_alive:
            return
        if isinstance(job.purpose, Recover):
            child.restarts += 1
        self._actions += job.start_child(child)
        self._living[child.incarnation] = child

    def _complete(self, job: Job) -> None:
        self._job = None
        match job.purpose:
            case Boot():
                self.phase = "running"
                self._actions.append(steps.Ready())
            case Finish(reason, cause):
                self.phase = "ended"
                self._actions.append(steps.End(reason, cause))
            case steps.TerminateChild(_, token):
                self._actions.append(steps.Answer(token))
            case Recover() | steps.AddChild() | steps.RestartChild():
                pass
            case never:
                assert_never(never)

    # --- what is decided

    def _decide(self, pending: Pending) -> None:
        match pending:
            case Death(id, incarnation):
                child = self._children.get(id)
                if child and child.state == "dead" and child.incarnation == incarnation:
                    self._answer_death(child)
            case steps.Retry(id, attempt):
                child = self._children.get(id)
                if child and child.state == "restarting" and child.attempt == attempt:
                    self._recover(child)
            case _:
                self._change(pending)

    def _change(self, change: steps.Change) -> None:
        id = change.spec.id if isinstance(change, steps.AddChild) else change.child
        child = self._children.get(id)
        problem = refusal(change, child, self._auto_shutdown)
        if problem is not None:
            self._refuse(change.token, problem)
            return
        match change:
            case steps.AddChild(spec):
                self._children.add(spec)
                self._job = Job(change, self._numbers, start=deque((id,)))
            case steps.RestartChild():
                self._job = Job(change, self._numbers, start=deque((id,)))
            case steps.TerminateChild():
                self._job = Job(change, self._numbers, stop=deque((id,)))
                if child is not None and child.state == "restarting":
                    self._actions += self._children.disinherit()
            case steps.DeleteChild(_, token):
                if child is not None:
                    self._actions += self._children.drop(child)
                self._actions.append(steps.Answer(token))
            case never:
                assert_never(never)

    def _answer_death(self, child: Child) -> None:
        restart = wants_restart(child.spec.restart, child.reason)
        self._report(events.ChildEnded(child.id, child.reason, restart))
        if restart:
            self._recover(child)
        else:
            self._actions += self._children.lay_down(child)
            self._shut_down_after(child)

    def _recover(self, child: Child) -> None:
        """One more start of `child`, with its group, if the budget allows it."""
        if not self._budget.spend(self._now):
            self._actions += self._children.lay_down(child)
            gave_up = events.GaveUp(
                self.label,
                child.id,
                child.reason,
                child.cause,
                self._budget.intensity,
                self._budget.period,
            )
            self._report(gave_up)
            self._finish("shutdown", gave_up)
            return
        self.restarts += 1
        child.state = "restarting"
        decided = plan(self._strategy, self._children.specs, child.id)
        self._job = Job(
            Recover(), self._numbers, stop=deque(decided.stop), start=deque(decided.start)
        )

    def _shut_down_after(self, child: Child) -> None:
        """`child` has ended by itself for good: does the supervisor follow?"""
        if not child.spec.significant:
            return
        match self._auto_shutdown:
            case "never":
                return
            case "any_significant":
                pass
            case "all_significant":
                if self._children.has_significant():
                    return
            case never:
                assert_never(never)
        why = events.AutoShutdown(self.label, child.id, child.reason, child.cause)
        self._report(why)
        self._finish("shutdown", why)

    def _finish(self, reason: object, cause: object | None) -> None:
        """Stop everything and end. A stop in progress is waited for; all else is given up."""
        if self.phase == "stopping":
            return
        self.phase = "stopping"
        self._pending.clear()
        old = self._job
        job = Job(
            Finish(reason, cause), self._numbers, stop=deque(self._children.ids_newest_first())
        )
        if old is not None and old.child is not None and old.child.state == "stopping":
            job.child, job.timer = old.child, old.timer
        elif old is not None:
            self._actions += old.cancel_timer()
        self._job = job

    # --- the parts

    def _settle(self, child: Child, job: Job | None) -> None:
        """`child` is not running any more, because the job has stopped it or found it so."""
        purpose = None if job is None or job.terminated else job.purpose
        if isinstance(purpose, Recover) and child.spec.restart != "temporary":
            child.state = "stopped"  # what it kept waits for its next incarnation
            child.attempt = 0
        elif job is not None and isinstance(job.purpose, steps.AddChild):
            self._actions += self._children.drop(child)
        else:
            self._actions += self._children.lay_down(child)

    def _arrived(self, child: Child) -> Job | None:
        """The job that has waited for `child`, if one has; it can go on."""
        job = self._job
        if job is None or job.child is not child:
            return None
        self._actions += job.cancel_timer()
        job.child = None
        return job

    def _refuse(self, token: object, problem: steps.Problem) -> None:
        self._actions.append(steps.Refuse(token, problem))

    def _report(self, event: events.SupervisionEvent) -> None:
        self._actions.append(steps.Report(event))
