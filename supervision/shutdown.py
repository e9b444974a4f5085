"""How one child is stopped: which signal first, and how long it may take before it is killed.

Pure. Children are stopped one by one, each after the one started after it is gone.

Source: Erlang/OTP, supervisor(3), "shutdown"; design principles, "Shutdown".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from airssys_wasm.supervision.child_spec import WORKER_SHUTDOWN, Shutdown


@dataclass(frozen=True, slots=True)
class StopSignal:
    """The first signal to a child, and after how many seconds it is killed (None: never)."""

    signal: Literal["exit", "kill"]
    limit: float | None = None


def stop_signal(shutdown: Shutdown) -> StopSignal:
    """How to stop a child whose spec says `shutdown`.

    >>> stop_signal(5.0)
    StopSignal(signal='exit', limit=5.0)
    """
    match shutdown:
        case "brutal_kill":
            return StopSignal("kill")
        case "infinity":
            return StopSignal("exit")
        case limit:
            return StopSignal("exit", limit)


def terminate_time(shutdown: Shutdown) -> float:
    """Seconds for the child's `terminate` hook: what bounds its stop bounds each of its ends.

    A child that is only ever killed by its supervisor may still end by itself, and then has 5 s.

    >>> terminate_time("brutal_kill"), terminate_time("infinity")
    (5.0, inf)
    """
    match shutdown:
        case "brutal_kill":
            return WORKER_SHUTDOWN
        case "infinity":
            return math.inf
        case limit:
            return limit
