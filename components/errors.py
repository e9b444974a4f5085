"""What can go wrong with a component: one class for each thing that a caller could do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airssys_wasm.kernel.errors import AirssysError

if TYPE_CHECKING:
    from airssys_wasm.components.engine.traps import Limit, Trap


class ComponentInvalid(AirssysError):
    """A file that can't run here as a component. Nothing of it was instantiated.

    `source` is the path, or `<bytes>`; `problems` has a sentence for each
    thing that is wrong, never none.
    """

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        listed = "; ".join(problems) if len(problems) < 2 else "".join(f"\n  {p}" for p in problems)
        super().__init__(f"{source} is no component of this host: {listed}")
        self.source = source
        self.problems = tuple(problems)


class GuestTrap(AirssysError):
    """The guest trapped or reached a limit; its Store is dead and freed.

    `reason` is what the actor ends with.
    """

    def __init__(self, reason: Trap | Limit) -> None:
        super().__init__(str(reason))
        self.reason = reason


class EngineUnavailable(AirssysError):
    """The path that was asked for can't run here; `why` says what is missing."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"the {path} path of the engine is not available: {why}")
        self.path = path
        self.why = why


class InstanceClosed(AirssysError, RuntimeError):
    """The instance has ended: it trapped, reached a limit, was closed or lost its call."""

    def __init__(self) -> None:
        super().__init__("this instance of a component has ended; make a new one")
