"""Acts: what a message to a component costs, on either path, against a bare foreign call."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import process_time
from typing import Any, Literal

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.application import ActorSystem
from airssys_wasm.components import Component
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.components.services import ComponentServices
from benchmarks.guest import silent, sleeper
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.workloads import in_loop

PAYLOAD = b"x" * 256
MESSAGE = (("", "reader", ""), PAYLOAD, (None, None, (1, 2), None))
BATCH = 100


def bare_call() -> Workload:
    """The floor of a component: one synchronous foreign call, its arguments made beforehand."""

    def run(count: int) -> Sample:
        from airssys_wasm.components.engine import foreign
        from airssys_wasm.components.engine.arena import Arena
        from airssys_wasm.components.engine.lowering import Lowering

        config = wasmtime.Config()
        ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
        config.consume_fuel = True
        config.memory_init_cow = False
        engine = wasmtime.Engine(config)
        component = wc.Component(engine, silent())
        linker = wc.Linker(engine)
        store = wasmtime.Store(engine)
        store.set_fuel(1 << 62)
        instance = linker.instantiate(store, component)
        interface = instance.get_export_index(store, LIFECYCLE)
        index = instance.get_export_index(store, "handle-message", interface)
        assert index is not None
        function: Any = instance.get_func(store, index)
        lowering = Lowering(
            runtime_host().exports[LIFECYCLE]["handle-message"].params, Arena(), "message"
        )
        library: str = vars(ffi)["dll"]._name
        call = ctypes.PyDLL(library)["wasmtime_component_func_call"]
        call.argtypes = [ctypes.c_void_p] * 6
        call.restype = ctypes.c_void_p
        result = foreign.words(4)
        result_at = foreign.address_of_words(result)
        function_at = ctypes.addressof(function._func)
        context = ctypes.cast(store._context(), ctypes.c_void_p).value
        lowering.write([MESSAGE])
        arguments = lowering.address
        began = process_time()
        for _ in range(count):
            if call(function_at, context, arguments, 1, result_at, 1):
                raise RuntimeError("the bare call failed")
            foreign.val_delete(result_at)
            result[0] = 0
        return spent(count, began)

    return run


def wrapper_call(size: int) -> Workload:
    """A call by the functions that wasmtime's own package offers, which many would use."""

    def run(count: int) -> Sample:
        engine = wasmtime.Engine()
        component = wc.Component(engine, silent())
        store = wasmtime.Store(engine)
        instance = wc.Linker(engine).instantiate(store, component)
        interface = instance.get_export_index(store, LIFECYCLE)
        index = instance.get_export_index(store, "handle-message", interface)
        assert index is not None
        function: Any = instance.get_func(store, index)
        message = _record(size)
        began = process_time()
        for _ in range(count):
            function(store, message)
            function.post_return(store)
        return spent(count, began)

    return run


def _record(size: int) -> object:
    """The message as wasmtime's package wants it."""
    metadata = wc.Record()
    vars(metadata).update(
        {
            "correlation-id": None,
            "reply-to": None,
            "timestamp": _fields(seconds=1, nanoseconds=2),
            "content-type": None,
        }
    )
    sender = _fields(namespace="", name="reader", instance="")
    return _fields(sender=sender, payload=b"x" * size, metadata=metadata)


def _fields(**fields: object) -> object:
    record = wc.Record()
    vars(record).update(fields)
    return record


def instance_call(path: Literal["fast", "slow"]) -> Workload:
    """Calls of an instance, without a kernel."""

    async def body(count: int) -> Sample:
        engine = Engine(EngineSettings(path=path))
        try:
            instance = await engine.instantiate(
                await engine.load(silent()),
                limits=Limits(),
                host=lambda interface, function, arguments: None,
                clock=time.monotonic,
            )
            began = process_time()
            for _ in range(count):
                await instance.call("handle-message", MESSAGE)
            sample = spent(count, began)
            instance.close()
            return sample
        finally:
            engine.close()

    return in_loop(body)


def in_system(
    path: Literal["fast", "slow"],
    body: Callable[[ActorSystem, Path, int], Awaitable[Sample]],
) -> Workload:
    """A workload in a system of its own, with the component in a file."""

    async def main(count: int) -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "silent.wasm"
            file.write_bytes(silent())
            services = ComponentServices(settings=EngineSettings(path=path))
            async with ActorSystem("benchmark", components=services) as system:
                return await body(system, file, count)

    return in_loop(main)


def push(path: Literal["fast", "slow"], size: int = 256) -> Workload:
    """Messages of so many bytes to a component, from `send` to the end of its handler."""
    payload = b"x" * size

    async def body(system: ActorSystem, file: Path, count: int) -> Sample:
        ref = await system.start(Component(file))
        began = process_time()
        for _ in range(max(1, count // BATCH)):
            for _ in range(BATCH):
                ref.send(payload)
            await ref.request(payload)
        return spent(max(1, count // BATCH) * (BATCH + 1), began)

    return in_system(path, body)


def start() -> Workload:
    """Components of one file, each until its init has succeeded."""

    async def body(system: ActorSystem, file: Path, count: int) -> Sample:
        await system.start(Component(file))
        began = process_time()
        for _ in range(count):
            await system.start(Component(file))
        return spent(count, began)

    return in_system("fast", body)


def suspend() -> Workload:
    """A message whose guest waits in the host for one turn of the loop."""

    async def main(count: int) -> Sample:
        async with ActorSystem("benchmark") as system:
            ref = await system.start(Component(sleeper(0)))
            began = process_time()
            for _ in range(count):
                await ref.request(PAYLOAD)
            return spent(count, began)

    return in_loop(main)


def live(spinning: int) -> Workload:
    """Many components, all suspended in the host, in an interpreter of its own: KiB each."""

    def run(count: int) -> Sample:
        command = [sys.executable, "-m", "benchmarks.live_components", str(count), str(spinning)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        told = json.loads(done.stdout.splitlines()[-1])
        details = {
            "suspended_p99": told["suspended"][1],
            "spinning_p99": told["spinning"][1],
            "bare_p99": told["bare"][1],
        }
        return Sample(count, told["bytes"] / 1024, details)

    return run


BENCHMARKS = [
    Benchmark(
        "component-bare", "call", bare_call(), 4_000, "the foreign call alone, with 256 bytes"
    ),
    Benchmark(
        "component-call",
        "call",
        instance_call("fast"),
        3_000,
        "a call of an instance, without a kernel",
        asked=1.7,
        asked_in="other",
        other="component-bare",
    ),
    Benchmark(
        "component-push",
        "message",
        push("fast"),
        3_000,
        "256 bytes to a component",
        asked=1.7,
        asked_in="other",
        other="component-bare",
    ),
    Benchmark(
        "component-push-slow",
        "message",
        push("slow"),
        500,
        "256 bytes to a component by the slow path",
        other="component-bare",
    ),
    Benchmark(
        "component-push-1k",
        "message",
        push("fast", 1_024),
        2_000,
        "1 KiB to a component",
        other="component-bare",
    ),
    Benchmark(
        "component-push-64k",
        "message",
        push("fast", 65_536),
        500,
        "64 KiB to a component",
        other="component-bare",
    ),
    Benchmark(
        "component-wrapper",
        "call",
        wrapper_call(256),
        300,
        "the same call through wasmtime's own package",
        other="component-bare",
    ),
    Benchmark(
        "component-wrapper-1k",
        "call",
        wrapper_call(1_024),
        100,
        "1 KiB through wasmtime's own package",
        other="component-bare",
    ),
    Benchmark(
        "component-suspend",
        "request",
        suspend(),
        1_000,
        "a request whose guest waits in the host for one turn of the loop",
        other="component-bare",
    ),
    Benchmark("component-start", "component", start(), 300, "until its init has succeeded"),
    Benchmark(
        "component-suspended-10000",
        "component",
        live(spinning=100),
        10_000,
        "resident, of so many that all wait in the host; p99 of a timer's lateness in ms",
        unit="KiB",
        asked=32.0,
        asked_in="unit",
        heavy=True,
    ),
]
