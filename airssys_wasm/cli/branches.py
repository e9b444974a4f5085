"""Trees and tables as lines of text: the lines of a tree's branches, columns that are aligned.

Pure. A cell is a text and how it looks on a terminal with colours, in the words of rich.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of a line. `branch`, the lines of the tree that lead to it, is drawn dimly."""

    text: str
    style: str = ""
    branch: str = ""
    right: bool = False  # aligned to the right, as numbers are

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes."""
        return columns_of(self.branch) + columns_of(self.text)


def visible(text: str) -> str:
    """The text without anything that a terminal could take for a command.

    >>> visible("a\\x1b[2Jb")
    'a�[2Jb'
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def columns_of(text: str) -> int:
    """How many columns of a terminal the text takes."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))


def branches(
    root: T, children: Callable[[T], Sequence[T]], *, prefix: str = ""
) -> Iterator[tuple[str, str, T]]:
    """Each node below `root` in order, with the branches to it, and those that go on below it.

    >>> tree = {"a": ["b", "d"], "b": ["c"], "c": [], "d": []}
    >>> [branch + node for branch, _, node in branches("a", tree.__getitem__)]
    ['├─ b', '│  └─ c', '└─ d']
    """
    below = children(root)
    for number, child in enumerate(below):
        last = number + 1 == len(below)
        inner = prefix + ("   " if last else "│  ")
        yield prefix + ("└─ " if last else "├─ "), inner, child
        yield from branches(child, children, prefix=inner)


def aligned(rows: Sequence[Sequence[Cell]], gap: int = 2) -> Iterator[tuple[Cell, ...]]:
    """The rows with their cells as wide as their columns; the last of a row keeps its own width."""
    widths: list[int] = []
    for row in rows:
        for number, cell in enumerate(row):
            if number == len(widths):
                widths.append(0)
            if number + 1 < len(row):
                widths[number] = max(widths[number], cell.width)
    for row in rows:
        yield tuple(
            _padded(cell, widths[number], gap) if number + 1 < len(row) else cell
            for number, cell in enumerate(row)
        )


def _padded(cell: Cell, width: int, gap: int) -> Cell:
    left = " " * (width - cell.width)
    text = left + cell.text if cell.right else cell.text + left
    return Cell(text + " " * gap, cell.style, cell.branch)
