"""A document as a tree of nodes, each with its place.

Pure. Nodes never change; an alias makes two parents share one node, so a tree is small in
memory however large it is when written out. `size` and `height` say how large that is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from airssys_wasm.schema.problem import Place


@dataclass(frozen=True, slots=True)
class Scalar:
    """A word; `quoted` when its form says that it is text."""

    place: Place
    text: str
    quoted: bool = False
    size: int = field(default=1, init=False)
    height: int = field(default=0, init=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    place: Place
    items: tuple[Node, ...]
    size: int
    height: int

    @classmethod
    def of(cls, place: Place, items: tuple[Node, ...]) -> Sequence:
        size = 1 + sum(item.size for item in items)
        return cls(place, items, size, 1 + max((item.height for item in items), default=0))


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with their values, in the order of the document, no key twice."""

    place: Place
    entries: tuple[tuple[Scalar, Node], ...]
    size: int
    height: int

    @classmethod
    def of(cls, place: Place, entries: tuple[tuple[Scalar, Node], ...]) -> Mapping:
        size = 1 + sum(1 + value.size for _, value in entries)
        return cls(place, entries, size, 1 + max((v.height for _, v in entries), default=0))

    def find(self, key: str) -> Node | None:
        return next((value for name, value in self.entries if name.text == key), None)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(name.text for name, _ in self.entries)

    def with_entry(self, key: Scalar, value: Node) -> Mapping:
        """The mapping in which `key` has `value`, at its old position if it had one."""
        if self.find(key.text) is None:
            return Mapping.of(self.place, (*self.entries, (key, value)))
        return self.replaced(key.text, value)

    def replaced(self, key: str, value: Node) -> Mapping:
        """The mapping in which `key`, if it is there, has `value`."""
        changed = ((k, value if k.text == key else old) for k, old in self.entries)
        return Mapping.of(self.place, tuple(changed))

    def beginning_with(self, key: str) -> Mapping:
        """The mapping with the entry of `key`, if it is there, before the others."""
        entries = sorted(self.entries, key=lambda entry: entry[0].text != key)
        return Mapping(self.place, tuple(entries), self.size, self.height)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a problem was reported about: there is nothing more to say of it."""

    place: Place
    size: int = field(default=1, init=False)
    height: int = field(default=0, init=False)


Node: TypeAlias = Scalar | Sequence | Mapping | Unreadable


def kind(node: Node) -> str:
    """What a person would call the node."""
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "a mapping"
        case _:
            return "a single value"
