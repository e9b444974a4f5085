"""Acts: lets code of the actor's own machinery run in one of its turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.message import InTurn
from airssys_wasm.kernel.states import DEAD, ENDING, ENTRIES, PROCESS, SUSPENDED

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


def run_in_turn(ref: ActorRef[Any], function: Callable[[Any], object]) -> bool:
    """Let `function` run with the behaviour of the actor when the handler in hand has returned.

    It runs as a handler does, ahead of the messages that wait in a mailbox in order of arrival;
    plain or async; what it raises ends the actor. False when there is no such turn: the actor is
    dead, suspended, or a process function.
    """
    if ref._mode & (DEAD | ENDING | PROCESS | SUSPENDED):
        return False
    ref._scheduler.end_batch(ref)
    ref._mode |= ENTRIES
    entry = InTurn(function)
    if ref._queue and ref._queue.__class__ in (list, deque):
        ref._queue.insert(0, entry)
    else:
        ref._deliver(entry)
    return True
