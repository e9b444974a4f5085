"""Acts: keeps keys and values in a RocksDB directory; needs the extra `rocksdb`.

One process at a time holds the directory. What a method returned from outlives a `kill -9`; a power
cut may take the last of it, unless `synchronous` is `"full"`.

A record's key is its namespace, each part with its length before it, so that no two namespaces can
look alike, then the key. What a namespace holds is a record of its own, written in the same batch.

Source: RocksDB, "Write Ahead Log" and "Basic Operations: Atomic Updates".
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from rocksdict import AccessType, Options, Rdict, WriteBatch, WriteOptions

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.batches import Operation, Outcome
from airssys_wasm.components.storage.store import (
    QuotaExceeded,
    StoreUnavailable,
    Usage,
    size_of,
)

PAIR, USAGE = b"p", b"u"
FORMAT_KEY, FORMAT = b"format", b"airssys-wasm 1"

_USAGE = struct.Struct(">QQ")
_LENGTH = struct.Struct(">H")


class RocksDirectory:
    """A `Backend` in the directory `path`, which is made when it is not there."""

    def __init__(self, path: Path, *, synchronous: Literal["normal", "full"] = "normal") -> None:
        self._path = path
        self._writing = WriteOptions()
        self._writing.sync = synchronous == "full"
        self._database: Rdict | None = None

    def run(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        pairs = _Pairs(self._open(), self._writing)
        return [self._one(pairs, operation) for operation in operations]

    def close(self) -> None:
        if self._database is not None:
            database, self._database = self._database, None
            database.close()

    def _one(self, pairs: _Pairs, operation: Operation) -> Outcome:
        try:
            return operation(pairs), None
        except QuotaExceeded as error:
            return None, error
        except Exception as error:  # the binding has no class of its own for what the engine says
            return None, self._unavailable(error)

    def _open(self) -> Rdict:
        if self._database is not None:
            return self._database
        try:
            self._path.mkdir(mode=0o700, exist_ok=True)
            options = Options(raw_mode=True)
            options.create_if_missing(True)
            database = Rdict(str(self._path), options, access_type=AccessType.read_write())
        except Exception as error:
            raise self._unavailable(error) from error
        self._check(database)
        self._database = database
        return database

    def _check(self, database: Rdict) -> None:
        found = database.get(FORMAT_KEY)
        if found is None and next(iter(database.keys()), None) is None:
            database[FORMAT_KEY] = found = FORMAT
        if found != FORMAT:
            database.close()
            raise StoreUnavailable(f"{self._path} is a database of something else")

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        unavailable = StoreUnavailable(f"{self._path}: {error}")
        unavailable.__cause__ = error
        return unavailable


class _Pairs:
    def __init__(self, database: Rdict, writing: WriteOptions) -> None:
        self._database = database
        self._writing = writing

    def get(self, namespace: ComponentId, key: str) -> bytes | None:
        value: bytes | None = self._database.get(_record(namespace, key))
        return value

    def size(self, namespace: ComponentId, key: str) -> int | None:
        value = self.get(namespace, key)
        return None if value is None else size_of(key, value)

    def keys(self, namespace: ComponentId, prefix: str, limit: int, after: str | None) -> list[str]:
        space = _record(namespace, "")
        behind = None if after is None else space + after.encode()
        found: list[str] = []
        records = self._database.iter()
        records.seek(max(space + prefix.encode(), behind or b""))
        while records.valid() and len(found) < limit:
            name = records.key()
            if not name.startswith(space + prefix.encode()):
                break
            if name != behind:
                found.append(name[len(space) :].decode())
            records.next()
        return found

    def usage(self, namespace: ComponentId) -> Usage:
        found = self._database.get(USAGE + _prefix(namespace))
        return Usage(0, 0) if found is None else Usage(*_USAGE.unpack(found))

    def put(
        self, namespace: ComponentId, changes: Mapping[str, bytes | None], usage: Usage
    ) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in changes.items():
            if value is None:
                batch.delete(_record(namespace, key))
            else:
                batch.put(_record(namespace, key), value)
        batch.put(USAGE + _prefix(namespace), _USAGE.pack(usage.used, usage.keys))
        self._database.write(batch, self._writing)


def _prefix(namespace: ComponentId) -> bytes:
    parts = [part.encode() for part in namespace]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _record(namespace: ComponentId, key: str) -> bytes:
    return PAIR + _prefix(namespace) + key.encode()
