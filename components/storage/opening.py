"""Acts: makes the store for a place. No file is touched before the store is first used."""

from __future__ import annotations

from typing import assert_never

from airssys_wasm.components.storage.batches import Offload
from airssys_wasm.components.storage.memory_store import MemoryStore
from airssys_wasm.components.storage.places import InMemory, InRocks, InSqlite, StoragePlace
from airssys_wasm.components.storage.store import KeyValueStore, StoreUnavailable


def open_store(place: StoragePlace, offload: Offload) -> KeyValueStore:
    """The store of `place`; `offload` runs blocking code aside.

    Raises StoreUnavailable when what the place needs is not installed.
    """
    match place:
        case InMemory():
            return MemoryStore()
        case InSqlite(path, synchronous):
            from airssys_wasm.components.storage.disk_store import DiskStore
            from airssys_wasm.components.storage.sqlite_store import SqliteFile

            return DiskStore(SqliteFile(path, synchronous=synchronous), offload)
        case InRocks(path, synchronous):
            from airssys_wasm.components.storage.disk_store import DiskStore

            try:
                from airssys_wasm.components.storage.rocks_store import RocksDirectory
            except ImportError as error:
                why = "a RocksDB store needs: pip install 'airssys-wasm[rocksdb]'"
                raise StoreUnavailable(why) from error
            return DiskStore(RocksDirectory(path, synchronous=synchronous), offload)
        case _:
            assert_never(place)
