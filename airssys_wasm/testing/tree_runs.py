"""Acts: runs the tree of a file in a simulation, and notes how it fared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from airssys_wasm.application import SystemFailed, supervisor_of
from airssys_wasm.application.pool_sizing import pool_of
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.components.storage.places import moved
from airssys_wasm.config import TreeConfig, storage_place
from airssys_wasm.kernel import ActorRef, StartError
from airssys_wasm.kernel.states import SUPERVISED
from airssys_wasm.supervision.supervisor_actor import SupervisorActor
from airssys_wasm.testing.choices import Deviation, StrategyName
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.invariants import ALL
from airssys_wasm.testing.runs import Run, Settings, SimulatedTest
from airssys_wasm.testing.searching import make_small_again, replay, run_seed
from airssys_wasm.testing.simulation import ROOT, Simulation
from airssys_wasm.testing.tree_files import tree_of

if TYPE_CHECKING:
    from airssys_wasm.kernel.events import Event
    from airssys_wasm.kernel.kernel import Kernel


STARTED = "started"  # the note in the trace when all children run
OVER = "over"  # when the root has ended, or is to end since the time is over
NOBODY = Fault("kill", "", nth=1)  # never comes; a run with a plan takes no short ways of requests


@dataclass(frozen=True)
class TreeOptions:
    """Which tree is run, for how many virtual seconds, and what may go wrong in it."""

    file: str
    until: float = 3600.0
    faults: tuple[FaultKind, ...] = ()
    strategy: StrategyName = "mixed"
    sets: tuple[str, ...] = ()
    plan: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Outage:
    """How often a child was away, the longest time and the sum, in virtual seconds."""

    child: str
    count: int
    longest: float
    total: float


@dataclass(frozen=True)
class TreeRun:
    """How one run of a tree went. `failure` is its kind, None when the tree survived.

    `budgets` are the least restarts that each supervisor had left.
    """

    seed: int
    failure: str | None
    problem: str
    time: float
    outages: tuple[Outage, ...]
    budgets: tuple[tuple[str, int], ...]
    faults: tuple[tuple[float, str, str], ...]
    children: tuple[str, ...]
    unmet: tuple[tuple[Fault, str], ...] = ()

    @property
    def stopped(self) -> bool:
        """Whether the whole system stopped, or did not start."""
        return self.failure in (SystemFailed.__name__, StartError.__name__)


class _Watch(Invariant):
    """No law: notes outages and budgets."""

    def __init__(self) -> None:
        self.away: dict[str, float] = {}
        self.outages: dict[str, list[float]] = {}
        self.budgets: dict[str, int] = {}
        self.children: dict[str, None] = {}
        self.over = False

    def event(self, event: Event) -> None:
        ref = event.metadata.get("ref")
        if event.name == "system.closing":
            self.over = True
        if self.over or not isinstance(ref, ActorRef) or not ref._traits & SUPERVISED:
            return
        child = ref._label
        self.children[child] = None
        if event.name == "actor.ended":
            self.away.setdefault(child, event.time)
        elif event.name == "actor.started" and child in self.away:
            self.outages.setdefault(child, []).append(event.time - self.away.pop(child))

    def quiet(self, kernel: Kernel) -> None:
        for ref in kernel.actors():
            actor = getattr(ref._receive, "__self__", None)
            if type(actor) is SupervisorActor:
                left = actor._machine.restarts_left(kernel.platform.now())
                label = ref._label
                self.budgets[label] = min(left, self.budgets.get(label, left))


@cache
def config_of(file: str, sets: tuple[str, ...] = ()) -> TreeConfig:
    """The tree of a file, with its stand-ins. Raises TreeMistakes."""
    return tree_of(Path(file), sets)


def simulated(options: TreeOptions) -> SimulatedTest:
    """The simulated test that runs the tree until its root ends or the time is over.

    A fault of the seed comes when all has started: one before that would only say that the start
    failed. Relative paths of the tree's own code lead into the fresh directory of the run, and
    there components store what they store.
    """
    config_of(options.file, options.sets)  # mistakes name the file as it was given
    file = Path(options.file).resolve()  # the runs are elsewhere
    config, folder = config_of(str(file), options.sets), file.parent

    async def run(simulation: Simulation) -> None:
        with chdir(simulation.directory):
            root = supervisor_of(config, folder)
            place = storage_place(config.components.storage, folder)
            services = ComponentServices.of(
                config.components, moved(place, simulation.directory), pool_of(config)
            )
            simulation.injector.waits = True
            system = await simulation.system(root, name=config.name, components=services)
            assert system.root is not None
            simulation.note(STARTED)
            simulation.injector.waits = False
            with anyio.move_on_after(options.until):
                await system.root.wait()
            simulation.note(OVER)
            await simulation.end()

    return run


def settings_for(options: TreeOptions, watch: _Watch | None = None) -> Settings:
    """The settings of its runs."""
    extra = () if watch is None else (lambda: watch,)
    return Settings((*ALL, *extra), options.faults, options.plan, (ROOT,), eventful=True)


def run_tree(options: TreeOptions, seed: int) -> TreeRun:
    """The run of one seed."""
    watch = _Watch()
    run = run_seed(simulated(options), seed, options.strategy, settings_for(options, watch))
    return _told(run, watch)


def run_with(options: TreeOptions, plan: Iterable[Fault]) -> TreeRun:
    """The run in production's order, with these faults beside the planned ones and no others."""
    return run_tree(replace(options, faults=(), plan=(*options.plan, *plan), strategy="fifo"), 0)


@dataclass(frozen=True)
class Moment:
    """When a single fault comes to a child: the `nth` time it runs, or `at` a time."""

    nth: int = 1
    at: float | None = None


def moments(options: TreeOptions) -> dict[str, Moment]:
    """For each child the middle of its life when nothing goes wrong, after all have started.

    The middle one of the times that it runs; where it does not run, the middle of the time.
    Empty when the tree fails by itself.
    """
    plain = replace(options, faults=(), plan=(*options.plan, NOBODY), strategy="fifo")
    watch = _Watch()
    run = run_seed(simulated(plain), 0, "fifo", settings_for(plain, watch), recorded=True)
    if run.failure is not None:
        return {}
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    began: float | None = None
    for entry in run.trace:
        if entry.kind == "note" and entry.what == STARTED:
            began = entry.time
        elif entry.kind == "note" and entry.what == OVER:
            break
        elif entry.kind == "run":
            (before if began is None else after)[entry.actor.rpartition("#")[0]] += 1
    middle = (run.time + (began or 0.0)) / 2
    return {
        child: Moment(before[child] + (after[child] + 1) // 2)
        if after[child]
        else Moment(at=middle)
        for child in watch.children
    }


def smallest(options: TreeOptions, seed: int, enough: Callable[[], bool] = lambda: False) -> Run:
    """The smallest run that fails as the seed does, with its trace; the best so far at `enough`."""
    settings = settings_for(options)
    return make_small_again(simulated(options), seed, options.strategy, settings, enough)


def replay_tree(options: TreeOptions, seed: int, deviations: Iterable[Deviation] | None) -> Run:
    """One run again, with its trace; without `deviations`, as the seed chooses."""
    test, settings = simulated(options), settings_for(options)
    if deviations is None:
        return run_seed(test, seed, options.strategy, settings, recorded=True)
    return replay(test, seed, deviations, settings)


def _told(run: Run, watch: _Watch) -> TreeRun:
    problem: Any = run.failure
    return TreeRun(
        run.seed,
        run.kind,
        "" if problem is None else str(problem),
        run.time,
        tuple(
            Outage(child, len(times), max(times), sum(times))
            for child, times in sorted(watch.outages.items())
        ),
        tuple(sorted(watch.budgets.items())),
        run.faults,
        tuple(watch.children),
        run.unmet,
    )
