"""Acts: what a message to a component costs, on either path, against a bare foreign call."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import process_time
from typing import Any, Literal

from airssys_wasm.application import ActorSystem
from airssys_wasm.components import Component
from airssys_wasm.components.batches import MOST
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.payload import CodecName
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import ActorRef
from benchmarks.component_calls import (
    bare,
    instance_call,
    of_a_wait,
    of_batch,
    of_bytes,
    of_text,
    of_text_batch,
    synchronous,
    waits,
    wrapper,
    wrapper_start,
)
from benchmarks.guest import silent, silent_batches, silent_text, silent_text_batches, sleeper
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.workloads import in_loop

PAYLOAD = b"x" * 256
BATCH = 100


def in_system(
    path: Literal["fast", "slow"],
    body: Callable[[ActorSystem, Path, int], Awaitable[Sample]],
    guest: Callable[[], bytes] = silent,
) -> Workload:
    """A workload in a system of its own, with the component in a file."""

    async def main(count: int) -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "guest.wasm"
            file.write_bytes(guest())
            services = ComponentServices(settings=EngineSettings(path=path))
            async with ActorSystem("benchmark", components=services) as system:
                return await body(system, file, count)

    return in_loop(main)


def push(
    path: Literal["fast", "slow"],
    payload: object = PAYLOAD,
    *,
    guest: Callable[[], bytes] = silent,
    codec: CodecName = "raw",
    batch: int = BATCH,
) -> Workload:
    """Messages to a component, from `send` to the end of its handler; a `batch` before it runs."""

    async def body(system: ActorSystem, file: Path, count: int) -> Sample:
        ref: ActorRef[Any] = await system.start(Component(file, codec=codec))
        rounds = max(1, count // batch)
        began = process_time()
        for _ in range(rounds):
            for _ in range(batch - 1):
                ref.send(payload)
            await ref.request(payload)
        return spent(rounds * batch, began)

    return in_system(path, body, guest)


def start() -> Workload:
    """Components of one file, each until its init has succeeded."""

    async def body(system: ActorSystem, file: Path, count: int) -> Sample:
        component = Component(file)
        await system.start(component)
        began = process_time()
        for _ in range(count):
            await system.start(component)
        return spent(count, began)

    return in_system("fast", body)


def suspend() -> Workload:
    """A message whose guest sleeps for 0 ms: suspended until a timer of the kernel has fired."""

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
        "component-bare",
        "call",
        bare(of_bytes(256)),
        4_000,
        "the foreign call alone, with 256 bytes",
    ),
    Benchmark(
        "component-bare-text",
        "call",
        bare(of_text(256)),
        4_000,
        "the foreign call alone, with a string of 256 bytes",
    ),
    Benchmark(
        "component-bare-batch",
        "message",
        bare(of_batch(256)),
        6_400,
        "the foreign call alone, with 64 messages of 256 bytes",
    ),
    Benchmark(
        "component-bare-text-batch",
        "message",
        bare(of_text_batch(256)),
        64_000,
        "the foreign call alone, with 64 texts of 256 bytes in one string",
    ),
    Benchmark(
        "component-sync",
        "call",
        synchronous(of_bytes(256)),
        3_000,
        "a foreign call without a fiber, its arguments written and its result read",
        asked=1.7,
        asked_in="other",
        other="component-bare",
    ),
    Benchmark(
        "component-sync-text",
        "call",
        synchronous(of_text(256)),
        3_000,
        "the same with a string of 256 bytes",
        asked=1.7,
        asked_in="other",
        other="component-bare-text",
    ),
    Benchmark(
        "component-call",
        "call",
        instance_call(of_bytes(256)),
        3_000,
        "a call of an instance, on a fiber, without a kernel",
        asked=1.7,
        asked_in="other",
        other="component-sync",
    ),
    Benchmark(
        "component-call-text",
        "call",
        instance_call(of_text(256)),
        3_000,
        "the same with a string of 256 bytes",
        asked=1.7,
        asked_in="other",
        other="component-sync-text",
    ),
    Benchmark(
        "component-call-batch",
        "message",
        instance_call(of_batch(256)),
        6_400,
        "the same with 64 messages of 256 bytes",
        asked=600.0,
        asked_in="unit",
        other="component-bare-batch",
    ),
    Benchmark(
        "component-call-text-batch",
        "message",
        instance_call(of_text_batch(256)),
        64_000,
        "the same with 64 texts of 256 bytes in one string",
        asked=600.0,
        asked_in="unit",
        other="component-bare-text-batch",
    ),
    Benchmark(
        "component-push",
        "message",
        push("fast"),
        3_000,
        "256 bytes to a component",
        other="component-bare",
    ),
    Benchmark(
        "component-push-text",
        "message",
        push("fast", "x" * 254, guest=silent_text, codec="json"),
        3_000,
        "a text of 254 characters, which is a JSON string of 256, to a component that takes text",
        other="component-bare-text",
    ),
    Benchmark(
        "component-push-batch",
        "message",
        push("fast", guest=silent_batches, batch=MOST),
        6_400,
        "256 bytes, 64 messages in a push",
        other="component-bare-batch",
    ),
    Benchmark(
        "component-push-text-batch",
        "message",
        # the one that is requested goes by itself
        push("fast", "x" * 254, guest=silent_text_batches, codec="json", batch=MOST + 1),
        65_000,
        "a JSON string of 256 bytes, 64 messages in a push and one by itself",
        other="component-bare-text-batch",
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
        push("fast", b"x" * 1_024),
        2_000,
        "1 KiB to a component",
        other="component-bare",
    ),
    Benchmark(
        "component-push-64k",
        "message",
        push("fast", b"x" * 65_536),
        500,
        "64 KiB to a component",
        other="component-bare",
    ),
    Benchmark(
        "component-wrapper",
        "call",
        wrapper(of_bytes(256)),
        300,
        "the same call through wasmtime's own package",
        other="component-bare",
    ),
    Benchmark(
        "component-wrapper-text",
        "call",
        wrapper(of_text(256)),
        1_000,
        "a string of 256 bytes through wasmtime's own package",
        other="component-bare-text",
    ),
    Benchmark(
        "component-wrapper-batch",
        "message",
        wrapper(of_batch(256)),
        128,
        "64 messages of 256 bytes in a call through wasmtime's own package",
        other="component-bare-batch",
    ),
    Benchmark(
        "component-wrapper-1k",
        "call",
        wrapper(of_bytes(1_024)),
        100,
        "1 KiB through wasmtime's own package",
        other="component-bare",
    ),
    Benchmark(
        "component-wrapper-64k",
        "call",
        wrapper(of_bytes(65_536)),
        5,
        "64 KiB through wasmtime's own package",
        other="component-bare",
    ),
    Benchmark(
        "component-call-suspend",
        "call",
        instance_call(of_a_wait(256), waits),
        2_000,
        "a call whose guest is suspended in the host for one turn of the loop",
        other="component-bare",
    ),
    Benchmark(
        "component-suspend",
        "request",
        suspend(),
        1_000,
        "a request whose guest sleeps for 0 ms, which takes a timer",
        other="component-bare",
    ),
    Benchmark(
        "component-start",
        "component",
        start(),
        300,
        "until its init has succeeded",
        asked=200_000.0,
        asked_in="unit",
    ),
    Benchmark(
        "component-wrapper-start",
        "component",
        wrapper_start(),
        300,
        "a Store, an instance and its initialize through wasmtime's own package, and no actor",
    ),
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
