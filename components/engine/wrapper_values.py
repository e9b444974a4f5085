"""Acts: moves values between Python and wasmtime's own structures, for the slow path.

wasmtime-py has converters too, and they can't say everything: a value of
`result<option<list<u8>>, …>` is matched by Python type, every `err` looks like
the `ok` there, and the call dies. Here results, options and variants carry
their case (`values.py`), and what a type is comes from our own world.

Always:
  - a value that does not fit its type is TypeError or ValueError, and what was
    made of it so far can be deleted;
  - reading takes nothing away: who owns a structure still deletes it;
  - the layout is that of the installed wheel's own declarations, so that other
    versions work as far as they kept the names.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, assert_never

from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FlagsType,
    ForeignType,
    ListType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
)

# A `wasmtime_component_val_t`: ctypes gives it no better type than this.
Structure = Any

_VAL = ffi.wasmtime_component_val_t
_SIZE = ctypes.sizeof(_VAL)
_PAYLOAD = _VAL.of.offset
_ENTRY_SIZE = ctypes.sizeof(ffi.wasmtime_component_valrecord_entry_t)
_NAME_SIZE = ctypes.sizeof(ffi.wasm_name_t)
_MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are read from a structure and written into an empty one."""

    read: Callable[[Structure], object]
    write: Callable[[Structure, object], None]


def new_value() -> Structure:
    """An empty structure, which holds nothing that has to be deleted."""
    return _VAL()


def delete_value(structure: Structure) -> None:
    """Free what the structure holds, written by us or by wasmtime, also half written."""
    ffi.wasmtime_component_val_delete(ctypes.byref(structure))
    ctypes.memset(ctypes.byref(structure), 0, _SIZE)


def move_value(source: Structure, target: Structure) -> None:
    """Hand over what `source` holds to `target`, a pointer whose own value is lost."""
    ctypes.memmove(target, ctypes.byref(source), _SIZE)
    ctypes.memset(ctypes.byref(source), 0, _SIZE)


class Arguments:
    """The arguments of a call in structures, which are freed together with this object.

    Raises TypeError or ValueError when the values don't fit `params`.
    """

    def __init__(self, params: Sequence[Codec], values: Sequence[object]) -> None:
        self.count = 0
        if len(values) != len(params):
            raise TypeError(f"{len(params)} values are expected, not {len(values)}")
        self.structures = (_VAL * max(len(values), 1))()
        self.count = len(values)  # an empty structure may be deleted too
        for index, (param, value) in enumerate(zip(params, values, strict=True)):
            param.write(self.structures[index], value)

    def __del__(self) -> None:
        for index in range(self.count):
            ffi.wasmtime_component_val_delete(ctypes.byref(self.structures[index]))


@cache
def codec(type_: Type) -> Codec:
    """The codec of a type. Raises TypeError for types that our worlds don't use."""
    match type_:
        case Primitive(name):
            return _primitive(name)
        case ListType():
            return _bytes() if type_ == BYTES else _list(codec(type_.element))
        case TupleType(elements):
            return _tuple([codec(element) for element in elements])
        case RecordType(fields):
            return _record([(name.encode(), codec(of)) for name, of in fields])
        case OptionType(payload):
            return _option(codec(payload))
        case ResultType(ok, err):
            return _result(_codec_or_none(ok), _codec_or_none(err))
        case VariantType(cases):
            return _variant({name: _codec_or_none(of) for name, of in cases})
        case EnumType(cases):
            return _enum(frozenset(cases))
        case FlagsType(names):
            return _flags(frozenset(names))
        case ForeignType(kind):
            raise TypeError(f"values of type {kind} can't cross between host and guest")
        case _:
            assert_never(type_)


def _codec_or_none(type_: Type | None) -> Codec | None:
    return None if type_ is None else codec(type_)


def _unfit(expected: str, value: object) -> TypeError:
    return TypeError(f"expected {expected}, not {value!r:.{_MAX_SHOWN}}")


_INTEGERS: dict[str, tuple[str, int, int]] = {
    f"{sign}{bits}": (
        f"{sign}{bits}",
        -(1 << bits - 1) if sign == "s" else 0,
        (1 << bits - 1) - 1 if sign == "s" else (1 << bits) - 1,
    )
    for sign in "su"
    for bits in (8, 16, 32, 64)
}


def _primitive(name: str) -> Codec:
    if name in _INTEGERS:
        return _integer(name)
    match name:
        case "bool":
            return _boolean()
        case "f32" | "f64":
            return _float(name)
        case "char":
            return _char()
        case "string":
            return _string()
        case _:
            raise TypeError(f"unknown primitive type {name!r}")


def _kind(name: str) -> int:
    kind = getattr(ffi, f"WASMTIME_COMPONENT_{name}")
    return int(kind.value)


def _integer(name: str) -> Codec:
    kind = _kind(name.upper())
    field, low, high = _INTEGERS[name]

    def read(structure: Structure) -> object:
        return getattr(structure.of, field)

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unfit(name, value)
        if not low <= value <= high:
            raise ValueError(f"{value} does not fit into {name}")
        setattr(structure.of, field, value)
        structure.kind = kind

    return Codec(read, write)


def _boolean() -> Codec:
    kind = _kind("BOOL")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, bool):
            raise _unfit("bool", value)
        structure.of.boolean = value
        structure.kind = kind

    return Codec(lambda structure: bool(structure.of.boolean), write)


def _float(name: str) -> Codec:
    kind = _kind(name.upper())

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _unfit(name, value)
        setattr(structure.of, name, value)
        structure.kind = kind

    return Codec(lambda structure: getattr(structure.of, name), write)


def _char() -> Codec:
    kind = _kind("CHAR")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str) or len(value) != 1 or 0xD800 <= ord(value) <= 0xDFFF:
            raise _unfit("one character", value)
        structure.of.character = ord(value)
        structure.kind = kind

    return Codec(lambda structure: chr(structure.of.character), write)


def _write_name(vector: Structure, data: bytes) -> None:
    ffi.wasm_byte_vec_new_uninitialized(ctypes.byref(vector), len(data))
    ctypes.memmove(vector.data, data, len(data))


def _read_name(vector: Structure) -> str:
    return ctypes.string_at(vector.data, vector.size).decode() if vector.size else ""


def _string() -> Codec:
    kind = _kind("STRING")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str):
            raise _unfit("str", value)
        _write_name(structure.of.string, value.encode())  # a lone surrogate is ValueError
        structure.kind = kind

    return Codec(lambda structure: _read_name(structure.of.string), write)


def _bytes() -> Codec:
    kind, element = _kind("LIST"), _kind("U8")

    def read(structure: Structure) -> object:
        raw = structure.of.list
        return ctypes.string_at(raw.data, raw.size * _SIZE)[_PAYLOAD::_SIZE] if raw.size else b""

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, bytes):
            raise _unfit("bytes", value)
        cells = bytearray(len(value) * _SIZE)
        cells[::_SIZE] = bytes((element,)) * len(value)
        cells[_PAYLOAD::_SIZE] = value
        raw = structure.of.list
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(value))
        ctypes.memmove(raw.data, bytes(cells), len(cells))
        structure.kind = kind

    return Codec(read, write)


def _list(element: Codec) -> Codec:
    kind = _kind("LIST")

    def read(structure: Structure) -> object:
        raw = structure.of.list
        return [element.read(raw.data[index]) for index in range(raw.size)]

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, list):
            raise _unfit("list", value)
        raw = structure.of.list
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(value))
        ctypes.memset(raw.data, 0, len(value) * _SIZE)
        structure.kind = kind
        for index, item in enumerate(value):
            element.write(raw.data[index], item)

    return Codec(read, write)


def _tuple(elements: list[Codec]) -> Codec:
    kind = _kind("TUPLE")

    def read(structure: Structure) -> object:
        raw = structure.of.tuple
        return tuple([of.read(raw.data[index]) for index, of in enumerate(elements)])

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, tuple) or len(value) != len(elements):
            raise _unfit(f"tuple of {len(elements)}", value)
        raw = structure.of.tuple
        ffi.wasmtime_component_valtuple_new_uninit(ctypes.byref(raw), len(elements))
        ctypes.memset(raw.data, 0, len(elements) * _SIZE)
        structure.kind = kind
        for index, of in enumerate(elements):
            of.write(raw.data[index], value[index])

    return Codec(read, write)


def _record(fields: list[tuple[bytes, Codec]]) -> Codec:
    kind = _kind("RECORD")

    def read(structure: Structure) -> object:
        raw = structure.of.record
        return tuple([of.read(raw.data[index].val) for index, (_, of) in enumerate(fields)])

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, tuple) or len(value) != len(fields):
            names = b", ".join(name for name, _ in fields).decode()
            raise _unfit(f"record as tuple ({names})", value)
        raw = structure.of.record
        ffi.wasmtime_component_valrecord_new_uninit(ctypes.byref(raw), len(fields))
        ctypes.memset(raw.data, 0, len(fields) * _ENTRY_SIZE)
        structure.kind = kind
        for index, (name, of) in enumerate(fields):
            entry = raw.data[index]
            _write_name(entry.name, name)
            of.write(entry.val, value[index])

    return Codec(read, write)


def _boxed(of: Codec, value: object) -> Structure:
    """A pointer to `value` on wasmtime's heap, for the one who stores it to own."""
    inner = new_value()
    try:
        of.write(inner, value)
    except BaseException:
        delete_value(inner)
        raise
    return ffi.wasmtime_component_val_new(ctypes.byref(inner))


def _payload(of: Codec | None, value: object, case: str) -> Structure:
    if of is not None:
        return _boxed(of, value)
    if value is not None:
        raise TypeError(f"{case} carries no value, not {value!r:.{_MAX_SHOWN}}")
    return None


def _option(payload: Codec) -> Codec:
    kind = _kind("OPTION")

    def read(structure: Structure) -> object:
        inner = structure.of.option
        return payload.read(inner.contents) if inner else None

    def write(structure: Structure, value: object) -> None:
        structure.of.option = None if value is None else _boxed(payload, value)
        structure.kind = kind

    return Codec(read, write)


def _result(ok: Codec | None, err: Codec | None) -> Codec:
    kind = _kind("RESULT")

    def read(structure: Structure) -> object:
        raw = structure.of.result
        of = ok if raw.is_ok else err
        value = of.read(raw.val.contents) if of is not None and raw.val else None
        return Ok(value) if raw.is_ok else Err(value)

    def write(structure: Structure, value: object) -> None:
        match value:
            case Ok(inner):
                pointer = _payload(ok, inner, "ok")
            case Err(inner):
                pointer = _payload(err, inner, "err")
            case _:
                raise _unfit("Ok or Err", value)
        raw = structure.of.result
        raw.is_ok = isinstance(value, Ok)
        raw.val = pointer
        structure.kind = kind

    return Codec(read, write)


def _variant(cases: dict[str, Codec | None]) -> Codec:
    kind = _kind("VARIANT")

    def read(structure: Structure) -> object:
        raw = structure.of.variant
        case = _read_name(raw.discriminant)
        of = cases[case]
        return Variant(case, of.read(raw.val.contents) if of is not None else None)

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, Variant) or value.case not in cases:
            raise _unfit(f"Variant of {', '.join(cases)}", value)
        pointer = _payload(cases[value.case], value.payload, value.case)
        raw = structure.of.variant
        _write_name(raw.discriminant, value.case.encode())
        raw.val = pointer
        structure.kind = kind

    return Codec(read, write)


def _enum(cases: frozenset[str]) -> Codec:
    kind = _kind("ENUM")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str) or value not in cases:
            raise _unfit(f"one of {', '.join(sorted(cases))}", value)
        _write_name(structure.of.enumeration, value.encode())
        structure.kind = kind

    return Codec(lambda structure: _read_name(structure.of.enumeration), write)


def _flags(names: frozenset[str]) -> Codec:
    kind = _kind("FLAGS")

    def read(structure: Structure) -> object:
        raw = structure.of.flags
        return frozenset(_read_name(raw.data[index]) for index in range(raw.size))

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, frozenset) or not value <= names:
            raise _unfit(f"frozenset of {', '.join(sorted(names))}", value)
        raw = structure.of.flags
        ffi.wasmtime_component_valflags_new_uninit(ctypes.byref(raw), len(value))
        ctypes.memset(raw.data, 0, len(value) * _NAME_SIZE)
        structure.kind = kind
        for index, name in enumerate(sorted(value)):
            _write_name(raw.data[index], name.encode())

    return Codec(read, write)
