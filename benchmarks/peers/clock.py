"""Acts: times the work of a peer's program and prints what it found as JSON."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

FOUND: dict[str, float] = {}


def size(full: int) -> int:
    """How much to do: `full`, divided by what the command line says."""
    shrink = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    return max(1, full // shrink)


@contextmanager
def timed(benchmark: str, operations: int) -> Iterator[None]:
    """Notes the CPU time of the block, of all threads, as nanoseconds an operation."""
    gc.collect()
    began = process_time()
    yield
    FOUND[benchmark] = (process_time() - began) / operations * 1e9


def report() -> None:
    """Print what was found, and end at once: some libraries leave threads behind."""
    print(json.dumps(FOUND), flush=True)
    os._exit(0)
