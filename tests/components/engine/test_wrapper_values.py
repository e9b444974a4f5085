"""Values go through wasmtime's structures and come back as they were, or are refused whole."""

import ctypes
import gc
import resource

import pytest

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
from airssys_wasm.components.engine.wrapper_structures import delete_value, move_value, new_value
from airssys_wasm.components.engine.wrapper_values import codec

STRING = Primitive("string")
U8 = Primitive("u8")
ERROR = VariantType((("not-found", STRING), ("quota-exceeded", None), ("at", TupleType((U8, U8)))))
STORED = ResultType(OptionType(BYTES), ERROR)
PERSON = RecordType((("name", STRING), ("tags", ListType(STRING)), ("age", OptionType(U8))))
COLOUR = EnumType(("red", "green"))
ACCESS = FlagsType(("read", "write"))


def through(type_: Type, value: object) -> object:
    """What `value` is after it was written into a structure, moved and read."""
    made, moved = new_value(), new_value()
    of = codec(type_)
    try:
        of.write(made, value)
        move_value(made, ctypes.pointer(moved))
        return of.read(moved)
    finally:
        delete_value(made)
        delete_value(moved)


FIT: list[tuple[Type, object]] = [
    *((Primitive(f"u{bits}"), (1 << bits) - 1) for bits in (8, 16, 32, 64)),
    *((Primitive(f"s{bits}"), -(1 << bits - 1)) for bits in (8, 16, 32, 64)),
    (Primitive("bool"), True),
    (Primitive("f32"), 0.5),
    (Primitive("f64"), -1e300),
    (Primitive("char"), "🙂"),
    (STRING, ""),
    (STRING, "größer\x00🙂"),
    (BYTES, b""),
    (BYTES, bytes(range(256)) * 9),
    (ListType(Primitive("u16")), [1, 2, 65535]),
    (ListType(STRING), []),
    (ListType(BYTES), [b"", b"a", b"bc"]),
    (TupleType((STRING, U8)), ("a", 1)),
    (PERSON, ("Ada", ["x", "y"], None)),
    (PERSON, ("Ada", [], 36)),
    (OptionType(BYTES), None),
    (OptionType(BYTES), b""),
    (STORED, Ok(None)),
    (STORED, Ok(b"")),
    (STORED, Ok(b"value")),
    (STORED, Err(Variant("not-found", "key"))),
    (STORED, Err(Variant("quota-exceeded"))),
    (STORED, Err(Variant("at", (1, 2)))),
    (ResultType(), Ok()),
    (ResultType(), Err()),
    (ResultType(None, STRING), Err("why")),
    (ResultType(STRING, STRING), Ok("same")),
    (ResultType(STRING, STRING), Err("same")),
    (COLOUR, "green"),
    (ACCESS, frozenset()),
    (ACCESS, frozenset({"read", "write"})),
    (ListType(PERSON), [("a", ["t"], 1), ("b", [], None)]),
]

UNFIT: list[tuple[Type, object]] = [
    (U8, 256),
    (U8, -1),
    (U8, "1"),
    (U8, True),
    (Primitive("s64"), 1 << 63),
    (Primitive("bool"), 1),
    (Primitive("char"), "ab"),
    (Primitive("char"), "\udc80"),
    (Primitive("f64"), "1"),
    (STRING, b"bytes"),
    (STRING, "\udc80"),
    (BYTES, "text"),
    (BYTES, [1, 2]),
    (ListType(STRING), ("a",)),
    (ListType(STRING), ["a", 1]),
    (TupleType((STRING, U8)), ("a",)),
    (TupleType((STRING, U8)), ("a", 256)),
    (PERSON, ("Ada", ["x", None], None)),
    (PERSON, {"name": "Ada"}),
    (PERSON, ("Ada", [], "36")),
    (STORED, None),
    (STORED, b"value"),
    (STORED, Ok("text")),
    (STORED, Err(Variant("unknown"))),
    (STORED, Err(Variant("not-found"))),
    (STORED, Err(Variant("quota-exceeded", "payload"))),
    (ResultType(), Ok(1)),
    (COLOUR, "blue"),
    (COLOUR, 0),
    (ACCESS, frozenset({"execute"})),
    (ACCESS, {"read"}),
    (ListType(PERSON), [("a", ["t"], 1), ("b", ["t", 1], None)]),
]


def shown(value: object) -> str:
    """A part of the name of a test, the same in each process."""
    return "|".join(sorted(value)) if isinstance(value, frozenset) else repr(value)


@pytest.mark.parametrize(("type_", "value"), FIT, ids=shown)
def test_a_value_comes_back_as_it_was(type_: Type, value: object) -> None:
    back = through(type_, value)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(("type_", "value"), UNFIT, ids=shown)
def test_a_value_of_another_type_is_refused(type_: Type, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        through(type_, value)


def test_a_type_that_no_world_uses_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="stream"):
        codec(ForeignType("stream"))


def test_what_is_refused_shows_little_of_a_large_value() -> None:
    with pytest.raises(TypeError) as caught:
        through(STRING, b"x" * 10**6)
    assert len(str(caught.value)) < 200


def test_neither_values_nor_refusals_leave_memory_behind() -> None:
    large = "x" * 65536
    half_bad: list[object] = [large, 1]
    cases = [*FIT, (BYTES, b"x" * 4096), (ListType(STRING), half_bad)]
    cases += [(OptionType(ListType(STRING)), half_bad), (TupleType((STRING, U8)), (large, "1"))]

    def round_of_all() -> None:
        for type_, value in cases:
            try:
                through(type_, value)
            except TypeError:
                assert large in value  # type: ignore[operator]  # one that holds it

    for _ in range(20):
        round_of_all()
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(300):
        round_of_all()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024  # KiB
