"""Acts: what an actor costs: to spawn, to end, to keep."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, Kernel
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.peers import tasks
from benchmarks.workloads import Fence, Idle, future, in_kernel

WAVE = 500  # actors that live at once
ROOT = Path(__file__).parent.parent


async def spawn(kernel: Kernel, size: int) -> Sample:
    """Actors that stay."""
    began = process_time()
    refs = [kernel.spawn(Idle) for _ in range(size)]
    return spent(len(refs), began)


class Once(Actor[Any]):
    """Ends with its first message."""

    __slots__ = ()

    def receive(self, message: Any) -> None:
        self.context.stop()


async def spawn_message_stop(kernel: Kernel, size: int) -> Sample:
    """Actors that end themselves with their first message."""
    fence = kernel.spawn(Fence)
    waves = max(1, size // WAVE)
    began = process_time()
    for _ in range(waves):
        for _ in range(WAVE):
            kernel.spawn(Once).send(None)
        gone = future()
        fence.send(gone)
        await gone
    return spent(waves * WAVE, began)


def resident(kind: str, less: str) -> Workload:
    """Bytes of one of `kind` beside those of one of `less`, each in an interpreter of its own."""

    def bytes_of(what: str, size: int) -> float:
        command = [sys.executable, "-m", "benchmarks.resident", what, str(size)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return float(json.loads(run.stdout))

    def run(size: int) -> Sample:
        own = bytes_of(less, size)
        return Sample(size, bytes_of(kind, size) - own, {"the object's own": own})

    return run


BENCHMARKS = [
    Benchmark(
        "spawn",
        "actor",
        in_kernel(spawn),
        10_000,
        "an actor of a class without an init",
        asked=8.5,
    ),
    Benchmark(
        "spawn-message-stop",
        "actor",
        in_kernel(spawn_message_stop),
        5_000,
        "an actor that ends with its first message",
        asked=16.0,
        tasks=tasks.spawn_message_stop(WAVE),
    ),
    Benchmark(
        "idle-actor",
        "actor",
        resident("actors", "objects"),
        100_000,
        "memory of an actor that has nothing to do, beside the user's object",
        unit="bytes",
        asked=340,
        asked_in="unit",
        tasks=resident("tasks", "nothing"),
    ),
    Benchmark(
        "idle-supervised",
        "actor",
        resident("supervised", "objects"),
        100_000,
        "the same of an actor whose parent is told of its end",
        unit="bytes",
        asked=400,
        asked_in="unit",
    ),
    Benchmark(
        "idle-child",
        "actor",
        resident("children", "objects"),
        20_000,
        "the same of a child of a Supervisor, with its ChildSpec",
        unit="bytes",
    ),
]
