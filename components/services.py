"""Acts: what the components of one system share: engine, storage, directory and audit."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, Self

import anyio

from airssys_wasm.components.directory import Directory
from airssys_wasm.components.engine.code_cache import default_directory
from airssys_wasm.components.engine.code_limits import CompileLimits
from airssys_wasm.components.engine.engine import Compiled, Engine, EngineSettings
from airssys_wasm.components.engine.pooling import PoolSize
from airssys_wasm.components.security.audit import AuditTrail
from airssys_wasm.components.storage.namespaces import Namespaces
from airssys_wasm.components.storage.opening import open_store
from airssys_wasm.components.storage.places import InMemory, InRocks, InSqlite, StoragePlace
from airssys_wasm.components.storage.store import KeyValueStore

if TYPE_CHECKING:
    from airssys_wasm.components.host.calls import Waits
    from airssys_wasm.components.storage.batches import Offload


RunsOn = Literal["loop", "thread"]


class CompileBounds(Protocol):
    """How a configuration says what compiling may take."""

    def limits(self) -> CompileLimits: ...


class EngineChoice(Protocol):
    """How a configuration says which engine is wanted; None for `stack` is the engine's own."""

    @property
    def path(self) -> Literal["auto", "fast", "slow"]: ...
    @property
    def cache(self) -> Path | Literal["default"] | None: ...
    @property
    def cache_size(self) -> int: ...
    @property
    def compile(self) -> CompileBounds: ...
    @property
    def stack(self) -> int | None: ...


class ComponentServices:
    """One for each system; `Component` finds it as `context.system.components`.

    The engine is made when the first component starts, with `settings`, or is `engine`, which is
    then closed here too. So is the store, which is made when the first component that was granted
    storage starts; `storage` is where, or a store, and memory unless given.
    """

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        settings: EngineSettings | None = None,
        storage: KeyValueStore | StoragePlace | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._place: StoragePlace = InMemory()
        self._store: KeyValueStore | None = None
        if isinstance(storage, InMemory | InSqlite | InRocks):
            self._place = storage
        else:
            self._store = storage
        self.namespaces = Namespaces()
        self.directory = Directory()
        self.audit = AuditTrail() if audit is None else audit
        self.reported: set[tuple[str, str]] = set()  # (component, digest) whose imports were told
        self.waits: Waits = {}
        self.callbacks_dropped = 0
        self.traps: Counter[str] = Counter()  # ends by a trap or a limit, by the component's id
        self._threads: Engine | None = None
        self._kept: dict[tuple[Path | bytes, str], tuple[object, Compiled]] = {}
        self._loading: dict[tuple[Path | bytes, str], asyncio.Lock] = {}

    @classmethod
    def of(
        cls,
        choice: EngineChoice,
        storage: StoragePlace | None = None,
        pool: PoolSize | None = None,
    ) -> Self:
        """What a configuration asks for; `pool` is what its components need to have places set
        aside. Raises ValueError for a stack out of range."""
        cache = default_directory() if choice.cache == "default" else choice.cache
        settings = EngineSettings(
            path=choice.path,
            cache=cache,
            cache_size=choice.cache_size,
            compile=choice.compile.limits(),
            pool=pool,
        )
        if choice.stack is not None:
            settings = replace(settings, stack=choice.stack)
        return cls(settings=settings, storage=storage)

    @property
    def engine(self) -> Engine:
        """What compiles and runs components. Raises EngineUnavailable."""
        if self._engine is None:
            self._engine = Engine(self._settings)
        return self._engine

    def engine_for(self, run: RunsOn) -> Engine:
        """The engine for components that run there: "loop" is `engine`, "thread" one whose guests
        run on threads, which is made when it is first needed. Raises EngineUnavailable."""
        if run == "loop" or self.engine.path == "slow":
            return self.engine
        if self._threads is None:
            self._threads = Engine(replace(self.engine.settings, path="slow", pool=None))
        return self._threads

    def store(self, offload: Offload) -> KeyValueStore:
        """Where components keep what they store; `offload` runs blocking code aside.

        Raises StoreUnavailable when what it needs is not installed.
        """
        if self._store is None:
            self._store = open_store(self._place, offload)
        return self._store

    async def load(
        self, source: Path | bytes, run: RunsOn = "loop", *, trusted: bool = False
    ) -> Compiled:
        """The component, compiled for the engine of `run` and checked; kept while the file stays
        as it is, so that a restart and the next of a thousand children begin at once. What is not
        `trusted` is compiled in a process of its own.

        Raises ComponentInvalid, EngineUnavailable.
        """
        name, version = _identity(source)
        engine = self.engine_for(run)
        key = name, engine.path
        kept = self._kept.get(key)
        if kept is not None and kept[0] == version:
            return kept[1]
        async with self._loading.setdefault(key, asyncio.Lock()):
            kept = self._kept.get(key)  # others may have loaded it meanwhile
            if kept is not None and kept[0] == version:
                return kept[1]
            compiled = await engine.load(source, trusted=trusted)
            if version is not None:
                self._kept[key] = version, compiled
            return compiled

    async def close(self) -> None:
        """Close the store, after what was asked of it is done, and end the engine.

        Components that still run end with it.
        """
        self._kept.clear()
        try:
            if self._store is not None:
                with anyio.CancelScope(shield=True):
                    await self._store.close()
        finally:
            for engine in (self._engine, self._threads):
                if engine is not None:
                    engine.close()


def _identity(source: Path | bytes) -> tuple[Path | bytes, object]:
    """What a component is kept under, and what changes when it does; None if that is not known."""
    if isinstance(source, bytes):
        return source, len(source)
    try:
        status = source.stat()
    except (OSError, ValueError):
        return source, None
    return source, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
