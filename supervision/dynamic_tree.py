"""What a supervisor of equal, dynamic children does next: events in, actions out.

Pure: no clock, no tasks; `now` comes in with each event. `dynamic_supervisor.py` carries the
actions out, and so do the property tests and the simulator.

No child waits for another: each is started, restarted and stopped by itself, and what it costs does
not depend on how many there are. All share one budget of restarts.

    starting -> running -> stopping -> (forgotten)
     |  ^         |
     |  |         +-> restarting -> starting ...      its restart type and the budget say so
     |  |         +-> (forgotten)                     they don't
     |  +-- restarting                                a restart failed: a later turn tries again
     +-> (forgotten)                                  the first start failed, or init said IGNORE

The end stops all of them at once, under one timer, some hundreds a turn.

Invariants:
  - a child that is not starting, running, stopping or restarting is not known at all;
  - at most one incarnation of a child is alive; an event of any other changes nothing;
  - each further attempt to restart a child costs one unit of the budget;
  - every start and every end that somebody asked for is answered once, or the supervisor ends.

Source: Erlang/OTP, supervisor.erl, simple_one_for_one; Elixir, DynamicSupervisor (max_children).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from airssys_wasm.supervision import dynamic_steps, events, steps
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import ChildCounts, ChildView
from airssys_wasm.supervision.dynamic_steps import DynamicAction, DynamicEvent
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.supervision.shutdown import stop_signal
from airssys_wasm.supervision.strategy import AutoShutdownMode, wants_restart

Phase = Literal["running", "stopping", "ended"]
InstanceState = Literal["starting", "running", "stopping", "restarting"]

INACTIVE = ("starting", "restarting")

STOPPED_A_TURN = 500  # children told to stop in one turn, some milliseconds, before others get one


@dataclass(slots=True, eq=False)
class Instance:
    """One child: its own arguments, its state, and the incarnation that is alive or was the last.

    `former` is the one that ran before a restart, until another runs.
    """

    number: int
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
    blame: object = None  # why its start was ended by a kill
    timer: int | None = None
    ends: list[object] = field(default_factory=list)  # tokens of those who wait for its end


class DynamicMachine:
    """The state of one dynamic supervisor. `handle` is all that changes it."""

    def __init__(
        self,
        template: ChildSpec,
        budget: RestartBudget,
        auto_shutdown: AutoShutdownMode,
        max_children: int | None,
        *,
        label: str = "supervisor",
    ) -> None:
        self.phase: Phase = "running"
        self.restarts = 0
        self.label = label
        self.template = template
        self._budget = budget
        self._auto_shutdown: AutoShutdownMode = auto_shutdown
        self._max_children = max_children
        self._children: dict[int, Instance] = {}
        self._living: dict[int, Instance] = {}
        self._former: dict[int, Instance] = {}
        self._inactive = 0  # children that are starting or restarting
        self._numbers = count(1)  # of incarnations and timers
        self._ordinals = count(1)  # of children
        self._waits: dict[int, Instance] = {}  # whose start or stop a timer bounds
        self._end = steps.End("shutdown")
        self._end_timer: int | None = None
        self._end_signal: Literal["exit", "kill"] = "exit"
        self._unsignalled: deque[Instance] = deque()  # at the end; the newest first
        self._actions: list[DynamicAction] = []
        self._now = 0.0

    def handle(self, event: DynamicEvent, now: float) -> list[DynamicAction]:
        """What to do about `event` at `now` (monotonic seconds), in this order.

        Unknown and outdated events ask for nothing.
        """
        self._now = now
        if self.phase != "ended":
            self._take(event)
            if self.phase == "stopping" and not self._children:
                self._complete()
        actions, self._actions = self._actions, []
        return actions

    def which_children(self) -> tuple[ChildView, ...]:
        """All children, newest first."""
        return tuple(
            ChildView(
                self._id(child),
                None if child.state == "restarting" else child.incarnation,
                child.state,
                self.template.type,
                child.restarts,
            )
            for child in reversed(self._children.values())
        )

    def count_children(self) -> ChildCounts:
        """How many children there are; the one spec is the template."""
        number = len(self._children)
        supervisors = number if self.template.type == "supervisor" else 0
        return ChildCounts(
            specs=1,
            active=number - self._inactive,
            supervisors=supervisors,
            workers=number - supervisors,
        )

    def restarts_left(self, now: float) -> int:
        """How many more restarts the budget allows at `now`."""
        return self._budget.left(now)

    # --- what comes in

    def _take(self, event: DynamicEvent) -> None:
        match event:
            case steps.Gone(incarnation, reason, cause):
                self._gone(incarnation, reason, cause, spawned=True)
            case steps.Up(incarnation):
                self._up(incarnation)
            case steps.Declined(incarnation):
                self._declined(incarnation)
            case steps.NotSpawned(incarnation, reason):
                self._gone(incarnation, reason, None, spawned=False)
            case steps.TimeUp(timer):
                self._time_up(timer)
            case steps.Stop(reason):
                self._finish(steps.End(reason))
            case dynamic_steps.GoOn():
                self._signal_some()
            case _ if self.phase == "stopping":
                pass  # its end answers whoever asks for more
            case dynamic_steps.AddInstance(args, token):
                self._add(args, token)
            case dynamic_steps.EndInstance():
                self._end_instance(event)
            case dynamic_steps.RetryInstance(number, attempt):
                child = self._children.get(number)
                if child and child.state == "restarting" and child.attempt == attempt:
                    self._recover(child)

    def _add(self, args: tuple[Any, ...], token: object) -> None:
        limit = self._max_children
        if limit is not None and len(self._children) >= limit:
            self._refuse(token, dynamic_steps.Full(limit))
            return
        child = Instance(next(self._ordinals), args, token)
        self._children[child.number] = child
        self._inactive += 1
        self._start(child)

    def _end_instance(self, event: dynamic_steps.EndInstance) -> None:
        child = None
        if event.incarnation is not None:
            child = self._living.get(event.incarnation) or self._former.get(event.incarnation)
        if child is None:
            if event.is_alive:
                self._refuse(event.token, dynamic_steps.Stranger())
            else:
                self._actions.append(steps.Answer(event.token))
        elif child.state == "restarting":
            self._drop(child)
            self._actions.append(steps.Answer(event.token))
        else:
            child.ends.append(event.token)
            if child.state != "stopping":
                self._stop(child)

    def _up(self, incarnation: int) -> None:
        child = self._living.get(incarnation)
        if child is None or child.state != "starting":
            return
        self._cancel_timer(child)
        self._become(child, "running")
        child.held = None
        self._report(events.ChildStarted(self._id(child), child.restarts))
        self._forget_former(child)
        if child.token is not None:
            self._actions.append(steps.Answer(child.token, incarnation))
            child.token = None

    def _declined(self, incarnation: int) -> None:
        child = self._living.get(incarnation)
        if child is None:
            return
        if child.state != "starting":
            self._gone(incarnation, "normal", None, spawned=True)
            return
        del self._living[incarnation]
        self._cancel_timer(child)
        self._keep(child, incarnation)
        self._drop(child)
        if child.token is not None:
            self._actions.append(steps.Answer(child.token))

    def _gone(self, incarnation: int, reason: object, cause: object, *, spawned: bool) -> None:
        child = self._living.pop(incarnation, None)
        if child is None:
            return
        self._cancel_timer(child)
        if spawned:
            self._keep(child, incarnation)
        match child.state:
            case "starting":
                self._start_failed(child, reason, cause)
            case "stopping" if child.blame is not None and not child.ends:
                self._start_failed(child, child.blame, None)
            case "stopping":
                self._stopped(child, reason)
            case _ if self.phase == "stopping":
                self._stopped(child, reason)
            case _:
                self._ended(child, reason, cause)

    def _start_failed(self, child: Instance, reason: object, cause: object) -> None:
        id = self._id(child)
        self._report(events.StartFailed(id, reason))
        child.blame = None
        if child.token is not None:
            self._drop(child)
            self._refuse(child.token, steps.DidNotStart(id, reason))
        elif self.phase == "stopping":
            self._drop(child)
        else:
            child.reason, child.cause = reason, cause
            self._become(child, "restarting")
            child.attempt = next(self._numbers)
            self._actions.append(dynamic_steps.TryAgain(child.number, child.attempt))

    def _stopped(self, child: Instance, reason: object) -> None:
        self._report(events.ChildStopped(self._id(child), reason))
        self._drop(child)
        if child.token is not None:
            self._refuse(child.token, steps.DidNotStart(self._id(child), reason))
        for token in child.ends:
            self._actions.append(steps.Answer(token))

    def _ended(self, child: Instance, reason: object, cause: object) -> None:
        """A running child ended by itself."""
        restart = wants_restart(self.template.restart, reason)
        self._report(events.ChildEnded(self._id(child), reason, restart))
        if not restart:
            self._drop(child)
            self._shut_down_after(child, reason, cause)
            return
        child.reason, child.cause = reason, cause
        self._become(child, "restarting")
        child.former = child.incarnation
        self._former[child.incarnation] = child
        self._actions.append(dynamic_steps.Remember(child.incarnation))
        self._recover(child)

    def _time_up(self, timer: int) -> None:
        if timer == self._end_timer:
            self._end_timer = None
            self._end_signal = "kill"
            self._unsignalled = deque(reversed(self._children.values()))
            self._signal_some()
            return
        child = self._waits.pop(timer, None)
        if child is None:
            return
        child.timer = None
        limit = self.template.start_timeout
        if child.state == "starting" and limit != "infinity":
            child.blame = events.StartTimedOut(limit)
            self._become(child, "stopping")
        self._actions.append(steps.Kill(child.incarnation))

    # --- what is decided

    def _start(self, child: Instance) -> None:
        child.incarnation = next(self._numbers)
        self._become(child, "starting")
        child.attempt = 0
        self._living[child.incarnation] = child
        self._actions.append(
            dynamic_steps.SpawnInstance(child.incarnation, child.args, child.held, child.restarts)
        )
        if self.template.restart == "temporary":
            child.args = ()  # never needed again, and perhaps large
        if self.template.start_timeout != "infinity":
            self._set_timer(child, self.template.start_timeout)

    def _stop(self, child: Instance) -> None:
        """Stop one child, because somebody asked for it."""
        self._cancel_timer(child)
        self._become(child, "stopping")
        how = stop_signal(self.template.shutdown)
        if how.signal == "kill":
            self._actions.append(steps.Kill(child.incarnation))
            return
        self._actions.append(steps.SendExit(child.incarnation))
        if how.limit is not None:
            self._set_timer(child, how.limit)

    def _recover(self, child: Instance) -> None:
        """One more start of `child`, if the budget allows it."""
        if self._budget.spend(self._now):
            self.restarts += 1
            child.restarts += 1
            self._start(child)
            return
        self._drop(child)
        gave_up = events.GaveUp(
            self.label,
            self._id(child),
            child.reason,
            child.cause,
            self._budget.intensity,
            self._budget.period,
        )
        self._report(gave_up)
        self._finish(steps.End("shutdown", gave_up))

    def _shut_down_after(self, child: Instance, reason: object, cause: object) -> None:
        """`child` has ended by itself for good: does the supervisor follow?"""
        if not self.template.significant or self._auto_shutdown == "never":
            return
        if self._auto_shutdown == "all_significant" and self._children:
            return
        why = events.AutoShutdown(self.label, self._id(child), reason, cause)
        self._report(why)
        self._finish(steps.End("shutdown", why))

    def _finish(self, end: steps.End) -> None:
        """Stop all children at once, and end."""
        if self.phase == "stopping":
            return
        self.phase = "stopping"
        self._end = end
        how = stop_signal(self.template.shutdown)
        self._end_signal = how.signal
        self._unsignalled = deque(reversed(self._children.values()))
        if how.limit is not None and self._children:
            self._end_timer = next(self._numbers)
            self._actions.append(steps.SetTimer(self._end_timer, how.limit))
        self._signal_some()

    def _signal_some(self) -> None:
        for _ in range(min(STOPPED_A_TURN, len(self._unsignalled))):
            child = self._unsignalled.popleft()
            if child.state == "restarting":
                self._drop(child)
            elif child.number not in self._children:
                continue  # it ended meanwhile
            elif self._end_signal == "kill":
                self._become(child, "stopping")
                self._actions.append(steps.Kill(child.incarnation))
            elif child.state != "stopping":
                self._cancel_timer(child)
                self._become(child, "stopping")
                self._actions.append(steps.SendExit(child.incarnation))
        if self._unsignalled:
            self._actions.append(dynamic_steps.TakeTurns())

    def _complete(self) -> None:
        self.phase = "ended"
        if self._end_timer is not None:
            self._actions.append(steps.CancelTimer(self._end_timer))
        self._actions.append(self._end)

    # --- the parts

    def _become(self, child: Instance, state: InstanceState) -> None:
        self._inactive += (state in INACTIVE) - (child.state in INACTIVE)
        child.state = state

    def _drop(self, child: Instance) -> None:
        """Forget `child`: nothing restarts it."""
        if self._children.pop(child.number, None) is None:
            return
        if child.state in INACTIVE:
            self._inactive -= 1
        if child.held is not None:
            self._actions.append(steps.Release(child.held))
            child.held = None
        self._forget_former(child)

    def _forget_former(self, child: Instance) -> None:
        if child.former is not None:
            del self._former[child.former]
            self._actions.append(dynamic_steps.Forget(child.former))
            child.former = None

    def _keep(self, child: Instance, incarnation: int) -> None:
        child.held = incarnation if self.template.keeps_mailbox else None

    def _set_timer(self, child: Instance, after: float) -> None:
        child.timer = next(self._numbers)
        self._waits[child.timer] = child
        self._actions.append(steps.SetTimer(child.timer, after))

    def _cancel_timer(self, child: Instance) -> None:
        if child.timer is not None:
            del self._waits[child.timer]
            self._actions.append(steps.CancelTimer(child.timer))
            child.timer = None

    def _id(self, child: Instance) -> str:
        return f"{self.template.id}-{child.number}"

    def _refuse(self, token: object, problem: dynamic_steps.DynamicProblem) -> None:
        self._actions.append(dynamic_steps.RefuseInstance(token, problem))

    def _report(self, event: events.SupervisionEvent) -> None:
        self._actions.append(steps.Report(event))
