"""Acts: makes the order in which anyio goes through its cancel scopes the same in every run.

anyio keeps the scopes inside a scope in a set; by default that is in the order of their addresses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from anyio._backends._asyncio import CancelScope

if TYPE_CHECKING:
    from airssys_wasm.testing.loop import SimulatedLoop


@contextmanager
def ordered_scopes() -> Iterator[None]:
    """Inside, cancel scopes hash by the number of their first use in the running loop."""
    numbers: dict[int, tuple[Any, int]] = {}  # keeps each scope, so that no address comes again

    def number(self: Any) -> int:
        known = numbers.get(id(self))
        if known is None:
            loop = cast("SimulatedLoop", asyncio.get_running_loop())
            known = numbers[id(self)] = (self, loop.next_number())
        return known[1]

    setattr(CancelScope, "__hash__", number)  # noqa: B010  # no checker lets it be assigned
    try:
        yield
    finally:
        delattr(CancelScope, "__hash__")
