"""Acts: moves values between Python and wasmtime's own structures, for the slow path.

wasmtime-py has converters too, and they can't say everything: a value of
`result<option<list<u8>>, …>` is matched by Python type, every `err` looks like
the `ok` there, and the call dies. Here results, options and variants carry
their case (`values.py`), and what a type is comes from our own world.

Always:
  - a value that does not fit its type is TypeError or ValueError, and what was
    made of it so far can be deleted;
  - reading takes nothing away: who owns a structure still deletes it.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import assert_never

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
from airssys_wasm.components.engine.wrapper_structures import (
    ENTRY_SIZE,
    MAX_SHOWN,
    NAME_SIZE,
    VALUE,
    VALUE_SIZE,
    Codec,
    Structure,
    bytes_codec,
    delete_value,
    kind_named,
    new_value,
    primitive_codec,
    read_name,
    unfit,
    write_name,
)


class Arguments:
    """The arguments of a call in structures, which are freed together with this object.

    Raises TypeError or ValueError when the values don't fit `params`.
    """

    def __init__(self, params: Sequence[Codec], values: Sequence[object]) -> None:
        self.count = 0
        if len(values) != len(params):
            raise TypeError(f"{len(params)} values are expected, not {len(values)}")
        self.structures = (VALUE * max(len(values), 1))()
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
            return primitive_codec(name)
        case ListType():
            return bytes_codec() if type_ == BYTES else _list(codec(type_.element))
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
        case ForeignType("own" | "borrow"):
            return Codec(_handle_address, _no_handle)
        case ForeignType(kind):
            raise TypeError(f"values of type {kind} can't cross between host and guest")
        case _:
            assert_never(type_)


def _handle_address(structure: Structure) -> object:
    """Where the handle is: see `handles.py`."""
    return ctypes.cast(structure.of.resource, ctypes.c_void_p).value


def _no_handle(structure: Structure, value: object) -> None:
    raise TypeError(f"no handle can be in a value, {value!r:.{MAX_SHOWN}}")


def _codec_or_none(type_: Type | None) -> Codec | None:
    return None if type_ is None else codec(type_)


def _list(element: Codec) -> Codec:
    kind = kind_named("LIST")

    def read(structure: Structure) -> object:
        raw = structure.of.list
        return [element.read(raw.data[index]) for index in range(raw.size)]

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, list):
            raise unfit("list", value)
        raw = structure.of.list
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(value))
        ctypes.memset(raw.data, 0, len(value) * VALUE_SIZE)
        structure.kind = kind
        for index, item in enumerate(value):
            element.write(raw.data[index], item)

    return Codec(read, write)


def _tuple(elements: list[Codec]) -> Codec:
    kind = kind_named("TUPLE")

    def read(structure: Structure) -> object:
        raw = structure.of.tuple
        return tuple([of.read(raw.data[index]) for index, of in enumerate(elements)])

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, tuple) or len(value) != len(elements):
            raise unfit(f"tuple of {len(elements)}", value)
        raw = structure.of.tuple
        ffi.wasmtime_component_valtuple_new_uninit(ctypes.byref(raw), len(elements))
        ctypes.memset(raw.data, 0, len(elements) * VALUE_SIZE)
        structure.kind = kind
        for index, of in enumerate(elements):
            of.write(raw.data[index], value[index])

    return Codec(read, write)


def _record(fields: list[tuple[bytes, Codec]]) -> Codec:
    kind = kind_named("RECORD")

    def read(structure: Structure) -> object:
        raw = structure.of.record
        return tuple([of.read(raw.data[index].val) for index, (_, of) in enumerate(fields)])

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, tuple) or len(value) != len(fields):
            names = b", ".join(name for name, _ in fields).decode()
            raise unfit(f"record as tuple ({names})", value)
        raw = structure.of.record
        ffi.wasmtime_component_valrecord_new_uninit(ctypes.byref(raw), len(fields))
        ctypes.memset(raw.data, 0, len(fields) * ENTRY_SIZE)
        structure.kind = kind
        for index, (name, of) in enumerate(fields):
            entry = raw.data[index]
            write_name(entry.name, name)
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
        raise TypeError(f"{case} carries no value, not {value!r:.{MAX_SHOWN}}")
    return None


def _option(payload: Codec) -> Codec:
    kind = kind_named("OPTION")

    def read(structure: Structure) -> object:
        inner = structure.of.option
        return payload.read(inner.contents) if inner else None

    def write(structure: Structure, value: object) -> None:
        structure.of.option = None if value is None else _boxed(payload, value)
        structure.kind = kind

    return Codec(read, write)


def _result(ok: Codec | None, err: Codec | None) -> Codec:
    kind = kind_named("RESULT")

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
                raise unfit("Ok or Err", value)
        raw = structure.of.result
        raw.is_ok = isinstance(value, Ok)
        raw.val = pointer
        structure.kind = kind

    return Codec(read, write)


def _variant(cases: dict[str, Codec | None]) -> Codec:
    kind = kind_named("VARIANT")

    def read(structure: Structure) -> object:
        raw = structure.of.variant
        case = read_name(raw.discriminant)
        of = cases[case]
        return Variant(case, of.read(raw.val.contents) if of is not None else None)

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, Variant) or value.case not in cases:
            raise unfit(f"Variant of {', '.join(cases)}", value)
        pointer = _payload(cases[value.case], value.payload, value.case)
        raw = structure.of.variant
        write_name(raw.discriminant, value.case.encode())
        raw.val = pointer
        structure.kind = kind

    return Codec(read, write)


def _enum(cases: frozenset[str]) -> Codec:
    kind = kind_named("ENUM")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str) or value not in cases:
            raise unfit(f"one of {', '.join(sorted(cases))}", value)
        write_name(structure.of.enumeration, value.encode())
        structure.kind = kind

    return Codec(lambda structure: read_name(structure.of.enumeration), write)


def _flags(names: frozenset[str]) -> Codec:
    kind = kind_named("FLAGS")

    def read(structure: Structure) -> object:
        raw = structure.of.flags
        return frozenset(read_name(raw.data[index]) for index in range(raw.size))

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, frozenset) or not value <= names:
            raise unfit(f"frozenset of {', '.join(sorted(names))}", value)
        raw = structure.of.flags
        ffi.wasmtime_component_valflags_new_uninit(ctypes.byref(raw), len(value))
        ctypes.memset(raw.data, 0, len(value) * NAME_SIZE)
        structure.kind = kind
        for index, name in enumerate(sorted(value)):
            write_name(raw.data[index], name.encode())

    return Codec(read, write)
