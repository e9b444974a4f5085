"""Acts: the threads on which the slow path runs guests, and the clock that interrupts them.

Always:
  - a guest's thread has a stack of 8 MiB: wasmtime needs its own share of it
    for guests that recurse, and ends the process on a small one;
  - the epoch moves on while any guest runs, and stands still otherwise;
  - `close` ends all threads; what runs on them has to be told to end before.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import wasmtime

STACK = 8 * 1024 * 1024
THREADS = 32
TICK = 0.01  # seconds: how late a limit of time or an interruption may come

IDLE = 1.0  # seconds without a guest after which the ticking thread ends, until one runs again

# The size of new stacks is a setting of the whole process, so it is changed only for a moment.
_stack_size_lock = threading.Lock()


class GuestThreads:
    """At most `THREADS` threads, started when needed, for calls into guests of `engine`."""

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine = engine
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="airssys-guest")
        self._running = 0
        self._closed = False
        self._change = threading.Condition()
        self._ticker: threading.Thread | None = None

    def start(self, work: Callable[[], None]) -> None:
        """Run `work`, which raises nothing, on a thread; behind others when all are taken.

        Raises RuntimeError after `close`.
        """
        with _stack_size_lock:
            before = threading.stack_size(STACK)
            try:
                self._executor.submit(work)  # starts a thread, if it does, before it returns
            finally:
                threading.stack_size(before)

    @contextlib.contextmanager
    def ticking(self) -> Iterator[None]:
        """The epoch of the engine moves on every `TICK` seconds inside of this."""
        with self._change:
            self._running += 1
            if self._ticker is None:
                self._ticker = threading.Thread(
                    target=self._tick, name="airssys-epochs", daemon=True
                )
                self._ticker.start()
            self._change.notify()
        try:
            yield
        finally:
            with self._change:
                self._running -= 1

    def close(self) -> None:
        """Wait until all work is done and every thread has ended."""
        self._executor.shutdown(wait=True)
        with self._change:
            self._closed = True
            self._change.notify()
            ticker = self._ticker
        if ticker is not None:
            ticker.join()

    def _tick(self) -> None:
        while True:
            with self._change:
                wanted = self._change.wait_for(lambda: self._running or self._closed, IDLE)
                if not wanted or self._closed:
                    self._ticker = None
                    return
            time.sleep(TICK)
            self._engine.increment_epoch()
