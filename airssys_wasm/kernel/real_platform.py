"""Acts: the platform of production: the running event loop, the system clock, system entropy."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from math import ceil
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio.to_thread

from airssys_wasm.kernel.watchdog import OnSlow, Watchdog

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel

WAKING = 0.00005  # seconds: a thread that waits for the GIL has woken up and taken it by then

P = ParamSpec("P")
R = TypeVar("R")


class RealPlatform:
    """Implements `Platform` over the event loop that runs when it is made.

    Raises RuntimeError outside a running event loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # not that of the actor which happens to ask
        self.random = random.Random()
        self.now = time.monotonic  # uvloop's own clock counts whole milliseconds
        self.timestamp = time.time
        self.slice_clock = time.perf_counter

    def new_id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        # uvloop rounds to milliseconds, down as well as up.
        delay = ceil(max(0.0, when - self.now()) * 1000) / 1000
        return self._loop.call_later(delay, callback, context=self._context)

    def call_soon(self, callback: Callable[[], None]) -> None:
        self._loop.call_soon(callback, context=self._context)

    def watch_loop(self, kernel: Kernel, slow_after: float, on_slow: OnSlow) -> Watchdog | None:
        # The time of turns can be compared with that of the thread only by the same clock.
        own_time = self.slice_clock is time.perf_counter
        return Watchdog(kernel, slow_after, on_slow) if own_time else None

    def run_queue(self) -> deque[Any]:
        return deque()

    def let_threads_run(self) -> None:
        if threading.active_count() > 1:
            time.sleep(WAKING)

    async def offload(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await anyio.to_thread.run_sync(functools.partial(function, *args, **kwargs))
