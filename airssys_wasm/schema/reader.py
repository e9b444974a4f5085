"""From a tree of nodes to frozen dataclasses, with every mistake that is in it.

Pure. The dataclasses say what may stand where (`fields.py`); nothing here knows what they are
for. What could be read is in `Reading.values` under its path even when something else is
wrong, so that rules across several values can be checked in the same run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from airssys_wasm.schema import node as nodes
from airssys_wasm.schema.fields import KindByKey, MostItems, Verbatim
from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence, Unreadable
from airssys_wasm.schema.problem import KeyPath, Place, Problem, quoted
from airssys_wasm.schema.scalars import meaning
from airssys_wasm.schema.shape import Field, Shape, describe, fields_of, shapes
from airssys_wasm.schema.single import Wrong, convert
from airssys_wasm.schema.suggest import did_you_mean, nearest, one_of

T = TypeVar("T")

_MOST_PROBLEMS = 1_000
_MOST_SLIPS = 100


class _Invalid:
    """Stands for a value about which a problem was reported."""


INVALID: Final = _Invalid()


@dataclass(slots=True)
class Reading(Generic[T]):
    """What a document said: the whole value if nothing is wrong, and all parts that are right."""

    value: T | None = None
    problems: list[Problem] = field(default_factory=list)
    values: dict[KeyPath, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    key_places: dict[KeyPath, Place] = field(default_factory=dict)

    def report(self, path: KeyPath, message: str, *, hint: str = "", key: bool = False) -> None:
        """Add a mistake about the value at `path`, or about its key."""
        if len(self.problems) >= 2 * _MOST_PROBLEMS:
            return
        place = self.key_places.get(path) if key else None
        place = place or self.places.get(path) or self.places[()]
        self.problems.append(Problem.at(place, message, path=path, hint=hint))

    def warn(self, path: KeyPath, message: str, *, hint: str = "", key: bool = False) -> None:
        """Add something legal that is probably not meant."""
        before = len(self.problems)
        self.report(path, message, hint=hint, key=key)
        if len(self.problems) == before:
            return
        self.problems[-1] = dataclasses.replace(self.problems[-1], severity="warning")


def read(
    root: Node, record: type[T], *, environment: MappingABC[str, str], directory: Path
) -> Reading[T]:
    """Read the document as a `record`. Relative paths are taken from `directory`."""
    reader = _Reader(environment, directory)
    options = shapes(record)
    value: Any
    try:
        value = reader.value(root, (), options)
    except _TooManyProblems:
        value = INVALID
    reading: Reading[T] = reader.reading
    if value is not INVALID and not reading.problems:
        reading.value = value
    return reading


class _TooManyProblems(Exception):
    pass


class _Reader:
    def __init__(self, environment: MappingABC[str, str], directory: Path) -> None:
        self.reading: Reading[Any] = Reading()
        self._environment = environment
        self._directory = directory

    # -- any value --------------------------------------------------------------------------

    def value(self, node: Node, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        self.reading.places[path] = node.place
        match node:
            case Unreadable():
                return INVALID
            case Scalar():
                value = convert(node, options, self._environment, self._directory)
                if isinstance(value, Wrong):
                    value = self._fail(node.place, path, value.message, value.hint)
            case Sequence():
                value = self._list(node, path, options)
            case Mapping():
                value = self._mapping(node, path, options)
        if value is not INVALID:
            self.reading.values[path] = value
        return value

    def _fail(self, place: Place, path: KeyPath, message: str, hint: str = "") -> Any:
        self.reading.problems.append(Problem.at(place, message, path=path, hint=hint))
        if len(self.reading.problems) >= _MOST_PROBLEMS:
            raise _TooManyProblems
        return INVALID

    def _wrong_kind(self, node: Node, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        message = f"this must be {describe(options)}, not {nodes.kind(node)}"
        return self._fail(node.place, path, message)

    # -- lists and mappings -------------------------------------------------------------------

    def _list(self, node: Sequence, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        shape = next((s for s in options if s.base in (tuple, object)), None)
        if shape is None:
            return self._wrong_kind(node, path, options)
        most = shape.mark(MostItems)
        if most is not None and len(node.items) > most.number:
            message = f"the list is too long: {len(node.items):,} items"
            return self._fail(node.place, path, message, f"at most {most.number:,}")
        inner = shapes(shape.args[0] if shape.args else object, shape.marks)
        items = [self.value(item, (*path, n), inner) for n, item in enumerate(node.items)]
        if any(item is INVALID for item in items):
            return INVALID
        return items if shape.base is object else tuple(items)

    def _mapping(self, node: Mapping, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        records = tuple(shape for shape in options if shape.is_record)
        if len(records) > 1:
            return self._kinds(node, path, records)
        if records:
            return self._record(node, path, records[0])
        shape = next((s for s in options if s.base in (MappingABC, object)), None)
        if shape is None:
            return self._wrong_kind(node, path, options)
        inner = shapes(shape.args[0] if shape.args else object, shape.marks)
        found: dict[str, Any] = {}
        for key, value in node.entries:
            below = (*path, key.text)
            self.reading.key_places[below] = key.place
            if not key.quoted and not isinstance(meaning(key.text), str):
                self._fail(
                    key.place,
                    below,
                    f"the key {key.text or 'null'} is not text",
                    "put it in quotes",
                )
                found[key.text] = INVALID
            else:
                found[key.text] = self.value(value, below, inner)
        return INVALID if any(value is INVALID for value in found.values()) else found

    # -- dataclasses --------------------------------------------------------------------------

    def _kinds(self, node: Mapping, path: KeyPath, records: tuple[Shape, ...]) -> Any:
        """One of several dataclasses, told apart by a key that only it has."""
        kinds = records[0].mark(KindByKey)
        assert kinds is not None, "a union of dataclasses needs KindByKey"
        by_key = {
            key: shape for key in kinds.keys for shape in records if key in fields_of(shape.base)
        }
        given = [key for key, _ in node.entries if key.text in by_key]
        if len(given) == 1:
            return self._record(node, path, by_key[given[0].text])
        known = {name: f for shape in records for name, f in fields_of(shape.base).items()}
        choice = one_of(kinds.keys)
        if given:
            first, second = given[0], given[1]
            message = f"{kinds.noun} is only one thing, and {quoted(first.text)} was given already"
            self._fail(second.place, (*path, second.text), message)
        else:
            slips = [near for near in _slips(node, known) if near in by_key]
            if len(slips) == 1:
                return self._record(node, path, by_key[slips[0]])
            message = f"{kinds.noun} needs one of the keys {choice}"
            self._fail(node.place, path, message)
            common = [
                f for f in known.values() if all(f.name in fields_of(s.base) for s in records)
            ]
            for each in common:
                if each.required and node.find(each.name) is None:
                    self._fail(node.place, path, f"the key '{each.name}' is missing")
        self._entries(node, path, known, records[0], kinds.noun)
        return INVALID

    def _record(self, node: Mapping, path: KeyPath, shape: Shape) -> Any:
        record = shape.base
        known = fields_of(record)
        found = self._entries(node, path, known, shape, _name(record))
        slips = _slips(node, known)
        for name, each in known.items():
            if each.required and name not in found and node.find(name) is None:
                if name not in slips:
                    self._fail(node.place, path, f"the key '{name}' is missing")
                found[name] = INVALID
        if len(node.entries) > len(found) or any(value is INVALID for value in found.values()):
            return INVALID
        try:
            return record(**found)
        except ValueError as error:
            return self._fail(node.place, path, str(error))

    def _entries(
        self, node: Mapping, path: KeyPath, known: dict[str, Field], outer: Shape, noun: str
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        present = set(node.keys)
        inherited = tuple(mark for mark in outer.marks if isinstance(mark, Verbatim))
        for key, value in node.entries:
            below = (*path, key.text)
            self.reading.key_places[below] = key.place
            if key.text in known:
                found[key.text] = self.value(value, below, shapes(known[key.text].type, inherited))
                continue
            free = [name for name in known if name not in present]
            meant = nearest(key.text, free)
            hint = f"did you mean '{meant}'?" if meant else did_you_mean(key.text, known)
            if not hint and len(key.text) <= 64:
                hint = f"{noun} has {', '.join(known)}"
            self._fail(key.place, below, f"unknown key {quoted(key.text)}", hint)
            if meant:  # what is below may be wrong as well
                self.value(value, below, shapes(known[meant].type, inherited))
        return found


def _slips(node: Mapping, known: Iterable[str]) -> list[str]:
    """The known keys that the unknown ones of a mapping are probably meant to be."""
    words = list(known)
    unknown = islice((name for name in node.keys if name not in words), _MOST_SLIPS)
    return [found for name in unknown if (found := nearest(name, words)) is not None]


def _name(record: type) -> str:
    """What a person calls such a mapping, if the dataclass says so."""
    named = getattr(record, "__noun__", None)
    return named if isinstance(named, str) else "this mapping"
