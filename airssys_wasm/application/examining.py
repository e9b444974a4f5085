"""Acts: looks into a component's binary, for `check`: does it fit, and what does it import?"""

from __future__ import annotations

from pathlib import Path

import anyio

from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.errors import ComponentInvalid
from airssys_wasm.config import FoundComponent


def examine_component(path: Path) -> FoundComponent:
    """What the binary at `path` says. Compiles it, and runs nothing of it.

    Not from within an event loop.
    """

    async def examine() -> FoundComponent:
        engine = Engine(EngineSettings())
        try:
            compiled = await engine.load(path)
            return FoundComponent(imports=frozenset(compiled.imports))
        finally:
            engine.close()

    try:
        return anyio.run(examine)
    except ComponentInvalid as invalid:
        return FoundComponent(differences=invalid.problems)
