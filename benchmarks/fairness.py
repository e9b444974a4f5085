"""Acts: how long the loop is held, and how late timers are, while actors are busy."""

from __future__ import annotations

import asyncio
from time import perf_counter, thread_time
from types import TracebackType
from typing import Any

from airssys_wasm.kernel import Actor, Kernel
from benchmarks.measure import Benchmark, Sample
from benchmarks.workloads import in_kernel

FLOODING = 100
TIMERS = 200
INTERVAL = 0.003  # seconds between two timers
CLEAN = 0.5  # ms: a bare loop whose p99 is above it runs on a machine that is busy with others


class LoopWatch:
    """Looks at the clock in each turn of the loop; `longest` is the longest turn in ms of CPU time.

    `longest_wall` is the longest by the clock: what others have taken of the processor is in it.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.longest_wall = 0.0
        self._handle: asyncio.Handle | None = None
        self._loop = asyncio.get_running_loop()
        self._cpu = thread_time()
        self._wall = perf_counter()

    async def __aenter__(self) -> LoopWatch:
        self._look()
        await asyncio.sleep(0)
        self.longest = self.longest_wall = 0.0
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _look(self) -> None:
        cpu, wall = thread_time(), perf_counter()
        self.longest = max(self.longest, (cpu - self._cpu) * 1e3)
        self.longest_wall = max(self.longest_wall, (wall - self._wall) * 1e3)
        self._cpu, self._wall = cpu, wall
        self._handle = self._loop.call_soon(self._look)


class Flooding(Actor[Any]):
    """Has always a message to handle."""

    ended = False

    def receive(self, message: Any) -> None:
        if not self.ended:
            self._ref.send(message)


async def lateness(timers: int) -> tuple[float, float]:
    """The median and the 99th percentile in ms of how late one timer after the other is."""
    late: list[float] = []
    for _ in range(timers):
        due = perf_counter() + INTERVAL
        await asyncio.sleep(INTERVAL)
        late.append(max(0.0, perf_counter() - due) * 1e3)
    late.sort()
    return late[len(late) // 2], late[min(len(late) - 1, len(late) * 99 // 100)]


async def flood(kernel: Kernel, size: int) -> Sample:
    """Timers of the loop while 100 actors send to themselves without end."""
    bare, bare_99 = await lateness(size)
    actors = [Flooding() for _ in range(FLOODING)]
    for actor in actors:
        kernel.spawn(lambda one=actor: one).send(None)
    median, late = await lateness(size)
    for actor in actors:
        actor.ended = True
    details = {"p50": median, "p50 of a bare loop": bare, "p99 of a bare loop": bare_99}
    return Sample(size, late, details, fit=bare_99 <= CLEAN)


BENCHMARKS = [
    Benchmark(
        "flood",
        "p99 of a timer's lateness",
        in_kernel(flood),
        TIMERS,
        "timers of the loop while 100 actors are never idle",
        unit="ms",
        asked=1.0,
        asked_in="unit",
    ),
]
