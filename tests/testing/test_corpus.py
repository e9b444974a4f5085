"""The corpus: clean under its seeds, deterministic, and able to find what is planted."""

from __future__ import annotations

from random import Random

import pytest

from airssys_wasm.testing.choices import Uniform
from airssys_wasm.testing.searching import check_determinism, run_seed
from tests.testing.bugs import ALL_BUGS, BUGS, found_by
from tests.testing.corpus import SCENARIOS, Scenario
from tests.testing.plant import planted

SEEDS = 25  # of each scenario with every change; longer runs: python -m tests.testing.corpus
NODE_SEEDS = 8  # of one with several nodes, which takes ten times as long


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_holds_for_every_seed(scenario: Scenario) -> None:
    for seed in range(NODE_SEEDS if scenario.nodes else SEEDS):
        failure = run_seed(scenario.test, seed, settings=scenario.settings).failure
        assert failure is None, f"seed {seed}: {failure!r}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_gives_the_same_trace_again(scenario: Scenario) -> None:
    check_determinism(scenario.test, 1, lambda _: Uniform(Random(1)), scenario.settings)


def test_every_bug_fits_its_function() -> None:
    for bug in ALL_BUGS:
        with planted(bug):
            pass
    assert len({bug.name for bug in ALL_BUGS}) == len(ALL_BUGS)
    assert len(BUGS) >= 30


@pytest.mark.parametrize(
    "name",
    [
        "name-freed-after-down",
        "budget-off-by-one",
        "stop-out-of-order",
        "down-between-nodes-twice",
        "lease-of-others-too-short",
    ],
)
def test_a_bug_is_found_within_its_seeds(name: str) -> None:
    bug = next(bug for bug in ALL_BUGS if bug.name == name)
    found = found_by(bug, "uniform", bug.seeds)
    assert found is not None
    assert found[2].smallest.failure is not None
