"""Acts: what a call of a component costs without a kernel: bare, by the functions of wasmtime's own
package, and through an instance of ours on a fiber.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.components.batches import MOST
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.engine.host_calls import HostCalls, next_turn
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.components.engine.world import FuncType
from benchmarks.guest import silent, silent_batches, silent_text, silent_text_batches, sleeper
from benchmarks.measure import Sample, Workload, spent
from benchmarks.workloads import in_loop

_SENDER = ("", "reader", "")
_METADATA = (None, None, (1, 2), None)


@dataclass(frozen=True, slots=True)
class Push:
    """One way of handing a guest messages: by which export, and what it is given."""

    guest: Callable[[], bytes]
    interface: str
    function: str
    given: object
    messages: int = 1

    @property
    def type(self) -> FuncType:
        """Of the export."""
        world = runtime_host()
        return {**world.exports, **world.optional}[self.interface][self.function]


def of_bytes(size: int) -> Push:
    """A message of so many bytes, as a `list<u8>`."""
    return Push(silent, LIFECYCLE, "handle-message", (_SENDER, b"x" * size, _METADATA))


def of_text(size: int) -> Push:
    """A message of so many bytes, as a `string`."""
    given = (_SENDER, "x" * size, _METADATA)
    return Push(silent_text, "airssys:core/text@1.1.0", "handle-text", given)


def of_a_wait(size: int) -> Push:
    """The same as `of_bytes`, to a guest that calls a function of the host meanwhile."""
    return Push(lambda: sleeper(0), LIFECYCLE, "handle-message", of_bytes(size).given)


def of_batch(size: int) -> Push:
    """As many messages as a push can have, of so many bytes each."""
    given = [(_SENDER, b"x" * size, _METADATA)] * MOST
    return Push(silent_batches, "airssys:core/batch@1.1.0", "handle-batch", given, MOST)


def of_text_batch(size: int) -> Push:
    """As many texts as a push can have, of so many bytes each, as one `string`."""
    ends = list(range(size, MOST * size + 1, size))
    given = (_SENDER, "x" * (MOST * size), ends, _METADATA)
    interface = "airssys:core/text-batch@1.1.0"
    return Push(silent_text_batches, interface, "handle-text-batch", given, MOST)


def bare(push: Push) -> Workload:
    """The floor of a component: synchronous foreign calls, as ctypes makes them, the arguments
    made beforehand."""

    def run(count: int) -> Sample:
        from airssys_wasm.components.engine import foreign

        made = _Synchronous(push)
        call = ctypes.PyDLL(_library())["wasmtime_component_func_call"]
        call.argtypes = [ctypes.c_void_p] * 6
        call.restype = ctypes.c_void_p
        function, context, given, result_at = made.function, made.context, made.given, made.result
        freed, result = foreign.pointer(result_at), made.words
        made.write([push.given])
        calls = max(1, count // push.messages)
        began = process_time()
        for _ in range(calls):
            if call(function, context, given, 1, result_at, 1):
                raise RuntimeError("the bare call failed")
            foreign.val_delete(freed)
            result[0] = 0
        return spent(calls * push.messages, began)

    return run


def synchronous(push: Push) -> Workload:
    """The same without a fiber, but through our layer: for each call the arguments are written, and
    its result is read as a value."""

    def run(count: int) -> Sample:
        from airssys_wasm.components.engine import foreign
        from airssys_wasm.components.engine.lifting import lifting

        made = _Synchronous(push)
        call = ctypes.PyDLL(_library())["wasmtime_component_func_call"]
        call.restype = ctypes.c_void_p
        function, context = foreign.pointer(made.function), foreign.pointer(made.context)
        given, result_at = foreign.pointer(made.given), foreign.pointer(made.result)
        one, write, result, keep = foreign.number(1), made.write, made.words, made.arena.keep
        assert push.type.result is not None
        lift, at = lifting(push.type.result), (made.result >> 3) + 1
        calls = max(1, count // push.messages)
        began = process_time()
        for _ in range(calls):
            write((push.given,))
            if call(function, context, given, one, result_at, one):
                raise RuntimeError("the call failed")
            keep.clear()
            lift(at)
            foreign.val_delete(result_at)
            result[0] = 0
        return spent(calls * push.messages, began)

    return run


class _Synchronous:
    """A function of a guest in a Store without fibers, and memory for its arguments and result."""

    def __init__(self, push: Push) -> None:
        from airssys_wasm.components.engine import foreign
        from airssys_wasm.components.engine.arena import Arena
        from airssys_wasm.components.engine.lowering import Lowering

        config = wasmtime.Config()
        ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
        config.consume_fuel = True
        config.memory_init_cow = False
        self._store = wasmtime.Store(wasmtime.Engine(config))
        self._store.set_fuel(1 << 62)
        self._function = _linked(push, self._store)
        self.arena = Arena()
        self._lowering = Lowering(push.type.params, self.arena, "message")
        self.write = self._lowering.write
        self.given = self._lowering.address
        self.words = foreign.words(foreign.VALUE_WORDS)
        self.result = foreign.address_of_words(self.words)
        self.function = ctypes.addressof(self._function._func)
        self.context = ctypes.cast(self._store._context(), ctypes.c_void_p).value or 0


def _library() -> str:
    return str(vars(ffi)["dll"]._name)


def wrapper(push: Push) -> Workload:
    """The same by the functions that wasmtime's own package offers, which many would use."""

    def run(count: int) -> Sample:
        store = wasmtime.Store(wasmtime.Engine())
        function = _linked(push, store)
        calls = max(1, count // push.messages)
        given = _record(push.given)
        began = process_time()
        for _ in range(calls):
            function(store, given)
            function.post_return(store)
        return spent(calls * push.messages, began)

    return run


def wrapper_start() -> Workload:
    """A Store, an instance and its `initialize` by wasmtime's own package, the component loaded."""

    def run(count: int) -> Sample:
        engine = wasmtime.Engine()
        component = wc.Component(engine, silent())
        linker = wc.Linker(engine)
        limits = _fields(
            ("max-memory-bytes", 1 << 26), ("max-execution-time-ms", 5_000), ("max-fuel", None)
        )
        config = _fields(("env-vars", []), ("config-data", None), ("resource-limits", limits))
        kept = []
        began = process_time()
        for _ in range(count):
            store = wasmtime.Store(engine)
            instance = linker.instantiate(store, component)
            function = _exported(instance, store, LIFECYCLE, "initialize")
            function(store, config)
            function.post_return(store)
            kept.append((store, instance))
        return spent(count, began)

    return run


def instance_call(
    push: Push, host: HostCalls = lambda interface, function, arguments: None
) -> Workload:
    """Calls of an instance, on a fiber; what its guest calls is served by `host`."""

    async def body(count: int) -> Sample:
        engine = Engine(EngineSettings(path="fast"))
        try:
            instance = await engine.instantiate(
                await engine.load(push.guest(), trusted=True),
                limits=Limits(),
                host=host,
                clock=time.monotonic,
            )
            calls = max(1, count // push.messages)
            began = process_time()
            for _ in range(calls):
                await instance.call(push.function, push.given)
            sample = spent(calls * push.messages, began)
            instance.close()
            return sample
        finally:
            engine.close()

    return in_loop(body)


def waits(interface: str, function: str, arguments: tuple[object, ...]) -> Awaitable[None]:
    """A host whose functions take one turn of the loop, in which their guest is suspended."""
    return next_turn()


def _linked(push: Push, store: wasmtime.Store) -> Any:
    component = wc.Component(store.engine, push.guest())
    instance = wc.Linker(store.engine).instantiate(store, component)
    return _exported(instance, store, push.interface, push.function)


def _exported(instance: wc.Instance, store: wasmtime.Store, interface: str, name: str) -> Any:
    outer = instance.get_export_index(store, interface)
    index = instance.get_export_index(store, name, outer)
    assert index is not None
    return instance.get_func(store, index)


def _record(given: object) -> object:
    """A message, or several, as wasmtime's package wants them."""
    if isinstance(given, list):
        return [_record(one) for one in given]
    assert isinstance(given, tuple)
    sender, payload, (correlation, reply_to, (seconds, nanoseconds), content_type) = given
    timestamp = _fields(("seconds", seconds), ("nanoseconds", nanoseconds))
    metadata = _fields(
        ("correlation-id", correlation),
        ("reply-to", reply_to),
        ("timestamp", timestamp),
        ("content-type", content_type),
    )
    parts: Sequence[str] = sender
    who = _fields(*zip(("namespace", "name", "instance"), parts, strict=True))
    return _fields(("sender", who), ("payload", payload), ("metadata", metadata))


def _fields(*fields: tuple[str, object]) -> object:
    record = wc.Record()
    vars(record).update(fields)
    return record
