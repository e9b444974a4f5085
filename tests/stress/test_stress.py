"""The stress program works, and its storms keep every law for a moment, too."""

import asyncio

import pytest

from tests.stress.course import rage


@pytest.mark.parametrize("seed", range(10))
def test_a_storm_over_all_features_keeps_every_law(seed: int) -> None:
    outcome = asyncio.run(rage(seed, 1_000))
    assert outcome.messages > 100
    assert outcome.actors > 10
