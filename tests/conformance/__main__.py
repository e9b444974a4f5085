"""Acts: runs the tests that carry the id of a rule, and writes docs/conformance.md and .json.

`python -m tests.conformance` in the folder of the project. Nothing is written unless all of them
passed; what a rule lacks is said. Options go to pytest: `python -m tests.conformance -x`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conformance.documents import as_json, as_markdown, problems
from tests.conformance.marks import FOLDERS, ROOT, marked_tests
from tests.conformance.rules import all_rules

DOCUMENTS = {"conformance.md": as_markdown, "conformance.json": as_json}


class Results:
    """A pytest plugin that keeps which marked tests ran, and which did not pass."""

    def __init__(self) -> None:
        self.marked: dict[str, set[str]] = {}
        self.passed: set[str] = set()
        self.not_passed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("rule"):
                for id in mark.args:
                    self.marked.setdefault(id, set()).add(_without_parameters(item.nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = _without_parameters(report.nodeid)
        if not report.passed or hasattr(report, "wasxfail"):
            self.not_passed.add(test)
        elif report.when == "call":
            self.passed.add(test)


def main(arguments: list[str]) -> int:
    """0 when the documents were written."""
    rules, tests = all_rules(), marked_tests()
    results = Results()
    folders = [str(ROOT / folder) for folder in FOLDERS]
    pytest.main([*folders, "--rootdir", str(ROOT), "-m", "rule", *arguments], plugins=[results])
    found = problems(rules, tests)
    if {id: set(marked) for id, marked in tests.items()} != results.marked:
        found.append("pytest finds other marks than the sources have")
    for id, marked in tests.items():
        if id in rules and rules[id].status in ("passes", "departs"):
            found += [
                f"{id} {rules[id].status}, but {test} did not pass"
                for test in marked
                if test not in results.passed - results.not_passed
            ]
    if found:
        print("Not written:", *found, sep="\n  ", file=sys.stderr)
        return 1
    for name, render in DOCUMENTS.items():
        path = Path(ROOT, "docs", name)
        path.write_text(render(rules, tests), encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def _without_parameters(node: str) -> str:
    return node.partition("[")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
