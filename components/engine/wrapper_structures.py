"""Acts: wasmtime's value structures, and how values without parts get in and out.

The layout is that of the installed wheel's own declarations, so that other
versions work as far as they kept the names. Values with parts are in
`wrapper_values.py`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.values import as_bytes

# A `wasmtime_component_val_t`: ctypes gives it no better type than this.
Structure = Any

VALUE = ffi.wasmtime_component_val_t
VALUE_SIZE = ctypes.sizeof(VALUE)
_PAYLOAD = VALUE.of.offset
ENTRY_SIZE = ctypes.sizeof(ffi.wasmtime_component_valrecord_entry_t)
NAME_SIZE = ctypes.sizeof(ffi.wasm_name_t)
MAX_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are read from a structure and written into an empty one."""

    read: Callable[[Structure], object]
    write: Callable[[Structure, object], None]


def new_value() -> Structure:
    """An empty structure, which holds nothing that has to be deleted."""
    return VALUE()


def delete_value(structure: Structure) -> None:
    """Free what the structure holds, written by us or by wasmtime, also half written."""
    ffi.wasmtime_component_val_delete(ctypes.byref(structure))
    ctypes.memset(ctypes.byref(structure), 0, VALUE_SIZE)


def move_value(source: Structure, target: Structure) -> None:
    """Hand over what `source` holds to `target`, a pointer whose own value is lost."""
    ctypes.memmove(target, ctypes.byref(source), VALUE_SIZE)
    ctypes.memset(ctypes.byref(source), 0, VALUE_SIZE)


def unfit(expected: str, value: object) -> TypeError:
    """The error for a value of another type, which shows little of it."""
    return TypeError(f"expected {expected}, not {value!r:.{MAX_SHOWN}}")


# The least and the greatest value; the name of the type is that of the field, too.
_INTEGERS: dict[str, tuple[int, int]] = {
    f"{sign}{bits}": (
        -(1 << bits - 1) if sign == "s" else 0,
        (1 << bits - 1) - 1 if sign == "s" else (1 << bits) - 1,
    )
    for sign in "su"
    for bits in (8, 16, 32, 64)
}


def primitive_codec(name: str) -> Codec:
    """The codec of a type that WIT has a word for, but lists and options."""
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


def kind_named(name: str) -> int:
    """What the first byte of a value of this kind is."""
    kind = getattr(ffi, f"WASMTIME_COMPONENT_{name}")
    return int(kind.value)


def _integer(name: str) -> Codec:
    kind = kind_named(name.upper())
    low, high = _INTEGERS[name]

    def read(structure: Structure) -> object:
        return getattr(structure.of, name)

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise unfit(name, value)
        if not low <= value <= high:
            raise ValueError(f"{value} does not fit into {name}")
        setattr(structure.of, name, value)
        structure.kind = kind

    return Codec(read, write)


def _boolean() -> Codec:
    kind = kind_named("BOOL")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, bool):
            raise unfit("bool", value)
        structure.of.boolean = value
        structure.kind = kind

    return Codec(lambda structure: bool(structure.of.boolean), write)


def _float(name: str) -> Codec:
    kind = kind_named(name.upper())

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, float):
            raise unfit(name, value)
        if name == "f32" and math.isfinite(value) and math.isinf(ctypes.c_float(value).value):
            raise ValueError(f"{value} does not fit into f32")
        setattr(structure.of, name, value)
        structure.kind = kind

    return Codec(lambda structure: getattr(structure.of, name), write)


def _char() -> Codec:
    kind = kind_named("CHAR")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str) or len(value) != 1 or 0xD800 <= ord(value) <= 0xDFFF:
            raise unfit("one character", value)
        structure.of.character = ord(value)
        structure.kind = kind

    return Codec(lambda structure: chr(structure.of.character), write)


def write_name(vector: Structure, data: bytes) -> None:
    """Put a copy of `data` into an empty vector of bytes, which then owns it."""
    ffi.wasm_byte_vec_new_uninitialized(ctypes.byref(vector), len(data))
    ctypes.memmove(vector.data, data, len(data))


def read_name(vector: Structure) -> str:
    """The UTF-8 text in a vector of bytes."""
    return ctypes.string_at(vector.data, vector.size).decode() if vector.size else ""


def _string() -> Codec:
    kind = kind_named("STRING")

    def write(structure: Structure, value: object) -> None:
        if not isinstance(value, str):
            raise unfit("str", value)
        write_name(structure.of.string, value.encode())  # a lone surrogate is ValueError
        structure.kind = kind

    return Codec(lambda structure: read_name(structure.of.string), write)


def bytes_codec() -> Codec:
    """The codec of `list<u8>`, which moves all of its bytes at once."""
    kind, element = kind_named("LIST"), kind_named("U8")

    def read(structure: Structure) -> object:
        raw = structure.of.list
        return (
            ctypes.string_at(raw.data, raw.size * VALUE_SIZE)[_PAYLOAD::VALUE_SIZE]
            if raw.size
            else b""
        )

    def write(structure: Structure, value: object) -> None:
        data = as_bytes(value)
        cells = bytearray(len(data) * VALUE_SIZE)
        cells[::VALUE_SIZE] = bytes((element,)) * len(data)
        cells[_PAYLOAD::VALUE_SIZE] = data
        raw = structure.of.list
        ffi.wasmtime_component_vallist_new_uninit(ctypes.byref(raw), len(data))
        ctypes.memmove(raw.data, bytes(cells), len(cells))
        structure.kind = kind

    return Codec(read, write)
