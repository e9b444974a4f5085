"""Acts: imports what runs components, which takes 0.2 s.

The first component that starts has it done aside, so that others go on meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import Platform

_imported = False


async def import_engine(platform: Platform) -> None:
    """Does nothing again."""
    if not _imported:
        await platform.offload(_import)


def _import() -> None:
    global _imported
    import_module("airssys_wasm.components.services")
    with suppress(ImportError):  # the fast path, where it can run
        import_module("airssys_wasm.components.engine.fiber_engine")
    _imported = True
