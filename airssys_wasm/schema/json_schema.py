"""The JSON Schema of what a dataclass reads, for editors and other programs that check files.

Pure. Made from the same types that `reader.py` goes by, so that both say the same; the words for
people come from the docstrings: the first paragraph describes a mapping, lines such as
``- `key`: what it means.`` its keys.

What JSON Schema cannot say is left out: the bounds of quantities that are written with units, the
rules of texts beyond their patterns, and that `${NAME}` must be set. So it never refuses what the
reader takes.

Source: JSON Schema, draft 2020-12.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from pathlib import Path
from typing import Any, Literal, TypeAlias

from airssys_wasm.schema.fields import (
    AtLeast,
    AtMost,
    Checked,
    KindByKey,
    MostItems,
    Quantity,
    Verbatim,
)
from airssys_wasm.schema.quantities import BYTES, LARGEST, LONGEST, SECONDS
from airssys_wasm.schema.scalars import LARGEST_INT, SMALLEST_INT
from airssys_wasm.schema.shape import Field, Shape, fields_of, shapes

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFERENCE = r"\$\{"  # what may stand for any text
NO_REFERENCE = r"(^|[^$])\$\{"

JsonValue: TypeAlias = dict[str, Any]

_NUMBER = r"\d{1,15}(\.\d{1,9})?"
_PATTERNS = {
    "duration": f"^({_NUMBER}({'|'.join(sorted(SECONDS, key=len, reverse=True))}))+$",
    "size": f"^{_NUMBER} ?({'|'.join(BYTES)})$",
}
_MOST = {"duration": LONGEST, "size": LARGEST}
_KEY_LINE = re.compile(r"^- `(\w+)`: (.*(?:\n  .*)*)", re.MULTILINE)


def json_schema(record: type, *, identity: str, title: str) -> JsonValue:
    """The schema of documents that are a `record`; `identity` is its `$id`."""
    work = _Work()
    root = work.record(Shape(record))
    while work.waiting:
        name, shape = work.waiting.popitem()
        work.definitions[name] = work.record(shape)
    return {
        "$schema": DIALECT,
        "$id": identity,
        "title": title,
        **root,
        "$defs": dict(sorted(work.definitions.items())),
    }


def key_texts(record: type) -> dict[str, str]:
    """What the docstrings of a dataclass and its bases say about its keys."""
    texts: dict[str, str] = {}
    for base in reversed(record.__mro__):
        if base is not object and dataclasses.is_dataclass(base):
            for key, text in _KEY_LINE.findall(inspect.cleandoc(base.__doc__ or "")):
                texts[key] = _sentence(text)
    return texts


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:]


class _Work:
    def __init__(self) -> None:
        self.definitions: dict[str, JsonValue] = {}
        self.waiting: dict[str, Shape] = {}

    def record(self, shape: Shape) -> JsonValue:
        """A mapping that becomes a dataclass."""
        record = shape.base
        texts = key_texts(record)
        inherited = tuple(mark for mark in shape.marks if isinstance(mark, Verbatim))
        properties: JsonValue = {}
        required: list[str] = []
        choices: list[JsonValue] = []
        known = fields_of(record)
        for name in sorted(known, key=lambda name: not known[name].required):
            field = known[name]
            said = {"description": texts[name]} if name in texts else {}
            properties[name] = {**said, **self.field(record, field, inherited)}
            if field.in_other_file is not None:
                other = field.in_other_file.key
                hint = f"The path of another file in which the {name} is written."
                properties[other] = {"description": hint, **_text(_VERBATIM)}
                choices = [{"required": [name]}, {"required": [other]}]
            elif field.required:
                required.append(name)
        about = inspect.cleandoc(record.__doc__ or "").partition("\n\n")[0]
        found: JsonValue = {
            "description": " ".join(about.split()),
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        if required:
            found["required"] = required
        if choices:
            found["oneOf"] = choices
        return found

    def field(self, record: type, field: Field, inherited: tuple[Verbatim, ...]) -> JsonValue:
        found = self.any_of(shapes(field.type, inherited))
        own = next(each for each in dataclasses.fields(record) if each.name == field.name)
        default = own.default
        if default is None or isinstance(default, bool | int | float):
            return {**found, "default": default}
        if isinstance(default, str) and default.isprintable():
            return {**found, "default": default}
        if default == ():
            return {**found, "default": []}
        return found

    def any_of(self, options: tuple[Shape, ...]) -> JsonValue:
        """What may stand at a place."""
        if any(shape.base is object for shape in options):
            return {}
        found: list[JsonValue] = []
        for shape in options:
            found += [each for each in self.one(shape) if each not in found]
        if len(found) == 1:
            return found[0]
        kinds = options[0].mark(KindByKey)
        several = kinds is not None and sum(shape.is_record for shape in options) > 1
        return {"oneOf" if several else "anyOf": found}

    def one(self, shape: Shape) -> list[JsonValue]:
        """What one type takes, where it can be written in several ways each of them."""
        quantity = shape.mark(Quantity)
        if quantity is not None:
            return _quantity(shape, quantity)
        if shape.base is Literal:
            choice: list[Any] = list(shape.args)
            words = {"enum": choice} if len(choice) > 1 else {"const": choice[0]}
            named = isinstance(choice[0], str) and shape.mark(Verbatim) is None
            return [words, {"type": "string", "pattern": REFERENCE}] if named else [words]
        return [self.plain(shape)]

    def plain(self, shape: Shape) -> JsonValue:
        base = shape.base
        if base is tuple:
            inner = self.any_of(shapes(shape.args[0], shape.marks))
            most = shape.mark(MostItems)
            bound = {"maxItems": most.number} if most is not None else {}
            return {"type": "array", "items": inner, **bound}
        if base is MappingABC:
            inner = self.any_of(shapes(shape.args[0], shape.marks))
            return {"type": "object", "additionalProperties": inner or True}
        if shape.is_record:
            return self._reference(shape)
        if base in (int, float):
            kind = "integer" if base is int else "number"
            limits = {"minimum": SMALLEST_INT, "maximum": LARGEST_INT} if base is int else {}
            return {"type": kind, **limits, **_bounds(shape)}
        if base is bool:
            return {"type": "boolean"}
        if base is str or base is Path:
            return _text(shape)
        return {"type": "null"}

    def _reference(self, shape: Shape) -> JsonValue:
        verbatim = shape.mark(Verbatim) is not None
        name = f"{shape.base.__name__}{'Verbatim' * verbatim}".removesuffix("Config")
        if name not in self.definitions:
            self.definitions[name] = {}  # so that it is not put on the list again
            self.waiting[name] = shape
        return {"$ref": f"#/$defs/{name}"}


_VERBATIM = Shape(Path, (), (Verbatim(),))


def _text(shape: Shape) -> JsonValue:
    checked = shape.mark(Checked)
    pattern = checked.pattern if checked is not None else None
    found: JsonValue = {"type": "string"}
    if shape.base is Path:
        found["minLength"] = 1
    if shape.mark(Verbatim) is not None:
        found["not"] = {"pattern": NO_REFERENCE}
        return {**found, "pattern": pattern} if pattern else found
    return {**found, "pattern": f"{pattern}|{REFERENCE}"} if pattern else found


def _quantity(shape: Shape, quantity: Quantity) -> list[JsonValue]:
    number = "number" if quantity.of == "duration" else "integer"
    bounds = {"minimum": 0, "maximum": _MOST[quantity.of], **_bounds(shape)}
    pattern = f"{_PATTERNS[quantity.of]}|{REFERENCE}"
    return [{"type": number, **bounds}, {"type": "string", "pattern": pattern}]


def _bounds(shape: Shape) -> JsonValue:
    low, high = shape.mark(AtLeast), shape.mark(AtMost)
    found: JsonValue = {}
    if low is not None:
        found["minimum"] = low.low
    if high is not None:
        found["maximum"] = high.high
    return found


def undescribed(records: Iterable[type]) -> list[str]:
    """The keys of dataclasses that no docstring tells about, as `Record.key`."""
    return [
        f"{record.__name__}.{name}"
        for record in records
        for name in fields_of(record)
        if name not in key_texts(record)
    ]
