"""Which event a state machine handles next, and what a transition does to those that wait.

Pure: the handlers are the caller's, time comes in as `now`, and timeouts are data. The caller asks
for a `step`, carries it out, and hands in the transition that its handler answered:

    arrive, wake ─▶ events ─▶ step ─▶ Handle ─▶ (the handler) ─▶ apply ─▶ next step
                      ▲         └───▶ Enter ──▶ (its enter callback) ─▶ apply
                      └─ first internal events, then what was postponed

Invariants:
  - internal events come first, in the order of their actions; then, after a change of state, what
    was postponed, in the order of arrival; then the rest;
  - an event is handled, postponed or waiting: none is lost, none is there twice;
  - the state timeout belongs to one stay in a state, the event timeout to the pause between two
    events, a named one to nobody;
  - a timeout that has elapsed waits until no other event does, and can still be cancelled.

Source: Erlang/OTP, gen_statem(3) and Design Principles, "gen_statem Behaviour".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from typing import assert_never

from airssys_wasm.kernel.message import Internal
from airssys_wasm.kernel.transitions import (
    EVENT,
    STATE,
    Action,
    CancelTimeout,
    EventTimeout,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
    Stop,
    TimedOut,
    TimeoutAction,
    Transition,
    UpdateTimeout,
)

SPENT = 16  # timers replaced or cancelled, beyond those that run, before the heap is rebuilt


@dataclass(frozen=True, slots=True)
class Enter:
    """Run the enter callback of `state`. `previous` is None for the initial state."""

    state: Hashable
    previous: Hashable


@dataclass(frozen=True, slots=True)
class Handle:
    """Let the handler of `state` have `event`."""

    state: Hashable
    event: object


@dataclass(slots=True)
class Armed:
    """A timeout that runs."""

    serial: int
    payload: object


class Machine:
    """One state machine: its state, the events that wait, and its timeouts.

    `timeouts` are the names that NamedTimeout may use; None: any.

    >>> machine = Machine(["locked", "open"], "locked")
    >>> machine.step(), machine.apply(KeepState(), now=0.0)
    (Enter(state='locked', previous=None), None)
    >>> machine.arrive("walk"), machine.step()
    (None, Handle(state='locked', event='walk'))
    >>> machine.apply(KeepState(Postpone()), now=0.0)
    >>> machine.arrive("coin"), machine.step()
    (None, Handle(state='locked', event='coin'))
    >>> machine.apply(NextState("open"), now=1.0)
    >>> machine.step(), machine.apply(KeepState(), now=1.0), machine.step()
    (Enter(state='open', previous='locked'), None, Handle(state='open', event='walk'))
    """

    __slots__ = (
        "_elapsed",
        "_events",
        "_heap",
        "_in_hand",
        "_postponed",
        "_serial",
        "_states",
        "_timeouts",
        "_timers",
        "_to_enter",
        "ended",
        "state",
    )

    def __init__(
        self,
        states: Collection[Hashable],
        initial: Hashable,
        *,
        timeouts: Collection[Hashable] | None = None,
    ) -> None:
        self._states = states
        self._timeouts = timeouts
        self.state = self._known(initial)
        self.ended: Stop | None = None
        self._to_enter: Enter | None = Enter(initial, None)
        self._in_hand: Enter | Handle | None = None
        self._events: deque[object] = deque()
        self._postponed: list[object] = []
        self._timers: dict[Hashable, Armed] = {}
        self._heap: list[tuple[float, int, Hashable]] = []  # due, serial, name; spent ones too
        self._elapsed: deque[tuple[int, Hashable]] = deque()
        self._serial = 0

    # --- what waits

    @property
    def is_ready(self) -> bool:
        """Whether `step` may give something."""
        return self.ended is None and bool(self._to_enter or self._events or self._elapsed)

    @property
    def postponed(self) -> tuple[object, ...]:
        """The events that wait for a change of state, in the order in which they will come."""
        return tuple(self._postponed)

    @property
    def timeouts(self) -> frozenset[Hashable]:
        """The names of the timeouts that run."""
        return frozenset(self._timers)

    @property
    def next_due(self) -> float:
        """When to call `wake`; `inf` when no timeout runs."""
        heap = self._heap
        while heap:
            due, serial, name = heap[0]
            if self._runs(name, serial):
                return due
            heappop(heap)
        return inf

    # --- what comes in

    def begin(self, transition: KeepState | NextState, now: float) -> None:
        """Settle before the first step where to start, and with which timeouts and events."""
        self._check(transition.actions)
        if Postpone() in transition.actions:
            raise ValueError("a beginning has no event that could be postponed")
        if isinstance(transition, NextState):
            self.state = self._known(transition.state)
            self._to_enter = Enter(self.state, None)
        self._act(transition.actions, now)

    def arrive(self, event: object) -> None:
        """An event from outside. It comes after all that wait, elapsed timeouts excepted."""
        self._events.append(event)

    def take_waiting(self) -> list[object]:
        """Take out all events that are not handled, the postponed ones first."""
        waiting = [*self._postponed, *self._events]
        self._postponed.clear()
        self._events.clear()
        return waiting

    def wake(self, now: float) -> None:
        """Time has passed: the timeouts that are due at `now` will be events."""
        while self.next_due <= now:
            _, serial, name = heappop(self._heap)
            self._elapsed.append((serial, name))

    # --- what is done

    def step(self) -> Enter | Handle | None:
        """What to do next; None when there is nothing to do, or the machine has ended."""
        if self._in_hand is not None:
            raise ValueError(f"{self._in_hand} has had no answer yet: apply one before")
        if self.ended is not None:
            return None
        if self._to_enter is not None:
            self._in_hand, self._to_enter = self._to_enter, None
            return self._in_hand
        if self._events:
            event = self._events.popleft()
        else:
            timed_out = self._time_out()
            if timed_out is None:
                return None
            event = timed_out
        self._timers.pop(EVENT, None)
        self._in_hand = Handle(self.state, event)
        return self._in_hand

    def apply(self, transition: Transition, now: float) -> None:
        """What the handler of the last step answered takes effect.

        Raises ValueError, and changes nothing, for a state or a timeout that the machine does not
        have, for an enter callback that leaves the state, postpones or inserts events, and when no
        step is in hand.
        """
        step = self._in_hand
        if step is None:
            raise ValueError("no step is in hand to which this could be the answer")
        if isinstance(step, Enter):
            self._check_enter(transition)
        if isinstance(transition, Stop):
            self._in_hand = None
            self.ended = transition
            return
        self._check(transition.actions)
        previous, repeated = self.state, isinstance(transition, RepeatState)
        if isinstance(transition, NextState):
            self.state = self._known(transition.state)
        self._in_hand = None
        if isinstance(step, Handle) and Postpone() in transition.actions:
            self._postponed.append(step.event)
        if self.state != previous:
            self._timers.pop(STATE, None)
            self._events.extendleft(reversed(self._postponed))
            self._postponed.clear()
        self._act(transition.actions, now)
        if repeated or self.state != previous:
            self._to_enter = Enter(self.state, previous)

    # --- inside

    def _known(self, state: Hashable) -> Hashable:
        if state not in self._states:
            known = ", ".join(sorted(map(repr, self._states)))
            raise ValueError(f"no state {state!r}; there are: {known}")
        return state

    def _check(self, actions: Iterable[Action]) -> None:
        if self._timeouts is None:
            return
        for action in actions:
            if not isinstance(action, NamedTimeout | CancelTimeout | UpdateTimeout):
                continue
            if action.name not in (STATE, EVENT) and action.name not in self._timeouts:
                known = ", ".join(sorted(map(repr, self._timeouts)))
                raise ValueError(f"no timeout {action.name!r}; there are: {known}")

    @staticmethod
    def _check_enter(transition: Transition) -> None:
        if isinstance(transition, NextState | RepeatState):
            raise ValueError(f"an enter callback stays in its state; it answered {transition}")
        if transition.reply is not None:
            raise ValueError(f"an enter callback has no request in hand to reply to: {transition}")
        if isinstance(transition, KeepState):
            for action in transition.actions:
                if isinstance(action, Postpone | NextEvent):
                    raise ValueError(f"an enter callback only sets timeouts; it answered {action}")

    def _act(self, actions: Iterable[Action], now: float) -> None:
        internal: list[object] = []
        for action in actions:
            if isinstance(action, NextEvent):
                internal.append(Internal(action.payload))
            elif not isinstance(action, Postpone):
                self._set(action, now)
        self._events.extendleft(reversed(internal))

    def _set(self, action: TimeoutAction, now: float) -> None:
        match action:
            case StateTimeout(seconds, payload):
                self._arm(STATE, seconds, payload, now)
            case EventTimeout(seconds, payload):
                self._arm(EVENT, seconds, payload, now)
            case NamedTimeout(name, seconds, payload):
                self._arm(name, seconds, payload, now)
            case CancelTimeout(name):
                self._timers.pop(name, None)
            case UpdateTimeout(name, payload):
                armed = self._timers.get(name)
                if armed is not None:
                    armed.payload = payload
                else:
                    self._arm(name, 0, payload, now)
            case _:
                assert_never(action)

    def _arm(self, name: Hashable, seconds: float, payload: object, now: float) -> None:
        self._serial += 1
        self._timers[name] = Armed(self._serial, payload)
        if seconds == 0:
            self._elapsed.append((self._serial, name))
            return
        # A unique serial comes before the name, so that names are never compared.
        heappush(self._heap, (now + seconds, self._serial, name))
        if len(self._heap) > 2 * len(self._timers) + SPENT:
            self._heap = [entry for entry in self._heap if self._runs(entry[2], entry[1])]
            heapify(self._heap)

    def _runs(self, name: Hashable, serial: int) -> bool:
        armed = self._timers.get(name)
        return armed is not None and armed.serial == serial

    def _time_out(self) -> TimedOut | None:
        """The event of the timeout that elapsed first and was not cancelled since."""
        while self._elapsed:
            serial, name = self._elapsed.popleft()
            if self._runs(name, serial):
                return TimedOut(name, self._timers.pop(name).payload)
        return None
