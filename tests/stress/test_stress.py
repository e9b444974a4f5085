"""The stress program works, and its storms keep every law for a moment, too."""

import asyncio

import pytest

from tests.stress.course import rage


@pytest.mark.parametrize("seed", range(10))
def test_a_storm_over_all_features_keeps_every_law(seed: int) -> None:
    outcome = asyncio.run(rage(seed, 1_000))
    assert outcome.messages > 100
    assert outcome.actors > 10


@pytest.mark.parametrize(
    "seed",
    [
        41000091,  # what came after a stop took room in a bounded mailbox for ever
        61000324,  # a state machine that had killed itself left its heir nothing of what waited
        51000602,  # a machine that was suspended by its own event took another message
    ],
)
def test_a_storm_that_broke_a_law_once_breaks_none(seed: int) -> None:
    asyncio.run(rage(seed, 3_000))
