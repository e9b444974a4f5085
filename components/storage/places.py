"""Where the key-value spaces of a system are kept.

Pure: a place says where; `opening.py` makes the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

Synchronous = Literal["normal", "full"]


@dataclass(frozen=True, slots=True)
class InMemory:
    """For as long as the system runs."""


@dataclass(frozen=True, slots=True)
class InSqlite:
    """A SQLite file. With `synchronous` `"full"` what was acknowledged outlives a power cut, too,
    and each batch of writes waits for the disk."""

    path: Path
    synchronous: Synchronous = "normal"


@dataclass(frozen=True, slots=True)
class InRocks:
    """A RocksDB directory, of one process at a time; needs the extra `rocksdb`."""

    path: Path
    synchronous: Synchronous = "normal"


StoragePlace: TypeAlias = InMemory | InSqlite | InRocks


def moved(place: StoragePlace, directory: Path) -> StoragePlace:
    """The same kind of place, in `directory`.

    >>> moved(InSqlite(Path("/srv/shop.db")), Path("/tmp/run")).path.as_posix()
    '/tmp/run/shop.db'
    """
    if isinstance(place, InMemory):
        return place
    return replace(place, path=directory / place.path.name)
