"""What actors are told of other nodes, and who else wants to know.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeUp:
    """To those who watch the nodes: this one is connected."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeDown:
    """To those who watch the nodes: the connection with this one is over.

    What it had said has come before this. `why` is in words.
    """

    node: str
    why: str


class Watching:
    """Somebody who is called for each node that comes and goes."""

    def __init__(
        self,
        all: dict[Watching, None],
        up: Callable[[str], None],
        down: Callable[[str, str], None],
    ) -> None:
        self._all = all
        self.up = up
        self.down = down
        all[self] = None

    def stop(self) -> None:
        """No call from now on. Does nothing again."""
        self._all.pop(self, None)
