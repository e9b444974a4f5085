"""The state machine of a dynamic supervisor beside a simpler model of what the rules ask for.

The model knows children in lists and moments in lists; it knows nothing of incarnations, refs,
timers or turns. Both are told the same, and compared after each step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from airssys_wasm.kernel import Mailbox
from airssys_wasm.supervision import ChildSpec, steps
from airssys_wasm.supervision import dynamic_steps as dynamic
from airssys_wasm.supervision.dynamic_end import STOPPED_A_TURN
from airssys_wasm.supervision.dynamic_tree import DynamicMachine
from airssys_wasm.supervision.flags import Flags

PERIOD = 5.0
ORDERLY = ("normal", "shutdown", ("shutdown", 7))
reasons = st.sampled_from([*ORDERLY, "boom", "killed"])


@dataclass(eq=False)
class ModelChild:
    """A child as the rules see it."""

    args: tuple[Any, ...]
    token: object  # of the start that is not answered yet
    state: str = "starting"
    restarts: int = 0


class Model:
    """What the rules ask for."""

    def __init__(self, spec: ChildSpec, flags: Flags, limit: int | None) -> None:
        self.spec, self.flags, self.limit = spec, flags, limit
        self.children: list[ModelChild] = []
        self.spent: list[float] = []
        self.answers: dict[object, object] = {}
        self.terminated: dict[object, ModelChild] = {}
        self.stopping = False

    def add(self, args: tuple[Any, ...], token: object) -> None:
        if self.limit is not None and len(self.children) >= self.limit:
            self.answers[token] = "full"
        else:
            self.children.append(ModelChild(args, token))

    def remove(self, child: ModelChild, answer: object) -> None:
        self.children.remove(child)
        if child.token is not None:
            self.answers[child.token] = answer
        for token, of in self.terminated.items():
            if of is child:
                self.answers.setdefault(token, "ok")

    def init(self, child: ModelChild, outcome: str, now: float) -> None:
        if outcome == "ignore":
            self.remove(child, "ignored")
        elif outcome == "ok":
            child.state = "running"
            if child.token is not None:
                self.answers[child.token] = "ok"
                child.token = None
        elif child.token is not None:
            self.remove(child, "did not start")
        elif self.stopping:
            self.remove(child, None)
        else:
            child.state = "restarting"

    def died(self, child: ModelChild, reason: object, now: float) -> None:
        wanted = {
            "permanent": True,
            "transient": reason not in ORDERLY,
            "temporary": False,
        }[self.spec.restart]
        if child.state == "stopping" or self.stopping:
            self.remove(child, "did not start")
        elif wanted:
            self.restart(child, now)
        else:
            self.remove(child, None)
            mode = self.flags.auto_shutdown
            if self.spec.significant and (mode == "any_significant" or not self.children):
                self.stop()

    def restart(self, child: ModelChild, now: float) -> None:
        self.spent = [at for at in self.spent if now - at <= PERIOD]
        if len(self.spent) >= self.flags.intensity:
            self.remove(child, None)
            self.stop()
        else:
            self.spent.append(now)
            child.restarts += 1
            child.state = "starting"

    def terminate(self, child: ModelChild | None, token: object) -> None:
        if child is None:
            self.answers[token] = "stranger"
            return
        self.terminated[token] = child
        if child.state == "restarting":
            self.remove(child, None)
        else:
            child.state = "stopping"

    def stop(self) -> None:
        self.stopping = True
        for child in list(self.children):
            if child.state == "restarting":
                self.remove(child, None)
            else:
                child.state = "stopping"


class Dynamic(RuleBasedStateMachine):
    """Tells the machine and the model the same, and carries out what the machine asks for."""

    @initialize(
        restart=st.sampled_from(["permanent", "transient", "temporary"]),
        significant=st.booleans(),
        mode=st.sampled_from(["any_significant", "all_significant"]),
        intensity=st.integers(0, 4),
        limit=st.none() | st.integers(1, 4),
        shutdown=st.sampled_from([5.0, "infinity", "brutal_kill"]),
        start_timeout=st.sampled_from([3.0, "infinity"]),
        keep=st.booleans(),
    )
    def begin(
        self,
        restart: Any,
        significant: bool,
        mode: Any,
        intensity: int,
        limit: int | None,
        shutdown: Any,
        start_timeout: Any,
        keep: bool,
    ) -> None:
        spec = ChildSpec(
            "child",
            list,
            restart=restart,
            significant=significant and restart != "permanent",
            shutdown=shutdown,
            start_timeout=start_timeout,
            mailbox=Mailbox(keep_on_restart=True) if keep else None,
        )
        flags = Flags("one_for_one", intensity, PERIOD, mode)
        self.machine = DynamicMachine(spec, flags, limit)
        self.model = Model(spec, flags, limit)
        self.keep = keep
        self.now = 0.0
        self.tokens = 0
        self.alive: dict[int, ModelChild] = {}
        self.signalled: dict[int, str] = {}
        self.seen: dict[int, ModelChild] = {}
        self.known_former: set[int] = set()
        self.held: set[int] = set()
        self.adopted: dict[int, int] = {}
        self.timers: dict[int, float] = {}
        self.retries: list[tuple[dynamic.RetryInstance, ModelChild]] = []
        self.go_ons = 0
        self.answers: dict[object, object] = {}
        self.ended: steps.End | None = None
        self.spawning: ModelChild | None = None

    # --- what is done

    def tell(self, event: Any, child: ModelChild | None = None) -> None:
        """`child` is the one that a spawn would be for."""
        for action in self.machine.handle(event, self.now):
            self.do(action, child)

    def do(self, action: Any, child: ModelChild | None) -> None:
        assert self.ended is None, "something is done after the end"
        match action:
            case dynamic.SpawnInstance(incarnation, args, adopt, restarts):
                child = child if child is not None else self.model.children[-1]
                assert (args, restarts) == (child.args, child.restarts)
                assert child not in self.alive.values(), "two incarnations of one child"
                assert not self.model.stopping
                if adopt is not None:
                    self.held.remove(adopt)
                    self.adopted[incarnation] = adopt
                self.alive[incarnation] = self.seen[incarnation] = child
            case steps.SendExit(incarnation) | steps.Kill(incarnation):
                assert incarnation in self.alive
                kills = isinstance(action, steps.Kill)
                assert kills or incarnation not in self.signalled, "told to end twice"
                self.signalled[incarnation] = "kill" if kills else "exit"
            case steps.Release(incarnation):
                self.held.remove(incarnation)
            case steps.SetTimer(timer, after):
                self.timers[timer] = self.now + after
            case steps.CancelTimer(timer):
                del self.timers[timer]
            case dynamic.TryAgain(number, attempt):
                assert child is not None
                self.retries.append((dynamic.RetryInstance(number, attempt), child))
            case dynamic.TakeTurns():
                self.go_ons += 1
            case dynamic.Remember(incarnation):
                self.known_former.add(incarnation)
            case dynamic.Forget(incarnation):
                self.known_former.remove(incarnation)
            case steps.Answer(token, incarnation):
                assert token not in self.answers
                started = isinstance(token, tuple) and token[0] == "start"
                self.answers[token] = "ignored" if started and incarnation is None else "ok"
            case dynamic.RefuseInstance(token, problem):
                assert token not in self.answers
                match problem:
                    case dynamic.Full():
                        self.answers[token] = "full"
                    case dynamic.Stranger():
                        self.answers[token] = "stranger"
                    case steps.DidNotStart():
                        self.answers[token] = "did not start"
            case steps.Report():
                pass
            case steps.End():
                self.ended = action

    def token(self, kind: str) -> tuple[str, int]:
        self.tokens += 1
        return kind, self.tokens

    def of(self, *states: str) -> list[int]:
        return [number for number, child in self.alive.items() if child.state in states]

    # --- what happens

    @rule()
    def start(self) -> None:
        token = self.token("start")
        if self.ended is None and not self.model.stopping:
            self.model.add((token,), token)
        self.tell(dynamic.AddInstance((token,), token))

    @rule()
    def start_quickly(self) -> None:
        before = set(self.alive)
        self.start()
        for incarnation in set(self.alive) - before:
            self.init_of(incarnation, "ok")

    @precondition(lambda self: self.of("running"))
    @rule(data=st.data())
    def dies_and_does_not_come_up(self, data: st.DataObject) -> None:
        incarnation = data.draw(st.sampled_from(self.of("running")))
        child = self.alive[incarnation]
        self.goes(incarnation, "boom")
        if child.state == "starting":
            (again,) = (number for number, one in self.alive.items() if one is child)
            self.init_of(again, "fail")

    @precondition(lambda self: self.of("starting"))
    @rule(outcome=st.sampled_from(["ok", "ok", "ok", "ignore", "fail", "raise"]), data=st.data())
    def init(self, outcome: str, data: st.DataObject) -> None:
        self.init_of(data.draw(st.sampled_from(self.of("starting"))), outcome)

    def init_of(self, incarnation: int, outcome: str) -> None:
        child = self.alive[incarnation]
        if outcome != "ok":
            del self.alive[incarnation]
        if outcome in ("fail", "ignore") and self.keep:
            self.held.add(incarnation)
        if outcome == "raise" and incarnation in self.adopted:
            self.held.add(self.adopted[incarnation])  # nobody was there to adopt it
        self.model.init(child, outcome, self.now)
        match outcome:
            case "ok":
                self.tell(steps.Up(incarnation), child)
            case "ignore":
                self.tell(steps.Declined(incarnation), child)
            case "fail":
                self.tell(steps.Gone(incarnation, "no disk"), child)
            case "raise":
                self.tell(steps.NotSpawned(incarnation, "no disk"), child)

    @precondition(lambda self: self.of("running"))
    @rule(reason=reasons, data=st.data())
    def dies(self, reason: object, data: st.DataObject) -> None:
        self.goes(data.draw(st.sampled_from(self.of("running"))), reason)

    @precondition(lambda self: self.of("stopping"))
    @rule(data=st.data())
    def stops(self, data: st.DataObject) -> None:
        incarnation = data.draw(st.sampled_from(self.of("stopping")))
        if incarnation in self.signalled:
            self.goes(incarnation, "shutdown")

    @precondition(lambda self: self.of("stopping"))
    @rule(outcome=st.sampled_from(["ok", "ignore"]), data=st.data())
    def an_init_is_done_after_its_end_was_asked_for(
        self, outcome: str, data: st.DataObject
    ) -> None:
        incarnation = data.draw(st.sampled_from(self.of("stopping")))
        child = self.alive[incarnation]
        if outcome == "ok":
            assert self.machine.handle(steps.Up(incarnation), self.now) == []
            return
        del self.alive[incarnation]
        if self.keep:
            self.held.add(incarnation)
        self.model.died(child, "normal", self.now)
        self.tell(steps.Declined(incarnation), child)

    def goes(self, incarnation: int, reason: object) -> None:
        child = self.alive.pop(incarnation)
        if self.keep:
            self.held.add(incarnation)
        self.model.died(child, reason, self.now)
        self.tell(steps.Gone(incarnation, reason), child)

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def terminate(self, data: st.DataObject) -> None:
        """By any ref that ever meant a child."""
        incarnation = data.draw(st.sampled_from(sorted(self.seen)))
        token = self.token("end")
        alive = incarnation in self.alive
        knows = alive or incarnation in self.known_former
        if not self.model.stopping:
            if knows:
                self.model.terminate(self.seen[incarnation], token)
            else:
                self.model.answers[token] = "ok"  # it is dead
        self.tell(dynamic.EndInstance(incarnation if knows else None, alive, token))

    @rule()
    def terminate_a_stranger(self) -> None:
        token = self.token("end")
        if not self.model.stopping:
            self.model.terminate(None, token)
        self.tell(dynamic.EndInstance(None, True, token))

    @precondition(lambda self: self.retries)
    @rule()
    def retry(self) -> None:
        event, child = self.retries.pop(0)
        if child in self.model.children and child.state == "restarting":
            self.model.restart(child, self.now)
        self.tell(event, child)

    @rule(seconds=st.sampled_from([0.5, 2.0, 3.0, 6.0]))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for timer, due in sorted(self.timers.items(), key=lambda entry: entry[1]):
            if due <= self.now and timer in self.timers:
                del self.timers[timer]
                before = dict(self.signalled)
                self.tell(steps.TimeUp(timer))
                for incarnation, signal in self.signalled.items():
                    if signal == "kill" and before.get(incarnation) != "kill":
                        self.killed(incarnation)

    def killed(self, incarnation: int) -> None:
        child = self.alive.pop(incarnation)
        if self.keep:
            self.held.add(incarnation)
        if child.state == "starting":  # it took too long
            self.model.init(child, "fail", self.now)
        else:
            self.model.died(child, "killed", self.now)
        self.tell(steps.Gone(incarnation, "killed"), child)

    @precondition(lambda self: self.tokens > 8)
    @rule()
    def stop(self) -> None:
        self.model.stop()
        self.tell(steps.Stop("shutdown"))

    @rule(number=st.integers(1, 60))
    def outdated_events_change_nothing(self, number: int) -> None:
        if number in self.alive or number in self.timers:
            return
        for event in (
            steps.Up(number),
            steps.Gone(number, "boom"),
            steps.Declined(number),
            steps.NotSpawned(number, "boom"),
            steps.TimeUp(number),
            dynamic.GoOn(),
        ):
            assert self.machine.handle(event, self.now) == []

    # --- what holds

    @invariant()
    def children_are_as_the_rules_ask(self) -> None:
        if not hasattr(self, "machine"):
            return
        views = [(view.status, view.restarts) for view in reversed(self.machine.which_children())]
        assert views == [(child.state, child.restarts) for child in self.model.children]
        counts = self.machine.count_children()
        active = sum(child.state in ("running", "stopping") for child in self.model.children)
        assert (counts.specs, counts.active, counts.workers) == (1, active, len(views))

    @invariant()
    def answers_are_as_the_rules_ask(self) -> None:
        if hasattr(self, "machine"):
            assert self.answers == {
                token: answer for token, answer in self.model.answers.items() if answer is not None
            }

    @invariant()
    def the_budget_is_exact(self) -> None:
        if hasattr(self, "machine"):
            spent = [at for at in self.model.spent if self.now - at <= PERIOD]
            left = self.model.flags.intensity - len(spent)
            assert self.machine.restarts_left(self.now) == left

    @invariant()
    def it_ends_when_it_stops_and_nothing_is_left(self) -> None:
        if not hasattr(self, "machine"):
            return
        over = self.model.stopping and not self.model.children
        assert (self.ended is not None) == over == (self.machine.phase == "ended")
        if over:
            assert not self.alive
            assert not self.timers, "a timer outlives the supervisor"
            assert not self.held, "a mailbox is neither handed over nor released"
            assert not self.known_former

    @invariant()
    def all_are_told_to_stop_at_once(self) -> None:
        if hasattr(self, "machine") and self.model.stopping:
            assert len(self.model.children) < STOPPED_A_TURN
            assert set(self.alive) <= set(self.signalled)

    @invariant()
    def one_timer_bounds_the_stop_of_all(self) -> None:
        if hasattr(self, "machine") and self.model.stopping and self.alive:
            by_hand = set(self.model.terminated.values()) & set(self.alive.values())
            assert len(self.timers) <= 1 + len(by_hand)


TestDynamic = Dynamic.TestCase
TestDynamic.settings = settings(stateful_step_count=60)
