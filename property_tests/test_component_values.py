"""Values of any WIT type go through a real guest and come back, the same on both paths."""

import array
import asyncio
from collections.abc import Callable
from itertools import count

import pytest
import wasmtime
from hypothesis import example, given
from hypothesis import strategies as st
from wasmtime.component import Component

from airssys_wasm.components.engine.fiber_engine import FiberEngine
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.threaded_engine import ThreadedEngine
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.engine.world import (
    EnumType,
    FlagsType,
    FuncType,
    ListType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
    World,
)
from airssys_wasm.sdk.component_text import component_text
from airssys_wasm.sdk.componentize import fill
from airssys_wasm.sdk.core_module import read_core_module
from property_tests.test_conversion import values as values_of

INTERFACE = "test:values/echo@1.0.0"
STACK = 512 * 1024
WORDS = [
    "bool",
    "s8",
    "u8",
    "s16",
    "u16",
    "s32",
    "u32",
    "s64",
    "u64",
    "f32",
    "f64",
    "char",
    "string",
]

# With so many more, the parameter is in memory, laid out as the result has to be.
_MORE = (Primitive("u8"),) * 17

CORE = f"""
(module
  (memory (export "memory") 2)
  (global $top (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $top))
    (global.set $top (i32.and (i32.const -8)
      (i32.add (local.get $start) (i32.add (local.get $size) (i32.const 7)))))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
      (then (drop (memory.grow (i32.shr_u (local.get $size) (i32.const 15))))))
    (local.get $start))
  (func (export "{INTERFACE}#echo") (param i32) (result i32) (local.get 0)))
"""


def compound(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    maybe = st.none() | inner
    several = st.lists(inner, min_size=1, max_size=4)
    # An option of an option has two ways to be none, which None can't tell apart.
    plain = inner.filter(lambda type_: not isinstance(type_, OptionType))
    return st.one_of(
        inner.map(ListType),
        plain.map(OptionType),
        st.builds(ResultType, maybe, maybe),
        several.map(lambda parts: TupleType(tuple(parts))),
        several.map(lambda parts: RecordType(tuple((f"f{n}", p) for n, p in enumerate(parts)))),
        st.lists(maybe, min_size=1, max_size=4).map(
            lambda parts: VariantType(tuple((f"c{n}", part) for n, part in enumerate(parts)))
        ),
    )


def _words(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{number}" for number in range(count))


types: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(WORDS).map(Primitive)
    | st.integers(1, 300).map(lambda cases: EnumType(_words("e", cases)))
    | st.integers(1, 32).map(lambda flags: FlagsType(_words("b", flags))),
    compound,
    max_leaves=8,
)


def named(type_: Type | None, numbers: "count[int]") -> Type | None:
    """The type with names for all that has to have one in a component."""

    def of(inner: Type) -> Type:
        found = named(inner, numbers)
        assert found is not None
        return found

    match type_:
        case ListType(element):
            return ListType(of(element))
        case OptionType(payload):
            return OptionType(of(payload))
        case ResultType(ok, err):
            return ResultType(named(ok, numbers), named(err, numbers))
        case TupleType(elements):
            return TupleType(tuple(map(of, elements)))
        case RecordType(fields):
            return RecordType(tuple((n, of(f)) for n, f in fields), f"t{next(numbers)}")
        case VariantType(cases):
            return VariantType(
                tuple((n, named(payload, numbers)) for n, payload in cases), f"t{next(numbers)}"
            )
        case EnumType(cases):
            return EnumType(cases, f"t{next(numbers)}")
        case FlagsType(flags):
            return FlagsType(flags, f"t{next(numbers)}")
        case _:
            return type_


def values(type_: Type) -> st.SearchStrategy[object]:
    match type_:
        case Primitive("f32"):
            return st.floats(width=32, allow_nan=False)
        case ListType(element) if element != Primitive("u8"):
            return st.lists(values(element), max_size=5)
        case OptionType(payload):
            return st.none() | values(payload)
        case ResultType(ok, err):
            return side(ok).map(Ok) | side(err).map(Err)
        case TupleType(elements):
            return st.tuples(*map(values, elements))
        case RecordType(fields):
            return st.tuples(*[values(of) for _, of in fields])
        case VariantType(cases):
            return st.one_of([st.builds(Variant, st.just(case), side(of)) for case, of in cases])
        case _:
            return values_of(type_)


def side(type_: Type | None) -> st.SearchStrategy[object]:
    return st.none() if type_ is None else values(type_)


async def echoed(
    type_: Type, given_: list[object], only: str | None = None
) -> list[tuple[object, ...]]:
    """What comes back of each value, on the fast path and on the slow one, or on one of them."""
    whole = TupleType((type_, *_MORE))
    function = FuncType((whole,), whole, ("value",))
    world = World("echo", {}, {INTERFACE: {"echo": function}})
    core = bytes(wasmtime.wat2wasm(CORE))
    binary = fill(bytes(wasmtime.wat2wasm(component_text(read_core_module(core), world))), core)
    more = (0,) * len(_MORE)
    came: list[list[object]] = []
    for path, make in (("fast", FiberEngine), ("slow", ThreadedEngine)):
        if only not in (None, path):
            continue
        engine: FiberEngine | ThreadedEngine = make(world, stack=STACK)
        try:
            instance = await engine.instantiate(
                Component(engine.engine, binary), limits=Limits(), host=nothing, clock=lambda: 0.0
            )
            found = [await instance.call("echo", (value, *more)) for value in given_]
        finally:
            engine.close()
        assert all(isinstance(one, tuple) and one[1:] == more for one in found)
        came.append([one[0] for one in found if isinstance(one, tuple)])
    return list(zip(*came, strict=True))


def nothing(interface: str, function: str, arguments: tuple[object, ...]) -> object:
    raise AssertionError


@given(types.flatmap(lambda type_: st.tuples(st.just(type_), st.lists(values(type_), max_size=3))))
@example((Primitive("f32"), [-0.0, float("inf"), 1.5]))
@example((Primitive("char"), ["\0", "\ud7ff", "\U0010ffff"]))
@example((Primitive("string"), ["", "\0", "grüße \U0001f600"]))
@example((ListType(Primitive("u8")), [b"", b"\xff" * 100_000]))
@example((FlagsType(_words("b", 32)), [frozenset(), frozenset(_words("b", 32))]))
@example((EnumType(_words("e", 300)), ["e0", "e299"]))
def test_a_value_comes_back_from_a_guest_as_it_went(call: tuple[Type, list[object]]) -> None:
    type_, given_ = call
    full = named(type_, count())
    assert full is not None
    for value, (fast, slow) in zip(given_, asyncio.run(echoed(full, given_)), strict=True):
        assert fast == value
        assert slow == value
        assert repr(fast) == repr(slow)


@pytest.mark.parametrize("make", [bytearray, memoryview, lambda b: array.array("H", b)])
def test_bytes_may_come_in_anything_that_has_bytes(make: Callable[[bytes], object]) -> None:
    given_ = [make(b"\x01\x02\xff\x00"), make(b"")]
    expected = [(b"\x01\x02\xff\x00",) * 2, (b"", b"")]
    assert asyncio.run(echoed(ListType(Primitive("u8")), given_)) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("u8", 256),
        ("u8", -1),
        ("s8", 128),
        ("u64", 2**64),
        ("s64", -(2**63) - 1),
        ("u32", 1.0),
        ("f64", 1),
        ("f32", "1"),
        ("f32", 1e300),
        ("bool", 1),
        ("char", "ab"),
        ("char", ""),
        ("char", "\ud800"),
        ("string", "\udfff"),
        ("string", b"bytes"),
    ],
)
def test_what_does_not_fit_is_refused_on_both_paths_and_nothing_is_called(
    kind: str, value: object
) -> None:
    for path in ("fast", "slow"):
        with pytest.raises((TypeError, ValueError)):
            asyncio.run(echoed(Primitive(kind), [value], only=path))
