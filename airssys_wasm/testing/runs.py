"""Acts: runs a simulated test once: one seed, one order of all that happens."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airssys_wasm.testing.choices import Choices, Deviation, Strategy
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.invariants import ALL
from airssys_wasm.testing.ordered_scopes import ordered_scopes
from airssys_wasm.testing.refusals import refusing
from airssys_wasm.testing.simulation import ROOT, Simulation
from airssys_wasm.testing.trace import Entry

COLLECT_EVERY = 50  # runs, between which no garbage is collected: finalizers would run anywhere

SimulatedTest = Callable[[Simulation], Awaitable[object]]
MakeStrategy = Callable[[Callable[[Any], str]], Strategy]

_runs = 0


@dataclass(frozen=True)
class Settings:
    """What every run of one test has in common."""

    invariants: tuple[Callable[[], Invariant], ...] = ALL
    faults: tuple[FaultKind, ...] = ()
    plan: tuple[Fault, ...] = ()
    spare: tuple[str, ...] = (ROOT,)
    eventful: bool | None = None  # None: telemetry is attached for most seeds, not for all


@dataclass(frozen=True)
class Run:
    """How one run went. `failure` is None when nothing went wrong.

    `time` is virtual seconds, `choices` how many choice points there were; `widths` their options
    and choices, where those were asked for. `unmet` are the planned faults that did not come, each
    with why.
    """

    seed: int
    failure: BaseException | None
    deviations: tuple[Deviation, ...]
    time: float
    steps: int
    choices: int
    faults: tuple[tuple[float, str, str], ...]
    trace: tuple[Entry, ...] = ()
    widths: tuple[tuple[int, int], ...] = field(default=(), repr=False)
    unmet: tuple[tuple[Fault, str], ...] = ()

    @property
    def kind(self) -> str | None:
        """What sort of failure it is: two runs with one kind have failed alike."""
        if self.failure is None:
            return None
        invariant = getattr(self.failure, "invariant", "")
        return f"{type(self.failure).__name__} {invariant}".rstrip()


def run_once(
    test: SimulatedTest,
    seed: int,
    strategy: MakeStrategy,
    settings: Settings | None = None,
    *,
    recorded: bool = False,
    widths: bool = False,
    loud: bool = False,
    most_steps: int | None = None,
) -> Run:
    """One run. `recorded` keeps its trace; `loud` lets the library log, which is off otherwise.

    One that is not over after `most_steps` fails with TooLong.
    Never raises what the test does: that is the `failure`. Interrupts come out.
    """
    settings = settings or Settings()
    failure: BaseException | None = None
    with seeded(seed), quiet_logging(loud), no_collection():
        simulation = Simulation(
            seed,
            lambda label: Choices(strategy(label), label),
            invariants=settings.invariants,
            faults=settings.faults,
            plan=settings.plan,
            spare=settings.spare,
            recorded=recorded,
            eventful=settings.eventful,
        )
        choices, loop = simulation.choices, simulation.loop
        loop.most_steps = most_steps
        if widths:
            choices.widths = []
        asyncio.set_event_loop(loop)
        try:
            with refusing(), ordered_scopes():
                try:
                    main = loop.create_task(simulation.run(test), name="test")
                    loop.run_until_complete(main)
                except (KeyboardInterrupt, GeneratorExit):
                    raise
                except BaseException as error:
                    failure = error
                failure = loop.failure or failure or next(iter(loop.errors), None)
                loop.failure = None
                steps, now, trace = loop.steps, loop.time(), tuple(simulation.trace or ())
                loop.clear_away()
        finally:
            asyncio.set_event_loop(None)
            loop.close()
            simulation.clear_away()
    return Run(
        seed,
        failure,
        tuple(choices.deviations),
        now,
        steps,
        choices.count,
        tuple(simulation.injector.done),
        trace,
        tuple(choices.widths or ()),
        simulation.injector.unmet(),
    )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, global `random` is seeded; afterwards it is as it was."""
    state = random.getstate()
    random.seed(f"{seed} global")
    try:
        yield
    finally:
        random.setstate(state)


@contextmanager
def quiet_logging(loud: bool) -> Iterator[None]:
    """Crash reports of a thousand runs tell nobody anything; those of the failing one are shown."""
    loggers = [logging.getLogger(name) for name in ("airssys_wasm", "asyncio")]
    before = [logger.level for logger in loggers]
    if not loud:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def no_collection() -> Iterator[None]:
    """Inside, no garbage is collected: a finalizer could run anywhere."""
    global _runs
    _runs += 1
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
        if not _runs % COLLECT_EVERY:
            gc.collect()


def settings_of(
    invariants: Iterable[Callable[[], Invariant]] = ALL,
    faults: Iterable[FaultKind] = (),
    plan: Iterable[Fault] = (),
    spare: Iterable[str] = (ROOT,),
) -> Settings:
    """Settings from any iterables."""
    return Settings(tuple(invariants), tuple(faults), tuple(plan), tuple(spare))
