"""Acts: a simulation that is driven from outside, step by step, by code that is not async."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack
from random import Random
from typing import Any, TypeVar

from airssys_wasm.testing.choices import Choices, StrategyName, strategy_of
from airssys_wasm.testing.observing import observing
from airssys_wasm.testing.ordered_scopes import ordered_scopes
from airssys_wasm.testing.refusals import refusing
from airssys_wasm.testing.runs import Settings, no_collection, quiet_logging, seeded
from airssys_wasm.testing.simulation import Simulation

R = TypeVar("R")


class Driven:
    """A simulation, from the call to `close`. What is broken is raised by the call that shows it.

    >>> driven = Driven(seed=1)
    >>> async def sleep(): await driven.simulation.sleep(60)
    >>> driven.do(sleep)
    >>> driven.simulation.now()
    60.0
    >>> driven.close()
    """

    def __init__(
        self,
        seed: int = 0,
        strategy: StrategyName = "mixed",
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings()
        self._stack = ExitStack()
        for context in (seeded(seed), quiet_logging(False), no_collection(), refusing()):
            self._stack.enter_context(context)
        self._stack.enter_context(ordered_scopes())
        chosen = strategy_of(strategy, seed, Random(f"{seed} choices"))
        self.simulation = Simulation(
            seed,
            lambda label: Choices(chosen, label),
            invariants=settings.invariants,
            faults=settings.faults,
            plan=settings.plan,
            spare=settings.spare,
            eventful=True,
        )
        self._loop = self.simulation.loop
        self._host: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        asyncio.set_event_loop(self._loop)
        self._stack.enter_context(observing(self.simulation.observer))

    def begin(self, function: Callable[[], Awaitable[None]]) -> None:
        """As `do`, once, to start systems: they end in the task that has started them."""
        started = asyncio.Event()

        async def host() -> None:
            try:
                await function()
            finally:
                started.set()
            await self._over.wait()
            await self.simulation.end()

        self._host = self._loop.create_task(host(), name="host")
        self._run(started.wait())
        if self._host.done():
            self._host.result()  # it can only have failed

    def do(self, function: Callable[[], Awaitable[R]]) -> R:
        """What the async function gives; the system runs meanwhile, and stands still afterwards."""

        async def run() -> R:
            return await function()

        return self._run(run())

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._run(self.simulation.sleep(seconds))

    def check(self) -> None:
        """Look at the invariants: they hold between two calls, too."""
        if self._loop.failure is not None:
            raise self._loop.failure
        self.simulation.check()

    def close(self) -> None:
        """End its systems, and look at what is left."""
        try:
            self._run(self._ended())
        finally:
            self._loop.failure = None
            self._loop.clear_away()
            asyncio.set_event_loop(None)
            self._loop.close()
            self._stack.close()

    async def _ended(self) -> None:
        if self._host is None or self._host.done():
            await self.simulation.end()
        else:
            self._over.set()
            await self._host

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        result = self._loop.run_until_complete(self._loop.create_task(work, name="test"))
        if self._loop.failure is not None:
            raise self._loop.failure
        for error in self._loop.errors:
            raise error
        return result
