"""What a supervisor of equal, dynamic children does next: events in, actions out.

Pure: no clock, no tasks; `now` comes in with each event. `dynamic_actor.py` carries the actions
out, and so do the property tests and the simulator.

No child waits for another: each is started, restarted and stopped by itself, and what it costs does
not depend on how many there are. All share one budget of restarts.

    starting -> running -> stopping -> (forgotten)
     |  ^         |
     |  |         +-> restarting -> starting ...      its restart type and the budget say so
     |  |         +-> (forgotten)                     they don't
     |  +-- restarting                                a restart failed: a later turn tries again
     +-> (forgotten)                                  the first start failed, or init said IGNORE

Invariants:
  - a child that is not starting, running, stopping or restarting is not known at all;
  - at most one incarnation of a child is alive; an event of any other changes nothing;
  - each further attempt to restart a child costs one unit of the budget;
  - every start and every end that somebody asked for is answered once, or the supervisor ends.

Source: Erlang/OTP, supervisor.erl, simple_one_for_one; Elixir, DynamicSupervisor (max_children).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airssys_wasm.kernel.reasons import says
from airssys_wasm.supervision import checkups, dynamic_steps, events, steps
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import ChildCounts, ChildView
from airssys_wasm.supervision.dynamic_end import End
from airssys_wasm.supervision.dynamic_state import DynamicPhase, DynamicState, Instance
from airssys_wasm.supervision.dynamic_steps import DynamicAction, DynamicEvent
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.reconfiguration import Reconfigured, is_same
from airssys_wasm.supervision.shutdown import stop_signal
from airssys_wasm.supervision.strategy import wants_restart


class DynamicMachine:
    """The state of one dynamic supervisor. `handle` is all that changes it."""

    def __init__(
        self,
        template: ChildSpec,
        flags: Flags,
        max_children: int | None,
        *,
        label: str = "supervisor",
    ) -> None:
        self._state = DynamicState(template, flags, max_children, label)
        self._end = End(self._state)

    def handle(self, event: DynamicEvent, now: float) -> list[DynamicAction]:
        """What to do about `event` at `now` (monotonic seconds), in this order.

        Unknown and outdated events ask for nothing.
        """
        state = self._state
        state.now = now
        if state.phase != "ended":
            self._take(event)
            self._end.complete()
        actions, state.actions = state.actions, []
        return actions

    @property
    def phase(self) -> DynamicPhase:
        """Whether it runs, stops its children, or has ended."""
        return self._state.phase

    @property
    def template(self) -> ChildSpec:
        """What children are made from."""
        return self._state.template

    @property
    def restarts(self) -> int:
        """How many restarts were made."""
        return self._state.restarts

    def be_called(self, label: str, chance: Callable[[], float]) -> None:
        """Its name in reports, and where the jitter of its waits comes from."""
        self._state.label = label
        self._state.chance = chance

    def which_children(self) -> tuple[ChildView, ...]:
        """All children, newest first."""
        return tuple(
            ChildView(
                child.id,
                None if child.state == "restarting" else child.incarnation,
                child.state,
                child.spec.type,
                child.restarts,
                child.due,
                None if child.checkup is None else child.checkup.status,
            )
            for child in reversed(self._state.children.values())
        )

    def count_children(self) -> ChildCounts:
        """How many children there are; the one spec is the template."""
        number = len(self._state.children)
        supervisors = number if self.template.type == "supervisor" else 0
        return ChildCounts(
            specs=1,
            active=number - self._state.inactive,
            supervisors=supervisors,
            workers=number - supervisors,
        )

    def restarts_left(self, now: float) -> int:
        """How many more restarts the budget allows at `now`."""
        return self._state.budget.left(now)

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
                self._end.begin(steps.End(reason))
            case dynamic_steps.GoOn():
                self._end.signal_some()
            case _ if self._state.phase == "stopping":
                pass  # its end answers whoever asks for more
            case steps.Checked(incarnation, number, health):
                checkups.answered(self._state, incarnation, number, health)
            case dynamic_steps.AddInstance(args, token):
                self._add(args, token)
            case dynamic_steps.EndInstance():
                self._end_instance(event)
            case dynamic_steps.RetryInstance(number, attempt):
                child = self._state.children.get(number)
                if child and child.state == "restarting" and child.attempt == attempt:
                    self._recover(child)
            case dynamic_steps.ReconfigureInstances():
                self._reconfigure(event)

    def _add(self, args: tuple[Any, ...], token: object) -> None:
        limit = self._state.max_children
        if limit is not None and len(self._state.children) >= limit:
            self._state.refuse(token, dynamic_steps.Full(limit))
        else:
            self._start(self._state.add(args, token))

    def _end_instance(self, event: dynamic_steps.EndInstance) -> None:
        state, child = self._state, None
        if event.incarnation is not None:
            child = state.living.get(event.incarnation) or state.former.get(event.incarnation)
        if child is None and event.is_alive:
            state.refuse(event.token, dynamic_steps.Stranger())
        elif child is None:
            state.answer(event.token)
        elif child.state == "restarting":
            state.drop(child)
            state.answer(event.token)
        else:
            child.ends = [*(child.ends or ()), event.token]
            if child.state != "stopping":
                self._stop(child)

    def _up(self, incarnation: int) -> None:
        state = self._state
        child = state.living.get(incarnation)
        if child is None or child.state != "starting":
            return
        state.become(child, "running")
        child.up_since = state.now
        checkups.begin(state, child)
        state.report(events.ChildStarted(child.id, child.restarts))
        state.forget_former(child)
        if child.token is not None:
            state.answer(child.token, incarnation)
            child.token = None

    def _declined(self, incarnation: int) -> None:
        state = self._state
        child = state.living.get(incarnation)
        if child is None:
            return
        if child.state != "starting":
            self._gone(incarnation, "normal", None, spawned=True)
            return
        del state.living[incarnation]
        state.keep(child, incarnation)
        state.drop(child)
        if child.token is not None:
            state.answer(child.token)

    def _gone(self, incarnation: int, reason: object, cause: object, *, spawned: bool) -> None:
        state = self._state
        child = state.living.pop(incarnation, None)
        if child is None:
            return
        if spawned:
            state.keep(child, incarnation)
        state.end_checks(child)
        blame, child.blame = child.blame, None
        if blame is not None and says(reason, "killed") and not child.ends:
            reason = blame
        match child.state:
            case "starting":
                self._start_failed(child, reason, cause)
            case "stopping" if blame is not None and not child.ends:
                self._start_failed(child, reason, None)
            case "stopping":
                self._stopped(child, reason)
            case _ if state.phase == "stopping":
                self._stopped(child, reason)
            case _:
                self._ended(child, reason, cause)

    def _start_failed(self, child: Instance, reason: object, cause: object) -> None:
        state = self._state
        state.report(events.StartFailed(child.id, reason))
        if child.token is not None:
            state.drop(child)
            state.refuse(child.token, steps.DidNotStart(child.id, reason))
        elif state.phase == "stopping":
            state.drop(child)
        else:
            child.reason, child.cause = reason, cause
            child.up_since = state.now
            state.become(child, "restarting")
            child.attempt = next(state.numbers)
            state.actions.append(dynamic_steps.TryAgain(child.number, child.attempt))

    def _stopped(self, child: Instance, reason: object) -> None:
        state = self._state
        state.report(events.ChildStopped(child.id, reason))
        state.drop(child)
        if child.token is not None:
            state.refuse(child.token, steps.DidNotStart(child.id, reason))
        for token in child.ends or ():
            state.answer(token)

    def _ended(self, child: Instance, reason: object, cause: object) -> None:
        """A running child ended by itself."""
        state = self._state
        restart = wants_restart(state.template.restart, reason)
        state.report(events.ChildEnded(child.id, reason, restart))
        if restart:
            child.reason, child.cause = reason, cause
            state.become(child, "restarting")
            state.remember_former(child)
            self._recover(child)
        else:
            state.drop(child)
            self._shut_down_after(child, reason, cause)

    def _time_up(self, timer: int) -> None:
        if self._end.time_up(timer):
            return
        state = self._state
        child = state.timers.pop(timer, None)
        if child is None:
            return
        if child.checkup is not None and child.checkup.timer == timer:
            checkups.time_up(state, child, child.checkup)
            return
        child.timer = None
        match child.state:
            case "restarting":
                self._start(child)
            case "starting" if child.spec.start_timeout != "infinity":
                child.blame = events.StartTimedOut(child.spec.start_timeout)
                state.become(child, "stopping")
                state.actions.append(steps.Kill(child.incarnation))
            case _:
                state.actions.append(steps.Kill(child.incarnation))

    def _reconfigure(self, change: dynamic_steps.ReconfigureInstances) -> None:
        """The template holds from the next start of each child on, all else at once."""
        state = self._state
        same = is_same(state.template, change.template)
        state.template = change.template
        state.flags = change.flags
        state.max_children = change.max_children
        state.budget.change(change.flags.intensity, change.flags.period)
        ids = (change.template.id,)
        difference = Reconfigured(kept=ids) if same else Reconfigured(changed=ids)
        state.actions.append(steps.AnswerReconfigured(change.token, difference))

    # --- what is decided

    def _start(self, child: Instance) -> None:
        state = self._state
        state.renew(child)
        child.incarnation = next(state.numbers)
        state.become(child, "starting")
        state.living[child.incarnation] = child
        state.actions.append(
            dynamic_steps.SpawnInstance(child.incarnation, child.args, child.held, child.restarts)
        )
        if child.spec.restart == "temporary":
            child.args = ()  # never needed again, and perhaps large
        if child.spec.start_timeout != "infinity":
            state.time(child, child.spec.start_timeout)

    def _stop(self, child: Instance) -> None:
        """Stop one child, because somebody asked for it."""
        state = self._state
        state.end_checks(child)
        state.become(child, "stopping")
        how = stop_signal(state.template.shutdown)
        if how.signal == "kill":
            state.actions.append(steps.Kill(child.incarnation))
            return
        state.actions.append(steps.SendExit(child.incarnation))
        if how.limit is not None:
            state.time(child, how.limit)

    def _recover(self, child: Instance) -> None:
        """One more start of `child`, now or after a wait, if the budget allows it."""
        state = self._state
        if state.budget.spend(state.now):
            state.restarts += 1
            child.restarts += 1
            if state.template.backoff is None:
                self._start(child)
            else:
                self._back_off(child, state.template.backoff)
            return
        gave_up = events.GaveUp(
            state.label,
            child.id,
            child.reason,
            child.cause,
            state.flags.intensity,
            state.flags.period,
        )
        state.report(gave_up)
        self._end.begin(steps.End("shutdown", gave_up))

    def _back_off(self, child: Instance, backoff: Backoff) -> None:
        state = self._state
        lived = state.now - child.up_since
        child.failures = 1 if lived >= backoff.healthy_after else child.failures + 1
        after = backoff.delay(child.failures, state.chance())
        state.report(events.RestartDelayed(child.id, child.failures, after))
        state.time(child, after)
        child.due = state.now + after

    def _shut_down_after(self, child: Instance, reason: object, cause: object) -> None:
        """`child` has ended by itself for good: does the supervisor follow?"""
        state = self._state
        if not state.template.significant or state.flags.auto_shutdown == "never":
            return
        if state.flags.auto_shutdown == "all_significant" and state.children:
            return
        why = events.AutoShutdown(state.label, child.id, reason, cause)
        state.report(why)
        self._end.begin(steps.End("shutdown", why))
