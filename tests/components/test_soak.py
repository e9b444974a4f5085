"""The soak of components: it sees what grows, and a short one is level."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.soak_components import EnginePath, Sample, growing, soak

FIRST = Sample(1, 60 * 2**20, 12, 400, 36, 1_000, 10)


@pytest.fixture(autouse=True)
def no_reports() -> Iterator[None]:
    """Every trap is reported, which is not what is looked at here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize(
    ("name", "leak"), [("memory", 2**20), ("files", 1), ("mappings", 10), ("stores", 1)]
)
def test_what_grows_with_time_is_named(name: str, leak: int) -> None:
    samples = [FIRST] * 30
    assert growing(samples) == []
    samples = [replace(FIRST, **{name: getattr(FIRST, name) + n * leak}) for n in range(30)]
    assert [problem.partition(":")[0] for problem in growing(samples)] == [name]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("path", ["fast", "slow"])
async def test_components_that_trap_and_are_killed_leave_nothing_behind(path: EnginePath) -> None:
    samples = await soak(1.0, path, lambda line: None, restarts=10)
    assert samples[-1].restarts >= 10
    assert samples[-1].stores <= 40
    assert samples[-1].messages >= 900  # each of the ten had a hundred
