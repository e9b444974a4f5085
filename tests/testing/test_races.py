"""Faults that need another order than production's: hidden there, and found by the simulator."""

from __future__ import annotations

import pytest

from airssys_wasm.testing.searching import run_seed
from tests.testing.plant import planted
from tests.testing.races import RACES, Race, found_by

races = pytest.mark.parametrize("race", RACES, ids=lambda race: race.bug.name)
SEEDS = 20


@races
def test_the_scenario_holds_under_every_order(race: Race) -> None:
    for seed in range(SEEDS):
        failure = run_seed(race.test, seed, settings=race.settings).failure
        assert failure is None, f"seed {seed}: {failure!r}"


@races
def test_productions_own_order_does_not_show_the_fault(race: Race) -> None:
    with planted(race.bug):
        assert run_seed(race.test, 0, "fifo").failure is None


@races
def test_the_fault_is_found_and_its_schedule_is_short(race: Race) -> None:
    found = found_by(race, "pct")
    assert found is not None
    seeds, failure = found
    assert seeds <= SEEDS
    assert 1 <= len(failure.smallest.deviations) <= 20
