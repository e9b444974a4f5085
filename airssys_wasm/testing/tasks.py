"""Acts: tasks and futures whose place in a set does not depend on the process.

asyncio and anyio keep tasks in sets and go through them; the order follows the hash.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.testing.loop import SimulatedLoop


class SimulatedFuture(asyncio.Future[Any]):
    """A future that hashes by the number of its creation."""

    def __init__(self, *, loop: SimulatedLoop) -> None:
        self._number = loop.next_number()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class SimulatedTask(asyncio.Task[Any]):
    """A task that hashes by the number of its creation; `owner` is whose step made it."""

    def __init__(self, coro: Any, *, loop: SimulatedLoop, owner: Any, **options: Any) -> None:
        self._number = number = loop.next_number()
        # Whoever is outside of all actors acts for itself.
        self.owner = owner if owner is not None else self
        name = options.get("name")
        options["name"] = f"task-{number}" if name is None else loop.unique_name(name)
        self._simulated = loop
        super().__init__(coro, loop=loop, **options)

    def set_name(self, value: object) -> None:
        """As asyncio does it after the creation; a second task of a name gets a number."""
        super().set_name(self._simulated.unique_name(str(value)))

    def __hash__(self) -> int:
        return self._number
