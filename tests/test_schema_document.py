"""YAML read as a tree of nodes: what is refused, where, and how much is read at most."""

import pytest

from airssys_wasm.schema import Problem, Source, decode, document, parse
from airssys_wasm.schema.document import DEEPEST, MOST_VALUES
from airssys_wasm.schema.node import Mapping
from airssys_wasm.schema.text import LARGEST_FILE


def problems_of(data: bytes) -> list[Problem]:
    source, text, problems = decode("t.yaml", data)
    return [*problems, *parse(source, text).problems] if text else problems


def only_problem(text: str) -> tuple[int, int, str]:
    (problem,) = problems_of(text.encode())
    return problem.line, problem.column, problem.message


def test_what_is_yaml_has_no_problem() -> None:
    assert problems_of(b"%YAML 1.1\n---\na: &x [1, {b: 'c'}]\nd: *x\n...\n") == []


def test_lines_and_columns_count_characters_from_one() -> None:
    assert only_problem("α: 日本, b: c") == (1, 9, "not YAML: a second ':' in this line")


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes() -> None:
    assert problems_of(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n") == []
    assert only_problem("a: 1\r\na: 2\r\n")[:2] == (2, 1)


def test_a_key_given_twice_names_the_line_of_the_first() -> None:
    assert only_problem("a: 1\nb: 2\n'a': 3") == (3, 1, "the key 'a' was given already, in line 1")


def test_aliases_are_read_as_what_they_stand_for() -> None:
    parsed = parse(Source("t"), "a: &x {b: 1}\nc: *x")
    assert isinstance(parsed.root, Mapping)
    assert parsed.root.find("a") is parsed.root.find("c")


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 50))
    line, _, message = only_problem(bomb)
    assert line < 8
    assert message == f"with this alias the document grows beyond {MOST_VALUES:,} values"


def test_aliases_cannot_nest_deeper_than_a_document_may() -> None:
    steps = "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 100))
    found = problems_of(f"a0: &a0 []\n{steps}".encode())
    line, message = found[0].line, found[0].message
    assert message == f"with this alias the document is over {DEEPEST} levels deep"
    assert line < DEEPEST + 1


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_ends_at_its_limit_without_exhausting_the_stack(opening: str) -> None:
    assert only_problem(opening * 50_000)[2] == f"this is nested more than {DEEPEST} levels deep"


def test_a_document_with_too_many_values_is_not_read_to_its_end() -> None:
    text = "[" + "a," * (MOST_VALUES + 5) + "]"
    assert only_problem(text)[2] == f"the document has more than {MOST_VALUES:,} values"


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    (problem,) = problems_of(b"x" * (LARGEST_FILE + 1))
    assert problem.message.startswith("the file is too large")


def test_utf16_is_named_as_what_it_is() -> None:
    (problem,) = problems_of("a: 1".encode("utf-16"))
    assert (problem.message, problem.hint) == ("the file is UTF-16 text", "save it as UTF-8")


def test_the_first_ten_foreign_characters_are_shown_of_a_binary_file() -> None:
    assert len(problems_of(bytes(range(128, 256)) * 100)) == 10


@pytest.mark.parametrize(
    "text", ['"\\UFFFFFFFF"', '"\\uD800"', "%TAG ! tag:%FF\n---\n!b c", "%YAML 9.9\n---\na"]
)
def test_what_pyyaml_itself_stumbles_over_is_a_problem_with_a_place(text: str) -> None:
    assert only_problem(text)[0] >= 1


def test_a_tab_does_not_hide_what_is_wrong_behind_it() -> None:
    found = problems_of(b"a:\n\tb: 1\n\tb: 2\n")
    assert [(p.line, p.column, p.message) for p in found] == [
        (2, 1, "a tab indents this line"),
        (3, 1, "a tab indents this line"),
        (3, 2, "the key 'b' was given already, in line 2"),
    ]


def test_tabs_inside_of_text_and_comments_are_fine() -> None:
    assert problems_of(b'a: "x\ty"  # a\ttab\nb: |\n  c\td\n') == []


def test_many_tabs_are_given_up_on_after_some() -> None:
    found = problems_of(b"".join(b"a%d:\tx\n" % n for n in range(500)))
    assert 0 < len(found) < 50


LARGE = "".join(f"key-{n}: [1, {{a: 'b'}}, text]\n" for n in range(1_000))


@pytest.mark.parametrize(
    "change",
    [
        "",
        "key-3: twice",
        "a: {b: [}",
        "a: 'never closed",
        "a: b: c",
        "? [x]\n: y",
        "a:\tb",
        "---\nb",
    ],
)
def test_a_large_text_is_read_like_a_small_one(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LARGE + change
    source = Source.of("t.yaml", text)
    quick = parse(source, text)
    monkeypatch.setattr(document, "_QUICK_LOADER", None)
    assert quick == parse(source, text)
    assert bool(quick.problems) == bool(change)
