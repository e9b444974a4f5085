"""What may be said to another node, and how it becomes plain data that any codec can carry.

Pure. Values are None, booleans, numbers, text, bytes, lists, tuples, sets and mappings of them,
times, decimals and UUIDs, refs, and instances of the classes that a node has registered: enums,
dataclasses, named tuples, msgspec structs. Nothing else is encoded; nothing is ever unpickled, and
no name from the network is imported.

A value that has no form of its own everywhere is tagged: a codec carries (tag, content).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

import msgspec

from airssys_wasm.broker.errors import NotEncodable

MAX_DEPTH = 100
PLAIN: Final = frozenset({type(None), bool, float, str, bytes})

REF, TUPLE, INSTANCE, MAP, SET, FROZEN, INT, DATETIME, DATE, TIME, DURATION, DECIMAL, UUID_ = range(
    1, 14
)

Tag = Callable[[int, Any], Any]  # (tag, plain content) -> what the codec carries


class Registry:
    """The classes whose instances go over the network, by the names that they have there.

    Both sides have to know them. Raises TypeError for a class that is no enum, dataclass, named
    tuple or msgspec struct, ValueError for two of one name.
    """

    def __init__(self, *given: Iterable[type] | Mapping[str, type]) -> None:
        self.classes: dict[str, type] = {}
        self.names: dict[type, str] = {}
        for classes in given:
            pairs = (
                classes.items()
                if isinstance(classes, Mapping)
                else ((made.__name__, made) for made in classes)
            )
            for name, made in pairs:
                self._add(name, made)

    def _add(self, name: str, made: type) -> None:
        if not isinstance(made, type) or not (
            dataclasses.is_dataclass(made)
            or issubclass(made, Enum | msgspec.Struct)
            or (issubclass(made, tuple) and hasattr(made, "_fields"))
        ):
            kinds = "dataclass, named tuple, msgspec struct or enum"
            raise TypeError(f"messages: {made!r} is no {kinds}")
        other = self.classes.get(name)
        if other is not None and other is not made:
            raise ValueError(f"messages: {name!r} is the name of {other} and of {made}")
        self.classes[name] = made
        self.names[made] = name


class Values:
    """Turns values into plain data with tags, and back. `out` and `into` turn refs into what stands
    for them, a list of plain data, and that into refs."""

    def __init__(
        self,
        registry: Registry,
        refs: tuple[type, ...],
        out: Callable[[Any], list[Any]],
        into: Callable[[Any], Any],
    ) -> None:
        self._registry = registry
        self._refs = refs
        self._out = out
        self._into = into

    def plain(self, value: object, tag: Tag, depth: int = 0) -> Any:
        """`value` as plain data, in which `tag` has made what the codec carries. Raises
        NotEncodable, which names the type."""
        kind = value.__class__
        if kind in PLAIN:
            return value
        if kind is int:
            assert isinstance(value, int)
            return value if -(2**63) <= value < 2**63 else tag(INT, hex(value))
        if depth == MAX_DEPTH:
            raise NotEncodable(kind.__name__, f"it is more than {MAX_DEPTH} values deep")
        deeper = depth + 1
        if kind is dict:
            return self._mapping(value, tag, deeper)  # type: ignore[arg-type]
        if kind is list:
            return [self.plain(item, tag, deeper) for item in value]  # type: ignore[attr-defined]
        if kind is tuple:
            return tag(TUPLE, [self.plain(item, tag, deeper) for item in value])  # type: ignore[attr-defined]
        if isinstance(value, self._refs):
            return tag(REF, self._out(value))
        name = self._registry.names.get(kind)
        if name is not None:
            return tag(INSTANCE, [name, self._inside(value, tag, deeper)])
        return self._rest(value, tag, deeper)

    def _mapping(self, value: dict[Any, Any], tag: Tag, depth: int) -> Any:
        if all(key.__class__ is str for key in value):
            return {key: self.plain(item, tag, depth) for key, item in value.items()}
        pairs = [
            [self.plain(key, tag, depth), self.plain(item, tag, depth)]
            for key, item in value.items()
        ]
        return tag(MAP, pairs)

    def _inside(self, value: Any, tag: Tag, depth: int) -> Any:
        if isinstance(value, Enum):
            return self.plain(value.value, tag, depth)
        return {name: self.plain(getattr(value, name), tag, depth) for name in _fields(type(value))}

    def _rest(self, value: Any, tag: Tag, depth: int) -> Any:
        match value:
            case bytearray() | memoryview():
                return bytes(value)
            case set() | frozenset():
                code = SET if isinstance(value, set) else FROZEN
                items = [self.plain(item, tag, depth) for item in value]
                return tag(code, sorted(items, key=repr))  # the same bytes in each run
            case datetime():
                return tag(DATETIME, value.isoformat())
            case date():
                return tag(DATE, value.isoformat())
            case time():
                return tag(TIME, value.isoformat())
            case timedelta():
                return tag(DURATION, [value.days, value.seconds, value.microseconds])
            case Decimal():
                return tag(DECIMAL, str(value))
            case UUID():
                return tag(UUID_, str(value))
        raise NotEncodable(type(value).__name__, "its class is not registered")

    def revive(self, code: int, content: Any) -> Any:
        """The value that was tagged. Raises any error for what is none: the codec translates it."""
        match code:
            case 1:  # REF
                return self._into(content)
            case 2:  # TUPLE
                return tuple(content)
            case 3:  # INSTANCE
                return self._instance(*content)
            case 4:  # MAP
                return dict(content)
            case 5:  # SET
                return set(content)
            case 6:  # FROZEN
                return frozenset(content)
            case 7:  # INT
                return int(content, 16)
            case 8:  # DATETIME
                return datetime.fromisoformat(content)
            case 9:  # DATE
                return date.fromisoformat(content)
            case 10:  # TIME
                return time.fromisoformat(content)
            case 11:  # DURATION
                days, seconds, microseconds = content
                return timedelta(days, seconds, microseconds)
            case 12:  # DECIMAL
                return Decimal(content)
            case 13:  # UUID
                return UUID(content)
        raise ValueError(f"there is no tag {code}")

    def _instance(self, name: str, given: Any) -> Any:
        made = self._registry.classes.get(name)
        if made is None:
            raise ValueError(f"the type {name!r} is not registered here")
        if issubclass(made, Enum):
            return made(given)
        # What comes from elsewhere has no say in attributes that are no fields.
        known = _fields(made)
        return made(**{field: item for field, item in given.items() if field in known})


def _fields(made: type) -> tuple[str, ...]:
    """What makes an instance: those that `__init__` takes. Live exceptions stay where they are."""
    if issubclass(made, msgspec.Struct):
        return made.__struct_fields__
    if issubclass(made, tuple):
        return made._fields  # type: ignore[attr-defined,no-any-return]  # of a named tuple
    return tuple(
        field.name
        for field in dataclasses.fields(made)  # type: ignore[arg-type]
        if field.init and field.name != "exception"
    )
