"""The types of fields taken apart, so that the reader can ask what may stand at a place.

Pure. A `Shape` is one alternative; a union is several shapes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from airssys_wasm.schema.fields import InOtherFile, Named, Quantity
from airssys_wasm.schema.suggest import one_of

M = TypeVar("M")

_MOST_KEYS_TOLD = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """One type: `base` is a class, Literal, tuple, Mapping or object; `args` what it holds."""

    base: Any
    args: tuple[Any, ...] = ()
    marks: tuple[object, ...] = ()

    def mark(self, kind: type[M]) -> M | None:
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)

    @property
    def is_record(self) -> bool:
        return isinstance(self.base, type) and dataclasses.is_dataclass(self.base)

    @property
    def is_scalar(self) -> bool:
        return self.base in _SCALAR_NOUNS or self.base is Literal or self.base is object


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a mapping that becomes a dataclass."""

    name: str
    type: Any
    required: bool
    in_other_file: InOtherFile | None = None


@functools.cache
def fields_of(record: type) -> dict[str, Field]:
    """The keys of a dataclass, in the order of its fields."""
    hints = get_type_hints(record, include_extras=True)
    missing = dataclasses.MISSING
    return {
        field.name: Field(
            field.name,
            hints[field.name],
            required=field.default is missing and field.default_factory is missing,
            in_other_file=shapes(hints[field.name])[0].mark(InOtherFile),
        )
        for field in dataclasses.fields(record)
        if field.init
    }


def shapes(hint: Any, marks: tuple[object, ...] = ()) -> tuple[Shape, ...]:
    """The alternatives of a type, with what `Annotated` says about each.

    >>> [shape.base.__name__ for shape in shapes(int | None)]
    ['int', 'NoneType']
    """
    origin = get_origin(hint)
    if origin is Annotated:
        inner, *own = get_args(hint)
        return shapes(inner, (*own, *marks))
    if origin in (Union, types.UnionType):
        return tuple(shape for option in get_args(hint) for shape in shapes(option, marks))
    if origin is Literal:
        return (Shape(Literal, get_args(hint), marks),)
    if origin is tuple:
        return (Shape(tuple, get_args(hint)[:1], marks),)
    if origin is not None and issubclass(origin, MappingABC):
        return (Shape(MappingABC, get_args(hint)[1:], marks),)
    known = hint in _SCALAR_NOUNS or hint is object
    if known or (isinstance(hint, type) and dataclasses.is_dataclass(hint)):
        return (Shape(hint, (), marks),)
    raise TypeError(f"a field of a schema cannot have the type {hint!r}")


_SCALAR_NOUNS: dict[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    type(None): "null",
}
_QUANTITY_NOUNS = {
    "duration": "a duration (5s, 500ms, 2m, 1h)",
    "size": "a size (64KiB, 16MiB, 10MB)",
}


def describe(options: tuple[Shape, ...]) -> str:
    """What may stand at a place, for people.

    >>> describe(shapes(tuple[str, ...] | None))
    'a list'
    """
    known = [shape for shape in options if shape.base is not type(None)] or options
    return one_of(dict.fromkeys(noun for shape in known for noun in _nouns(shape)))


def keys_hint(options: tuple[Shape, ...]) -> str:
    """What a mapping that is asked for has in it, if that is short to tell."""
    records = [shape.base for shape in options if shape.is_record]
    if len(records) != 1 or len(fields_of(records[0])) > _MOST_KEYS_TOLD:
        return ""
    return f"{noun_of(records[0])} has {', '.join(fields_of(records[0]))}"


def noun_of(record: type) -> str:
    """What a person calls such a mapping, if the dataclass says so."""
    named = getattr(record, "__noun__", None)
    return named if isinstance(named, str) else "this mapping"


def _nouns(shape: Shape) -> tuple[str, ...]:
    named, quantity = shape.mark(Named), shape.mark(Quantity)
    if shape.base is Literal:
        return tuple(str(value) for value in shape.args)
    if quantity is not None:
        return (_QUANTITY_NOUNS[quantity.of],)
    if shape.base is object:
        return ("any value",)
    if named is not None and shape.is_scalar:
        return (named.with_article,)
    if shape.base is tuple:
        return ("a list",)
    return (_SCALAR_NOUNS.get(shape.base, "a mapping"),)
