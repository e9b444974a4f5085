"""Acts: keeps keys and values in a RocksDB directory; needs the extra `rocksdb`.

One process at a time holds the directory. What a method returned from outlives a `kill -9`; a power
cut may take the last of it, unless `synchronous` is `"full"`.

A record's key is its namespace, each part with its length before it, so that no two namespaces can
look alike, then the key. What a namespace holds is a record of its own, written in the same batch.

Source: RocksDB, "Write Ahead Log" and "Basic Operations: Atomic Updates".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rocksdict import AccessType, Options, Rdict, WriteBatch, WriteOptions

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.batches import Batches, Offload, Operation, Outcome
from airssys_wasm.components.storage.store import (
    Change,
    QuotaExceeded,
    StoreUnavailable,
    Usage,
    size_of,
)

PAIR, USAGE = b"p", b"u"
FORMAT_KEY, FORMAT = b"format", b"airssys-wasm 1"

_USAGE = struct.Struct(">QQ")
_LENGTH = struct.Struct(">H")


class RocksStore:
    """A `KeyValueStore` in the directory `path`, which is made when it is first used.

    `offload` runs blocking code aside. Every method raises StoreUnavailable when the directory
    can't be opened, belongs to another process, or can't be read or written.
    """

    def __init__(
        self,
        path: Path,
        offload: Offload,
        *,
        synchronous: Literal["normal", "full"] = "normal",
    ) -> None:
        self._path = path
        self._writing = WriteOptions()
        self._writing.sync = synchronous == "full"
        self._database: Rdict | None = None
        self._offload = offload
        self._batches = Batches(self._run, offload)

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        name = _pair(namespace, key)
        value: bytes | None = await self._batches.do(lambda db: db.get(name))
        return value

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> None:
        await self.write(namespace, ((key, value),), quota)

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> None:
        changes = [(key, None if value is None else bytes(value)) for key, value in changes]
        await self._batches.do(lambda db: self._write(db, namespace, changes, quota))

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        gone: bool = await self._batches.do(lambda db: self._delete(db, namespace, key))
        return gone

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        return await self.get(namespace, key) is not None

    async def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None = None
    ) -> list[str]:
        found: list[str] = await self._batches.do(
            lambda db: _keys(db, namespace, prefix, limit, after)
        )
        return found

    async def usage(self, namespace: ComponentId) -> Usage:
        usage: Usage = await self._batches.do(lambda db: _usage(db, namespace))
        return usage

    async def close(self) -> None:
        """Wait for what is under way, then give the directory back."""
        await self._batches.close()
        if self._database is not None:
            database, self._database = self._database, None
            await self._offload(database.close)

    # --- off the loop

    def _run(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        database = self._open()
        return [self._one(database, operation) for operation in operations]

    def _one(self, database: Rdict, operation: Operation) -> Outcome:
        try:
            return operation(database), None
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

    def _delete(self, database: Rdict, namespace: ComponentId, key: str) -> bool:
        if database.get(_pair(namespace, key)) is None:
            return False
        self._write(database, namespace, ((key, None),), 0)
        return True

    def _write(
        self, database: Rdict, namespace: ComponentId, changes: Sequence[Change], quota: int
    ) -> None:
        usage = _usage(database, namespace)
        used, keys = usage.used, usage.keys
        batch = WriteBatch(raw_mode=True)
        for key, value in dict(changes).items():  # of two changes to one key the later one holds
            name = _pair(namespace, key)
            old = database.get(name)
            used += (0 if value is None else size_of(key, value)) - (
                0 if old is None else size_of(key, old)
            )
            keys += (value is not None) - (old is not None)
            if value is None:
                batch.delete(name)
            else:
                batch.put(name, value)
        if used > quota and used > usage.used:
            raise QuotaExceeded(namespace, quota, used)
        batch.put(USAGE + _prefix(namespace), _USAGE.pack(used, keys))
        database.write(batch, self._writing)


def _prefix(namespace: ComponentId) -> bytes:
    parts = [part.encode() for part in namespace]
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _pair(namespace: ComponentId, key: str) -> bytes:
    return PAIR + _prefix(namespace) + key.encode()


def _usage(database: Rdict, namespace: ComponentId) -> Usage:
    found = database.get(USAGE + _prefix(namespace))
    return Usage(0, 0) if found is None else Usage(*_USAGE.unpack(found))


def _keys(
    database: Rdict, namespace: ComponentId, prefix: str, limit: int, after: str | None
) -> list[str]:
    space = _pair(namespace, "")
    behind = None if after is None else space + after.encode()
    found: list[str] = []
    records = database.iter()
    records.seek(max(space + prefix.encode(), behind or b""))
    while records.valid() and len(found) < limit:
        name = records.key()
        if not name.startswith(space + prefix.encode()):
            break
        if name != behind:
            found.append(name[len(space) :].decode())
        records.next()
    return found
