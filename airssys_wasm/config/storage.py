"""Where a tree keeps what its components store.

Pure. The keys of a tree file are the fields of these dataclasses, as in `tree.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.components.storage.places import InMemory, InRocks, InSqlite, StoragePlace
from airssys_wasm.schema import KindByKey, Verbatim

DEFAULT_FILE = "storage.db"  # beside the tree file

Synchronous: TypeAlias = Annotated[Literal["normal", "full"], Verbatim()]


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteStorage:
    """Storage in a SQLite file.

    - `sqlite`: the path of the file, from the directory of the tree file.
    - `synchronous`: `full`: what was acknowledged outlives a power cut, too; writes wait for the
      disk.
    """

    __noun__: ClassVar[str] = "a SQLite storage"

    sqlite: Path
    synchronous: Synchronous = "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class RocksStorage:
    """Storage in a RocksDB directory, which one system at a time can use.

    - `rocksdb`: the path of the directory, from the directory of the tree file.
    - `synchronous`: `full`: what was acknowledged outlives a power cut, too; writes wait for the
      disk.
    """

    __noun__: ClassVar[str] = "a RocksDB storage"

    rocksdb: Path
    synchronous: Synchronous = "normal"


StorageSetting: TypeAlias = Annotated[
    Literal["default", "memory"] | SqliteStorage | RocksStorage,
    KindByKey(("sqlite", "rocksdb"), "a storage"),
]


def storage_place(setting: StorageSetting, directory: Path) -> StoragePlace:
    """The place that a tree file in `directory` means.

    >>> storage_place("memory", Path("shop"))
    InMemory()
    """
    match setting:
        case "memory":
            return InMemory()
        case SqliteStorage(sqlite=path, synchronous=synchronous):
            return InSqlite(path, synchronous)
        case RocksStorage(rocksdb=path, synchronous=synchronous):
            return InRocks(path, synchronous)
        case _:
            return InSqlite(directory / DEFAULT_FILE)
