"""Acts: looks into a component's binary, for `check`: does it fit, and what does it import?"""

from __future__ import annotations

from pathlib import Path

import anyio

from airssys_wasm.components.engine.code_cache import default_directory
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.errors import ComponentInvalid
from airssys_wasm.config import FoundComponent


def examine_component(path: Path) -> FoundComponent:
    """What the binary at `path` says. Compiles it, and runs nothing of it.

    The code is kept where a system with the usual settings finds it, so that `run` compiles a
    component once and not for the check, too. Not from within an event loop.
    """

    async def examine() -> FoundComponent:
        engine = Engine(EngineSettings(cache=default_directory()))
        try:
            compiled = await engine.load(path)
            return FoundComponent(imports=frozenset(compiled.imports))
        finally:
            engine.close()

    try:
        return anyio.run(examine)
    except ComponentInvalid as invalid:
        return FoundComponent(differences=invalid.problems)
