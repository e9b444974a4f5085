"""A supervisor without actors: the state machine, and children that do as the test says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from airssys_wasm.supervision import ChildSpec, Health, steps
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.tree import SupervisorMachine


class Rehearsal:
    """Carries out what the machine asks for, at once, and writes it down in `log`.

    `inits[id]` says how the coming starts of a child go, in turn: `"ok"` (when there is none left),
    `"hang"`, `"ignore"`, `("fail", reason)` in init or `("raise", reason)` in the constructor.
    `stubborn` children do not end when they are asked to.
    """

    def __init__(self, children: Iterable[ChildSpec | str], **options: Any) -> None:
        specs = [spec(one) if isinstance(one, str) else one for one in children]
        self.machine = SupervisorMachine(Flags(**options), specs)
        self.now = 0.0
        self.log: list[str] = []
        self.reports: list[object] = []
        self.answers: dict[object, object] = {}
        self.inits: dict[str, deque[Any]] = {}
        self.stubborn: set[str] = set()
        self.alive: dict[str, int] = {}
        self.spawned: dict[int, steps.Spawn] = {}
        self.timers: dict[int, float] = {}
        self.questions: dict[str, steps.Checked] = {}
        self.ended: steps.End | None = None
        self.ready = False
        self.holds_retries = False
        self.retries: list[steps.Retry] = []
        self._events: deque[steps.Event] = deque()
        self._tokens = 0

    def begin(self) -> Rehearsal:
        self.feed(steps.Begin())
        return self

    def feed(self, event: steps.Event) -> None:
        self._events.append(event)
        while self._events:
            for action in self.machine.handle(self._events.popleft(), self.now):
                self._do(action)

    def tell(self, change: Callable[[Any, object], steps.Event], what: object) -> object:
        """Ask for a change; its answer, or None while there is none."""
        self._tokens += 1
        token = self._tokens
        self.feed(change(what, token))
        return self.answers.get(token)

    def plan_inits(self, id: str, *outcomes: Any) -> None:
        self.inits[id] = deque(outcomes)

    def up(self, id: str) -> None:
        """The init of a child that hung succeeds."""
        self.feed(steps.Up(self.alive[id]))

    def crash(self, id: str, reason: object = "boom", cause: object = None) -> None:
        self.feed(steps.Gone(self._dies(id), reason, cause))

    def tell_health(self, id: str, status: Any, detail: object = None) -> None:
        """A child answers the last question for its health."""
        self.feed(replace(self.questions[id], health=Health(status, detail)))

    def retry(self) -> None:
        """The retry that waited behind other messages is handled now."""
        self.feed(self.retries.pop(0))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer, due in sorted(self.timers.items(), key=lambda entry: entry[1]):
            if due <= self.now and timer in self.timers:
                del self.timers[timer]
                self.feed(steps.TimeUp(timer))

    def take_log(self) -> list[str]:
        log, self.log = self.log, []
        return log

    def status(self) -> dict[str, str]:
        """Oldest first."""
        return {view.id: view.status for view in reversed(self.machine.which_children())}

    def _dies(self, id: str) -> int:
        return self.alive.pop(id)

    def _do(self, action: steps.Action) -> None:
        match action:
            case steps.Spawn(incarnation, child):
                self._spawn(incarnation, child, action)
            case steps.SendExit(incarnation, reason):
                id = self.spawned[incarnation].spec.id
                self.log.append(f"stop {id}" if reason == "shutdown" else f"exit {id}")
                if id not in self.stubborn and self.alive.get(id) == incarnation:
                    self._events.append(steps.Gone(self._dies(id), reason))
            case steps.AskHealth(incarnation, number):
                id = self.spawned[incarnation].spec.id
                assert self.alive[id] == incarnation
                self.log.append(f"ask {id}")
                self.questions[id] = steps.Checked(incarnation, number, Health("healthy"))
            case steps.Kill(incarnation):
                id = self.spawned[incarnation].spec.id
                self.log.append(f"kill {id}")
                if self.alive.get(id) == incarnation:
                    self._events.append(steps.Gone(self._dies(id), "killed"))
            case steps.Release(incarnation):
                self.log.append(f"release {self.spawned[incarnation].spec.id}")
            case steps.SetTimer(timer, after):
                assert after >= 0
                self.timers[timer] = self.now + after
            case steps.CancelTimer(timer):
                del self.timers[timer]
            case steps.Again(id, attempt):
                retry = steps.Retry(id, attempt)
                (self.retries if self.holds_retries else self._events).append(retry)
            case steps.Answer(token, incarnation):
                assert token not in self.answers
                started = None if incarnation is None else self.spawned[incarnation].spec.id
                self.answers[token] = ("ok", started)
            case steps.AnswerReconfigured(token, difference):
                assert token not in self.answers
                self.answers[token] = difference
            case steps.Adjust(incarnation, child):
                self.log.append(f"adjust {child.id}")
                assert self.alive[child.id] == incarnation
            case steps.Refuse(token, problem):
                assert token not in self.answers
                self.answers[token] = problem
            case steps.Report(event):
                self.reports.append(event)
            case steps.Ready():
                assert not self.ready
                self.ready = True
                self.log.append("ready")
            case steps.End():
                assert self.ended is None
                assert not self.alive, "it ended before its children"
                self.ended = action
                self.log.append(f"end {action.reason}")

    def _spawn(self, incarnation: int, child: ChildSpec, action: steps.Spawn) -> None:
        id = child.id
        assert id not in self.alive, f"two incarnations of {id}"
        self.spawned[incarnation] = action
        self.log.append(f"start {id}" if action.adopt is None else f"start {id} with its mailbox")
        outcomes = self.inits.get(id)
        outcome = outcomes.popleft() if outcomes else "ok"
        if outcome not in ("ok", "hang"):
            match outcome:
                case "ignore":
                    self._events.append(steps.Declined(incarnation))
                case ("fail", reason):
                    self._events.append(steps.Gone(incarnation, reason))
                case ("raise", reason):
                    self._events.append(steps.NotSpawned(incarnation, reason))
            return
        self.alive[id] = incarnation
        if outcome == "ok":
            self._events.append(steps.Up(incarnation))


def spec(id: str, **options: Any) -> ChildSpec:
    return ChildSpec(id, list, **options)


@pytest.fixture(name="spec")
def spec_fixture() -> Callable[..., ChildSpec]:
    """Makes a child spec of which only the supervision matters."""
    return spec


@pytest.fixture
def rehearse() -> Callable[..., Rehearsal]:
    """Makes a supervisor without actors that has begun; `inits` may be given."""

    def make(children: Iterable[ChildSpec | str], **options: Any) -> Rehearsal:
        inits = options.pop("inits", {})
        stubborn = options.pop("stubborn", ())
        begins = options.pop("begins", True)
        rehearsal = Rehearsal(children, **options)
        for id, outcomes in inits.items():
            rehearsal.plan_inits(id, *outcomes)
        rehearsal.stubborn.update(stubborn)
        return rehearsal.begin() if begins else rehearsal

    return make
