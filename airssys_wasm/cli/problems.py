"""Problems of a file, printed for people: colour only where the terminal has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import IO

from airssys_wasm.schema import Problem, excerpt, headline

_MOST_SHOWN = 100


def as_errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems with every warning made an error."""
    return tuple(dataclasses.replace(problem, severity="error") for problem in problems)


def count(problems: Sequence[Problem]) -> str:
    """How many there are of each kind.

    >>> count([Problem("t.yaml", 1, 1, "", "wrong")])
    '1 error'
    """
    errors = sum(problem.severity == "error" for problem in problems)
    counts = ((errors, "error"), (len(problems) - errors, "warning"))
    return ", ".join(f"{n} {noun}{'s' * (n != 1)}" for n, noun in counts if n)


def show(problems: Sequence[Problem], file: IO[str]) -> None:
    """Print each problem with its line, and how many there are."""
    if not problems:
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, soft_wrap=True, highlight=False)
    for problem in problems[:_MOST_SHOWN]:
        colour = "red" if problem.severity == "error" else "yellow"
        line = Text(headline(problem))
        place = f"{problem.file}:{problem.line}:{problem.column}:"
        line.stylize("bold", 0, len(place))
        console.print(line)
        if problem.source_line.strip():
            code, carets = excerpt(problem)
            console.print(Text(code, style="dim"))
            console.print(Text(carets, style=colour))
    if len(problems) > _MOST_SHOWN:
        console.print(f"… and {len(problems) - _MOST_SHOWN} more")
    console.print(count(problems), style="bold")
