"""State machines against a model of gen_statem, on random machines and random scripts.

The model keeps one flat line of events and a list of timers, scans both from the front each time,
and shares no code with the machine. What differs is then a bug. Beside it stand laws that need no
model, each with its pair: what must never happen, and what must still happen.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import (
    CancelTimeout,
    EventTimeout,
    Internal,
    KeepState,
    Kernel,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateMachine,
    StateTimeout,
    TimedOut,
    Transition,
    UpdateTimeout,
    state,
)
from airssys_wasm.kernel.state_machine import Enter, Machine

STATES = ("a", "b", "c")
ENOUGH = 300  # steps: some machines go on for ever, as some programs do


@dataclass(frozen=True)
class Event:
    """What a handler sees: from outside, of its own, or a timeout; `fuel` bounds what it starts."""

    kind: Literal["outside", "internal", "timeout"]
    name: object
    fuel: int
    serial: int = field(default=0)


@dataclass(frozen=True)
class Rule:
    """What a handler answers, in words that both the machine and the model understand."""

    go: str  # "keep", "repeat", or the next state
    postpone: bool
    internal: tuple[str, ...]
    timers: tuple[tuple[str, str, int], ...]  # (arm | cancel | update, name, seconds)


RULES = st.builds(
    Rule,
    go=st.sampled_from(("keep", "keep", "repeat", *STATES)),
    postpone=st.booleans(),
    internal=st.lists(st.sampled_from("ij"), max_size=2).map(tuple),
    timers=st.lists(
        st.tuples(
            st.sampled_from(("arm", "arm", "cancel", "update")),
            st.sampled_from(("state", "event", "x", "y")),
            st.integers(0, 3),
        ),
        max_size=2,
    ).map(tuple),
)
NAMES = ("m", "n", "o", "i", "j", "state", "event", "x", "y")
TABLES = st.fixed_dictionaries({(s, n): RULES for s in STATES for n in NAMES})
ENTERING = st.fixed_dictionaries(dict.fromkeys(STATES, RULES))
SCRIPTS = st.lists(st.one_of(st.sampled_from("mno"), st.integers(1, 4)), max_size=12)


def limited(rule: Rule, fuel: int) -> Rule:
    """A rule for an event without fuel starts nothing."""
    if fuel:
        return rule
    cancels = tuple(timer for timer in rule.timers if timer[0] == "cancel")
    return Rule(rule.go, rule.postpone, (), cancels)


def answer(rule: Rule, fuel: int) -> Transition:
    """The rule as a handler would put it."""
    actions: list[Any] = [Postpone()] if rule.postpone else []
    actions += [NextEvent((name, fuel - 1)) for name in rule.internal]
    actions += timer_actions(rule, fuel)
    match rule.go:
        case "keep":
            return KeepState(*actions)
        case "repeat":
            return RepeatState(*actions)
        case other:
            return NextState(other, *actions)


def timer_actions(rule: Rule, fuel: int) -> list[Any]:
    actions: list[Any] = []
    for verb, name, seconds in rule.timers:
        match verb, name:
            case "cancel", _:
                actions.append(CancelTimeout(name))
            case "update", _:
                actions.append(UpdateTimeout(name, fuel - 1))
            case _, "state":
                actions.append(StateTimeout(seconds, fuel - 1))
            case _, "event":
                actions.append(EventTimeout(seconds, fuel - 1))
            case _:
                actions.append(NamedTimeout(name, seconds, fuel - 1))
    return actions


def seen(event: Any) -> Event:
    match event:
        case Internal((name, int() as fuel)):
            return Event("internal", name, fuel)
        case TimedOut(name, int() as fuel):
            return Event("timeout", name, fuel)
    assert isinstance(event, Event)
    return event


class Real:
    """The machine, with handlers that go by the table."""

    def __init__(self, table: dict[Any, Rule], entering: dict[str, Rule]) -> None:
        self.machine = Machine(STATES, "a")
        self.table, self.entering = table, entering
        self.now = 0
        self.log: list[Any] = []
        self.steps = 0
        self.run()

    def run(self) -> None:
        while self.steps < ENOUGH and (step := self.machine.step()) is not None:
            self.steps += 1
            if isinstance(step, Enter):
                self.log.append((step.previous, step.state))
                rule = limited(self.entering[str(step.state)], 2)
                self.machine.apply(KeepState(*timer_actions(rule, 2)), self.now)
                continue
            event = seen(step.event)
            self.log.append((step.state, event))
            rule = limited(self.table[step.state, event.name], event.fuel)
            self.machine.apply(answer(rule, event.fuel), self.now)

    def arrive(self, event: Event) -> None:
        self.machine.arrive(event)
        self.run()

    def advance(self, seconds: int) -> None:
        # One wake-up for each deadline, as the kernel's timer gives them.
        until = self.now + seconds
        while (due := self.machine.next_due) <= until and self.steps < ENOUGH:
            self.now = int(due)
            self.machine.wake(self.now)
            self.run()
        self.now = until


@dataclass
class ModelTimer:
    name: str
    due: int
    fuel: int


class Model:
    """gen_statem retold: one line of events with those postponed marked, timers in a list."""

    def __init__(self, table: dict[Any, Rule], entering: dict[str, Rule]) -> None:
        self.table, self.entering = table, entering
        self.state = "a"
        self.line: list[Event] = []
        self.aside: list[Event] = []
        self.timers: list[ModelTimer] = []  # in the order of arming
        self.now = 0
        self.log: list[Any] = []
        self.steps = 0
        self.enter(None)
        self.run()

    def enter(self, previous: str | None) -> None:
        if self.steps >= ENOUGH:
            return
        self.steps += 1
        self.log.append((previous, self.state))
        self.set_timers(limited(self.entering[self.state], 2), 2)

    def run(self) -> None:
        while self.steps < ENOUGH:
            if self.line:
                event = self.line.pop(0)
            else:
                due = sorted((t for t in self.timers if t.due <= self.now), key=lambda t: t.due)
                if not due:
                    return
                self.forget(due[0].name)
                event = Event("timeout", due[0].name, due[0].fuel)
            self.handle(event)

    def handle(self, event: Event) -> None:
        self.steps += 1
        self.forget("event")
        self.log.append((self.state, event))
        rule = limited(self.table[self.state, event.name], event.fuel)
        if rule.postpone:
            self.aside.append(event)
        previous = self.state
        if rule.go in STATES and rule.go != self.state:
            self.state = rule.go
            self.forget("state")
            self.line, self.aside = self.aside + self.line, []
        self.line = [Event("internal", name, event.fuel - 1) for name in rule.internal] + self.line
        self.set_timers(rule, event.fuel)
        if rule.go == "repeat" or self.state != previous:
            self.enter(previous)

    def set_timers(self, rule: Rule, fuel: int) -> None:
        for verb, name, seconds in rule.timers:
            running = [timer for timer in self.timers if timer.name == name]
            if verb == "update" and running:
                running[0].fuel = fuel - 1
                continue
            self.forget(name)
            if verb != "cancel":
                due = self.now + (0 if verb == "update" else seconds)
                self.timers.append(ModelTimer(name, due, fuel - 1))

    def forget(self, name: str) -> None:
        self.timers = [timer for timer in self.timers if timer.name != name]

    def arrive(self, event: Event) -> None:
        self.line.append(event)
        self.run()

    def advance(self, seconds: int) -> None:
        for _ in range(seconds):
            self.now += 1
            self.run()


def play(machine: Real | Model, script: list[str | int]) -> list[Event]:
    """Send letters, let numbers of seconds pass; what was sent."""
    sent: list[Event] = []
    for serial, word in enumerate(script):
        if isinstance(word, int):
            machine.advance(word)
        else:
            sent.append(Event("outside", word, 2, serial))
            machine.arrive(sent[-1])
    return sent


@pytest.mark.rule("FSM-01")
@pytest.mark.rule("FSM-02")
@pytest.mark.rule("FSM-03")
@pytest.mark.rule("FSM-04")
@pytest.mark.rule("FSM-05")
@given(TABLES, ENTERING, SCRIPTS)
def test_a_machine_does_what_the_model_does(
    table: dict[Any, Rule], entering: dict[str, Rule], script: list[str | int]
) -> None:
    real, model = Real(table, entering), Model(table, entering)
    play(real, script)
    play(model, script)
    assert real.log == model.log
    if real.steps < ENOUGH:
        assert real.machine.state == model.state
        assert [seen(event) for event in real.machine.postponed] == model.aside
        assert real.machine.timeouts == {timer.name for timer in model.timers}


@given(TABLES, ENTERING, SCRIPTS)
def test_no_event_from_outside_is_lost_or_doubled(
    table: dict[Any, Rule], entering: dict[str, Rule], script: list[str | int]
) -> None:
    real = Real(table, entering)
    sent = play(real, script)
    handled = Counter(
        event.serial
        for place, event in real.log
        if isinstance(event, Event)
        and event.kind == "outside"
        and not table[place, event.name].postpone
    )
    rest = Counter(e.serial for e in real.machine.take_waiting() if isinstance(e, Event))
    assert handled + rest == Counter(event.serial for event in sent)


@given(TABLES, ENTERING, SCRIPTS)
def test_internal_events_come_before_all_others_and_all_of_them_come(
    table: dict[Any, Rule], entering: dict[str, Rule], script: list[str | int]
) -> None:
    # One that is postponed comes with the postponed ones, and one that changes the state lets those
    # come before the rest of its transition: here they do neither.
    plain = {
        place: Rule("keep", False, rule.internal, rule.timers) if place[1] in "ij" else rule
        for place, rule in table.items()
    }
    real = Real(plain, entering)
    play(real, script)
    owed: list[object] = []
    for place, event in real.log:
        if not isinstance(event, Event):
            continue
        if event.kind == "internal":
            assert owed.pop(0) == event.name
        else:
            assert owed == []
        owed = [*limited(plain[place, event.name], event.fuel).internal, *owed]
    assert owed == [] or real.steps >= ENOUGH


@given(st.lists(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_events_that_are_postponed_come_in_the_order_of_their_arrival(
    events: list[int], postponed: set[int]
) -> None:
    machine = Machine(["closed", "open"], "closed")
    order: list[tuple[int, int]] = []
    for arrival in [*enumerate(events), "open"]:
        machine.arrive(arrival)
    while (step := machine.step()) is not None:
        transition: Transition = KeepState()
        if not isinstance(step, Enter):
            if step.event == "open":
                transition = NextState("open")
            elif step.state == "closed" and step.event[1] in postponed:  # type: ignore[index]
                transition = KeepState(Postpone())
            else:
                order.append(step.event)  # type: ignore[arg-type]
        machine.apply(transition, 0.0)
    at_once = [(i, event) for i, event in enumerate(events) if event not in postponed]
    later = [(i, event) for i, event in enumerate(events) if event in postponed]
    assert order == at_once + later


class Turnstile(StateMachine[Any]):
    """Changes its state on `push`, and sees the numbers of its own state at once only."""

    initial = 0

    def __init__(self, log: list[int], *, waits: bool) -> None:
        self.log, self.waits = log, waits

    @state(0, 1, 2)
    async def turn(self, event: Any) -> Transition:
        if self.waits:
            await asyncio.sleep(0)
        if event == "push":
            return NextState((self.state + 1) % 3, reply="pushed")
        if event % 3 != self.state:
            return KeepState(Postpone())
        self.log.append(event)
        return KeepState(reply=event)


@pytest.mark.rule("FSM-01")
@given(
    st.lists(st.tuples(st.one_of(st.just("push"), st.integers(0, 8)), st.booleans())),
    st.booleans(),
)
def test_an_actor_handles_and_answers_what_a_plain_loop_would(
    script: list[tuple[str | int, bool]], waits: bool
) -> None:
    def model() -> list[int]:
        place = 0
        log: list[int] = []
        aside: list[int] = []
        for event, _ in [*script, ("push", True), ("push", True), ("push", True)]:
            if event == "push":
                place, line, aside = (place + 1) % 3, aside, []
            else:
                line = [int(event)]
            for number in line:
                (log if number % 3 == place else aside).append(number)
        return log

    async def main() -> None:
        log: list[int] = []
        asked: list[tuple[object, asyncio.Future[Any]]] = []
        async with Kernel("test") as kernel:
            machine = kernel.spawn(lambda: Turnstile(log, waits=waits))
            for event, ask in script:
                if ask:
                    asked.append((event, asyncio.ensure_future(machine.request(event))))
                    await asyncio.sleep(0)
                else:
                    machine.send(event)
            for _ in range(3):
                await machine.request("push")
            for asked_for, reply in asked:
                assert await reply == ("pushed" if asked_for == "push" else asked_for)
            machine.stop()
            await machine.wait()
            assert kernel.dead_letters.count == 0
        assert log == model()

    asyncio.run(main())
