"""Acts: turns signals of the terminal and the system into an orderly stop.

The first SIGINT or SIGTERM asks for a stop; the second ends the process at once, even while
the loop is blocked, because both are caught by plain handlers and not through the loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody wants the run to end."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self.signal: signal.Signals | None = None  # the first one that came

    async def wait(self) -> None:
        """Return when a stop is asked for."""
        await self._event.wait()

    def take(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            _end_at_once(number)
        self.signal = signal.Signals(number)
        self._loop.call_soon_threadsafe(self._event.set)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """While the block runs, SIGINT and SIGTERM ask it to stop. For the main thread."""
    request = StopRequest()
    before = {number: signal.signal(number, request.take) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_at_once(number: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, RuntimeError):  # closed, or in the middle of a write
            continue
    os._exit(128 + number)  # as a shell reports a process that a signal ended
