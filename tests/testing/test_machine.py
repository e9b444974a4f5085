"""Strategies and the state machine: they make what is legal, and find what is planted."""

from __future__ import annotations

from collections import Counter as Counted
from contextlib import suppress
from typing import Any, ClassVar

import anyio
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from airssys_wasm.broker.topic import parse_pattern, parse_topic
from airssys_wasm.kernel import Actor, ActorExited, StartError
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.testing.errors import InvariantBroken
from airssys_wasm.testing.faults import Fault
from airssys_wasm.testing.machine import SystemMachine
from airssys_wasm.testing.runs import settings_of
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from airssys_wasm.testing.strategies import fault_plans, patterns, scripts, topics, trees

FEW = settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Worker(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if message == "boom":
            raise ValueError("boom")
        await anyio.sleep(0.01)
        return message


class Counter(Actor[Any]):
    def __init__(self) -> None:
        self.count = 0

    def receive(self, message: Any) -> Any:
        if message == "count":
            return self.count
        self.count += 1
        return None


@given(topics(), patterns())
def test_topics_and_patterns_are_right(topic: str, pattern: str) -> None:
    parse_topic(topic)
    parse_pattern(pattern)


@FEW
@given(trees(Worker), st.integers(0, 100), fault_plans(["a", "b", "c"]))
def test_any_tree_keeps_every_invariant(tree: Supervisor, seed: int, plan: list[Fault]) -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        try:
            await kernel.start(tree, name="root")
        except StartError:
            return
        for name in ("a", "b", "a"):
            kernel.named(name).send("boom")
            await simulation.sleep(1)

    failure = run_seed(test, seed, settings=settings_of(plan=plan)).failure
    if failure is not None:
        raise failure


@given(scripts(["a", "b"], st.integers()))
def test_scripts_say_when_to_whom_and_what(script: list[tuple[float, str, int]]) -> None:
    assert all(pause >= 0 and actor in "ab" for pause, actor, _ in script)


class Workers(SystemMachine):
    tree = Supervisor(
        intensity=3, children=[ChildSpec(n, Worker, name=n, shutdown=1.0) for n in "abc"]
    )
    messages = st.sampled_from(["hello", "boom"])


def test_the_machine_passes_for_a_right_system() -> None:
    run_state_machine_as_test(Workers, settings=settings(FEW, stateful_step_count=15))


def test_the_machine_finds_a_budget_that_is_off_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def spend(self: Any, now: float) -> bool:
        self._spent.append(now)
        return bool(len(self._spent) <= self.intensity + 1)

    monkeypatch.setattr(RestartBudget, "spend", spend)
    with pytest.raises(InvariantBroken, match="BudgetExact"):
        run_state_machine_as_test(
            Workers, settings=settings(FEW, max_examples=100, phases=[Phase.generate])
        )


class Cluster(SystemMachine):
    tree = Supervisor(
        intensity=100, children=[ChildSpec(n, Worker, name=n, shutdown=1.0) for n in "ab"]
    )
    messages = st.sampled_from(["hello", "boom"])
    nodes = ("one", "two", "three")
    pauses = (0.1, 1.0, 10.0)

    def watch(self, seconds: float) -> None:
        """Let time pass, with nothing else."""
        assert self.driven is not None
        self.driven.advance(seconds)

    def known(self, node: str) -> list[str]:
        return sorted(self.systems[node].nodes())


def test_a_machine_has_nodes_whose_network_is_cut_and_heals() -> None:
    class Seen(Cluster):
        counts: ClassVar[Counted[str]] = Counted()

        @precondition(lambda self: self.is_cut)
        @rule()
        def who_is_cut_off_is_given_up(self) -> None:
            self.watch(60.0)
            assert self.known("one") != ["three", "two"] or self.known("two") != ["one", "three"]
            self.counts["given up"] += 1

        @precondition(lambda self: self.driven is not None and not self.is_cut)
        @rule()
        def who_is_back_is_known_again(self) -> None:
            self.watch(60.0)
            for node in self.nodes:
                assert self.known(node) == sorted(n for n in self.nodes if n != node)
            self.counts["known"] += 1

    # The same examples each time: of 25 others it may be that none cuts and looks.
    few = settings(FEW, max_examples=40, stateful_step_count=20, derandomize=True)
    run_state_machine_as_test(Seen, settings=few)
    assert Seen.counts["given up"] > 0
    assert Seen.counts["known"] > 0


def test_a_machine_of_a_user_has_rules_and_invariants_of_its_own() -> None:
    class Counting(SystemMachine):
        tree = Supervisor(children=[ChildSpec("c", Counter, name="c")])
        messages = st.just("one")

        @invariant()
        def it_never_counts_to_three(self) -> None:
            if self.driven is not None and self.living():
                with suppress(ActorExited):
                    assert self.request("c", "count") < 3

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(
            Counting, settings=settings(FEW, max_examples=200, stateful_step_count=12)
        )
    notes = "\n".join(getattr(caught.value, "__notes__", ()))
    assert notes.count("state.send(") == 3
