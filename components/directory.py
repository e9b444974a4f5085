"""The components that run in a system, for those who may know of them.

Pure. An entry is there from the end of a component's start to its end; one without a name has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airssys_wasm.components.identity import NOBODY, ComponentId

Health = Literal["healthy", "degraded", "unhealthy", "unknown"]


@dataclass(slots=True)
class Entry:
    """What a component said of itself at its start; its health when it was last asked."""

    name: str
    version: str
    health: Health = "unknown"


class Directory:
    """Entries by id.

    >>> directory = Directory()
    >>> entry = Entry("prices", "1.0.0")
    >>> directory.add(ComponentId("", "prices", ""), entry)
    >>> directory.ids()
    [ComponentId(namespace='', name='prices', instance='')]
    """

    def __init__(self) -> None:
        self._entries: dict[ComponentId, Entry] = {}

    def add(self, id: ComponentId, entry: Entry) -> None:
        """A component has started."""
        if id != NOBODY:
            self._entries[id] = entry

    def remove(self, id: ComponentId, entry: Entry) -> None:
        """It has ended; a successor's entry stays."""
        if self._entries.get(id) is entry:
            del self._entries[id]

    def find(self, id: ComponentId) -> Entry | None:
        """The entry of a running component."""
        return self._entries.get(id)

    def ids(self) -> list[ComponentId]:
        """All of them, sorted."""
        return sorted(self._entries)
