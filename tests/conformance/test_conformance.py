"""The conformance table: whole, and what the rules and the tests of today give.

That the tests which carry an id pass is for the tests themselves to say, in the same run.
"""

import json
import re
from itertools import groupby
from pathlib import Path

import pytest

from tests.conformance.documents import as_json, as_markdown, problems
from tests.conformance.marks import ROOT, WrongMark, marked_tests, unsure_tests
from tests.conformance.rules import AREAS, STATUSES, Rule, all_rules

RULES, TESTS = all_rules(), marked_tests()


def test_every_rule_is_shown_by_a_test_or_says_why_not() -> None:
    assert problems(RULES, TESTS) == []


@pytest.mark.parametrize(
    ("name", "render"), [("conformance.md", as_markdown), ("conformance.json", as_json)]
)
def test_the_documents_are_what_the_generator_gives(name: str, render: object) -> None:
    assert callable(render)
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == render(RULES, TESTS), "write them anew: python -m tests.conformance"


def test_a_test_that_may_fail_or_be_skipped_shows_no_rule() -> None:
    unsure = unsure_tests()
    assert [
        (id, test)
        for id, tests in TESTS.items()
        if RULES[id].status in ("passes", "departs")
        for test in tests
        if test in unsure
    ] == []


def test_no_rule_of_an_area_is_left_out() -> None:
    kinds = [kind for _, kinds in AREAS.values() for kind in kinds]
    numbers = {
        kind: [int(id.partition("-")[2]) for id in ids]
        for kind, ids in groupby(RULES, lambda id: id.partition("-")[0])
    }
    assert list(numbers) == kinds
    assert numbers == {kind: list(range(1, len(ids) + 1)) for kind, ids in numbers.items()}


def test_both_documents_tell_the_same_of_each_rule() -> None:
    page = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([A-Z]+-\d+) \| .*? \| \*\*([a-z ]+)\*\*", page, re.MULTILINE))
    table = json.loads((ROOT / "docs/conformance.json").read_text(encoding="utf-8"))
    listed = {rule["id"]: rule["status"] for area in table["areas"] for rule in area["rules"]}
    assert told == listed == {rule.id: rule.status for rule in RULES.values()}
    assert table["counts"] == {status: list(listed.values()).count(status) for status in STATUSES}


# --- the generator finds what is wrong


def test_a_rule_without_a_test_is_found() -> None:
    rules = {rule.id: rule for rule in (Rule("GS-01", "", ""), Rule("GS-02", "", "", departs="so"))}
    assert problems(rules, {}) == [
        "GS-01 passes, but no test carries its id",
        "GS-02 departs, but no test carries its id",
    ]


def test_a_rule_that_is_open_or_not_applicable_needs_no_test() -> None:
    rules = [Rule("GS-01", "", "", open="trace"), Rule("GS-02", "", "", not_applicable="no code")]
    assert problems({rule.id: rule for rule in rules}, {}) == []


def test_a_test_of_no_rule_is_found() -> None:
    assert problems({}, {"GS-99": ["tests/test_a.py::test_b"]}) == [
        "tests/test_a.py::test_b: there is no rule GS-99"
    ]


def test_a_rule_has_one_status() -> None:
    with pytest.raises(ValueError, match="only one"):
        Rule("GS-01", "", "", open="trace", departs="so")


def test_marks_are_read_off_the_sources(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(
        "import pytest\n"
        '@pytest.mark.rule("GS-01", "GS-02")\n'
        "@pytest.mark.xfail\n"
        "async def test_b(): ...\n"
        '@pytest.mark.rule("GS-02")\n'
        "def test_c(): ...\n"
    )
    assert marked_tests(tmp_path) == {
        "GS-01": ["tests/test_a.py::test_b"],
        "GS-02": ["tests/test_a.py::test_b", "tests/test_a.py::test_c"],
    }
    assert unsure_tests(tmp_path) == {"tests/test_a.py::test_b"}


@pytest.mark.parametrize(
    "source",
    [
        "@pytest.mark.rule\ndef test_a(): ...",
        "@pytest.mark.rule(RULE)\ndef test_a(): ...",
        'pytestmark = pytest.mark.rule("GS-01")',
        'CASES = [pytest.param(1, marks=pytest.mark.rule("GS-01"))]',
        'class TestA:\n    @pytest.mark.rule("GS-01")\n    def test_b(self): ...',
    ],
)
def test_a_mark_that_could_not_be_read_is_refused(tmp_path: Path, source: str) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text(source)
    with pytest.raises(WrongMark):
        marked_tests(tmp_path)
