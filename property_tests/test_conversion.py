"""Values of any WIT type survive the way into foreign memory and back."""

import ctypes
import itertools
from typing import assert_never

from hypothesis import example, given
from hypothesis import strategies as st

from airssys_wasm.components.engine import foreign
from airssys_wasm.components.engine.arena import Arena
from airssys_wasm.components.engine.lifting import lift_arguments
from airssys_wasm.components.engine.lowering import Lowering
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.engine.world import (
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

PRIMITIVES = ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f64", "char", "string"]

# As in WIT: kebab case. They end up in generated source, so anything a name may hold is tried.
names = st.text("abcdefghijklmnopqrstuvwxyz-'\"\\{}0123456789é", min_size=1, max_size=12)


def distinct(count: int) -> st.SearchStrategy[list[str]]:
    return st.lists(names, min_size=1, max_size=count, unique=True)


def compound(inner: st.SearchStrategy[Type]) -> st.SearchStrategy[Type]:
    maybe = st.none() | inner
    # An option of an option has two ways to be none, which None can't tell apart.
    plain = inner.filter(lambda type_: not isinstance(type_, OptionType))
    return st.one_of(
        inner.map(ListType),
        plain.map(OptionType),
        st.builds(ResultType, maybe, maybe),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: TupleType(tuple(parts))),
        distinct(4).flatmap(
            lambda fields: st.tuples(*[inner] * len(fields)).map(
                lambda types: RecordType(tuple(zip(fields, types, strict=True)))
            )
        ),
        distinct(4).flatmap(
            lambda cases: st.tuples(*[maybe] * len(cases)).map(
                lambda types: VariantType(tuple(zip(cases, types, strict=True)))
            )
        ),
    )


types: st.SearchStrategy[Type] = st.recursive(
    st.sampled_from(PRIMITIVES).map(Primitive)
    | distinct(5).map(lambda cases: EnumType(tuple(cases)))
    | distinct(5).map(lambda flags: FlagsType(tuple(flags))),
    compound,
    max_leaves=8,
)


def values(type_: Type) -> st.SearchStrategy[object]:
    match type_:
        case Primitive("bool"):
            return st.booleans()
        case Primitive("string"):
            return st.text()
        case Primitive("char"):
            return st.characters(exclude_categories=["Cs"])
        case Primitive("f64"):
            return st.floats(allow_nan=False)
        case Primitive(kind):
            bits = int(kind[1:])
            low = -(1 << bits - 1) if kind[0] == "s" else 0
            return st.integers(low, low + (1 << bits) - 1)
        case ListType(Primitive("u8")):
            return st.binary(max_size=3_000)
        case ListType(element):
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
        case EnumType(cases):
            return st.sampled_from(cases)
        case FlagsType(flags):
            return st.frozensets(st.sampled_from(flags))
        case ForeignType():
            raise AssertionError
        case _:
            assert_never(type_)


def side(type_: Type | None) -> st.SearchStrategy[object]:
    return st.none() if type_ is None else values(type_)


signatures = st.lists(types, max_size=3)
calls = signatures.flatmap(
    lambda params: st.tuples(st.just(params), st.tuples(*map(values, params)))
)
rounds = signatures.flatmap(
    lambda params: st.tuples(st.just(params), st.lists(st.tuples(*map(values, params)), max_size=4))
)


def through_foreign_memory(
    lowering: Lowering, params: list[Type], given: tuple[object, ...]
) -> tuple[object, ...]:
    """What wasmtime's own copy of the values is read as."""
    lowering.write(given)
    copies = (ctypes.c_uint64 * (4 * len(params)))()
    address = ctypes.addressof(copies)
    for index in range(len(params)):
        at = 32 * index
        foreign.val_clone(lowering.address + at, address + at)
    try:
        return lift_arguments(params)(address)
    finally:
        for index in range(len(params)):
            foreign.val_delete(foreign.pointer(address + 32 * index))


@given(calls)
def test_what_was_written_is_what_is_read(call: tuple[list[Type], tuple[object, ...]]) -> None:
    params, given_ = call
    lowering = Lowering(params, Arena(), "test")
    assert through_foreign_memory(lowering, params, given_) == given_


@given(rounds)
def test_nothing_of_an_earlier_value_is_left_in_a_later_one(
    case: tuple[list[Type], list[tuple[object, ...]]],
) -> None:
    params, one_after_the_other = case
    lowering = Lowering(params, Arena(), "test")
    for given_ in one_after_the_other:
        assert through_foreign_memory(lowering, params, given_) == given_


def test_long_lists_stay_where_they_were_put_when_longer_ones_follow() -> None:
    lists = [bytes([size % 251]) * size for size in (500, 900, 5_000, 30_000, 40_000, 70_000, 9)]
    params: list[Type] = [ListType(ListType(Primitive("u8")))]
    lowering = Lowering(params, Arena(), "test")
    for _ in range(3):
        assert through_foreign_memory(lowering, params, (lists,)) == (lists,)


numbers = st.integers(0, 9) | st.sampled_from(
    [-1, 0xFFFF, 1 << 16, (1 << 32) - 1, 1 << 32, (1 << 64) - 1, 1 << 64]
)
lists_of_numbers = st.lists(
    st.lists(numbers, max_size=9) | st.integers(0, 5_000).map(lambda size: list(range(size))),
    max_size=4,
)


@given(st.sampled_from(["u16", "u32", "u64"]), lists_of_numbers)
def test_lists_of_numbers_come_back_unless_one_is_out_of_its_range(
    kind: str, lists: list[list[int]]
) -> None:
    params: list[Type] = [ListType(ListType(Primitive(kind)))]
    lowering = Lowering(params, Arena(), "test")
    fits = all(0 <= number < 1 << int(kind[1:]) for numbers in lists for number in numbers)
    try:
        assert through_foreign_memory(lowering, params, (lists,)) == (lists,)
    except TypeError:
        assert not fits
    else:
        assert fits


sender = RecordType((("namespace", Primitive("string")), ("name", Primitive("string"))))
senders = [("", "one"), ("shop", "two"), ("other", "\udc80"), ("", "grün"), (None, "")]


@given(st.lists(st.sampled_from(senders)))
def test_a_record_that_comes_again_is_written_again(record: list[tuple[object, ...]]) -> None:
    params: list[Type] = [sender, OptionType(sender)]
    lowering = Lowering(params, Arena(), "test")
    for one, other in itertools.pairwise(record):
        try:
            assert through_foreign_memory(lowering, params, (one, other)) == (one, other)
        except TypeError:
            assert "\udc80" in one + other or None in one + other


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=9),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        inner.map(Ok),
        inner.map(Err),
        st.builds(Variant, names, inner),
        st.frozensets(names, max_size=3),
    ),
    max_leaves=4,
)


@given(types, anything)
@example(Primitive("f64"), None)
@example(OptionType(Primitive("f32")), 10)
@example(FlagsType(("a",)), ["a", "a"])
@example(RecordType((("a", Primitive("string")), ("b", Primitive("string")))), "ab")
def test_a_value_fits_and_comes_back_or_is_a_type_error(type_: Type, value: object) -> None:
    lowering = Lowering([type_], Arena(), "argument")
    try:
        (read,) = through_foreign_memory(lowering, [type_], (value,))
    except TypeError as error:
        assert str(error).startswith("argument: ")  # noqa: PT017  # either outcome is right
    else:
        # True is a whole number in Python, and comes back as one.
        assert read == value or repr(read) == repr(value) or "nan" in repr(value)


def test_lists_in_a_list_are_kept_while_the_room_for_them_grows() -> None:
    texts = ListType(ListType(Primitive("string")))
    value = [[f"{outer} {inner}" for inner in range(outer)] for outer in range(60)]
    lowering = Lowering([texts], Arena(), "texts")
    for _ in range(3):  # into fresh rows, then into those that were kept
        assert through_foreign_memory(lowering, [texts], (value,)) == (value,)
    longer = [["x" * 300] * 5_000, ["y"]]  # more than is kept
    assert through_foreign_memory(lowering, [texts], (longer,)) == (longer,)
    assert through_foreign_memory(lowering, [texts], (value,)) == (value,)
