"""Problems as text for people.

Pure. Nothing of a file reaches the terminal as a control character.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from airssys_wasm.schema.problem import Problem

_WIDEST = 110  # characters of a source line that are shown


def headline(problem: Problem) -> str:
    """`file:line:column: path: message; hint`, on one line.

    >>> headline(Problem("tree.yaml", 9, 5, "period", "'5 s' is not a duration", "write 5s"))
    "tree.yaml:9:5: period: '5 s' is not a duration; write 5s"
    """
    parts = [f"{_visible(problem.file)}:{problem.line}:{problem.column}"]
    if problem.severity == "warning":
        parts.append("warning")
    if problem.path:
        parts.append(_visible(problem.path))
    parts.append(_visible(problem.message))
    return ": ".join(parts) + (f"; {_visible(problem.hint)}" if problem.hint else "")


def excerpt(problem: Problem) -> tuple[str, str]:
    """The source line with its number, and a line with carets under the place.

    >>> print(*excerpt(Problem("t", 9, 9, "", "", source_line="period: 5 s", width=3)), sep="\\n")
       9 | period: 5 s
         |         ^^^
    """
    line, before = problem.source_line, problem.column - 1
    cut = max(0, before - _WIDEST // 2) if len(line) > _WIDEST else 0
    shown = line[cut : cut + _WIDEST]
    lead = line[cut:before]
    ellipsis = "…" if cut else ""
    marked = line[before : before + problem.width][: max(1, cut + _WIDEST - before)]
    carets = "^" * max(1, _columns(marked))
    number = f"{problem.line:>4}"
    after = "…" if cut + _WIDEST < len(line) else ""
    return (
        f"{number} | {ellipsis}{_visible(shown)}{after}",
        f"{' ' * len(number)} | {' ' * (len(ellipsis) + _columns(lead))}{carets}",
    )


def report(problems: Iterable[Problem]) -> str:
    """All problems, each a headline, its line and a caret."""
    blocks = []
    for problem in problems:
        lines = [headline(problem), *(excerpt(problem) if problem.source_line.strip() else ())]
        blocks.append("\n".join(lines) + "\n")
    return "".join(blocks)


def _visible(text: str) -> str:
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\t":
        return "→"
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
