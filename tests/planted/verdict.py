"""What a run of the tests with a planted fault shows. Pure: output in, verdict out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["caught", "hung", "survived", "equivalent", "unconfirmed"]

PASSED, FAILED = 0, 1  # exit codes of pytest
TIMED_OUT = re.compile(r"^Timeout \(\d+:\d\d:\d\d(\.\d+)?\)!$", re.MULTILINE)
FAILURE = re.compile(r"^(?:FAILED|ERROR) (\S+::.+?)(?: - (.*))?$", re.MULTILINE)
RUNNING = re.compile(
    r"^(\S+\.py::.+?)(?: (?:PASSED|SKIPPED|XFAIL|FAILED|ERROR)\b.*)?$", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a fault, and the test that says so, or why there is none."""

    kind: Kind
    by: str = ""
    because: str = ""

    @property
    def is_good(self) -> bool:
        """Whether no test is missing."""
        return self.kind in ("caught", "hung", "equivalent")


def verdict(code: int | None, output: str, equivalent: str = "") -> Verdict:
    """Judge one run of `pytest -v -x`: its exit code (None: it took too long) and its output.

    >>> verdict(1, "FAILED tests/test_a.py::test_b - AssertionError: c")
    Verdict(kind='caught', by='tests/test_a.py::test_b', because='AssertionError: c')
    >>> verdict(1, "tests/test_a.py::test_b Timeout (0:00:20)!\\nThread…")
    Verdict(kind='hung', by='tests/test_a.py::test_b', because='')
    >>> verdict(None, "tests/test_a.py::test_b PASSED").kind, verdict(0, "").kind
    ('unconfirmed', 'survived')
    """
    if code == PASSED:
        return Verdict("equivalent", equivalent) if equivalent else Verdict("survived")
    notice = _noticed(code, output)
    if equivalent and notice.is_good:
        return Verdict("unconfirmed", f"should be equivalent, but {notice.kind}: {notice.by}")
    return notice


def _noticed(code: int | None, output: str) -> Verdict:
    output = re.sub(r" ?(Timeout \(\d)", r"\n\1", output)  # it comes in the middle of a line
    if TIMED_OUT.search(output):
        before = output[: TIMED_OUT.search(output).start()]  # type: ignore[union-attr]
        names = RUNNING.findall(before)
        return Verdict("hung", names[-1]) if names else Verdict("unconfirmed", "a time-out")
    failures = FAILURE.findall(output)
    if code == FAILED and failures:
        return Verdict("caught", *failures[0])
    names = RUNNING.findall(output)
    where = f", last in {names[-1]}" if names else ""
    if code is None:
        return Verdict("unconfirmed", f"the time was up{where}")
    return Verdict("unconfirmed", f"pytest ended with {code}{where}")
