"""The state machine of a supervisor among actors that live by themselves, in any order of events.

Starts and stops take time, may hang or fail; children die at any moment; timers go off late, and
even after they were cancelled; requests come in between. Whatever the order, nothing forbidden may
happen, and what was promised must still happen once the actors stop misbehaving.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import Mailbox
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    GaveUp,
    Health,
    HealthCheck,
    RestartDelayed,
    steps,
)
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.tree import SupervisorMachine

IDS = "abcd"
REASONS = ["normal", "shutdown", "boom", "killed"]


@dataclass
class Actor:
    id: str
    number: int
    state: str = "init"  # then "running"
    told_to_stop: bool = False


class World:
    """Actors, timers, and the mailbox of one supervisor."""

    def __init__(self, flags: Any, children: list[ChildSpec]) -> None:
        self.strategy, self.intensity, *_ = flags
        self.machine = SupervisorMachine(Flags(*flags), children)
        self.now = 0.0
        self.mailbox: deque[steps.Event] = deque([steps.Begin()])
        self.actors: dict[int, Actor] = {}  # alive
        self.kept: set[int] = set()  # dead, with a mailbox that waits for its heir
        self.timers: dict[int, float] = {}
        self.cancelled: list[int] = []
        self.spent: list[float] = []
        self.asked = 0
        self.answered: Counter[object] = Counter()
        self.keeps: dict[int, bool] = {}
        self.questions: dict[int, steps.Checked] = {}  # the last of each incarnation
        self.due: dict[str, float] = {}
        self.order: list[str] | None = None  # of the last stop signals, once the end began
        self.over: steps.End | None = None
        self.ready = 0

    # --- the supervisor's turn

    def handle(self) -> None:
        event = self.mailbox.popleft()
        restarts = self.machine.restarts
        actions = self.machine.handle(event, self.now)
        for _ in range(self.machine.restarts - restarts):
            self.spend()
        if self.order is None and self.machine.phase == "stopping":
            self.order = [view.id for view in self.machine.which_children()]
        for action in actions:
            self.do(action)

    def spend(self) -> None:
        self.spent.append(self.now)
        window = [at for at in self.spent if round(self.now * 1000) - round(at * 1000) <= 1000]
        assert len(window) <= self.intensity, "more restarts than the budget allows"

    def do(self, action: steps.Action) -> None:
        assert self.over is None, "it acts after its end"
        match action:
            case steps.Spawn(number, spec, adopt):
                assert all(actor.id != spec.id for actor in self.actors.values()), "two of one id"
                assert self.machine.phase in ("starting", "running"), "a start after the end began"
                if adopt is not None:
                    self.kept.remove(adopt)
                due = self.due.pop(spec.id, 0.0)
                assert self.now >= due or self.strategy != "one_for_one", "it did not wait"
                self.keeps[number] = spec.keeps_mailbox
                self.actors[number] = Actor(spec.id, number)
            case steps.SendExit(number):
                self.signal(number)
                if number in self.actors:
                    self.actors[number].told_to_stop = True
            case steps.Kill(number):
                if number in self.actors:
                    if not self.actors[number].told_to_stop:
                        self.signal(number)
                    self.die(number, "killed")
            case steps.Release(number):
                self.kept.remove(number)
            case steps.AskHealth(number, question):
                assert self.machine.phase != "stopping", "it asks while it ends"
                self.questions[number] = steps.Checked(number, question, Health("healthy"))
            case steps.Report(RestartDelayed(id, _, seconds)):
                self.due[id] = self.now + seconds
            case steps.SetTimer(timer, after):
                assert after >= 0
                self.timers[timer] = self.now + after
            case steps.CancelTimer(timer):
                self.timers.pop(timer, None)  # it may have gone off meanwhile
                self.cancelled.append(timer)
            case steps.Again(id, attempt):
                self.mailbox.append(steps.Retry(id, attempt))
            case steps.Answer(token) | steps.Refuse(token):
                self.answered[token] += 1
                self.due.clear()  # somebody may have ended a wait by hand
            case steps.Ready():
                self.ready += 1
                assert self.ready == 1
            case steps.Report(GaveUp()):
                window = [
                    at for at in self.spent if round(self.now * 1000) - round(at * 1000) <= 1000
                ]
                assert len(window) == self.intensity, "it gave up with restarts left"
            case steps.End():
                assert not self.actors, "it ended before its children"
                assert not self.kept, "a mailbox was forgotten"
                self.over = action

    def signal(self, number: int) -> None:
        """During the end, signals go out newest first."""
        if self.order is not None and number in self.actors:
            id = self.actors[number].id
            assert id in self.order, f"{id} is stopped out of its order"
            del self.order[: self.order.index(id) + 1]

    # --- what the actors do

    def die(self, number: int, reason: object) -> None:
        del self.actors[number]
        if self.keeps[number]:
            self.kept.add(number)
        self.mailbox.append(steps.Gone(number, reason))

    def progress(self, actor: Actor, choice: int) -> None:
        """One thing happens to a living actor."""
        if actor.state == "init":
            match choice % 6:
                case 0:
                    self.die(actor.number, "no disk")
                case 1:
                    del self.actors[actor.number]
                    if self.keeps[actor.number]:
                        self.kept.add(actor.number)
                    self.mailbox.append(steps.Declined(actor.number))
                case _:
                    self.settle(actor)
        elif actor.told_to_stop and choice % 2:
            self.die(actor.number, "shutdown")
        else:
            self.die(actor.number, REASONS[choice % 4])

    def settle(self, actor: Actor) -> None:
        """A well-behaved actor starts, stops when told, and else goes on living."""
        if actor.told_to_stop:
            self.die(actor.number, "shutdown")
        elif actor.state == "init":
            actor.state = "running"
            self.mailbox.append(steps.Up(actor.number))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer in [timer for timer, due in self.timers.items() if due <= self.now]:
            del self.timers[timer]
            self.mailbox.append(steps.TimeUp(timer))

    def ask(self, kind: int, id: str, spec: ChildSpec) -> None:
        self.asked += 1
        token = self.asked
        changes: list[steps.Event] = [
            steps.AddChild(spec, token),
            steps.TerminateChild(id, token),
            steps.RestartChild(id, token),
            steps.DeleteChild(id, token),
        ]
        self.mailbox.append(changes[kind % 4])

    def tell_health(self, number: int, status: Any) -> None:
        """An answer to the last question, or to one of an incarnation that is gone."""
        self.mailbox.append(replace(self.questions[number], health=Health(status)))

    def calm_down(self) -> None:
        """Nobody misbehaves any more: all that is on its way arrives, and all waits end."""
        while True:
            if self.mailbox:
                self.handle()
                continue
            for actor in list(self.actors.values()):
                self.settle(actor)
            for number in list(self.questions):
                self.tell_health(number, "healthy")
                del self.questions[number]
            if self.mailbox:
                continue
            waits = [view.due for view in self.machine.which_children() if view.due is not None]
            if not waits or self.over is not None:
                return
            self.pass_time(max(0.0, min(waits) - self.now))

    def take(self, step: tuple[int, int, ChildSpec]) -> None:
        kind, choice, spec = step
        match kind:
            case 0 | 1 | 2 if self.mailbox:
                self.handle()
            case 3 | 4 if self.actors:
                actors = list(self.actors.values())
                self.progress(actors[choice % len(actors)], choice // len(actors))
            case 5 | 6 if self.actors:
                actors = list(self.actors.values())
                self.settle(actors[choice % len(actors)])
            case 7:
                self.pass_time((choice % 8) / 4)
            case 8:
                self.ask(choice, IDS[choice // 4 % 4], spec)
            case 10 if self.questions:
                numbers = list(self.questions)
                status = ["healthy", "degraded", "unhealthy", "unhealthy"][choice % 4]
                self.tell_health(numbers[choice // 4 % len(numbers)], status)
            case 9 if self.cancelled:
                self.mailbox.append(steps.TimeUp(self.cancelled[choice % len(self.cancelled)]))


def make_spec(id: str, kind: int, mode: str) -> ChildSpec:
    restart: Any = ["permanent", "permanent", "transient", "temporary"][kind % 4]
    shutdown: Any = [0.5, "infinity", "brutal_kill", 0][kind // 4 % 4]
    return ChildSpec(
        id,
        list,
        restart=restart,
        shutdown=shutdown,
        start_timeout="infinity" if kind // 16 % 2 else 1.0,
        mailbox=Mailbox(keep_on_restart=True) if kind // 32 % 2 else None,
        significant=kind // 64 % 4 == 0 and restart != "permanent" and mode != "never",
        backoff=Backoff(0.5, healthy_after=1.0) if kind // 256 % 3 == 2 else None,
        health=HealthCheck(0.5, 0.5, 2) if kind // 768 % 3 == 2 else None,
    )


KIND = st.integers(0, 2303)
FLAGS = st.tuples(
    st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    st.integers(0, 6),
    st.just(1.0),
    st.sampled_from(["never", "any_significant", "all_significant"]),
)
STEPS = st.lists(
    st.tuples(st.integers(0, 10), st.integers(0, 400), st.sampled_from(IDS), KIND), max_size=60
)
CHILDREN = st.lists(st.tuples(st.sampled_from(IDS), KIND), unique_by=lambda one: one[0])


def live_through(flags: Any, children: list[Any], script: list[Any], *, asks: bool = True) -> World:
    """A world in which the script has happened, one event after the other."""
    mode = flags[3]
    world = World(flags, [make_spec(id, kind, mode) for id, kind in children])
    world.handle()
    for kind, choice, id, spec in script:
        if kind != 8 or asks:
            world.take((kind, choice, make_spec(id, spec, mode)))
    return world


@given(FLAGS, CHILDREN, STEPS)
def test_whatever_happens_a_stop_ends_everything_in_order(
    flags: Any, children: list[Any], script: list[Any]
) -> None:
    world = live_through(flags, children, script)
    world.mailbox.append(steps.Stop("bye"))
    world.calm_down()
    assert world.over is not None
    assert not world.actors
    reason = world.over.reason
    assert reason in ("bye", "shutdown") or isinstance(reason, tuple)


@given(FLAGS, CHILDREN, STEPS)
def test_a_stop_needs_no_cooperation_from_children_with_a_time_limit(
    flags: Any, children: list[Any], script: list[Any]
) -> None:
    limited = [(id, kind - 4 if kind // 4 % 4 == 1 else kind) for id, kind in children]
    world = live_through(flags, limited, script, asks=False)
    world.mailbox.append(steps.Stop("bye"))
    for _ in range(2 * len(limited) + 2):
        while world.mailbox:
            world.handle()
        world.pass_time(1.0)
    assert world.over is not None


@given(FLAGS, CHILDREN, STEPS)
def test_every_permanent_child_runs_again_once_the_trouble_is_over(
    flags: Any, children: list[Any], script: list[Any]
) -> None:
    world = live_through(flags, children, script, asks=False)
    ignored = any(kind in (3, 4) for kind, *_ in script)
    world.calm_down()
    if world.over is not None:
        return
    views = {view.id: view for view in world.machine.which_children()}
    running = {actor.id for actor in world.actors.values() if actor.state == "running"}
    for id, kind in children:
        if make_spec(id, kind, flags[3]).restart == "permanent" and not ignored:
            assert id in running
    for id, view in views.items():
        assert (view.status == "running") is (id in running)
        assert view.status in ("running", "stopped")
    assert not world.kept


@given(FLAGS, CHILDREN, STEPS)
def test_every_change_is_answered_exactly_once_unless_the_supervisor_ends(
    flags: Any, children: list[Any], script: list[Any]
) -> None:
    world = live_through(flags, children, script)
    world.calm_down()
    assert all(count == 1 for count in world.answered.values())
    if world.over is None:
        assert len(world.answered) == world.asked


@given(FLAGS, CHILDREN, STEPS)
def test_what_is_told_of_the_children_is_what_they_are_when_all_is_quiet(
    flags: Any, children: list[Any], script: list[Any]
) -> None:
    world = live_through(flags, children, script)
    world.calm_down()
    if world.over is not None:
        return
    counts = world.machine.count_children()
    assert counts.active == len(world.actors)
    assert counts.supervisors + counts.workers == counts.specs
    checked = [view for view in world.machine.which_children() if view.health is not None]
    assert len(world.timers) == len(checked)  # for the next question
    assert world.ready == 1
