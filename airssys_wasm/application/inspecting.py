"""Acts: reads all that a component's binary says of itself, and runs nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anyio

from airssys_wasm.components.engine.code_cache import default_directory
from airssys_wasm.components.engine.compiler import read_binary
from airssys_wasm.components.engine.engine import Engine, EngineSettings, Inspected
from airssys_wasm.components.engine.producers import producers
from airssys_wasm.components.engine.runtime_host import runtime_host
from airssys_wasm.components.engine.world import Interfaces, signature, type_names
from airssys_wasm.components.errors import ComponentInvalid
from airssys_wasm.components.imports import MissingGrant, missing_grants
from airssys_wasm.components.security.capability import Capabilities

Signatures = dict[str, dict[str, str]]  # by interface, by function


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a component is: `size` in bytes, `digest` the SHA-256 of its binary in hexadecimal.

    `imports` and `exports` are signatures as WIT writes them, by interface and function;
    `producers` the tools that made it, as they say; `grants` what it imports that has to be
    granted; `problems` what keeps it out of `world`, empty when it fits.
    """

    file: str
    world: str
    size: int
    digest: str
    producers: tuple[str, ...]
    imports: Signatures
    exports: Signatures
    grants: tuple[MissingGrant, ...]
    problems: tuple[str, ...]


async def inspect_component(file: Path) -> Inspection:
    """All about the binary at `file`. Compiles it, if no cached code of it is there.

    Raises ComponentInvalid for what can't be read or is no component.
    """
    data = await anyio.to_thread.run_sync(read_binary, file, str(file))
    engine = Engine(EngineSettings(cache=default_directory()))
    try:
        found = await engine.inspect(data)
    except ComponentInvalid as invalid:
        raise ComponentInvalid(str(file), invalid.problems) from invalid
    finally:
        engine.close()
    return _inspection(file, data, found)


def _inspection(file: Path, data: bytes, found: Inspected) -> Inspection:
    world = runtime_host()
    names = type_names(world)

    def written(interfaces: Interfaces) -> Signatures:
        return {
            interface: {name: signature(item, names) for name, item in items.items()}
            for interface, items in interfaces.items()
            if items
        }

    imports = written(found.imports)
    return Inspection(
        str(file),
        world.name,
        len(data),
        found.digest,
        producers(data),
        imports,
        written(found.exports),
        missing_grants(imports, Capabilities()),
        found.problems,
    )
