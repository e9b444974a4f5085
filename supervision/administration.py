"""Which changes a supervisor refuses, and why.

Pure.

| child is | add | terminate | restart | delete |
|---|---|---|---|---|
| unknown | | NotFound | NotFound | NotFound |
| stopped | Present | | | |
| restarting | Present | | Restarting | Restarting |
| running | AlreadyUp | | Running | Running |

Source: Erlang/OTP, supervisor(3): start_child/2, terminate_child/2, restart_child/2,
delete_child/2.
"""

from __future__ import annotations

from typing import assert_never

from airssys_wasm.supervision.children import Child
from airssys_wasm.supervision.steps import (
    AddChild,
    AlreadyUp,
    Change,
    DeleteChild,
    NotFound,
    Present,
    Problem,
    RestartChild,
    Restarting,
    Running,
    TerminateChild,
    Unfit,
)
from airssys_wasm.supervision.strategy import AutoShutdownMode


def refusal(change: Change, child: Child | None, auto_shutdown: AutoShutdownMode) -> Problem | None:
    """Why `change` can't be made to `child` (None: the id is unknown); None when it can.

    >>> refusal(DeleteChild("a", 1), None, "never")
    NotFound(child='a')
    """
    match change:
        case AddChild(spec):
            if child is None:
                misfit = spec.significant and auto_shutdown == "never"
                return Unfit(spec.id) if misfit else None
            if child.state in ("stopped", "restarting"):
                return Present(child.id)
            return AlreadyUp(child.id, child.incarnation)
        case TerminateChild(id):
            return NotFound(id) if child is None else None
        case RestartChild(id) | DeleteChild(id):
            if child is None:
                return NotFound(id)
            match child.state:
                case "stopped":
                    return None
                case "restarting":
                    return Restarting(id)
                case _:
                    return Running(id, child.incarnation)
        case never:
            assert_never(never)
