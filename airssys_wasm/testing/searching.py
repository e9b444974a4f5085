"""Acts: looks for a run that fails, among seeds or among all orders, and makes it small."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from airssys_wasm.testing.choices import (
    Deviation,
    Fixed,
    Replay,
    StrategyName,
    following,
    strategy_of,
)
from airssys_wasm.testing.errors import NotDeterministic
from airssys_wasm.testing.runs import MakeStrategy, Run, Settings, SimulatedTest, run_once
from airssys_wasm.testing.shrinking import shrink, without_groups
from airssys_wasm.testing.trace import difference

MOST_STEPS = 500_000  # of all the runs that make a failure small: a minute at the most, often
LONGER = 3  # times the steps of the first run that fails: another that takes more does not count,
SHORT = 2_000  # unless it has fewer steps than these
DEPTH = 30  # choice points that an exhaustive search varies


@dataclass(frozen=True)
class Found:
    """A failure: the run that showed it, and the smallest one that fails alike, with its trace."""

    first: Run
    smallest: Run
    strategy: str


def run_seed(
    test: SimulatedTest,
    seed: int,
    strategy: StrategyName = "mixed",
    settings: Settings | None = None,
    *,
    recorded: bool = False,
    loud: bool = False,
) -> Run:
    """The run of a seed."""
    return run_once(test, seed, _of(strategy, seed), settings, recorded=recorded, loud=loud)


def _of(strategy: StrategyName, seed: int) -> MakeStrategy:
    return lambda _: strategy_of(strategy, seed, Random(f"{seed} choices"))


def replay(
    test: SimulatedTest,
    seed: int,
    deviations: Iterable[Deviation],
    settings: Settings | None = None,
    *,
    loud: bool = False,
) -> Run:
    """The run of a seed with just these deviations, and its trace."""
    listed = tuple(deviations)
    return run_once(
        test, seed, lambda label: Replay(listed, label), settings, recorded=True, loud=loud
    )


def search(
    test: SimulatedTest,
    seeds: Iterable[int],
    strategy: StrategyName = "mixed",
    settings: Settings | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Found | None:
    """The first seed that fails, made small; None when none does."""
    for seed in seeds:
        run = run_seed(test, seed, strategy, settings)
        if on_run is not None:
            on_run(run)
        if run.failure is not None:
            return make_small(test, run, _of(strategy, seed), settings)
    return None


def make_small_again(
    test: SimulatedTest,
    seed: int,
    strategy: StrategyName = "mixed",
    settings: Settings | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Run:
    """The smallest run that fails as that seed does; its own, when it does not fail.

    What is the smallest so far once `enough` says so.
    """
    run = run_seed(test, seed, strategy, settings)
    if run.failure is None:
        return run
    return make_small(test, run, _of(strategy, seed), settings, enough).smallest


def explore(
    test: SimulatedTest,
    *,
    most: int = 10_000,
    depth: int = DEPTH,
    settings: Settings | None = None,
) -> tuple[int, Found | None]:
    """All orders of a small test, one after the other: how many there were, and a failure.

    The first `depth` choice points are varied, in at most `most` runs.
    """
    count = 0
    for prefix, run in _all_orders(test, most, depth, settings):
        count += 1
        if run.failure is not None:
            return count, make_small(test, run, _fixed(prefix), settings)
    return count, None


def _fixed(prefix: Sequence[int]) -> MakeStrategy:
    return lambda _: Fixed(prefix)


def _all_orders(
    test: SimulatedTest, most: int, depth: int, settings: Settings | None
) -> Iterator[tuple[Sequence[int], Run]]:
    prefix: Sequence[int] | None = ()
    for _ in range(most):
        if prefix is None:
            return
        chosen = tuple(prefix)
        run = run_once(test, 0, _fixed(chosen), settings, widths=True)
        yield chosen, run
        prefix = following(run.widths, depth)


def check_determinism(
    test: SimulatedTest,
    seed: int,
    strategy: MakeStrategy,
    settings: Settings | None = None,
) -> Run:
    """Run twice and compare the traces. Raises NotDeterministic at the first difference."""
    first = run_once(test, seed, strategy, settings, recorded=True)
    second = run_once(test, seed, strategy, settings, recorded=True)
    where = difference(list(first.trace), list(second.trace))
    if where is not None:
        raise NotDeterministic(seed, where.place, where.first, where.second, where.actor)
    return first


def make_small(
    test: SimulatedTest,
    run: Run,
    strategy: MakeStrategy,
    settings: Settings | None = None,
    enough: Callable[[], bool] = lambda: False,
) -> Found:
    """The smallest run that fails as `run` does. Raises NotDeterministic when it does not again.

    It is looked for until MOST_STEPS are spent or `enough` says so.
    """
    again = check_determinism(test, run.seed, strategy, settings)
    if again.kind != run.kind:
        raise NotDeterministic(run.seed, len(again.trace), str(run.kind), str(again.kind), "test")

    longest = max(LONGER * run.steps, SHORT)
    spent = 0

    def fails(deviations: Sequence[Deviation]) -> Sequence[Deviation] | None:
        nonlocal spent
        tried = run_once(
            test,
            run.seed,
            lambda label: Replay(deviations, label),
            settings,
            # The order of production may take as long as it likes to fail.
            most_steps=longest if deviations else None,
        )
        spent += tried.steps
        return tried.deviations if tried.kind == run.kind else None

    if fails(run.deviations) is None:  # it depends on more than the order
        return Found(run, again, type(strategy(str)).__name__)
    fewer = without_groups(run.deviations, lambda deviation: deviation.kind, fails)
    smallest = shrink(fewer, fails, enough=lambda: spent > MOST_STEPS or enough())
    return Found(run, replay(test, run.seed, smallest, settings), type(strategy(str)).__name__)
