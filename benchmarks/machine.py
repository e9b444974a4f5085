"""Acts: what the figures were taken on."""

from __future__ import annotations

import os
import platform
import statistics
from dataclasses import dataclass
from importlib.metadata import version

from benchmarks.measure import floor


@dataclass(frozen=True, slots=True)
class Machine:
    """Interpreter, processor and load, and F in nanoseconds (the median of nine)."""

    python: str
    compiler: str
    package: str
    machine: str
    processors: int
    load: float
    floor: float


def seen() -> Machine:
    """The machine as it is now."""
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        compiler=platform.python_compiler(),
        package=version("airssys-wasm"),
        machine=f"{platform.system()} {platform.machine()} {_processor()}".strip(),
        processors=os.cpu_count() or 1,
        load=round(os.getloadavg()[0], 2),
        floor=round(statistics.median(floor() for _ in range(9)), 1),
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
            return next(names, "").strip()
    except OSError:
        return ""
