"""Acts: runs components: compiles, checks and instantiates them, on the fast path or the slow one.

Which path runs is chosen once, by the settings and by what is installed. Callers can't tell:
values, reasons of an end and errors are the same.

Always:
  - nothing of a component runs before every function that it imports and exports was compared
    with the world, and one that differs is never linked;
  - each instance has a Store of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
import weakref
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from airssys_wasm.components.engine.code_limits import DEFAULT_CACHE, CompileLimits
from airssys_wasm.components.engine.compile_outside import OutsideCompiler
from airssys_wasm.components.engine.compiler import Compiler
from airssys_wasm.components.engine.introspection import read_interfaces
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.path_choice import choose_path
from airssys_wasm.components.engine.pool_allocator import FULL, why_no_pool
from airssys_wasm.components.engine.pooling import Needs, PoolSize
from airssys_wasm.components.engine.runtime_host import host_world
from airssys_wasm.components.engine.threaded_engine import ThreadedEngine
from airssys_wasm.components.engine.traps import Trap
from airssys_wasm.components.engine.world import Interfaces, differences, exported_interface
from airssys_wasm.components.errors import ComponentInvalid, GuestTrap

if TYPE_CHECKING:
    import wasmtime

    from airssys_wasm.components.engine.fiber_engine import FiberEngine
    from airssys_wasm.components.engine.host_calls import HostCalls, Pause, Timeout
    from airssys_wasm.components.engine.native_code import NativeCode

_log = logging.getLogger(__name__)

_COMPILE = CompileLimits()
_LEAST_STACK = 64 * 1024
_MOST_STACK = 2 * 1024 * 1024  # wasmtime ends the process if it is over its default for fibers


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of a whole system, not of one component.

    `path`: "auto" is the fast path wherever it can run. `stack`: bytes that a guest may use for
    its own calls, 64 KiB to 2 MiB. `cache`: directory for compiled code, made if it is not there;
    None to keep none. `cache_size`: bytes that it may hold. `compile`: what compiling a component
    may take that is not trusted. `pool`: the places that are set aside for instances, None for
    none; what does not fit runs on demand, beside it.
    """

    path: Literal["auto", "fast", "slow"] = "auto"
    stack: int = 512 * 1024
    cache: Path | None = None
    cache_size: int = DEFAULT_CACHE
    compile: CompileLimits = _COMPILE
    pool: PoolSize | None = None

    def __post_init__(self) -> None:
        if self.path not in ("auto", "fast", "slow"):
            raise ValueError(f"path must be auto, fast or slow, not {self.path!r}")
        if not _LEAST_STACK <= self.stack <= _MOST_STACK:
            raise ValueError(
                f"stack must be {_LEAST_STACK} to {_MOST_STACK} bytes, not {self.stack}"
            )
        if self.cache_size <= 0:
            raise ValueError(f"cache_size must be above 0 bytes, not {self.cache_size}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A component that fits the world, in native code.

    `source` is its path or `<bytes>`, `digest` the SHA-256 of its binary in hexadecimal, `imports`
    the names of the interfaces of which it imports functions, `optional` the functions that it
    exports though it need not: `handle-batch`, `handle-text`, `handle-text-batch`.
    """

    source: str
    digest: str
    imports: tuple[str, ...]
    component: NativeCode
    optional: frozenset[str] = frozenset()
    needs: Needs | None = None
    pooled: NativeCode | None = None  # the same for the engine that has the pool


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a component imports and exports, by interface and then by function.

    Plain functions are under the interface "". `problems` keep it out of the world; none: it fits.
    """

    digest: str
    imports: Interfaces
    exports: Interfaces
    problems: tuple[str, ...]


class ComponentInstance(Protocol):
    """One incarnation of a component, whichever path it is on."""

    @property
    def is_alive(self) -> bool:
        """Whether it can be called."""
        ...

    @property
    def memory_used(self) -> int | None:
        """Bytes of all linear memories together; None where that is not known."""
        ...

    @property
    def memory_peak(self) -> int | None:
        """The most they ever were; None where that is not known."""
        ...

    @property
    def memory_nearly_full(self) -> bool:
        """Whether the peak is within a tenth of the limit."""
        ...

    @property
    def calls(self) -> int:
        """Of its exports, so far."""
        ...

    @property
    def seconds(self) -> float:
        """That its guest has run in those, waits not counted."""
        ...

    @property
    def fuel_used(self) -> int | None:
        """What the last call has used; None while one is in flight and after the end."""
        ...

    async def call(self, function: str, *arguments: object) -> object:
        """What the export `function` of component-lifecycle returns, as in `values.py`.

        Raises GuestTrap for a trap and for a limit; the instance has ended then, and also when
        the call is cancelled or a host function raises, which is raised here. Raises TypeError
        for arguments that do not fit, ValueError for an unknown function, RuntimeError while
        another call is in flight and InstanceClosed after the end, all without harm.
        """
        ...

    def close(self) -> None:
        """End it, also in the middle of a call. Does nothing again."""
        ...


class Engine:
    """Runs components of the world `runtime-host`.

    Raises EngineUnavailable if the settings ask for a path that can't run here.
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings = settings or EngineSettings()
        self.path: Literal["fast", "slow"] = choose_path(
            settings.path,
            wheel=version("wasmtime"),
            python=sys.version_info[:2],
            implementation=platform.python_implementation(),
            system=os.name,
        )
        self._runner = self._runner_with(None)
        self._pool = self._open_pool()
        self._process = os.getpid()
        # Only these may be instantiated: they fit the world, and they are of this engine.
        self._checked: weakref.WeakSet[NativeCode] = weakref.WeakSet()
        self._compiler = Compiler(
            self._runner.engine,
            settings=str(self._runner.settings),
            cache=settings.cache,
            cache_size=settings.cache_size,
            outside=OutsideCompiler(self._runner.settings, settings.compile),
        )

    def _runner_with(self, pool: PoolSize | None) -> FiberEngine | ThreadedEngine:
        stack = self.settings.stack
        if self.path == "slow":
            return ThreadedEngine(host_world(), stack=stack, pool=pool)
        # Not at the top: its import fails where the fast path can't run.
        from airssys_wasm.components.engine.fiber_engine import FiberEngine

        return FiberEngine(host_world(), stack=stack, pool=pool)

    def _open_pool(self) -> FiberEngine | ThreadedEngine | None:
        if self.settings.pool is None:
            return None
        why = why_no_pool(self.settings.pool, _MOST_STACK)
        if why is not None:
            _log.warning("components run without a pool: %s", why)
            return None
        return self._runner_with(self.settings.pool)

    async def load(self, source: Path | bytes, *, trusted: bool = False) -> Compiled:
        """The component at a path, or of these bytes, compiled and checked.

        Compiled off the loop, once for the same bytes, and kept in the cache; in a process of its
        own, with bounds, unless it is `trusted`. Raises ComponentInvalid for what can't be read,
        is no component, takes too much to compile, or does not fit the world; it names every
        function that is missing or differs, with both signatures.
        """
        self._refuse_after_fork()
        name = "<bytes>" if isinstance(source, bytes) else str(source)
        code = await self._compiler.compile(source, trusted=trusted)
        problems, imports, optional = await asyncio.to_thread(
            _check, self._runner.engine, code.component, name
        )
        if problems:
            raise ComponentInvalid(name, problems)
        pooled = None
        if self._pool is not None and code.needs is not None:
            pooled = await self._compiler.load_again(self._pool.engine, code)
            if pooled is not None:
                self._checked.add(pooled)
        self._checked.add(code.component)
        return Compiled(name, code.digest, imports, code.component, optional, code.needs, pooled)

    async def inspect(self, source: Path | bytes) -> Inspected:
        """What a component imports and exports, and why it does not fit, if it doesn't.

        Raises ComponentInvalid for what can't be read or is no component.
        """
        self._refuse_after_fork()
        name = "<bytes>" if isinstance(source, bytes) else str(source)
        code = await self._compiler.compile(source)
        imports, exports = await asyncio.to_thread(
            _read, self._runner.engine, code.component, name, None
        )
        problems = differences(host_world(), imports, exports)
        return Inspected(code.digest, imports, exports, tuple(problems))

    async def instantiate(
        self,
        compiled: Compiled,
        *,
        limits: Limits,
        host: HostCalls,
        clock: Callable[[], float],
        pause: Pause | None = None,
        timeout: Timeout = asyncio.timeout,
    ) -> ComponentInstance:
        """A new incarnation, with a Store of its own.

        `host` serves what the guest imports, on the loop; `clock` gives seconds that only grow.
        `pause` lets others run when a slice of fuel is used up, which only the fast path does;
        `timeout` bounds a wait, as `asyncio.timeout`. Raises GuestTrap when the component traps
        or passes a limit as it begins.
        """
        if compiled.component not in self._checked:
            raise ValueError("this component was loaded by another engine")
        self._refuse_after_fork()
        share = self._share_of_pool(compiled, limits)

        def begin(
            runner: FiberEngine | ThreadedEngine, code: NativeCode, limits: Limits
        ) -> Awaitable[ComponentInstance]:
            return runner.instantiate(
                code, limits=limits, host=host, clock=clock, pause=pause, timeout=timeout
            )

        if share is not None and self._pool is not None and compiled.pooled is not None:
            try:
                return await begin(self._pool, compiled.pooled, share)
            except GuestTrap as trap:
                if not (isinstance(trap.reason, Trap) and FULL in trap.reason.message):
                    raise
        return await begin(self._runner, compiled.component, limits)

    def _share_of_pool(self, compiled: Compiled, limits: Limits) -> Limits | None:
        """The limits of an instance in the pool; None if it has no place there."""
        needs, size = compiled.needs, self.settings.pool
        if needs is None or size is None:
            return None
        memory = limits.memory // max(needs.memories, 1)
        return replace(limits, memory=memory) if memory and size.fits(needs, memory) else None

    def close(self) -> None:
        """End every instance, the threads of this engine, and the code that it has loaded, whose
        files are open for as long as it is. Does nothing again."""
        self._runner.close()
        if self._pool is not None:
            self._pool.close()
        self._compiler.close()
        for component in list(self._checked):
            component.close()

    def _refuse_after_fork(self) -> None:
        # The threads of wasmtime's compiler are not there in the child: it would wait for ever.
        if os.getpid() != self._process:
            raise RuntimeError("an engine can't be used after a fork: make another, or spawn")


def _check(
    engine: wasmtime.Engine, component: NativeCode, name: str
) -> tuple[list[str], tuple[str, ...], frozenset[str]]:
    world = host_world()
    imports, exports = _read(engine, component, name, world.callable)
    used = tuple(interface for interface, functions in imports.items() if functions)
    optional = frozenset(
        function
        for interface, functions in world.optional.items()
        if exported_interface(exports, interface, world.minor)
        for function in functions
    )
    return differences(world, imports, exports), used, optional


def _read(
    engine: wasmtime.Engine, component: NativeCode, name: str, exported: Collection[str] | None
) -> tuple[Interfaces, Interfaces]:
    try:
        with component.used():
            return read_interfaces(engine, component, exported)
    except (TypeError, RecursionError) as error:
        raise ComponentInvalid(name, [f"its types can't be read: {error}"]) from error
