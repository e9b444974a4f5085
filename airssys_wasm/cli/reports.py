"""What is printed after a run: the reports that actors left, and why the root gave up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from airssys_wasm.application import Report

_MOST_DETAILS = 1_000


def value_text(value: object) -> str:
    """A value of a report for people.

    >>> value_text(200000), value_text(12345.678), value_text(0.5), value_text("x")
    ('200,000', '12,345.7', '0.5', 'x')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return visible(str(value))
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 1):,}"


def visible(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def plain(report: Report) -> str:
    """The report as aligned text, for files and pipes."""
    rows = [(visible(label), value_text(value)) for label, value in report.rows]
    left = max((len(label) for label, _ in rows), default=0)
    right = max((len(value) for _, value in rows), default=0)
    lines = [visible(report.title), *(f"  {a:<{left}}  {b:>{right}}" for a, b in rows)]
    return "\n".join([*lines, *_details(report)]) + "\n"


def show(reports: Sequence[Report], file: IO[str]) -> None:
    """Print the reports: as tables on a terminal, else as plain text."""
    if not file.isatty():
        for report in reports:
            file.write(plain(report))
        file.flush()
        return
    from rich.console import Console

    console = Console(file=file, highlight=False)
    for report in reports:
        _show_table(console, report)


def _show_table(console: Console, report: Report) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = Text(visible(report.title), style="bold")
    table = Table(title=title, box=box.SIMPLE, show_header=False, title_justify="left")
    table.add_column(style="cyan")
    table.add_column(justify="right", style="bold")
    for label, value in report.rows:
        table.add_row(Text(visible(label)), Text(value_text(value)))
    console.print(table)
    for line in _details(report):
        console.print(Text(line, style="dim"))


def _details(report: Report) -> list[str]:
    lines = [f"  {visible(line)}" for line in report.details[:_MOST_DETAILS]]
    more = len(report.details) - _MOST_DETAILS
    return [*lines, f"  … and {more:,} more"] if more > 0 else lines


def chain_text(chain: Sequence[object]) -> str:
    """Why the system failed: each cause below the one that it led to.

    >>> print(chain_text(["root gave up", "job ended with: boom"]), end="")
    the system failed:
      root gave up
        because job ended with: boom
    """
    lines = ["the system failed:"]
    for depth, cause in enumerate(chain):
        lead = "because " if depth else ""
        lines.append(f"{'  ' * (depth + 1)}{lead}{visible(str(cause))}")
    return "\n".join(lines) + "\n"
