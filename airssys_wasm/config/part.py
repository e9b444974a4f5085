"""A mapping of a tree file, with what could be read of it, as the rules of meaning look at it.

Pure. Rules work on parts and not on finished values, so that their mistakes come in the same run as
those of single values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from airssys_wasm.config.tree import TreeConfig
from airssys_wasm.schema import KeyPath, Place, Reading


@dataclass(frozen=True, slots=True)
class Part:
    """A supervisor, a child, or the block of a pool."""

    reading: Reading[TreeConfig]
    path: KeyPath = ()
    inherited: frozenset[Place] = field(default=frozenset(), repr=False)  # keys in `defaults`

    @classmethod
    def root(cls, reading: Reading[TreeConfig]) -> Part:
        places = reading.key_places.items()
        inherited = frozenset(place for path, place in places if path[-2:-1] == ("defaults",))
        return cls(reading, (), inherited)

    def below(self, *steps: str | int) -> Part:
        return Part(self.reading, (*self.path, *steps), self.inherited)

    def get(self, *keys: str, default: Any = None) -> Any:
        return self.reading.values.get((*self.path, *keys), default)

    def has(self, *keys: str) -> bool:
        return (*self.path, *keys) in self.reading.places

    def says(self, key: str) -> bool:
        """Whether the key stands in this mapping and is not inherited."""
        return self.has(key) and self.reading.key_places[(*self.path, key)] not in self.inherited

    def error(self, rule: str, message: str, *keys: str, hint: str = "") -> None:
        self.reading.report((*self.path, *keys), rule, message, hint=hint)

    def warning(self, rule: str, message: str, *keys: str, hint: str = "") -> None:
        path = (*self.path, *keys)
        self.reading.report(path, rule, message, hint=hint, severity="warning")

    def items(self, *keys: str) -> Iterator[tuple[KeyPath, Any]]:
        """The entries of a list with their paths, None for one that could not be read."""
        number = 0
        while (below := (*self.path, *keys, number)) in self.reading.places:
            yield below, self.reading.values.get(below)
            number += 1

    def children(self) -> list[Part]:
        return [Part(self.reading, path, self.inherited) for path, _ in self.items("children")]

    def worker(self) -> Part:
        """Where the child says what runs: in itself, or in the block of a pool."""
        block = next((key for key in ("pool", "dynamic") if self.has(key)), None)
        return self if block is None else self.below(block)

    def place(self, *keys: str) -> Place:
        return self.reading.places[(*self.path, *keys)]

    def where(self, other: Part, *keys: str) -> str:
        """The line of something in another part, with its file if that is another."""
        place = other.place(*keys)
        file = "" if place.source.name == self.place().source.name else f" of {place.source.name}"
        return f"line {place.line}{file}"
