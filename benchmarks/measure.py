"""Acts: times workloads in CPU time, each round between two measurements of the floor.

A machine is noisy; only ratios taken in one run are worth something. The floor F is what Python
itself must pay for a message: one call of `send`, one `popleft`, one call of `receive`. So each
round measures the floor, the workload, the same work by asyncio's task and Queue, and the floor
again; a ratio is made within its round, and the medians over all rounds are reported.
"""

from __future__ import annotations

import gc
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Literal

FLOOR_OPERATIONS = 40_000
FLOOR_BATCH = 100
HEAVY_ROUNDS = 3  # a heavy workload takes seconds to set up


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run found: the `cost` of an operation, in the unit of its benchmark.

    `details` are other numbers worth a look. `fit` is False when the machine was too busy for the
    sample to say anything about what is asked.
    """

    operations: int
    cost: float
    details: Mapping[str, float] = field(default_factory=dict)
    fit: bool = True


Workload = Callable[[int], Sample]
"""Runs once, in the size that is given: a number of operations, or of actors."""

AskedIn = Literal["F", "asyncio", "other", "unit"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A workload with a name, its size, and what is asked of it.

    `asked` is a limit: of the ratio to the floor (`F`), to `tasks` (`asyncio`), to the benchmark
    named `other`, or of the cost itself (`unit`). `tasks` does the same work with asyncio's task
    and Queue. A `heavy` one is run only when it is named or `--all` is given.
    """

    name: str
    operation: str
    run: Workload
    size: int
    about: str
    unit: str = "ns"
    asked: float | None = None
    asked_in: AskedIn = "F"
    tasks: Workload | None = None
    other: str | None = None
    heavy: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What all rounds of one benchmark found.

    `cost` is the median of an operation in `unit`, `low` and `high` its quartiles. `floors` is the
    median ratio to F, `tasks` that to asyncio's task and Queue, `others` that to the benchmark
    `other`, `peers` those to the peers' programs; each where there is one, and less is better.
    `met` says whether what is asked was kept; None when nothing is asked or nothing can be said.
    """

    name: str
    operation: str
    operations: int
    rounds: int
    unit: str
    cost: float
    low: float
    high: float
    floors: float | None
    tasks: float | None
    other: str | None
    others: float | None
    peers: Mapping[str, float]
    asked: float | None
    asked_in: AskedIn
    met: bool | None
    details: Mapping[str, float]


@dataclass(slots=True)
class Rounds:
    """The samples of one benchmark, a round each."""

    samples: list[Sample] = field(default_factory=list)
    floors: list[float] = field(default_factory=list)
    tasks: list[float] = field(default_factory=list)

    @property
    def costs(self) -> list[float]:
        return [sample.cost for sample in self.samples]


def spent(operations: int, began: float, **details: float) -> Sample:
    """The CPU time since `began` (by `process_time`), as nanoseconds an operation."""
    return Sample(operations, (process_time() - began) / operations * 1e9, details)


def floor() -> float:
    """F in nanoseconds: one `send`, one `popleft`, one `receive`."""
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
    return (process_time() - began) / FLOOR_OPERATIONS * 1e9


def measure(
    benchmarks: Iterable[Benchmark],
    rounds: int,
    *,
    shrink: int = 1,
    peers: Callable[[], Mapping[str, Mapping[str, float]]] = dict,
    on_run: Callable[[str], None] = lambda name: None,
) -> list[Result]:
    """Each benchmark `rounds` times, round by round, so that noise falls on all alike.

    Sizes are divided by `shrink`, and what is asked is judged at full size only. `peers` runs the
    peers' programs once and gives nanoseconds by peer and benchmark. `on_run` is told what runs
    next.
    """
    chosen = list(benchmarks)
    found = {benchmark.name: Rounds() for benchmark in chosen}
    foreign: list[Mapping[str, Mapping[str, float]]] = []
    for number in range(rounds):
        for benchmark in chosen:
            if benchmark.heavy and number >= HEAVY_ROUNDS:
                continue
            on_run(benchmark.name)
            one_round(benchmark, max(1, benchmark.size // shrink), found[benchmark.name])
        foreign.append(peers())
    return [_result(benchmark, found, foreign, full=shrink == 1) for benchmark in chosen]


def one_round(benchmark: Benchmark, size: int, into: Rounds) -> None:
    """The workload once, and the same by asyncio, between two measurements of the floor."""
    gc.collect()
    before = floor()
    sample = benchmark.run(size)
    around = (before + floor()) / 2
    into.samples.append(sample)
    into.floors.append(sample.cost / around)
    if benchmark.tasks is not None:
        gc.collect()
        into.tasks.append(sample.cost / benchmark.tasks(size).cost)


def _result(
    benchmark: Benchmark,
    found: Mapping[str, Rounds],
    foreign: Sequence[Mapping[str, Mapping[str, float]]],
    *,
    full: bool,
) -> Result:
    own = found[benchmark.name]
    other = found.get(benchmark.other) if benchmark.other is not None else None
    floors = statistics.median(own.floors) if benchmark.unit == "ns" else None
    tasks = statistics.median(own.tasks) if own.tasks else None
    against = _ratio(own.costs, other.costs) if other is not None else None
    cost = statistics.median(own.costs)
    low, high = quartiles(own.costs)
    value = {"F": floors, "asyncio": tasks, "other": against, "unit": cost}[benchmark.asked_in]
    fit = full and all(sample.fit for sample in own.samples)
    met = value <= benchmark.asked if benchmark.asked is not None and value is not None else None
    return Result(
        name=benchmark.name,
        operation=benchmark.operation,
        operations=own.samples[-1].operations,
        rounds=len(own.samples),
        unit=benchmark.unit,
        cost=cost,
        low=low,
        high=high,
        floors=floors,
        tasks=tasks,
        other=benchmark.other,
        others=against,
        peers=dict(_peers(benchmark.name, own.costs, foreign)),
        asked=benchmark.asked,
        asked_in=benchmark.asked_in,
        met=met if fit else None,
        details=_details(own.samples),
    )


def _ratio(own: Sequence[float], other: Sequence[float]) -> float | None:
    pairs = list(zip(own, other, strict=False))  # a heavy one has fewer rounds
    return statistics.median(a / b for a, b in pairs) if pairs else None


def _peers(
    name: str, own: Sequence[float], foreign: Sequence[Mapping[str, Mapping[str, float]]]
) -> Iterator[tuple[str, float]]:
    for peer in dict.fromkeys(peer for found in foreign for peer in found):
        theirs = [found[peer][name] for found in foreign if name in found.get(peer, {})]
        ratio = _ratio(own, theirs)
        if ratio is not None:
            yield peer, ratio


def _details(samples: Sequence[Sample]) -> dict[str, float]:
    return {
        key: statistics.median(sample.details[key] for sample in samples)
        for key in samples[-1].details
    }


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile.

    >>> quartiles([3.0]), quartiles([1.0, 2.0, 3.0])
    ((3.0, 3.0), (1.5, 2.5))
    """
    if len(values) < 2:
        return values[0], values[0]
    quarters = statistics.quantiles(values, n=4, method="inclusive")
    return quarters[0], quarters[2]
