"""Acts: turns signals of the terminal and the system into an orderly stop.

The first SIGINT or SIGTERM asks for a stop; the second ends the process at once, even while
the loop is blocked, because both are caught by plain handlers and not through the loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """While the block runs, the first SIGINT or SIGTERM calls `stop` in the running loop."""
    loop = asyncio.get_running_loop()
    asked = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            _end_at_once(number)
        asked = True
        loop.call_soon_threadsafe(stop)

    before = {number: signal.signal(number, take) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stop_between(stream: IO[str]) -> Iterator[Callable[[], bool]]:
    """For work in pieces without a loop: whether a SIGINT or SIGTERM has asked for a stop."""
    asked = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            _end_at_once(number)
        asked = True
        print("\nstopping after what is under way; once more: at once", file=stream, flush=True)

    before = {number: signal.signal(number, take) for number in _SIGNALS}
    try:
        yield lambda: asked
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
