"""Acts: the slow path: guests on threads, over wasmtime's public engine, linker and stores.

It serves wheels that the fast path was not written for, and gives the same
results: the same values, the same reasons of an end. It can't suspend a guest,
so one that waits for the host keeps its thread, and 32 at most run or wait.

Always:
  - guests run without the GIL; the callbacks here know the call they belong to
    by their thread;
  - guests are interrupted through epochs, whose callback reads the clock, so
    that time spent waiting for the host does not count;
  - nothing is raised into wasmtime, of any type.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.components.engine.compile_process import CodeSettings, configured
from airssys_wasm.components.engine.guest_memory import GuestMemories
from airssys_wasm.components.engine.guest_threads import GuestThreads
from airssys_wasm.components.engine.handles import (
    Destructor,
    Take,
    define_resources,
    give,
    given_by,
    resource_ids,
    taking,
)
from airssys_wasm.components.engine.heap import Heap
from airssys_wasm.components.engine.host_calls import HostCalls, Pause, Timeout
from airssys_wasm.components.engine.limits import (
    MAX_TABLE_ELEMENTS,
    MOST_OF_A_KIND,
    MOST_TABLES,
    Limits,
    MemoryAccount,
)
from airssys_wasm.components.engine.pool_allocator import use_pool
from airssys_wasm.components.engine.pooling import PoolSize
from airssys_wasm.components.engine.threaded_call import Abandoned, ThreadedCall
from airssys_wasm.components.engine.threaded_instance import Export, ThreadedInstance
from airssys_wasm.components.engine.traps import HOST_ERROR
from airssys_wasm.components.engine.world import FuncType, World
from airssys_wasm.components.engine.wrapper_structures import (
    Codec,
    delete_value,
    move_value,
    new_value,
)
from airssys_wasm.components.engine.wrapper_values import codec

DEFAULT_STACK = 512 * 1024  # of the guest itself; the rest of its thread's is the host's
_UPDATE_CONTINUE = 0

_EpochCallback = ctypes.CFUNCTYPE(
    ctypes.c_size_t,
    ctypes.POINTER(ffi.wasmtime_context_t),
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint64),
    ctypes.POINTER(ffi.wasmtime_update_deadline_kind_t),
)
_NO_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)()


@dataclass(frozen=True, slots=True)
class _Import:
    """A host function, ready to convert its values."""

    interface: str
    name: str
    params: tuple[Codec, ...]
    result: Codec | None
    takes: Take | None = None
    gives: int | None = None


class _Current(threading.local):
    """What runs on this thread."""

    call: ThreadedCall
    memory: MemoryAccount


class ThreadedEngine:
    """The slow path's engine: one for many components, all of `world`.

    `settings` names what compiled code depends on; compile with `engine`.
    """

    def __init__(
        self, world: World, *, stack: int = DEFAULT_STACK, pool: PoolSize | None = None
    ) -> None:
        self.settings = CodeSettings("epochs", stack, memories=GuestMemories.available())
        config = configured(self.settings)
        self.stack = stack
        self._current = _Current()
        self._memories: GuestMemories | None = None
        if pool is not None:
            use_pool(config, pool)
        elif self.settings.memories:
            self._memories = GuestMemories(lambda: self._current.memory)
            self._memories.install(config)
        self.engine = wasmtime.Engine(config)
        self._threads = GuestThreads(self.engine)
        self.heap = Heap()
        self._resources = resource_ids(world)
        self._imports = [
            _Import(
                interface,
                name,
                *_codecs(function),
                taking(function, self._resources),
                given_by(function, self._resources),
            )
            for interface, functions in world.imports.items()
            for name, function in functions.items()
        ] + [
            _Import(interface, name, (), None)
            for interface, names in world.unreachable.items()
            for name in sorted(names)
        ]
        self.minor = world.minor
        self._exports = {
            interface: {name: Export(*_codecs(function)) for name, function in functions.items()}
            for interface, functions in world.callable.items()
        }
        # wasmtime holds bare pointers to these.
        self._on_import = ffi.wasmtime_component_func_callback_t(self._import_called)
        self._on_epoch = _EpochCallback(self._epoch_reached)
        self._on_drop = Destructor(self._dropped)
        self._linker = self._link(world)
        self._instances: weakref.WeakSet[ThreadedInstance] = weakref.WeakSet()
        self._closed = False

    async def instantiate(
        self,
        component: wc.Component,
        *,
        limits: Limits,
        host: HostCalls,
        clock: Callable[[], float],
        pause: Pause | None = None,
        timeout: Timeout = asyncio.timeout,
    ) -> ThreadedInstance:
        """A new instance in a Store of its own, of a component that fits the world.

        `pause` is for guests on the loop: those here hold nobody up. `timeout` bounds a wait for
        the host, as `asyncio.timeout` does. Raises GuestTrap when it traps or passes a limit as it
        begins, and RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError("the engine is closed")
        instance = ThreadedInstance(self, self._exports, limits, host, clock, timeout)
        self._instances.add(instance)
        await instance.begin(component)
        return instance

    def close(self) -> None:
        """End every instance and every thread; returns when they have ended."""
        self._closed = True
        for instance in list(self._instances):
            instance.close()
        self._threads.close()

    # What its instances ask of it:

    @property
    def counts_memory(self) -> bool:
        """Whether this wheel lets the host count; otherwise wasmtime bounds each memory alone."""
        return self._memories is not None

    def new_store(self, limits: Limits) -> wasmtime.Store:
        """An empty Store within the limits."""
        store = wasmtime.Store(self.engine)
        store.set_limits(
            memory_size=-1 if self.counts_memory else limits.memory,
            table_elements=MAX_TABLE_ELEMENTS,
            instances=limits.instances or MOST_OF_A_KIND,
            tables=limits.tables or MOST_TABLES,
            memories=MOST_OF_A_KIND,
        )
        ffi.wasmtime_store_epoch_deadline_callback(store.ptr(), self._on_epoch, None, _NO_FINALIZER)
        return store

    def link(self, store: wasmtime.Store, component: wc.Component) -> wc.Instance:
        """Instantiate, on a thread of `run`. Raises WasmtimeError when it fails."""
        return self._linker.instantiate(store, component)

    def run(self, call: ThreadedCall, memory: MemoryAccount, work: Callable[[], None]) -> None:
        """Run `work`, which raises nothing, on a thread for guests, as part of `call`."""

        def on_thread() -> None:
            self._current.call, self._current.memory = call, memory
            try:
                with self._threads.ticking():
                    work()
            finally:
                del self._current.call, self._current.memory

        self._threads.start(on_thread)

    def look_at_heap(self) -> None:
        """A guest is gone: give back what it had, on a thread."""
        with contextlib.suppress(RuntimeError):  # the threads have ended
            self._threads.start(self.heap.look)

    # What wasmtime calls, on a thread of `run`:

    def _import_called(self, env: int, context: Any, *rest: Any) -> int:
        # Older versions do not give the type of the function, which stands before these.
        arguments, _, results, _ = rest[-4:]
        try:
            call = self._current.call
            try:
                if call.abandoned:
                    raise Abandoned
                of = self._imports[env - 1]
                given: tuple[object, ...] = tuple(
                    [param.read(arguments[index]) for index, param in enumerate(of.params)]
                )
                if of.takes is not None:
                    given = of.takes(_address(context), given)
                answer = call.ask(of.interface, of.name, given)
                if of.gives is not None:
                    give(_address(context), answer, of.gives, _address(results))
                elif of.result is not None:
                    _give(of.result, answer, results)
                elif answer is not None:
                    raise TypeError(f"{of.interface}#{of.name} has no result, not {answer!r:.80}")
            except BaseException as error:
                call.failure = error
                return _host_error()
        except BaseException:
            return _host_error()
        return 0

    def _epoch_reached(self, _context: Any, _data: Any, ticks: Any, kind: Any) -> int:
        try:
            if self._current.call.interrupted():
                return _host_error()
            ticks[0] = 1
            kind[0] = _UPDATE_CONTINUE
        except BaseException:
            return _host_error()
        return 0

    def _dropped(self, _env: int | None, _context: int, number: int) -> int:
        with suppress(BaseException):  # there is nobody to tell, and nothing may leave this
            self._current.call.drops.append(number)
        return 0

    def _link(self, world: World) -> wc.Linker:
        linker = wc.Linker(self.engine)
        destructor = ctypes.cast(self._on_drop, ctypes.c_void_p).value or 0
        by_interface: dict[str, list[tuple[int, _Import]]] = {name: [] for name in world.imports}
        for number, function in enumerate(self._imports, start=1):  # 0 would arrive as None
            by_interface[function.interface].append((number, function))
        with linker.root() as root:
            for interface, functions in by_interface.items():
                with root.add_instance(interface) as instance:
                    named = world.resources.get(interface, {})
                    define_resources(_address(instance.ptr()), named, self._resources, destructor)
                    for number, function in functions:
                        name = function.name.encode()
                        error = ffi.wasmtime_component_linker_instance_add_func(
                            instance.ptr(),
                            ctypes.create_string_buffer(name),
                            len(name),
                            self._on_import,
                            number,
                            _NO_FINALIZER,
                        )
                        if error:
                            raise wasmtime.WasmtimeError._from_ptr(error)
        return linker


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0


def _codecs(function: FuncType) -> tuple[tuple[Codec, ...], Codec | None]:
    result = None if function.result is None else codec(function.result)  # of a handle: not used
    return tuple(codec(param) for param in function.params), result


def _give(result: Codec, answer: object, target: Any) -> None:
    made = new_value()
    try:
        result.write(made, answer)
    except BaseException:
        delete_value(made)
        raise
    move_value(made, target)


def _host_error() -> int:
    error = wasmtime.WasmtimeError(HOST_ERROR)._consume()
    return ctypes.cast(error, ctypes.c_void_p).value or 0
