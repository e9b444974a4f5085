"""What is wrong with a text, where, and what would be right.

Pure: values, and the order they are shown in. `report.py` makes text of them.

A `Source` is anything a person can be pointed into: a file, or an option of a
command line. A `Place` counts lines and columns from 1, in characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
Severity: TypeAlias = Literal["error", "warning"]

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # as YAML 1.1 breaks lines
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True)
class Source:
    """A text with a name, such as `tree.yaml`."""

    name: str
    lines: tuple[str, ...] = field(repr=False, default=())

    @classmethod
    def of(cls, name: str, text: str) -> Source:
        """The source whose lines are those that YAML sees in `text`."""
        return cls(name, tuple(_LINE_BREAK.split(text)))


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a source; `width` is at least 1."""

    source: Source
    line: int
    column: int
    width: int = 1

    @property
    def source_line(self) -> str:
        return self.source.lines[self.line - 1] if self.line <= len(self.source.lines) else ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: its place, the path of keys to it, what is wrong and what would be right.

    `rule` is the id of the kind of mistake (`rules.py`).
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""
    source_line: str = ""
    width: int = 1
    severity: Severity = "error"
    rule: str = ""

    @classmethod
    def at(
        cls,
        place: Place,
        message: str,
        *,
        rule: str,
        path: KeyPath = (),
        hint: str = "",
        severity: Severity = "error",
    ) -> Problem:
        return cls(
            file=place.source.name,
            line=place.line,
            column=place.column,
            path=path_text(path),
            message=message,
            hint=hint,
            source_line=place.source_line,
            width=place.width,
            severity=severity,
            rule=rule,
        )


def path_text(path: KeyPath) -> str:
    """The path as people write it.

    >>> path_text(("children", 1, "config", "a b"))
    "children[1].config['a b']"
    """
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN_KEY.match(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{quoted(step)}]")
    return "".join(parts)


def quoted(text: str) -> str:
    """The text in quotes, on one line, cut when it is long.

    >>> quoted("a\\tb")
    "'a\\\\tb'"
    """
    if len(text) > _LONGEST_QUOTE:
        text = text[: _LONGEST_QUOTE - 1] + "…"
    return repr(text)


def in_order(problems: Iterable[Problem], first: str = "") -> tuple[Problem, ...]:
    """The problems by place, each once, however many aliases lead to it.

    Those of the file called `first` are before those of others.
    """
    once: dict[tuple[object, ...], Problem] = {}
    sources: dict[str, int] = {first: 0}
    for problem in problems:
        sources.setdefault(problem.file, len(sources))
        key = (problem.file, problem.line, problem.column, problem.message)
        known = once.setdefault(key, problem)
        if len(problem.path) < len(known.path):
            once[key] = problem  # where it is written, not who inherits it
    return tuple(sorted(once.values(), key=lambda p: (sources[p.file], p.line, p.column)))
