"""What can be asked of a dynamic supervisor beyond `protocol`: behind `DynamicSupervisorRef`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


@dataclass(frozen=True, slots=True)
class StartInstance:
    """Asks a dynamic supervisor for a new child with these arguments."""

    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TerminateInstance:
    """Asks a dynamic supervisor for the end of the child behind a ref."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class GetTemplate:
    """Asks a dynamic supervisor for the spec that its children are made from."""
