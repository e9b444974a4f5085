"""What components say to actors of other nodes, and why they end: classes that all nodes know.

Pure.
"""

from __future__ import annotations

from airssys_wasm.components.engine.traps import Limit, Trap
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.message import ComponentMessage, MessageMetadata


def component_types() -> tuple[type, ...]:
    """These classes."""
    return ComponentMessage, MessageMetadata, ComponentId, Trap, Limit
