"""Acts: the platform of a simulation: virtual time, seeded chance, ids in a row, chosen order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airssys_wasm.testing.loop import SimulatedLoop
from airssys_wasm.testing.run_queue import SimulatedRunQueue

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef

P = ParamSpec("P")
R = TypeVar("R")

EPOCH = 1_750_000_000.0  # the wall clock at virtual time 0: a morning in June 2025


class SimulatedPlatform:
    """Implements `Platform` over a simulated loop.

    `taken` is told of each actor that is about to run.
    """

    def __init__(
        self, loop: SimulatedLoop, seed: object, taken: Callable[[ActorRef[Any]], None]
    ) -> None:
        self._loop = loop
        self._taken = taken
        self._slices = 0.0
        self.random = Random(f"{seed} actors")
        self.now = loop.time

    def unhurried(self) -> float:
        """Time without the jumps of the clock, for which nobody is to blame."""
        return self._loop.time() - self._loop.jumped

    def timestamp(self) -> float:
        return EPOCH + self._loop.time()

    def slice_clock(self) -> float:
        self._slices += 1.0  # every slice is over when somebody looks
        return self._slices

    def new_id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def random_bytes(self, count: int) -> bytes:
        return self.random.randbytes(count)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_at_for_kernel(when, callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon_for_kernel(callback)

    def watch_loop(self, kernel: Kernel, slow_after: float, on_slow: Any) -> None:
        return None

    def run_queue(self) -> SimulatedRunQueue:
        return SimulatedRunQueue(self._pick, self._take)

    def _pick(self, actors: list[Any]) -> int:
        return self._loop.choices.pick("run", self._loop.label(actors[0]), actors)

    def _take(self, actor: ActorRef[Any]) -> None:
        self._loop.taken(actor)
        self._taken(actor)

    def let_threads_run(self) -> None:
        """There are none."""

    async def offload(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)
