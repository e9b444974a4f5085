"""What compiling components may take, and what their code may take on disk.

Pure: `compile_outside.py` and `code_cache.py` keep to it.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024

LEAST_MEMORY = 128 * MIB  # an interpreter and the threads of the compiler take a part of it
MOST_TIME = 24 * 3600.0
DEFAULT_CACHE = 1024 * MIB  # 27 guests of the largest kind that is known


@dataclass(frozen=True, slots=True)
class CompileLimits:
    """Bounds of one compilation in a process of its own: `memory` in bytes, `time` in seconds.

    The largest guest that is known, 18 MB of Python, takes 400 MB and 10 s on two cores.
    """

    memory: int = 2048 * MIB
    time: float = 120.0

    def __post_init__(self) -> None:
        if self.memory < LEAST_MEMORY:
            raise ValueError(f"memory must be at least {LEAST_MEMORY} bytes, not {self.memory}")
        if not 0 < self.time <= MOST_TIME:
            raise ValueError(f"time must be above 0 and at most {MOST_TIME} s, not {self.time}")
