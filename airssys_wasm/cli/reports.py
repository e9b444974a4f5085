"""What is printed after a run: the reports that actors left, and why the root gave up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from airssys_wasm.cli.application import Report

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MOST_DETAILS = 50


def value_text(value: object) -> str:
    """A value of a report for people.

    >>> value_text(200000), value_text(12345.678), value_text(0.5), value_text("x")
    ('200,000', '12,345.7', '0.5', 'x')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 1):,}"


def plain(report: Report) -> str:
    """The report as aligned text, for files and pipes."""
    lines = [report.title]
    width = max((len(label) for label in report.rows), default=0)
    values = {label: value_text(value) for label, value in report.rows.items()}
    wide = max((len(value) for value in values.values()), default=0)
    lines += [f"  {label:<{width}}  {value:>{wide}}" for label, value in values.items()]
    if report.details:
        heads, body = _columns(report.details)
        widths = [max(len(row[n]) for row in (heads, *body)) for n in range(len(heads))]
        for row in (heads, *body):
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            lines.append(("  " + "  ".join(cells)).rstrip())
        lines += _left_out(report.details)
    return "\n".join(lines) + "\n"


def show(reports: Sequence[Report], file: IO[str]) -> None:
    """Print the reports: as tables on a terminal, else as plain text."""
    if not file.isatty():
        for report in reports:
            file.write(plain(report))
        return
    from rich.console import Console

    console = Console(file=file, highlight=False)
    for report in reports:
        _show_table(console, report)


def _show_table(console: Console, report: Report) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(report.title), box=box.SIMPLE, show_header=False, title_justify="left")
    table.add_column(style="cyan")
    table.add_column(justify="right", style="bold")
    for label, value in report.rows.items():
        table.add_row(Text(label), Text(value_text(value)))
    console.print(table)
    if report.details:
        console.print(_detail_table(report.details))
        for line in _left_out(report.details):
            console.print(line, style="dim")


def _detail_table(details: Sequence[Mapping[str, object]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    heads, body = _columns(details)
    table = Table(box=box.SIMPLE)
    for head in heads:
        table.add_column(Text(head))
    for row in body:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _columns(details: Sequence[Mapping[str, object]]) -> tuple[list[str], list[list[str]]]:
    shown = details[:_MOST_DETAILS]
    heads = list(dict.fromkeys(label for row in shown for label in row))
    return heads, [[value_text(row.get(head, "")) for head in heads] for row in shown]


def _left_out(details: Sequence[object]) -> list[str]:
    more = len(details) - _MOST_DETAILS
    return [f"  … and {more:,} more"] if more > 0 else []


def chain_text(reason: object, chain: Sequence[object]) -> str:
    """Why the root gave up: each cause below the one that it led to.

    >>> print(chain_text("shutdown", ["root gave up", "job ended with: boom"]), end="")
    the root gave up:
      root gave up
        because job ended with: boom
    """
    if not chain:
        return f"the root ended with: {value_text(reason)}\n"
    lines = ["the root gave up:"]
    for depth, cause in enumerate(chain):
        lead = "because " if depth else ""
        lines.append(f"{'  ' * (depth + 1)}{lead}{value_text(cause)}")
    return "\n".join(lines) + "\n"
