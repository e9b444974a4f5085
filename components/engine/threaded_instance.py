"""Acts: one incarnation of a component on the slow path.

Always:
  - a Store is used by one call at a time, on one thread;
  - after a call that did not return the instance is dead, and its Store is
    dropped: by the thread that still runs in it, when it has left the guest;
  - the reason of an end is `Limit` if the bound was ours, as on the fast path.

Without host memories (wheels that can't) wasmtime bounds each memory for
itself, a refused growth is not seen, and the end after it is a `Trap`.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.components.engine.host_calls import HostCalls, Timeout
from airssys_wasm.components.engine.limits import (
    Limits,
    MemoryAccount,
    end_of,
    fuel_for_call,
    reply_limit,
)
from airssys_wasm.components.engine.threaded_call import Finished, ThreadedCall
from airssys_wasm.components.engine.traps import trap_of
from airssys_wasm.components.engine.world import exported_interface
from airssys_wasm.components.engine.wrapper_structures import (
    Codec,
    Structure,
    delete_value,
    new_value,
)
from airssys_wasm.components.engine.wrapper_values import Arguments
from airssys_wasm.components.errors import InstanceClosed

if TYPE_CHECKING:
    from airssys_wasm.components.engine.threaded_engine import ThreadedEngine


@dataclass(frozen=True, slots=True)
class Export:
    """A function that guests export, ready to convert its values."""

    params: tuple[Codec, ...]
    result: Codec | None


class ThreadedInstance:
    """Calls one export at a time, until one does not return. Made by `ThreadedEngine`."""

    def __init__(
        self,
        engine: ThreadedEngine,
        exports: Mapping[str, Mapping[str, Export]],
        limits: Limits,
        host: HostCalls,
        clock: Callable[[], float],
        timeout: Timeout,
    ) -> None:
        self._engine = engine
        self._exports = exports
        self._limits = limits
        self._host = host
        self._clock = clock
        self._timeout = timeout
        self._memory = MemoryAccount(limits)
        self._store = engine.new_store(limits)
        self._functions: dict[str, wc.Func] = {}
        self._known: dict[str, Export] = {}
        self._lock = threading.Lock()  # of the two that follow
        self._call: ThreadedCall | None = None
        self._dead = False
        self._fuel_used: int | None = None
        self.calls = 0
        self.seconds = 0.0

    @property
    def memory_used(self) -> int | None:
        """Bytes of linear memory now; None if this wheel does not let us count."""
        return self._memory.used if self._engine.counts_memory else None

    @property
    def memory_peak(self) -> int | None:
        """The most bytes of linear memory so far; None if this wheel does not let us count."""
        return self._memory.peak if self._engine.counts_memory else None

    @property
    def memory_nearly_full(self) -> bool:
        """Whether the peak is within a tenth of the limit; False if this is not counted."""
        return self.memory_peak is not None and self._memory.nearly_full

    @property
    def fuel_used(self) -> int | None:
        """What the last call has used; None while one is in flight and after the end."""
        return None if self._dead or self._call is not None else self._fuel_used

    @property
    def is_alive(self) -> bool:
        """Whether it can still be called."""
        return not self._dead

    async def call(self, function: str, *arguments: object) -> object:
        """What the export `function` of the component's lifecycle returns.

        Raises GuestTrap with the reason when the guest ends, and what a host
        function raised; then, and when the awaiting task is cancelled, the
        instance is dead. Raises TypeError or ValueError for arguments that don't
        fit, ValueError for an unknown function, RuntimeError while another
        call is in flight and InstanceClosed after the end, all without harm.
        """
        if self._dead:
            raise InstanceClosed
        export = self._known.get(function)
        if export is None:
            raise ValueError(f"the component does not export {function!r}")
        given = Arguments(export.params, arguments)
        return await self._do(function, lambda: self._invoke(function, export.result, given))

    async def begin(self, component: wc.Component) -> None:
        """Instantiate `component`, once, before any call; raises as `call` does."""
        await self._do("", lambda: self._instantiate(component))

    def close(self) -> None:
        """Drop the Store: now, or as soon as the guest that runs in it has been interrupted."""
        with self._lock:
            self._dead = True
            call = self._call
            if call is None:
                self._store.close()
        if call is None:
            self._engine.look_at_heap()
        else:
            call.abandon()

    async def _do(self, function: str, work: Callable[[], object]) -> object:
        call = ThreadedCall(self._limits, self._host, self._clock, self._timeout)
        with self._lock:
            if self._dead:
                raise InstanceClosed
            if self._call is not None:
                raise RuntimeError("a call is in flight: an instance takes one at a time")
            self._call = call
        try:
            self._engine.run(call, self._memory, lambda: self._on_thread(call, function, work))
        except BaseException:
            with self._lock:
                self._call = None
            raise
        try:
            return await call.serve()
        except BaseException:
            self.close()
            raise

    # On the thread:

    def _on_thread(self, call: ThreadedCall, function: str, work: Callable[[], object]) -> None:
        try:
            finished = Finished() if call.abandoned else self._run(call, function, work)
        except BaseException as error:
            finished = Finished(error=error)
        with self._lock:
            self._call = None
            if self._dead or finished.reason is not None or finished.error is not None:
                self._dead = True
                self._store.close()
        call.finish(finished)
        if self._dead or not function:
            self._engine.heap.look()

    def _run(self, call: ThreadedCall, function: str, work: Callable[[], object]) -> Finished:
        fuel = fuel_for_call(self._limits)
        self._store.set_fuel(fuel)
        self._store.set_epoch_deadline(1)
        self.calls += bool(function)
        call.time.enter(self._clock())
        failed: str | None = None
        value: object = None
        try:
            value = work()
        except wasmtime.WasmtimeError as error:
            failed = str(error)
        finally:
            self._fuel_used = fuel - self._store.get_fuel()
            self.seconds += call.time.guest(self._clock())
        if failed is not None:
            return self._end(call, failed)
        return Finished(value, reply_limit(self._limits, function, value))

    def _end(self, call: ThreadedCall, text: str) -> Finished:
        trap = trap_of(text, self._fuel_used)
        if call.limit is not None:
            return Finished(reason=call.limit)
        if call.failure is not None:
            return Finished(error=call.failure)
        return Finished(reason=end_of(trap, self._limits, self._memory, self._engine.stack))

    def _invoke(self, function: str, result: Codec | None, given: Arguments) -> object:
        func = ctypes.byref(self._functions[function]._func)
        context = self._store._context()
        held = new_value()
        try:
            _check(
                ffi.wasmtime_component_func_call(
                    func,
                    context,
                    given.structures,
                    given.count,
                    None if result is None else ctypes.byref(held),
                    0 if result is None else 1,
                )
            )
            value = None if result is None else result.read(held)
        finally:
            delete_value(held)
        # Lets the guest free what it returned; newer versions have done so by now.
        _check(ffi.wasmtime_component_func_post_return(func, context))
        return value

    def _instantiate(self, component: wc.Component) -> None:
        instance = self._engine.link(self._store, component)
        names = component.type.exports(self._engine.engine)
        for known, functions in self._exports.items():
            interface = exported_interface(names, known, self._engine.minor)
            parent = interface and instance.get_export_index(self._store, interface)
            if not parent:
                continue
            for name, export in functions.items():
                index = instance.get_export_index(self._store, name, parent)
                func = index and instance.get_func(self._store, index)
                if func:
                    self._functions[name] = func
                    self._known[name] = export


def _check(error: Structure) -> None:
    if error:
        raise wasmtime.WasmtimeError._from_ptr(error)
