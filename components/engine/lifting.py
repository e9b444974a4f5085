"""Acts: reads values that wasmtime wrote, as Python values.

For a type it makes one function from the 64-bit words around a value to the value, put together
from those of its parts. Everything is copied: nothing that is returned points into foreign memory.

Source: wasmtime 50.0.1, `component/val.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import assert_never

from airssys_wasm.components.engine.foreign import (
    ENTRY_WORDS,
    VALUE_SIZE,
    VALUE_WORDS,
    read_bytes,
)
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

# A value is four words; a lift is told the words and the index of the second, after the kind.
Words = Sequence[int]
Lift = Callable[[Words, int], object]

OK = Ok()  # without a value: always this one
_ERR = Err()

_VALUE = struct.Struct(f"<{VALUE_WORDS}Q").unpack


def lift_arguments(types: Sequence[Type]) -> Callable[[int], tuple[object, ...]]:
    """A function from the address of as many values as there are types to these values."""
    lifts = [(lifting(type_), VALUE_WORDS * index + 1) for index, type_ in enumerate(types)]
    unpack = struct.Struct(f"<{VALUE_WORDS * len(types)}Q").unpack
    size = VALUE_SIZE * len(types)

    def lift(address: int) -> tuple[object, ...]:
        words = unpack(read_bytes(address, size)) if size else ()
        return tuple([one(words, at) for one, at in lifts])

    return lift


def lifting(type_: Type) -> Lift:
    """A function that reads one value of `type_`."""
    match type_:
        case Primitive(kind):
            return _primitive(kind)
        case ListType() if type_ == BYTES:
            return _bytes
        case ListType(element):
            return _list(lifting(element))
        case OptionType(payload):
            return _option(lifting(payload))
        case ResultType(ok, err):
            return _result(lifting(ok) if ok else None, lifting(err) if err else None)
        case RecordType(fields):
            return _product([of for _, of in fields], ENTRY_WORDS, 3)
        case TupleType(elements):
            return _product(elements, VALUE_WORDS, 1)
        case VariantType(cases):
            return _variant(cases)
        case EnumType():
            return _text
        case FlagsType():
            return _flags
        case ForeignType("own" | "borrow"):
            return lambda words, at: words[at]  # its address: see `handles.py`
        case ForeignType(kind):
            raise TypeError(f"values of type {kind} can't be read")
        case _:
            assert_never(type_)


def _text(words: Words, at: int) -> str:
    return read_bytes(words[at + 1], words[at]).decode()


def _bytes(words: Words, at: int) -> bytes:
    # Each byte is a value of its own: the first byte after the kind's word of every 32.
    return read_bytes(words[at + 1], VALUE_SIZE * words[at])[8::VALUE_SIZE]


def _primitive(kind: str) -> Lift:
    """What lies behind a small number in its word is not defined, hence the masks."""
    match kind:
        case "u64":
            return lambda words, at: words[at]
        case "bool":
            return lambda words, at: words[at] & 0xFF != 0
        case "string":
            return _text
        case "char":
            return lambda words, at: chr(words[at] & 0xFFFFFFFF)
        case "f64":
            return lambda words, at: struct.unpack("<d", words[at].to_bytes(8, "little"))[0]
        case "f32":
            return lambda words, at: struct.unpack("<fxxxx", words[at].to_bytes(8, "little"))[0]
    bits = int(kind[1:])
    mask = (1 << bits) - 1
    if kind[0] == "u":
        return lambda words, at: words[at] & mask
    sign = 1 << bits - 1
    return lambda words, at: ((words[at] & mask) ^ sign) - sign


def _list(element: Lift) -> Lift:
    def lift(words: Words, at: int) -> list[object]:
        count = words[at]
        if not count:
            return []
        inner = struct.unpack(
            f"<{VALUE_WORDS * count}Q", read_bytes(words[at + 1], VALUE_SIZE * count)
        )
        return [element(inner, index) for index in range(1, VALUE_WORDS * count, VALUE_WORDS)]

    return lift


def _option(payload: Lift) -> Lift:
    def lift(words: Words, at: int) -> object:
        pointer = words[at]
        return payload(_VALUE(read_bytes(pointer, VALUE_SIZE)), 1) if pointer else None

    return lift


def _result(ok: Lift | None, err: Lift | None) -> Lift:
    def lift(words: Words, at: int) -> Ok | Err:
        is_ok = words[at] & 0xFF
        payload = ok if is_ok else err
        value = None
        if payload is not None:
            value = payload(_VALUE(read_bytes(words[at + 1], VALUE_SIZE)), 1)
        if value is None:  # most messages have no reply
            return OK if is_ok else _ERR
        return Ok(value) if is_ok else Err(value)

    return lift


def _product(parts: Sequence[Type], stride: int, first: int) -> Lift:
    """Records and tuples: parts `stride` words apart, their values `first` words into each."""
    lifts = [(lifting(part), stride * index + first) for index, part in enumerate(parts)]
    unpack = struct.Struct(f"<{stride * len(parts)}Q").unpack
    size = 8 * stride * len(parts)

    def lift(words: Words, at: int) -> tuple[object, ...]:
        inner = unpack(read_bytes(words[at + 1], size))
        return tuple([one(inner, index) for one, index in lifts])

    return lift


def _variant(cases: Sequence[tuple[str, Type | None]]) -> Lift:
    payloads = {
        case.encode(): (case, None if payload is None else lifting(payload))
        for case, payload in cases
    }

    def lift(words: Words, at: int) -> Variant:
        case, payload = payloads[read_bytes(words[at + 1], words[at])]
        if payload is None:
            return Variant(case)
        return Variant(case, payload(_VALUE(read_bytes(words[at + 2], VALUE_SIZE)), 1))

    return lift


def _flags(words: Words, at: int) -> frozenset[str]:
    count = words[at]
    names = struct.unpack(f"<{2 * count}Q", read_bytes(words[at + 1], 16 * count))
    return frozenset(_text(names, index) for index in range(0, 2 * count, 2))
