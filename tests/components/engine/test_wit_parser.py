"""What of WIT is read, and what is refused with its line."""

import pytest

from airssys_wasm.components.engine.wit_parser import WitError, parse_world
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FlagsType,
    FuncType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    VariantType,
)

PACKAGE = "package a:b@1.2.0;\n"


def function(text: str, before: str = "") -> FuncType:
    """The function `f` of an interface with these items."""
    source = f"{PACKAGE}interface i {{ {before} f: {text}; }} world w {{ import i; }}"
    return parse_world([source], "w").imports["a:b/i@1.2.0"]["f"]


def test_every_type_of_our_worlds_is_read() -> None:
    string, u8 = Primitive("string"), Primitive("u8")
    assert function("func()") == FuncType(())
    assert function("func(a: list<u8>) -> u8") == FuncType((BYTES,), u8)
    assert function("func(a: tuple<u8, string>,)") == FuncType((TupleType((u8, string)),))
    assert function("func() -> option<string>") == FuncType((), OptionType(string))
    assert function("async func()") == FuncType((), is_async=True)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("result", ResultType()),
        ("result<u8>", ResultType(Primitive("u8"))),
        ("result<_, u8>", ResultType(None, Primitive("u8"))),
        ("result<char, u8>", ResultType(Primitive("char"), Primitive("u8"))),
    ],
)
def test_a_result_may_leave_out_either_side(text: str, type_: ResultType) -> None:
    assert function(f"func() -> {text}").result == type_


@pytest.mark.parametrize(
    ("declared", "type_"),
    [
        (
            "record t { a: u8, b-c: string, }",
            RecordType((("a", Primitive("u8")), ("b-c", Primitive("string")))),
        ),
        ("variant t { a(u8), b }", VariantType((("a", Primitive("u8")), ("b", None)))),
        ("enum t { a, b }", EnumType(("a", "b"))),
        ("flags t { a, b }", FlagsType(("a", "b"))),
        ("type t = option<u8>;", OptionType(Primitive("u8"))),
        ("record t { %type: u8 }", RecordType((("type", Primitive("u8")),))),
    ],
)
def test_declared_types_are_known_by_their_names(declared: str, type_: object) -> None:
    assert function("func() -> t", declared).result == type_


def test_types_are_used_across_files_and_may_be_renamed() -> None:
    first = f"{PACKAGE}interface types {{ enum color {{ red }} }}"
    second = f"""{PACKAGE}
    // a comment
    interface i {{ /* and
    another */ use types.{{color as c}}; f: func() -> c; }}
    world w {{ export i; }}"""
    world = parse_world([first, second], "w")
    assert world.exports["a:b/i@1.2.0"]["f"].result == EnumType(("red",))


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("interface i {}", "line 1: expected 'package'"),
        (f"{PACKAGE}interface i {{\n f: func() -> nothing;\n}}", "line 3: no type 'nothing'"),
        (f"{PACKAGE}interface i {{\n use other.{{t}};\n}}", "line 3: no type other.t"),
        (f"{PACKAGE}interface i {{ stream r; }}", "line 2: expected an item"),
        (f"{PACKAGE}interface i {{ f: func(a: list<u8, u8>); }}", "expected 1 type, found 2"),
        (f"{PACKAGE}world w {{ import nowhere; }}", "no interface 'nowhere'"),
        (f"{PACKAGE}world w {{ include other; }}", "no world 'other' before"),
        (f"{PACKAGE}interface i {{", "unexpected end"),
        (f"{PACKAGE}interface i {{ f: func() -> $; }}", "line 2: can't read '$'"),
        ("package a:b@1.0.0;\nnonsense", "line 2: expected interface or world"),
    ],
)
def test_what_is_not_read_is_an_error_with_its_line(source: str, says: str) -> None:
    with pytest.raises(WitError) as caught:
        parse_world([source], "w")
    assert says in str(caught.value)


def test_files_of_two_packages_are_not_mixed() -> None:
    with pytest.raises(WitError, match="two packages"):
        parse_world([PACKAGE, "package c:d@1.0.0;"], "w")


def test_a_world_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        parse_world([PACKAGE], "w")
