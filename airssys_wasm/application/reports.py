"""What actors leave behind for the person who ran them: tables, and a word on how far they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Report:
    """A table of labels and values under a title, and lines below it."""

    title: str
    rows: tuple[tuple[str, object], ...]
    details: tuple[str, ...] = ()

    @classmethod
    def of(cls, title: str, rows: Mapping[str, object], details: Iterable[str] = ()) -> Report:
        """A report from a mapping, whose order is kept."""
        return cls(title, tuple(rows.items()), tuple(details))
