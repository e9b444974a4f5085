"""Acts: reads values that wasmtime wrote, as Python values.

For a type it makes one function from where a value is to the value, put together from those of its
parts. Everything is copied: nothing that is returned points into foreign memory.

Source: wasmtime 50.0.1, `component/val.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import assert_never

from airssys_wasm.components.engine.foreign import (
    ENTRY_WORDS,
    MEMORY,
    VALUE_SIZE,
    VALUE_WORDS,
    WORDS,
)
from airssys_wasm.components.engine.values import OK, Err, Ok, Variant
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

# A value is four words; a lift is told the index in `WORDS` of the second, after the kind.
Lift = Callable[[int], object]

_ERR = Err()


def lift_arguments(types: Sequence[Type]) -> Callable[[int], tuple[object, ...]]:
    """A function from the address of as many values as there are types to these values."""
    lifts = [(lifting(type_), VALUE_WORDS * index + 1) for index, type_ in enumerate(types)]

    def lift(address: int) -> tuple[object, ...]:
        first = address >> 3
        return tuple([one(first + at) for one, at in lifts])

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
            lift_err = lifting(err) if err else None
            if isinstance(ok, OptionType):
                return _result_of_option(lifting(ok.payload), lift_err)
            return _result(lifting(ok) if ok else None, lift_err)
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
            return WORDS.__getitem__  # its address: see `handles.py`
        case ForeignType(kind):
            raise TypeError(f"values of type {kind} can't be read")
        case _:
            assert_never(type_)


def _text(at: int) -> str:
    start = WORDS[at + 1]
    return str(MEMORY[start : start + WORDS[at]], "utf-8")


def _bytes(at: int) -> bytes:
    # Each byte is a value of its own: the first byte after the kind's word of every 32.
    start = WORDS[at + 1]
    return bytes(MEMORY[start : start + VALUE_SIZE * WORDS[at]])[8::VALUE_SIZE]


def _primitive(kind: str) -> Lift:
    """What lies behind a small number in its word is not defined, hence the masks."""
    match kind:
        case "u64":
            return WORDS.__getitem__
        case "bool":
            return lambda at: WORDS[at] & 0xFF != 0
        case "string":
            return _text
        case "char":
            return lambda at: chr(WORDS[at] & 0xFFFFFFFF)
        case "f64":
            return lambda at: struct.unpack_from("<d", MEMORY, 8 * at)[0]
        case "f32":
            return lambda at: struct.unpack_from("<f", MEMORY, 8 * at)[0]
    bits = int(kind[1:])
    mask = (1 << bits) - 1
    if kind[0] == "u":
        return lambda at: WORDS[at] & mask
    sign = 1 << bits - 1
    return lambda at: ((WORDS[at] & mask) ^ sign) - sign


def _list(element: Lift) -> Lift:
    def lift(at: int) -> list[object]:
        first = (WORDS[at + 1] >> 3) + 1
        return [
            element(index) for index in range(first, first + VALUE_WORDS * WORDS[at], VALUE_WORDS)
        ]

    return lift


def _option(payload: Lift) -> Lift:
    def lift(at: int) -> object:
        pointer = WORDS[at]
        return payload((pointer >> 3) + 1) if pointer else None

    return lift


def _result(ok: Lift | None, err: Lift | None) -> Lift:
    def lift(at: int) -> Ok | Err:
        is_ok = WORDS[at] & 0xFF
        payload = ok if is_ok else err
        value = None if payload is None else payload((WORDS[at + 1] >> 3) + 1)
        if value is None:  # most messages have no reply
            return OK if is_ok else _ERR
        return Ok(value) if is_ok else Err(value)

    return lift


def _result_of_option(some: Lift, err: Lift | None) -> Lift:
    """What `_result` of an `_option` does, in one function: what most messages get is ok(none)."""
    lift_err = _result(None, err)

    def lift(at: int) -> Ok | Err:
        if not WORDS[at] & 0xFF:
            return lift_err(at)  # type: ignore[return-value]  # it is no `ok`
        pointer = WORDS[(WORDS[at + 1] >> 3) + 1]
        return Ok(some((pointer >> 3) + 1)) if pointer else OK

    return lift


def _product(parts: Sequence[Type], stride: int, first: int) -> Lift:
    """Records and tuples: parts `stride` words apart, their values `first` words into each."""
    lifts = [(lifting(part), stride * index + first) for index, part in enumerate(parts)]

    def lift(at: int) -> tuple[object, ...]:
        start = WORDS[at + 1] >> 3
        return tuple([one(start + index) for one, index in lifts])

    return lift


def _variant(cases: Sequence[tuple[str, Type | None]]) -> Lift:
    payloads = {case: None if payload is None else lifting(payload) for case, payload in cases}

    def lift(at: int) -> Variant:
        case = _text(at)
        payload = payloads[case]
        if payload is None:
            return Variant(case)
        return Variant(case, payload((WORDS[at + 2] >> 3) + 1))

    return lift


def _flags(at: int) -> frozenset[str]:
    first = WORDS[at + 1] >> 3
    return frozenset(_text(index) for index in range(first, first + 2 * WORDS[at], 2))
