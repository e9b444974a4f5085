"""Acts: `@simulate`: a test that is run in many orders, and fails with the smallest that fails.

@simulate(seeds=1000)
async def test_orders_survive(simulation):
    system = await simulation.system("tree.yaml")
    ...
    await simulation.sleep(3600)
    assert ...
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from airssys_wasm.testing.choices import StrategyName
from airssys_wasm.testing.errors import FaultNeverCame
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.invariants import ALL
from airssys_wasm.testing.kept import kept_from, kept_text
from airssys_wasm.testing.runs import Run, Settings, settings_of
from airssys_wasm.testing.searching import Found, replay, run_seed, search
from airssys_wasm.testing.simulation import ROOT, Simulation
from airssys_wasm.testing.trace import FAILED, Difference, Entry

REPLAY = "AIRSSYS_SIMULATE"  # a seed, or the path of a saved schedule: run that and nothing else
SHOWN = 30  # entries of the trace before the failure
MOST_DEVIATIONS = 20  # that are listed


@dataclass
class Options:
    """What was asked for from outside: one seed or a kept schedule, or other seeds."""

    only: str | None = None
    seeds: int | None = None


OPTIONS = Options()  # the pytest plugin sets them


def simulate(
    seeds: int | Iterable[int] = 100,
    *,
    strategy: StrategyName = "mixed",
    invariants: Iterable[Callable[[], Invariant]] = ALL,
    faults: Iterable[FaultKind] = (),
    plan: Iterable[Fault] = (),
    spare: Iterable[str] = (ROOT,),
) -> Callable[[Callable[..., Awaitable[object]]], Callable[..., None]]:
    """Make a plain test of an async one whose first parameter is a `Simulation`.

    It is run once for each seed (a number of them, or which), until one fails. `strategy` says who
    chooses the order: `mixed` begins with production's own and then takes `uniform` and `pct` by
    turns. `faults` are kinds of faults that may come anywhere, but not to the actors named in
    `spare`; `plan` are faults at fixed places, and one that comes in no run fails the test with
    FaultNeverCame. `invariants` are looked at in every run.

    The failure of the smallest run comes out, with notes: the seed, what was different from
    production's order, the last part of the trace, and how to run it again.
    """
    settings = settings_of(invariants, faults, plan, spare)
    numbers = range(seeds) if isinstance(seeds, int) else tuple(seeds)

    def decorate(function: Callable[..., Awaitable[object]]) -> Callable[..., None]:
        @functools.wraps(function)
        def run(*args: Any, **options: Any) -> None:
            def test(simulation: Simulation) -> Awaitable[object]:
                return function(simulation, *args, **options)

            check(test, numbers, strategy, settings, name=function.__qualname__)

        parameters = list(inspect.signature(function).parameters.values())[1:]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return cast(Callable[..., None], run)

    return decorate


def check(
    test: Callable[[Simulation], Awaitable[object]],
    seeds: Iterable[int],
    strategy: StrategyName = "mixed",
    settings: Settings | None = None,
    *,
    name: str = "test",
) -> None:
    """Run `test` for each seed; raises the failure of the smallest failing run, with notes.

    Raises FaultNeverCame when a planned fault came in none of the runs.
    """
    wanted = OPTIONS.only or os.environ.get(REPLAY)
    if wanted:
        _replay(test, wanted, strategy, settings)
        return
    if OPTIONS.seeds is not None:
        seeds = range(OPTIONS.seeds)
    unmet: dict[Fault, str] | None = None

    def note(run: Run) -> None:
        nonlocal unmet
        missing = dict(run.unmet)
        unmet = missing if unmet is None else {f: unmet[f] for f in unmet if f in missing}

    found = search(test, seeds, strategy, settings, note)
    if found is not None:
        raise _explained(found, name)
    if unmet:
        raise FaultNeverCame(tuple(unmet.items()))


def _replay(
    test: Callable[[Simulation], Awaitable[object]],
    wanted: str,
    strategy: StrategyName,
    settings: Settings | None,
) -> None:
    if wanted.lstrip("-").isdigit():
        run = run_seed(test, int(wanted), strategy, settings, recorded=True, loud=True)
        kept = None
    else:
        kept = kept_from(Path(wanted).read_text(encoding="utf-8"))
        run = replay(test, kept.seed, kept.deviations, settings, loud=True)
    if run.failure is not None:
        if kept is not None and (where := kept.difference(run.trace)) is not None:
            run.failure.add_note(parted(where))
        for line in _story(run):
            run.failure.add_note(line)
        raise run.failure


def parted(where: Difference) -> str:
    """What to say of a run that is not as it was kept."""
    return (
        f"not as it was kept, from entry {where.place} on ({where.actor}): the code has changed, "
        f"or is not deterministic\n    kept: {where.first}\n    now:  {where.second}"
    )


def _explained(found: Found, name: str) -> BaseException:
    smallest = found.smallest
    failure = smallest.failure or found.first.failure
    assert failure is not None
    enough = len(smallest.deviations)
    failure.add_note(
        f"found by seed {found.first.seed} of {name} ({found.strategy}), "
        f"with {len(found.first.deviations)} deviations; "
        f"{enough} {'is' if enough == 1 else 'are'} enough:"
    )
    for line in _story(smallest):
        failure.add_note(line)
    failure.add_note(f"run it again: {REPLAY}={found.first.seed} pytest -k {name.split('.')[-1]}")
    kept = kept_text(smallest.seed, smallest.deviations, smallest.trace)
    failure.schedule = kept  # type: ignore[attr-defined]  # for the pytest plugin
    return failure


def _story(run: Run) -> Iterable[str]:
    if not run.deviations:
        yield "    none: it fails in production's own order"
    for deviation in run.deviations[:MOST_DEVIATIONS]:
        yield f"    {deviation}"
    if len(run.deviations) > MOST_DEVIATIONS:
        yield f"    … and {len(run.deviations) - MOST_DEVIATIONS} more"
    yield f"the last of what happened, by virtual time (seed {run.seed}):"
    for entry in until_failure(run.trace)[-SHOWN:]:
        yield f"    {entry}"


def until_failure(trace: Sequence[Entry]) -> Sequence[Entry]:
    """The trace up to where the run went wrong; what follows is the end of its systems."""
    for place, entry in enumerate(trace):
        if entry.kind == FAILED:
            return trace[: place + 1]
    return trace
