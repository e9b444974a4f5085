"""The stress program works, and its storms keep every law for a moment, too."""

import asyncio
import logging
from typing import Any

import pytest

from tests.stress.storm import rage


@pytest.fixture(autouse=True)
def no_log() -> Any:
    log = logging.getLogger("airssys_wasm.kernel")
    log.disabled = True
    yield
    log.disabled = False


@pytest.mark.parametrize("seed", range(8))
def test_a_storm_over_all_features_keeps_every_law(seed: int) -> None:
    outcome = asyncio.run(rage(seed, 500))
    assert outcome.messages > 100
    assert outcome.actors > 10
