"""Prints lines of cells, with colour only where the terminal has it, and values as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import IO, Any

from airssys_wasm.cli.branches import Cell, aligned


def print_rows(rows: Iterable[Sequence[Cell]], file: IO[str] | None = None) -> None:
    """Print the rows with their columns aligned."""
    print_lines(aligned(list(rows)), file)


def print_lines(lines: Iterable[Sequence[Cell]], file: IO[str] | None = None) -> None:
    """Print the cells of each line one after the other."""
    out = file if file is not None else sys.stdout
    if not out.isatty():
        for line in lines:
            out.write("".join(cell.branch + cell.text for cell in line).rstrip() + "\n")
        out.flush()
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, soft_wrap=True, highlight=False, markup=False, emoji=False)
    for line in lines:
        text = Text()
        for cell in line:
            text.append(cell.branch, style="dim")
            text.append(cell.text, style=cell.style)
        text.rstrip()
        console.print(text)


def print_json(value: Any) -> None:
    """Print the value as JSON that people can read as well."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=2)
    sys.stdout.write(text.decode() + "\n")
    sys.stdout.flush()
