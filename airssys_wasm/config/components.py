"""The block `components:` of a tree: how the system compiles and runs components.

Pure. The keys of a tree file are the fields of these dataclasses, as in `tree.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.components.engine.code_limits import (
    DEFAULT_CACHE,
    LEAST_MEMORY,
    MOST_TIME,
    CompileLimits,
)
from airssys_wasm.config.storage import StorageSetting
from airssys_wasm.schema import AtLeast, AtMost, Duration, Named, Size

EnginePath: TypeAlias = Literal["auto", "fast", "slow"]

_COMPILE = CompileLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileConfig:
    """What the process may take in which a component is compiled that is not trusted.

    - `memory`: its memory.
    - `time`: the time until it is ended.
    """

    __noun__: ClassVar[str] = "a block of bounds"

    memory: Annotated[Size, AtLeast(LEAST_MEMORY)] = _COMPILE.memory
    time: Annotated[Duration, AtLeast(0.001), AtMost(MOST_TIME)] = _COMPILE.time

    def limits(self) -> CompileLimits:
        return CompileLimits(self.memory, self.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentsConfig:
    """How the system compiles and runs components, and where it keeps what they store.

    `cache` is a directory, "default" the user's cache directory, None no cache on disk; a
    `stack` of None is the engine's own default. A `storage` of "default" is the SQLite file
    `storage.db` beside the tree file.

    - `path`: `fast` and `slow` are two ways to call a guest; `auto` takes the fast one where it
      can.
    - `cache`: a directory for compiled code; `default` for the user's; null for none.
    - `cache_size`: what all files of compiled code may take; what was not used for longest is
      removed.
    - `compile`: what compiling a component may take that is not trusted.
    - `pooling`: places for the instances of all components of the tree are set aside when it
      starts; a start takes half the time then, and what memory they use is not known.
    - `stack`: how large the stack of a guest is, 64KiB to 2MiB; null for the engine's default.
    - `storage`: where components keep what they store: `{sqlite: PATH}`, `{rocksdb: PATH}`,
      `memory` (until the end of the run), or `default`, the file storage.db beside the tree file.
    """

    __noun__: ClassVar[str] = "this block"

    path: Annotated[EnginePath, Named("engine path")] = "auto"
    cache: Path | Literal["default"] | None = "default"
    cache_size: Annotated[Size, AtLeast(1)] = DEFAULT_CACHE
    compile: CompileConfig = CompileConfig()
    pooling: bool = False
    stack: Annotated[Size, AtLeast(64 * 1024), AtMost(2 * 1024 * 1024)] | None = None
    storage: StorageSetting = "default"
