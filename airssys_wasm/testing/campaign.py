"""Acts: many runs of one tree, on several cores: what stops it, how long its children are away."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from typing import Any

from airssys_wasm.testing.choices import Deviation
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.trace import Entry
from airssys_wasm.testing.tree_runs import (
    Outage,
    TreeOptions,
    TreeRun,
    moments,
    run_tree,
    run_with,
    smallest,
)

CHUNK = 20  # seeds that a process runs before it tells
MOST_PAIRS = 300
SHOWN_FAILURES = 5  # of each kind one is made small, of these kinds
SINGLE: tuple[FaultKind, ...] = ("crash", "kill")  # tried one by one when no faults are asked for
INITS: tuple[FaultKind, ...] = ("failing init", "slow init")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Failure:
    """A kind of failure: which seeds show it, and the smallest run of the first of them."""

    kind: str
    problem: str
    seeds: tuple[int, ...]
    deviations: tuple[Deviation, ...]
    trace: tuple[Entry, ...]


@dataclass(frozen=True)
class Campaign:
    """What came out. `singles` and `pairs` are planned faults that stop the whole system.

    Those of `singles_tried` came; to some children some faults can't. Of `pairs_of` pairs of faults
    that stop nothing alone, `pairs_tried` were tried. `runs` is less than `asked` when it was
    stopped before its end, as `stopped` says. `unmet` are faults of the plan that came in no run,
    each with why.
    """

    options: TreeOptions
    asked: int
    runs: int
    failures: tuple[Failure, ...]
    singles: tuple[Fault, ...]
    singles_tried: int
    pairs: tuple[tuple[Fault, Fault], ...]
    pairs_tried: int
    pairs_of: int
    outages: tuple[Outage, ...]
    budgets: tuple[tuple[str, int], ...]
    children: tuple[str, ...]
    unmet: tuple[tuple[Fault, str], ...] = ()
    stopped: bool = False


def campaign(
    options: TreeOptions,
    seeds: range,
    *,
    jobs: int = 1,
    on_progress: Progress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Campaign:
    """Run all seeds, then each single fault and pairs of them, and make failures small.

    `on_progress` gets what is run, how many are done, and of how many. Once `stopped` says so,
    nothing new is begun: what was asked for and not run is missing in the counts, and the
    smallest runs are the smallest so far.
    """
    runs: list[TreeRun] = []
    chunks = [list(seeds[place : place + CHUNK]) for place in range(0, len(seeds), CHUNK)]
    with _workers(jobs) as each:

        def collect(what: str, function: Any, tasks: list[Any], weight: int = 1) -> Iterator[Any]:
            results, done = each(function, tasks), 0
            while done < len(tasks) and not stopped():
                yield next(results)
                done += 1
                if on_progress is not None:
                    on_progress(what, min(done * weight, of), of)

        of = len(seeds)
        for chunk in collect("seeds", _run_chunk, [(options, chunk) for chunk in chunks], CHUNK):
            runs += chunk
        children = tuple(dict.fromkeys(child for run in runs for child in run.children))
        wanted = [] if stopped() else single_faults(options)
        of = len(wanted)
        tried = list(collect("single faults", _stops, [(options, (fault,)) for fault in wanted]))
        stops = {
            fault: stop for fault, stop in zip(wanted, tried, strict=False) if stop is not None
        }
        singles = tuple(fault for fault, stop in stops.items() if stop)
        both = list(combinations((fault for fault, stop in stops.items() if not stop), 2))
        of = min(len(both), MOST_PAIRS)
        pair_tasks = [(options, pair) for pair in both[:MOST_PAIRS]]
        pair_stops = list(collect("pairs", _stops, pair_tasks))
        pairs = tuple(pair for pair, stop in zip(both, pair_stops, strict=False) if stop)
    cut_short = stopped()
    return Campaign(
        options,
        len(seeds),
        len(runs),
        tuple(_failures(options, runs, on_progress, stopped)),
        singles,
        len(stops),
        pairs,
        len(pair_stops),
        len(both),
        _outages(runs),
        _budgets(runs),
        children,
        _unmet(runs),
        cut_short,
    )


def _run_chunk(task: tuple[TreeOptions, Sequence[int]]) -> list[TreeRun]:
    options, seeds = task
    return [run_tree(options, seed) for seed in seeds]


def single_faults(options: TreeOptions) -> list[Fault]:
    """One of each kind for each child: in the middle of its life, or at its first init."""
    return [
        Fault(kind, child) if kind in INITS else Fault(kind, child, moment.nth, moment.at)
        for child, moment in moments(options).items()
        for kind in options.faults or SINGLE
    ]


def _stops(task: tuple[TreeOptions, tuple[Fault, ...]]) -> bool | None:
    """Whether these faults stop the whole system; None when they did not come."""
    options, faults = task
    run = run_with(options, faults)
    came = not any(fault in faults for fault, _ in run.unmet)
    return run.stopped if came or run.stopped else None


@contextmanager
def _workers(jobs: int) -> Iterator[Callable[[Any, list[Any]], Iterator[Any]]]:
    """`map`, in this process or in others."""
    if jobs < 2:
        yield map
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_defer_interrupts)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _defer_interrupts() -> None:
    """Ctrl-C goes to every process of the terminal; when to stop is for the first to say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _failures(
    options: TreeOptions,
    runs: Sequence[TreeRun],
    on_progress: Progress | None,
    stopped: Callable[[], bool],
) -> Iterator[Failure]:
    by_kind: dict[str, list[TreeRun]] = {}
    for run in runs:
        if run.failure is not None:
            by_kind.setdefault(run.failure, []).append(run)
    shown = list(by_kind.items())[:SHOWN_FAILURES]
    for number, (kind, failed) in enumerate(shown):
        if on_progress is not None:
            on_progress("failures made small", number, len(shown))
        first = failed[0]
        least = smallest(options, first.seed, stopped)
        seeds = tuple(run.seed for run in failed)
        yield Failure(kind, first.problem, seeds, least.deviations, least.trace)
    if shown and on_progress is not None:
        on_progress("failures made small", len(shown), len(shown))


def _outages(runs: Sequence[TreeRun]) -> tuple[Outage, ...]:
    found: dict[str, Outage] = {}
    for run in runs:
        for outage in run.outages:
            before = found.get(outage.child, Outage(outage.child, 0, 0.0, 0.0))
            found[outage.child] = Outage(
                outage.child,
                before.count + outage.count,
                max(before.longest, outage.longest),
                before.total + outage.total,
            )
    return tuple(found[child] for child in sorted(found))


def _unmet(runs: Sequence[TreeRun]) -> tuple[tuple[Fault, str], ...]:
    missing = [dict(run.unmet) for run in runs]
    return tuple(
        (fault, why)
        for fault, why in (missing[0] if missing else {}).items()
        if all(fault in others for others in missing)
    )


def _budgets(runs: Sequence[TreeRun]) -> tuple[tuple[str, int], ...]:
    found: dict[str, int] = {}
    for run in runs:
        for supervisor, left in run.budgets:
            found[supervisor] = min(left, found.get(supervisor, left))
    return tuple(sorted(found.items()))
