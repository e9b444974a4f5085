"""Which actor runs, as child tasks inherit it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

CURRENT: ContextVar[ActorRef[Any] | None] = ContextVar("airssys_wasm_current_actor", default=None)
