"""Frozen dataclasses read from YAML: types, units, unions, defaults, and words for mistakes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from airssys_wasm.schema import (
    AtLeast,
    AtMost,
    Checked,
    Duration,
    KindByKey,
    Named,
    Reading,
    Size,
    Source,
    Verbatim,
    headline,
    parse,
    read,
    report,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    radius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    side: float


Figure = Annotated[Circle | Square, KindByKey(("radius", "side"), "a figure")]


def even(text: str) -> str | None:
    return None if len(text) % 2 == 0 else "has an odd length; add a letter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str = "default"
    truth: bool = False
    whole: Annotated[int, AtLeast(0), AtMost(9)] = 0
    number: float = 0.0
    wait: Duration | Literal["infinity"] = 1.0
    room: Size | None = None
    word: Annotated[Literal["red", "green"], Named("colour")] = "red"
    path: Path | None = None
    names: tuple[Annotated[str, Checked(even, "^(..)*$")], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    free: object = None
    figure: Figure | None = None
    fixed: Annotated[str, Verbatim()] = ""

    def __post_init__(self) -> None:
        if self.text == "impossible":
            raise ValueError("the text is impossible")


def reading(text: str, environment: Mapping[str, str] | None = None) -> Reading[Everything]:
    parsed = parse(Source.of("t.yaml", text), text)
    assert parsed.root is not None
    assert parsed.problems == ()
    directory = Path("/etc/shop")
    return read(parsed.root, Everything, environment=environment or {}, directory=directory)


def value(text: str, environment: Mapping[str, str] | None = None) -> Any:
    found = reading(text, environment)
    assert report(found.problems) == ""
    assert found.value is not None
    (key,) = text.partition(":")[:1]
    return getattr(found.value, key)


def complaint(text: str, environment: Mapping[str, str] | None = None) -> str:
    found = reading(text, environment)
    assert found.value is None
    return " | ".join(headline(problem).partition(": ")[2] for problem in found.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text: hello", "hello"),
        ("text: ''", ""),
        ("text: 2024-01-01", "2024-01-01"),
        ("text: y", "y"),
        ("text: !!str 5", "5"),
        ("truth: true", True),
        ("truth: yes", True),
        ("truth: OFF", False),
        ("whole: 7", 7),
        ("whole: 0x7", 7),
        ("number: 3", 3.0),
        ("number: 1e3", 1000.0),
        ("wait: 5", 5.0),
        ("wait: 0.5", 0.5),
        ("wait: 500ms", 0.5),
        ("wait: 1h30m", 5400.0),
        ("wait: '2s'", 2.0),
        ("wait: infinity", "infinity"),
        ("room: 16MiB", 16 * 2**20),
        ("room: 1.5KiB", 1536),
        ("room: 10MB", 10**7),
        ("room: 4096", 4096),
        ("room: null", None),
        ("room: ~", None),
        ("word: green", "green"),
        ("path: a/b.wasm", Path("/etc/shop/a/b.wasm")),
        ("path: /a/b.wasm", Path("/a/b.wasm")),
        ("names: [ab, cdef]", ("ab", "cdef")),
        ("names: []", ()),
        ("env: {A: b, C: '1'}", {"A": "b", "C": "1"}),
        ("free: {a: [1, 1.5, true, null, x, 1_000]}", {"a": [1, 1.5, True, None, "x", 1000]}),
        ("free: 'no'", "no"),
        ("figure: {side: 2}", Square(side=2.0)),
        ("figure: {radius: 2}", Circle(radius=2.0)),
    ],
)
def test_a_value_is_read_as_what_its_field_is(text: str, expected: object) -> None:
    found = value(text)
    assert found == expected
    assert type(found) is type(expected)


def test_a_key_that_is_not_there_has_the_default_of_the_dataclass() -> None:
    assert reading("{}").value == Everything()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("text: 5", "text: 5 is a number, and this must be text; write '5' in quotes"),
        ("text: no", "text: no is meant as text here, but YAML 1.1 reads it as false; "
         "write 'no' in quotes"),
        ("text: [a]", "text: this must be text, not a list"),
        ("text:", "text: this is empty; it must be text; or leave the key out"),
        ("truth: 1", "truth: 1 is not true or false"),
        ("truth: 'true'", "truth: 'true' is not true or false; remove the quotes"),
        ("whole: 1.5", "whole: 1.5 is not a whole number"),
        ("whole: 010", "whole: 010 can be read in two ways: YAML 1.1 reads it as the octal "
         "number 8; write it without zeros"),
        ("whole: -1", "whole: -1 is too small; at least 0"),
        ("whole: 10", "whole: 10 is too large; at most 9"),
        ("whole: 99999999999999999999", "whole: the number '99999999999999999999' is too large"),
        ("number: .nan", "number: .nan is not a finite number"),
        ("number: 1e999", "number: the number '1e999' is too large"),
        ("wait: 5 sec", "wait: '5 sec' is not a duration (5s, 500ms, 2m, 1h) or infinity; "
         "write 5s"),
        ("wait: -1", "wait: -1 is not a duration (5s, 500ms, 2m, 1h) or infinity"),
        ("wait: true", "wait: true is not a duration (5s, 500ms, 2m, 1h) or infinity"),
        ("wait: infinit", "wait: 'infinit' is not a duration (5s, 500ms, 2m, 1h) or infinity; "
         "did you mean 'infinity'?"),
        ("room: 16mib", "room: '16mib' is not a size (64KiB, 16MiB, 10MB); write 16MiB"),
        ("room: 16M", "room: '16M' is not a size (64KiB, 16MiB, 10MB); write 16MiB"),
        ("word: gren", "word: 'gren' is not a colour (red, green); did you mean 'green'?"),
        ("word: 3", "word: 3 is not a colour (red, green)"),
        ("names: ab", "names: this must be a list, not a single value; write [ab]"),
        ("names: [abc]", "names[0]: 'abc' has an odd length; add a letter"),
        ("env: {A: 1}", "env.A: 1 is a number, and this must be text; write '1' in quotes"),
        ("env: {1: a}", "env['1']: the key 1 is not text; put it in quotes"),
        ("free: {land: no}", "free.land: no can be read in two ways: YAML 1.1 reads it as "
         "false, YAML 1.2 does not; write false, or 'no' in quotes"),
        ("free: .inf", "free: .inf is no number that JSON can say"),
        ("figure: {}", "figure: a figure needs one of the keys radius or side"),
        ("figure: {side: 1, radius: 2}",
         "figure.radius: a figure is only one thing, and 'side' was given already"),
        ("figure: {sdie: a}", "figure.sdie: unknown key 'sdie'; did you mean 'side'? | "
         "figure.sdie: 'a' is not a number"),
        ("txet: a", "txet: unknown key 'txet'; did you mean 'text'?"),
        ("text: impossible", "the text is impossible"),
        ("[a]", "this must be a mapping, not a list"),
        ("a", "this must be a mapping, not a single value"),
    ],
)  # fmt: skip
def test_a_mistake_says_what_is_wrong_and_what_would_be_right(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_all_mistakes_come_in_one_run_and_what_is_right_is_kept() -> None:
    found = reading("text: ok\ntruth: 3\nwhole: x\nnames: [abc, ab]")
    assert [problem.path for problem in found.problems] == ["truth", "whole", "names[0]"]
    assert found.values["text",] == "ok"
    assert found.values["names", 1] == "ab"
    assert ("truth",) not in found.values


def test_a_mistake_behind_an_alias_is_told_at_the_place_of_the_text() -> None:
    found = reading("free: {a: &x on}\nenv: {b: *x}")
    assert {(p.line, p.column) for p in found.problems} == {(1, 11)}


def test_text_takes_variables_from_the_environment() -> None:
    environment = {"HOST": "shop", "EMPTY": ""}
    assert value("text: ${HOST}:${PORT:-80}", environment) == "shop:80"
    assert value("text: ${EMPTY:-none}", environment) == "none"
    assert value("text: ${EMPTY}", environment) == ""
    assert value("text: $${HOST} $HOST", environment) == "${HOST} $HOST"
    assert value("free: [{a: '${HOST}'}]", environment) == [{"a": "shop"}]
    assert value("wait: ${WAIT:-5s}", environment) == 5.0


def test_what_comes_from_the_environment_is_not_looked_at_again() -> None:
    assert value("text: ${A}", {"A": "${B} # [x]"}) == "${B} # [x]"


def test_variables_give_text_and_never_numbers_or_structure() -> None:
    hint = "what comes from the environment is always text"
    assert complaint("whole: ${N:-3}") == f"whole: '3' is not a whole number; {hint}"


def test_a_missing_variable_and_half_a_reference_are_mistakes() -> None:
    expected = "text: the environment has no NAME; set it, or write ${NAME:-default}"
    assert complaint("text: ${NAME}") == expected
    assert complaint("text: ${NAME").startswith("text: '${' begins no reference")
    assert complaint("text: ${NAME:+x}").startswith("text: '${' begins no reference")


def test_a_variable_that_is_no_text_is_a_mistake() -> None:
    environment = {"NAME": os.fsdecode(b"\xff")}
    assert complaint("text: ${NAME}", environment) == "text: NAME in the environment is not UTF-8"


def test_no_variable_may_stand_where_the_file_alone_decides() -> None:
    assert "nothing is taken from the environment here" in complaint("fixed: a${X:-b}")


def test_the_report_shows_the_line_with_carets_under_the_place() -> None:
    found = reading("text: ok\nword: gren  # 日本")
    assert report(found.problems).splitlines()[1:] == [
        "   2 | word: gren  # 日本",
        "     |       ^^^^",
    ]


def test_carets_stand_under_the_place_behind_wide_characters() -> None:
    found = reading("{text: 日本, word: gren}")
    code, carets = report(found.problems).splitlines()[1:]
    assert carets.index("^") == code.index("gren") + 2


def test_a_long_line_is_cut_around_the_place() -> None:
    found = reading("{text: " + "x" * 5000 + ", word: gren}")
    code, carets = report(found.problems).splitlines()[1:]
    assert len(code) < 130
    assert code[carets.index("^") :].startswith("gren")


def test_nothing_of_a_file_reaches_the_terminal_as_a_control_character() -> None:
    found = reading('word: "\\e[31mred"')
    assert "\x1b" not in report(found.problems)
