"""Why a simulated run failed, other than by what the test itself says.

Pure.
"""

from __future__ import annotations

from airssys_wasm.kernel.errors import AirssysError


class SimulationError(AirssysError):
    """The root of what a simulation raises by itself."""


class Livelock(SimulationError):
    """Too many steps were run while virtual time stood still.

    `busiest` are the actors that ran most, each with its number of steps.
    """

    def __init__(self, steps: int, now: float, busiest: tuple[tuple[str, int], ...]) -> None:
        who = ", ".join(f"{actor} ({count} steps)" for actor, count in busiest)
        super().__init__(f"{steps} steps at {now:g} s, and time does not move; busiest: {who}")
        self.steps = steps
        self.busiest = busiest


class TooLong(SimulationError):
    """A run had more steps than it was allowed: it is not one that fails as early as another."""

    def __init__(self, steps: int) -> None:
        super().__init__(f"the run is not over after {steps} steps")
        self.steps = steps


class Deadlock(SimulationError):
    """Nothing can run, no timer is pending, and something waits.

    `waiting` says of each task who it is and what it waits for.
    """

    def __init__(self, now: float, waiting: tuple[str, ...]) -> None:
        lines = "".join(f"\n    {line}" for line in waiting)
        super().__init__(f"nothing can run at {now:g} s, and no timer is pending:{lines}")
        self.waiting = waiting


class Refused(SimulationError):
    """A call that would leave the simulation: `call` is its name."""

    def __init__(self, call: str, instead: str = "") -> None:
        super().__init__(f"{call} is refused in a simulation" + (f"; {instead}" if instead else ""))
        self.call = call


class FaultNeverCame(SimulationError):
    """A planned fault came in no run, so the test says nothing about it. `faults` says why of each.

    The most usual reason is a name with a mistake in it.
    """

    def __init__(self, faults: tuple[tuple[object, str], ...]) -> None:
        lines = "".join(f"\n    {fault}: {why}" for fault, why in faults)
        super().__init__(f"planned faults that came in no run:{lines}")
        self.faults = faults


class NotDeterministic(SimulationError):
    """Two runs of one seed differ: something asks for time, chance or order behind our back.

    `place` is the number of the first step that differs, `actor` who ran there.
    """

    def __init__(self, seed: object, place: int, first: str, second: str, actor: str) -> None:
        super().__init__(
            f"seed {seed} is not deterministic: step {place} differs ({actor}):"
            f"\n    first:  {first}\n    second: {second}"
        )
        self.place = place
        self.actor = actor


class InvariantBroken(SimulationError):
    """A law that holds for every system of actors does not hold. `invariant` is its name."""

    def __init__(self, invariant: str, problem: str) -> None:
        super().__init__(f"{invariant}: {problem}")
        self.invariant = invariant
        self.problem = problem
