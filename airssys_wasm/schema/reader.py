"""From a tree of nodes to frozen dataclasses, with every mistake that is in it.

Pure. The dataclasses say what may stand where (`fields.py`); nothing here knows what they are
for. What could be read is in `Reading.values` under its path even when something else is
wrong, so that rules across several values can be checked in the same run.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from airssys_wasm.schema import node as nodes
from airssys_wasm.schema.fields import KindByKey, MostItems, Verbatim
from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence, Unreadable
from airssys_wasm.schema.problem import KeyPath, Place, Problem, Severity, Source, quoted
from airssys_wasm.schema.scalars import meaning
from airssys_wasm.schema.shape import Field, Shape, describe, fields_of, keys_hint, noun_of, shapes
from airssys_wasm.schema.single import LEAVE_OUT, Wrong, convert
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
    roots: dict[KeyPath, Source] = field(default_factory=dict)  # where other files begin

    def report(
        self,
        path: KeyPath,
        rule: str,
        message: str,
        *,
        hint: str = "",
        key: bool = False,
        severity: Severity = "error",
        at: Place | None = None,
    ) -> None:
        """Add a mistake about the value at `path`, or about its key, or at another place."""
        if len(self.problems) >= 2 * _MOST_PROBLEMS:
            return
        place = self.key_places.get(path) if key else at
        place = place or self.places.get(path) or self.places[()]
        shown = self.path_in_file(path, place)
        self.problems.append(
            Problem.at(place, message, rule=rule, path=shown, hint=hint, severity=severity)
        )

    def path_in_file(self, path: KeyPath, place: Place) -> KeyPath:
        """The path from the root of the file that `place` is in."""
        for length in range(len(path) + 1):
            if path[:length] in self.roots and self.roots[path[:length]] is place.source:
                return path[length:]
        return path


@dataclass(frozen=True, slots=True)
class Setting:
    """What the texts of a file are read with: its relative paths are taken from `directory`."""

    environment: MappingABC[str, str]
    directory: Path


def read(
    root: Node,
    record: type[T],
    *,
    environment: MappingABC[str, str],
    directory: Path,
    elsewhere: MappingABC[str, Setting] = MappingProxyType({}),
) -> Reading[T]:
    """Read the document as a `record`. Relative paths are taken from `directory`.

    `elsewhere` has the settings of other files whose roots were put into the tree, by the names of
    their sources.
    """
    reader = _Reader(Setting(environment, directory), elsewhere)
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
    def __init__(self, own: Setting, elsewhere: MappingABC[str, Setting]) -> None:
        self.reading: Reading[Any] = Reading()
        self._own = own
        self._elsewhere = elsewhere
        self._reported: set[tuple[str, int, int, str]] = set()

    # -- any value --------------------------------------------------------------------------

    def value(
        self, node: Node, path: KeyPath, options: tuple[Shape, ...], *, needed: bool = True
    ) -> Any:
        self.reading.places[path] = node.place
        match node:
            case Unreadable():
                return INVALID
            case Scalar():
                setting = self._elsewhere.get(node.place.source.name, self._own)
                value = convert(node, options, setting.environment, setting.directory)
                if isinstance(value, Wrong):
                    hint = "" if needed and value.hint == LEAVE_OUT else value.hint
                    value = self._fail(node.place, path, value.rule, value.message, hint)
            case Sequence():
                value = self._list(node, path, options)
            case Mapping():
                value = self._mapping(node, path, options)
        if value is not INVALID:
            self.reading.values[path] = value
        return value

    def _fail(self, place: Place, path: KeyPath, rule: str, message: str, hint: str = "") -> Any:
        seen = (place.source.name, place.line, place.column, message)
        if seen in self._reported:  # another child has it from the same place
            return INVALID
        self._reported.add(seen)
        self.reading.report(path, rule, message, hint=hint, at=place)
        if len(self.reading.problems) >= _MOST_PROBLEMS:
            raise _TooManyProblems
        return INVALID

    def _wrong_kind(self, node: Node, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        message = f"this must be {describe(options)}, not {nodes.kind(node)}"
        return self._fail(node.place, path, "type", message, keys_hint(options))

    # -- lists and mappings -------------------------------------------------------------------

    def _list(self, node: Sequence, path: KeyPath, options: tuple[Shape, ...]) -> Any:
        shape = next((s for s in options if s.base in (tuple, object)), None)
        if shape is None:
            return self._wrong_kind(node, path, options)
        most = shape.mark(MostItems)
        if most is not None and len(node.items) > most.number:
            message = f"the list is too long: {len(node.items):,} items"
            return self._fail(node.place, path, "range", message, f"at most {most.number:,}")
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
                message = f"the key {key.text or 'null'} is not text"
                self._fail(key.place, below, "ambiguous-word", message, "put it in quotes")
                found[key.text] = INVALID
            else:
                found[key.text] = self.value(value, below, inner)
        return INVALID if any(value is INVALID for value in found.values()) else found

    # -- dataclasses --------------------------------------------------------------------------

    def _kinds(self, node: Mapping, path: KeyPath, records: tuple[Shape, ...]) -> Any:
        """One of several dataclasses, told apart by a key that only it has."""
        kinds = records[0].mark(KindByKey)
        assert kinds is not None, "a union of dataclasses needs KindByKey"
        by_key = {key: shape for key in kinds.keys for shape in records if _has(shape.base, key)}
        given = [key for key, _ in node.entries if key.text in by_key]
        if len(given) == 1:
            return self._record(node, path, by_key[given[0].text], records)
        known = {name: f for shape in records for name, f in fields_of(shape.base).items()}
        choice = one_of(kinds.keys)
        if given:
            first, second = given[0], given[1]
            message = f"{kinds.noun} is only one thing, and {quoted(first.text)} was given already"
            self._fail(second.place, (*path, second.text), "kind", message)
        else:
            slips = _slips(node, {**known, **by_key}) & set(by_key)
            if len(slips) == 1:
                return self._record(node, path, by_key[slips.pop()], records)
            message = f"{kinds.noun} needs one of the keys {choice}"
            self._fail(node.place, path, "kind", message)
            common = [
                f for f in known.values() if all(f.name in fields_of(s.base) for s in records)
            ]
            for each in common:
                if each.required and node.find(each.name) is None:
                    self._missing(node, path, each)
        others = {key: Field(key, Path, False) for key in _other_keys(known)}
        self._entries(node, path, {**known, **others}, records[0], kinds.noun)
        return INVALID

    def _record(
        self, node: Mapping, path: KeyPath, shape: Shape, kinds: tuple[Shape, ...] = ()
    ) -> Any:
        record = shape.base
        known = fields_of(record)
        found = self._entries(node, path, known, shape, noun_of(record), kinds)
        slips = _slips(node, [*known, *_other_keys(known)])
        for name, each in known.items():
            if each.required and name not in found and node.find(name) is None:
                if name not in slips and slips.isdisjoint(_other_keys({name: each})):
                    self._missing(node, path, each)
                found[name] = INVALID
        if len(node.entries) > len(found) or any(value is INVALID for value in found.values()):
            return INVALID
        try:
            return record(**found)
        except ValueError as error:
            return self._fail(node.place, path, "value", str(error))

    def _missing(self, node: Node, path: KeyPath, field: Field) -> None:
        self._fail(node.place, path, "missing-key", f"the key '{field.name}' is missing")

    def _entries(
        self,
        node: Mapping,
        path: KeyPath,
        known: dict[str, Field],
        outer: Shape,
        noun: str,
        kinds: tuple[Shape, ...] = (),
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        present = set(node.keys)
        inherited = tuple(mark for mark in outer.marks if isinstance(mark, Verbatim))
        for key, value in node.entries:
            below = (*path, key.text)
            self.reading.key_places[below] = key.place
            if key.text in known:
                field = known[key.text]
                options = self._options(field, value, below, inherited)
                found[key.text] = self.value(value, below, options, needed=field.required)
                continue
            free = [name for name in (*known, *_other_keys(known)) if name not in present]
            reserved = getattr(outer.base, "__reserved__", {}).get(key.text)
            if reserved is not None:
                hint = f"{noun} has {', '.join(known)}"
                self._fail(key.place, below, "unknown-key", reserved, hint)
                continue
            meant = nearest(key.text, free)
            hint = f"did you mean '{meant}'?" if meant else did_you_mean(key.text, known)
            owner = next((shape.base for shape in kinds if key.text in fields_of(shape.base)), None)
            if owner is not None:
                meant, hint = None, f"{noun_of(owner)} has it, {noun} does not"
            if not hint and len(key.text) <= 64:
                words = sorted(known, key=lambda name: not known[name].required)
                hint = f"{noun} has {', '.join(words)}"
            self._fail(key.place, below, "unknown-key", f"unknown key {quoted(key.text)}", hint)
            if meant in known:  # what is below may be wrong as well
                self.value(value, below, shapes(known[meant].type, inherited))
        return found

    def _options(
        self, field: Field, value: Node, path: KeyPath, inherited: tuple[Verbatim, ...]
    ) -> tuple[Shape, ...]:
        """What may stand under a key; the root of another file is read as such."""
        other = field.in_other_file
        if other is None or value.place.source.name not in self._elsewhere:
            return shapes(field.type, inherited)
        outer = self.reading.places[path[:-1]].source
        if value.place.source is outer:
            return shapes(field.type, inherited)
        self.reading.roots[path] = value.place.source
        return shapes(other.record)


def _has(record: type, key: str) -> bool:
    known = fields_of(record)
    return key in known or key in _other_keys(known)


def _other_keys(known: MappingABC[str, Field]) -> list[str]:
    """The keys under which another file may be named."""
    return [other.key for field in known.values() if (other := field.in_other_file) is not None]


def _slips(node: Mapping, known: Iterable[str]) -> set[str]:
    """The known keys that the unknown ones of a mapping are probably meant to be."""
    words = list(known)
    unknown = islice((name for name in node.keys if name not in words), _MOST_SLIPS)
    return {found for name in unknown if (found := nearest(name, words)) is not None}
