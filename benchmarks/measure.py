"""Acts: times workloads in CPU time, each round between two measurements of the floor.

A machine is noisy; only ratios taken in one run are worth something. The floor F is what Python
itself must pay for a message: one call of `send`, one `popleft`, one call of `receive`.
"""

from __future__ import annotations

import gc
import statistics
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import process_time

Workload = Callable[[], tuple[int, float]]
"""Runs once; gives the number of operations and the CPU seconds that they took."""

FLOOR_OPERATIONS = 40_000
FLOOR_BATCH = 100


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A workload with a name. `asked` is the ratio to F (or to `peer`) that is asked of it."""

    name: str
    operation: str
    run: Workload
    asked: float | None = None
    peer: str | None = None  # the benchmark that `asked` compares with, instead of the floor


@dataclass(slots=True)
class Samples:
    """Nanoseconds an operation and ratios to the floor, a value a round."""

    costs: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Result:
    """Median nanoseconds an operation, their spread (quartiles), and the median ratio to F.

    `against` is the ratio to the peer, where the benchmark has one.
    """

    name: str
    operation: str
    nanoseconds: float
    low: float
    high: float
    ratio: float
    asked: float | None = None
    peer: str | None = None
    against: float | None = None


def floor() -> tuple[int, float]:
    """F: one `send`, one `popleft`, one `receive`."""
    queue: deque[int] = deque()
    count = 0

    def send(message: int) -> None:
        queue.append(message)

    def receive(message: int) -> None:
        nonlocal count
        count += 1

    began = process_time()
    for _ in range(FLOOR_OPERATIONS // FLOOR_BATCH):
        for number in range(FLOOR_BATCH):
            send(number)
        while queue:
            receive(queue.popleft())
    return FLOOR_OPERATIONS, process_time() - began


def measure(benchmarks: Iterable[Benchmark], rounds: int) -> list[Result]:
    """Each benchmark `rounds` times, round by round, so that noise falls on all alike."""
    chosen = list(benchmarks)
    samples = {benchmark.name: Samples() for benchmark in chosen}
    for _ in range(rounds):
        for benchmark in chosen:
            gc.collect()
            before = _cost(floor())
            cost = _cost(benchmark.run())
            around = (before + _cost(floor())) / 2
            samples[benchmark.name].costs.append(cost)
            samples[benchmark.name].ratios.append(cost / around)
    return [_result(benchmark, samples) for benchmark in chosen]


def _cost(run: tuple[int, float]) -> float:
    operations, seconds = run
    return seconds / operations * 1e9


def _result(benchmark: Benchmark, samples: dict[str, Samples]) -> Result:
    own = samples[benchmark.name]
    low, high = _quartiles(own.costs)
    against = None
    if benchmark.peer is not None and benchmark.peer in samples:
        peer = samples[benchmark.peer]
        against = statistics.median(a / b for a, b in zip(own.costs, peer.costs, strict=True))
    return Result(
        benchmark.name,
        benchmark.operation,
        statistics.median(own.costs),
        low,
        high,
        statistics.median(own.ratios),
        benchmark.asked,
        benchmark.peer,
        against,
    )


def _quartiles(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    quarters = statistics.quantiles(values, n=4)
    return quarters[0], quarters[2]
