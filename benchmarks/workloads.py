"""Acts: the frame of a workload: a kernel in an event loop of its own; actors that many use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from airssys_wasm.kernel import Actor, Kernel
from benchmarks.measure import Sample, Workload

BATCH = 100  # messages that a producer sends before it lets others run


def in_kernel(body: Callable[[Kernel, int], Awaitable[Sample]]) -> Workload:
    """A workload that runs in a kernel."""

    async def main(size: int) -> Sample:
        async with Kernel("benchmark") as kernel:
            return await body(kernel, size)

    return lambda size: asyncio.run(main(size))


def in_loop(body: Callable[[int], Awaitable[Sample]]) -> Workload:
    """A workload that needs an event loop only: what asyncio itself costs."""

    async def main(size: int) -> Sample:
        return await body(size)

    return lambda size: asyncio.run(main(size))


def future() -> asyncio.Future[None]:
    """A future of the running loop."""
    return asyncio.get_running_loop().create_future()


class Idle(Actor[Any]):
    """Takes every message and does nothing."""

    __slots__ = ()

    def receive(self, message: Any) -> None:
        pass


class Fence(Actor[asyncio.Future[None]]):
    """Says that all who were to run before it have run."""

    def receive(self, message: asyncio.Future[None]) -> None:
        message.set_result(None)
