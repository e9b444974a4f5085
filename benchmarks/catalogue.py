"""All benchmarks, in the order in which they are printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from types import ModuleType

from benchmarks import (
    actors,
    components,
    fairness,
    messages,
    publishing,
    requests,
    scale,
    simulation,
    supervision,
)
from benchmarks.measure import Benchmark

GROUPS: tuple[ModuleType, ...] = (
    messages,
    requests,
    actors,
    publishing,
    scale,
    supervision,
    fairness,
    components,
    simulation,
)

if find_spec("nats") is not None:  # the extra `nats`
    from benchmarks import nodes

    GROUPS = (*GROUPS, nodes)


def catalogue() -> dict[str, Benchmark]:
    """All of them, by name. Raises ValueError when two have one name."""
    found: dict[str, Benchmark] = {}
    for group in GROUPS:
        for benchmark in group.BENCHMARKS:
            if benchmark.name in found:
                raise ValueError(f"two benchmarks are called {benchmark.name!r}")
            found[benchmark.name] = benchmark
    return found


def with_others(names: Iterable[str], known: Mapping[str, Benchmark]) -> list[Benchmark]:
    """The named ones and those that they are compared with, in the order of the catalogue."""
    chosen = set(names)
    chosen |= {other for name in chosen if (other := known[name].other) is not None}
    return [benchmark for name, benchmark in known.items() if name in chosen]
