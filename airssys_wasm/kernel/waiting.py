"""Whom an actor waits for, found out when somebody asks, so that no request pays for it.

Pure: looks along what the task of a suspended handler awaits, to the request at the end. A request
that a child task of the actor makes is not seen.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

LONGEST = 16  # actors in a chain; more than a person would read


def chain_from(ref: ActorRef[Any], waits: CodeType) -> tuple[ActorRef[Any], ...]:
    """Whom `ref` waits for, whom that one waits for, and so on.

    A cycle ends with the first actor that comes again, `ref` itself or one of the chain. `waits` is
    the code in which a request waits for its reply, with its target as `ref`.
    """
    chain: list[ActorRef[Any]] = []
    seen = {ref}
    asked = _asked_by(ref, waits)
    while asked is not None and len(chain) < LONGEST:
        chain.append(asked)
        if asked in seen:
            break
        seen.add(asked)
        asked = _asked_by(asked, waits)
    return tuple(chain)


def _asked_by(ref: ActorRef[Any], waits: CodeType) -> ActorRef[Any] | None:
    extension = ref._extension
    task = extension.task if extension is not None else None
    awaited: Any = task.get_coro() if task is not None else None
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None)
        if frame is not None and frame.f_code is waits:
            asked: ActorRef[Any] = frame.f_locals["ref"]
            return asked
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return None
