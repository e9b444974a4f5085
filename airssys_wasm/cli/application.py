"""What the command line needs of the application layer, and nothing else.

Pure: protocols. `running.py` looks up who fulfils them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from airssys_wasm.config import TreeConfig


class Report(Protocol):
    """What an actor left behind for the user: a table of labels and values, and details."""

    @property
    def title(self) -> str: ...

    @property
    def rows(self) -> Mapping[str, object]: ...

    @property
    def details(self) -> Sequence[Mapping[str, object]]: ...


class Outcome(Protocol):
    """How the application ended. `chain` is empty after a normal end, else outermost first."""

    @property
    def reason(self) -> object: ...

    @property
    def chain(self) -> Sequence[object]: ...

    @property
    def reports(self) -> Sequence[Report]: ...


class RunApplication(Protocol):
    """Runs a tree to its end. Stops it in order as soon as `stop` returns."""

    async def __call__(
        self,
        config: TreeConfig,
        *,
        stop: Callable[[], Awaitable[object]],
        on_progress: Callable[[Mapping[str, object]], None] | None = None,
    ) -> Outcome: ...
