"""All tables of planted faults, by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from tests.planted import (
    links,
    mailboxes,
    names,
    scheduler,
    storms,
    supervision_actor,
    supervision_dynamic,
    supervision_rules,
    supervision_tree,
    timers,
)
from tests.planted.fault import Fault, Table

TABLES: Mapping[str, Table] = {
    "mailboxes": mailboxes.TABLE,
    "scheduler": scheduler.TABLE,
    "links": links.TABLE,
    "timers": timers.TABLE,
    "names": names.TABLE,
    "storms": storms.TABLE,
    "supervision-tree": supervision_tree.TABLE,
    "supervision-rules": supervision_rules.TABLE,
    "supervision-dynamic": supervision_dynamic.TABLE,
    "supervision-actor": supervision_actor.TABLE,
}


def chosen(patterns: Sequence[str]) -> Iterator[tuple[Table, Fault]]:
    """The faults whose name or table one of `patterns` fits; all without patterns."""
    for name, table in TABLES.items():
        for fault in table.faults:
            if not patterns or any(
                fnmatchcase(name, pattern) or fnmatchcase(fault.name, pattern)
                for pattern in patterns
            ):
                yield table, fault
