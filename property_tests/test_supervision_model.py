"""The state machine of a supervisor against a model of OTP's, on random scripts.

The model is supervisor.erl retold without messages: it calls its children as functions, which start
and stop at once, and recurses. It shares no code with the machine. What differs is then a bug.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.supervision import ChildSpec, steps
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.tree import SupervisorMachine

ORDERLY = ("normal", "shutdown", ("shutdown", "x"))


@dataclass
class ModelChild:
    id: str
    restart: str
    significant: bool
    pid: str = "undefined"  # or "alive" or "restarting"


class Over(Exception):
    """The supervisor has ended with `reason`."""


class Model:
    """OTP's supervisor, children oldest first, times in milliseconds."""

    def __init__(self, strategy: str, intensity: int, period_ms: int, mode: str) -> None:
        self.strategy, self.intensity, self.period_ms, self.mode = (
            strategy,
            intensity,
            period_ms,
            mode,
        )
        self.children: list[ModelChild] = []
        self.spent: list[int] = []
        self.outcomes: dict[str, list[str]] = {}
        self.now_ms = 0
        self.log: list[str] = []

    def child(self, id: str) -> ModelChild | None:
        return next((child for child in self.children if child.id == id), None)

    def launch(self, child: ModelChild) -> str:
        """How a start goes: ok, ignore or fail."""
        self.log.append(f"start {child.id}")
        planned = self.outcomes.get(child.id)
        return planned.pop(0) if planned else "ok"

    def stop_children(self, children: list[ModelChild]) -> None:
        for child in reversed(children):
            if child.pid == "alive":
                self.log.append(f"stop {child.id}")
            child.pid = "undefined"
            if child.restart == "temporary":
                self.children.remove(child)

    def end(self, reason: object) -> None:
        self.stop_children(list(self.children))
        raise Over(reason)

    def boot(self) -> None:
        for child in list(self.children):
            match self.launch(child):
                case "ok":
                    child.pid = "alive"
                case "ignore" if child.restart == "temporary":
                    self.children.remove(child)
                case "fail":
                    self.end("failed to start")

    def dies(self, id: str, reason: object) -> None:
        child = self.child(id)
        assert child is not None
        child.pid = "undefined"
        if child.restart == "permanent" or (child.restart == "transient" and reason not in ORDERLY):
            self.recover(child)
            return
        if child.restart == "temporary":
            self.children.remove(child)
        others = [one for one in self.children if one.significant and one.pid != "undefined"]
        if child.significant and (
            self.mode == "any_significant" or (self.mode == "all_significant" and not others)
        ):
            self.end("shutdown")

    def recover(self, child: ModelChild) -> None:
        self.spent = [at for at in self.spent if self.now_ms - at <= self.period_ms]
        if len(self.spent) + 1 > self.intensity:
            child.pid = "undefined"
            self.end("shutdown")
        self.spent.append(self.now_ms)
        place = self.children.index(child)
        match self.strategy:
            case "one_for_one":
                group = [child]
            case "one_for_all":
                group = list(self.children)
            case _:
                group = self.children[place:]
        child.pid = "undefined"
        self.stop_children([one for one in group if one is not child])
        for one in group:
            if one not in self.children:
                continue
            match self.launch(one):
                case "ok":
                    one.pid = "alive"
                case "fail":
                    one.pid = "restarting"
                    self.recover(one)
                    return

    def add(self, new: ModelChild) -> str:
        old = self.child(new.id)
        if old is not None:
            return "AlreadyUp" if old.pid == "alive" else "Present"
        if new.significant and self.mode == "never":
            return "Unfit"
        self.children.append(new)
        outcome = self.launch(new)
        if outcome == "fail" or (outcome == "ignore" and new.restart == "temporary"):
            self.children.remove(new)
        if outcome == "ok":
            new.pid = "alive"
        return "DidNotStart" if outcome == "fail" else "ok"

    def terminate(self, id: str) -> str:
        child = self.child(id)
        if child is None:
            return "NotFound"
        self.stop_children([child])
        return "ok"

    def restart(self, id: str) -> str:
        child = self.child(id)
        if child is None:
            return "NotFound"
        if child.pid == "alive":
            return "Running"
        outcome = self.launch(child)
        if outcome == "ok":
            child.pid = "alive"
        return "DidNotStart" if outcome == "fail" else "ok"

    def delete(self, id: str) -> str:
        child = self.child(id)
        if child is None:
            return "NotFound"
        if child.pid == "alive":
            return "Running"
        self.children.remove(child)
        return "ok"


class Real:
    """The machine, with children that start and stop at once."""

    def __init__(self, machine: SupervisorMachine) -> None:
        self.machine = machine
        self.now_ms = 0
        self.log: list[str] = []
        self.outcomes: dict[str, list[str]] = {}
        self.ids: dict[int, str] = {}
        self.alive: dict[str, int] = {}
        self.answer: object = None
        self.over: object = None

    def feed(self, event: steps.Event) -> None:
        events = deque([event])
        while events:
            for action in self.machine.handle(events.popleft(), self.now_ms / 1000):
                match action:
                    case steps.Spawn(number, spec):
                        events.append(self.launch(number, spec.id))
                    case steps.SendExit(number):
                        self.log.append(f"stop {self.ids[number]}")
                        del self.alive[self.ids[number]]
                        events.append(steps.Gone(number, "shutdown"))
                    case steps.Again(id, attempt):
                        events.append(steps.Retry(id, attempt))
                    case steps.Answer():
                        self.answer = "ok"
                    case steps.Refuse(_, problem):
                        self.answer = type(problem).__name__
                    case steps.End(reason):
                        self.over = reason

    def launch(self, number: int, id: str) -> steps.Event:
        self.log.append(f"start {id}")
        self.ids[number] = id
        planned = self.outcomes.get(id)
        match planned.pop(0) if planned else "ok":
            case "fail":
                return steps.Gone(number, "no disk")
            case "ignore":
                return steps.Declined(number)
        self.alive[id] = number
        return steps.Up(number)

    def crash(self, id: str, reason: object) -> None:
        self.feed(steps.Gone(self.alive.pop(id), reason))


IDS = "abcde"
KINDS = st.sampled_from(
    [
        ("permanent", False),
        ("transient", False),
        ("temporary", False),
        ("transient", True),
        ("temporary", True),
    ]
)
REASONS = st.sampled_from([*ORDERLY, "boom", "killed"])
OUTCOMES = st.lists(st.sampled_from(["ok", "ok", "fail", "ignore"]), min_size=1, max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("crash"), st.sampled_from(IDS), REASONS),
        st.tuples(st.just("crash"), st.sampled_from(IDS), st.just("boom")),
        st.tuples(st.just("plan"), st.sampled_from(IDS), OUTCOMES),
        st.tuples(st.just("wait"), st.integers(0, 400), st.none()),
        st.tuples(st.just("add"), st.sampled_from(IDS), KINDS),
        st.tuples(
            st.sampled_from(["terminate", "restart", "delete"]), st.sampled_from(IDS), st.none()
        ),
    ),
    max_size=30,
)
CHILDREN = st.lists(st.tuples(st.sampled_from(IDS), KINDS), unique_by=lambda one: one[0])
FLAGS = st.tuples(
    st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    st.integers(0, 4),
    st.integers(1, 600),
    st.sampled_from(["never", "any_significant", "all_significant"]),
)


def child_spec(id: str, kind: Any) -> ChildSpec:
    restart, significant = kind
    return ChildSpec(id, list, restart=restart, significant=significant)


@given(FLAGS, CHILDREN, st.dictionaries(st.sampled_from(IDS), OUTCOMES, max_size=2), STEPS)
def test_the_machine_does_what_the_model_does(
    flags: Any, children: list[Any], first: dict[str, list[str]], script: list[Any]
) -> None:
    strategy, intensity, period_ms, mode = flags
    if mode == "never":
        children = [(id, (restart, False)) for id, (restart, _) in children]
    model = Model(*flags)
    model.children = [ModelChild(id, *kind) for id, kind in children]
    model.outcomes = {id: list(outcomes) for id, outcomes in first.items()}
    specs = [child_spec(*child) for child in children]
    machine_flags = Flags(strategy, intensity, period_ms / 1000, mode)
    real = Real(SupervisorMachine(machine_flags, specs))
    real.outcomes = {id: list(outcomes) for id, outcomes in first.items()}
    end = perform(script, model, real)
    assert real.log == model.log
    assert not real.alive
    reason = real.over[0] if isinstance(real.over, tuple) else real.over
    assert reason == "shutdown"
    assert (end == "failed to start") is isinstance(real.over, tuple)


def perform(script: list[Any], model: Model, real: Real) -> object:
    """Run the script in both until the model ends; why it did."""
    try:
        real.feed(steps.Begin())
        model.boot()
        compare(model, real)
        for step in script:
            take(step, model, real)
            compare(model, real)
        real.feed(steps.Stop("shutdown"))
        model.end("shutdown")
    except Over as over:
        return over.args[0]
    raise AssertionError("unreachable")


def take(step: Any, model: Model, real: Real) -> None:
    """One step in both; the model raises Over when it ends."""
    real.answer = expected = None
    match step:
        case ("crash", id, reason):
            if id in real.alive:
                real.crash(id, reason)
                model.dies(id, reason)
        case ("plan", id, outcomes):
            model.outcomes[id] = list(outcomes)
            real.outcomes[id] = list(outcomes)
        case ("wait", milliseconds, _):
            model.now_ms += milliseconds
            real.now_ms += milliseconds
        case ("add", id, kind):
            real.feed(steps.AddChild(child_spec(id, kind), 1))
            expected = model.add(ModelChild(id, *kind))
        case ("terminate", id, _):
            real.feed(steps.TerminateChild(id, 1))
            expected = model.terminate(id)
        case ("restart", id, _):
            real.feed(steps.RestartChild(id, 1))
            expected = model.restart(id)
        case ("delete", id, _):
            real.feed(steps.DeleteChild(id, 1))
            expected = model.delete(id)
    assert real.answer == expected


def compare(model: Model, real: Real) -> None:
    assert real.over is None
    assert real.log == model.log
    names = {"alive": "running", "undefined": "stopped", "restarting": "restarting"}
    views = real.machine.which_children()
    assert [(view.id, view.status) for view in reversed(views)] == [
        (child.id, names[child.pid]) for child in model.children
    ]
    left = model.intensity - sum(model.now_ms - at <= model.period_ms for at in model.spent)
    assert real.machine.restarts_left(real.now_ms / 1000) == left
    assert set(real.alive) == {child.id for child in model.children if child.pid == "alive"}
