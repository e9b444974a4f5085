"""Which settings of two values of a tree differ, in the words of the file.

Pure. Values are shown as YAML writes them. What may be a secret is not shown: everything in
`env`, and what lies under a key such as `password` or `token`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airssys_wasm.schema.fields import Quantity
from airssys_wasm.schema.problem import KeyPath, path_text
from airssys_wasm.schema.quantities import BYTES
from airssys_wasm.schema.shape import Field, fields_of, shapes

NOT_THERE = "not there"
HIDDEN = "(hidden)"
_ABSENT = object()
_LONGEST_TEXT = 60
_PLAIN = re.compile(r"[A-Za-z_./][\w./:@+>*-]*\Z")
_MEANS_MORE = frozenset({"true", "false", "null", "yes", "no", "on", "off", ".", ".."})
_SECRET = re.compile(
    r"pass(word|wd|phrase)?\Z|secret|token|credential|(api|private|access)_?key", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One setting that differs; `path` leads to it in the file, as `limits.memory`."""

    path: str
    old: str
    new: str

    @property
    def key(self) -> str:
        """The key of the child that it belongs to."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.path}: {self.old} → {self.new}"


def field_changes(old: object, new: object, *, skip: frozenset[str]) -> tuple[FieldChange, ...]:
    """What differs between two dataclasses of a tree, fields named in `skip` left out.

    Of two of different types, the fields that both have are compared.
    """
    return tuple(_of_records(old, new, (), skip))


def value_text(value: object, hint: Any = object) -> str:
    """The value as YAML writes it on one line, cut when it is long.

    >>> value_text({"path": "a b", "rows": (1, None, True)})
    '{path: "a b", rows: [1, null, true]}'
    """
    text = _flow(value, hint)
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"


def duration_text(seconds: float) -> str:
    """The duration with its units.

    >>> duration_text(90), duration_text(0.25), duration_text(5.0), duration_text(1.5)
    ('1m30s', '250ms', '5s', '1.5s')
    """
    if 0 < seconds < 1:
        return f"{round(seconds * 1000, 3):g}ms"
    if seconds != int(seconds) or seconds < 60:
        return f"{round(seconds, 3):.15g}s"
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{n}{unit}" for n, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if n)


def size_text(size: int) -> str:
    """The size with the largest unit that leaves a whole number.

    >>> size_text(16 * 2**20), size_text(10_000_000), size_text(1_000)
    ('16MiB', '10MB', '1000')
    """
    for unit in ("GiB", "MiB", "KiB", "GB", "MB"):
        if size and size % BYTES[unit] == 0:
            return f"{size // BYTES[unit]}{unit}"
    return str(size)


# -- comparing ----------------------------------------------------------------------------


def _of_records(
    old: Any, new: Any, path: KeyPath, skip: frozenset[str] = frozenset()
) -> Iterator[FieldChange]:
    before, after = _fields(old), _fields(new)
    for name, field in after.items():
        if name in before and name not in skip:
            yield from _of_values(getattr(old, name), getattr(new, name), (*path, name), field.type)


def _of_values(old: object, new: object, path: KeyPath, hint: Any) -> Iterator[FieldChange]:
    if same(old, new):
        return
    if type(old) is type(new) and _is_record(old):
        yield from _of_records(old, new, path)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in (*old, *(key for key in new if key not in old)):
            values = old.get(key, _ABSENT), new.get(key, _ABSENT)
            yield from _of_values(*values, (*path, str(key)), object)
    elif isinstance(old, tuple) and isinstance(new, tuple) and len(old) == len(new):
        for number, values in enumerate(zip(old, new, strict=True)):
            yield from _of_values(*values, (*path, number), object)
    elif _is_secret(path):
        yield FieldChange(path_text(path), HIDDEN, HIDDEN)
    else:
        yield FieldChange(path_text(path), value_text(old, hint), value_text(new, hint))


def same(old: object, new: object) -> bool:
    """Whether two values are equal, and of the same types all the way down.

    >>> same((1, {"a": True}), (1, {"a": True})), same(1, True)
    (True, False)
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(old[key], new[key]) for key in old)
    if isinstance(old, tuple | list) and isinstance(new, tuple | list):
        return len(old) == len(new) and all(map(same, old, new))
    if type(old) is not type(new):
        numbers = isinstance(old, int | float) and isinstance(new, int | float)
        return numbers and not isinstance(old, bool) and not isinstance(new, bool) and old == new
    if _is_record(old):
        return all(same(getattr(old, name), getattr(new, name)) for name in _fields(old))
    return old == new


def _is_record(value: object) -> bool:
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _fields(record: Any) -> dict[str, Field]:
    return fields_of(record.__class__)


def _is_secret(path: KeyPath) -> bool:
    words = [step for step in path if isinstance(step, str)]
    return words[:1] == ["env"] or any(_SECRET.search(word) for word in words[1:])


# -- showing ------------------------------------------------------------------------------


def _flow(value: object, hint: Any, key: str = "") -> str:
    if value is _ABSENT:
        return NOT_THERE
    if key and _SECRET.search(key):
        return HIDDEN
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return _number(value, hint)
    if isinstance(value, str | Path):
        text = str(value)
        plain = _PLAIN.match(text) and text.lower() not in _MEANS_MORE
        return text if plain else json.dumps(text, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = (f"{_flow(str(k), object)}: {_flow(v, object, str(k))}" for k, v in value.items())
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_flow(item, object) for item in value) + "]"
    if _is_record(value):
        return _record(value)
    return str(value)


def _record(value: Any) -> str:
    """The fields that are not what they are by default."""
    told = []
    for field in dataclasses.fields(value):
        own = getattr(value, field.name)
        if field.init and not (field.default is not dataclasses.MISSING and own == field.default):
            told.append(f"{field.name}: {_flow(own, _fields(value)[field.name].type)}")
    return "{" + ", ".join(told) + "}"


def _number(value: float, hint: Any) -> str:
    quantities = {mark.of for shape in shapes(hint) if (mark := shape.mark(Quantity)) is not None}
    if "duration" in quantities:
        return duration_text(value)
    if "size" in quantities and isinstance(value, int):
        return size_text(value)
    return str(value)
