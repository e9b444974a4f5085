"""Acts: gives memory that was freed back to the system.

glibc keeps what is freed for the arena of the thread that had it, up to blocks of 32 MiB, and an
engine has many threads: the tables of guests that were gone held gigabytes.

Source: glibc, malloc_trim(3), mallopt(3).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading

SLACK = 64 * 1024 * 1024  # bytes that may be kept for the next guest
LOOKS = 64  # it is given back at every so manyth look in any case: what is kept need not grow

# Only glibc has it; other allocators give back by themselves.
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Heap:
    """What this process holds, looked at whenever a guest begins or has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mark = 0  # bytes, when it was looked at and nothing was to be had
        self._looks = 0

    def look(self) -> None:
        """Give back what was freed, if the process has grown. For threads: that may take long."""
        with contextlib.suppress(OSError), self._lock:
            held = resident()
            self._looks += 1
            if held > self._mark + SLACK or not self._looks % LOOKS:
                give_back()
                self._mark = resident()
            else:
                self._mark = min(self._mark, held)


def give_back() -> None:
    """Of all arenas. The GIL is free meanwhile, the allocator is not."""
    if _trim is not None:
        _trim(0)


def resident() -> int:
    """Bytes of memory that this process has. Raises OSError where there is no `/proc`."""
    with open("/proc/self/statm", "rb", buffering=0) as file:
        return int(file.read(100).split()[1]) * _PAGE
