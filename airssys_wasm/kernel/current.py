"""Which actor runs, as child tasks inherit it, and whether it changed its context variables."""

from __future__ import annotations

from contextvars import Context, ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

CURRENT: ContextVar[ActorRef[Any] | None] = ContextVar("airssys_wasm_current_actor", default=None)


def unchanged(context: Context | None, stamp: Context | None) -> bool:
    """Whether a handler left its context variables as they were."""
    try:
        return context == stamp
    except Exception:  # the comparison of somebody's values
        return False
