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
        listed = f" {problems[0]}" if len(problems) == 1 else "".join(f"\n  {p}" for p in problems)
        super().__init__(f"{source} is no component of this host:{listed}")
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


class ComponentError(AirssysError):
    """The guest answered `function` with an error: `case` of its error variant, and its detail.

    A failed reply for who asked; the component lives, unless it was `initialize`.
    """

    def __init__(self, function: str, case: str, detail: str = "") -> None:
        super().__init__(f"{function} returned {case}: {detail}" if detail else
                         f"{function} returned {case}")  # fmt: skip
        self.function = function
        self.case = case
        self.detail = detail


class PayloadTooLarge(AirssysError):
    """The message is larger than the component takes; it was not told of it. Sizes in bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a payload of {size} bytes is over the component's limit of {limit}")
        self.size = size
        self.limit = limit
