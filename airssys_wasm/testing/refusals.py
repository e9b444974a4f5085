"""Acts: what would leave a simulation, replaced by an error that names the call."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio.to_thread

from airssys_wasm.testing.errors import Refused

OFFLOAD = "ask the platform: await context.offload(function)"
SLEEP = "await anyio.sleep(seconds)"

REFUSED: tuple[tuple[Any, str, str, str], ...] = (
    (anyio.to_thread, "run_sync", "anyio.to_thread.run_sync()", OFFLOAD),
    (os, "fork", "os.fork()", ""),
    (os, "system", "os.system()", ""),
    (signal, "signal", "signal.signal()", ""),
    (socket.socket, "__init__", "socket.socket()", ""),
    (subprocess.Popen, "__init__", "subprocess.Popen()", ""),
    (threading.Thread, "start", "threading.Thread.start()", OFFLOAD),
    (time, "sleep", "time.sleep()", SLEEP),
)


@contextmanager
def refusing() -> Iterator[None]:
    """Inside, this thread can do none of these. Other threads are left alone."""
    simulated = threading.get_ident()
    before = []
    for place, name, call, instead in REFUSED:
        original = place.__dict__[name]
        before.append((place, name, original))
        setattr(place, name, _refusal(original, call, instead, simulated))
    try:
        yield
    finally:
        for place, name, original in before:
            setattr(place, name, original)


def _refusal(original: Any, call: str, instead: str, simulated: int) -> Callable[..., Any]:
    def refuse(*args: Any, **options: Any) -> Any:
        if threading.get_ident() == simulated:
            raise Refused(call, instead)
        return original(*args, **options)

    return refuse
