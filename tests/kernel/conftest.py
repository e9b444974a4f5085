"""A kernel for each test, which has to leave nothing behind."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import pytest

from airssys_wasm.kernel import Kernel


@pytest.fixture
async def kernel(anyio_backend: object) -> AsyncIterator[Kernel]:
    """A kernel in the running loop; at its end no actor, timer or task of it is left."""
    async with Kernel("test") as kernel:
        yield kernel
    assert kernel.actors() == []
    assert kernel.statistics().timers == 0
    left = {task for task in asyncio.all_tasks() if "TestRunner" not in repr(task.get_coro())}
    assert left == set()


class Until(Protocol):
    async def __call__(self, condition: Callable[[], object]) -> None: ...


@pytest.fixture
def until() -> Until:
    """`await until(condition)` lets the loop turn until `condition()` holds."""

    async def turn_until(condition: Callable[[], object]) -> None:
        for _ in range(10_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never came true")

    return turn_until


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> None:
    """Crash reports are part of most tests here; those about them look into `caplog`."""
    caplog.set_level(logging.WARNING, logger="airssys_wasm")
