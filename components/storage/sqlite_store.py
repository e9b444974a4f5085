"""Acts: keeps keys and values in a SQLite file, through sqlite-utils.

The file outlives the process: what `set`, `delete` or `write` returned from is there after a
`kill -9` at any instant, and nothing is torn, since each batch of operations is one transaction in
write-ahead logging. A power cut may take the last of them, unless `synchronous` is `"full"`.
Several processes may use one file; each quota is checked in the transaction that writes.

Source: SQLite, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from sqlite_utils import Database

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.batches import Batches, Offload, Operation, Outcome
from airssys_wasm.components.storage.store import (
    Change,
    QuotaExceeded,
    StoreUnavailable,
    Usage,
    size_of,
)

APPLICATION_ID = 0x61697273  # "airs", where SQLite keeps whose file it is
FORMAT = 1
BUSY = 5.0  # seconds to wait for another process that writes

_SPACE = "SELECT id, used, keys FROM spaces WHERE namespace = ? AND name = ? AND instance = ?"


class SqliteStore:
    """A `KeyValueStore` in the file `path`, made for its owner alone when it is first used.

    `offload` runs blocking code aside. Every method raises StoreUnavailable when the file can't be
    opened, is no store, or can't be read or written; what failed changed nothing.
    """

    def __init__(
        self,
        path: Path,
        offload: Offload,
        *,
        synchronous: Literal["normal", "full"] = "normal",
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._database: Database | None = None
        self._offload = offload
        self._batches = Batches(self._run, offload)

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        value: bytes | None = await self._batches.do(lambda db: _get(db, namespace, key))
        return value

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> None:
        await self.write(namespace, ((key, value),), quota)

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> None:
        changes = [(key, None if value is None else bytes(value)) for key, value in changes]
        await self._batches.do(lambda db: _write(db, namespace, changes, quota))

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        gone: bool = await self._batches.do(lambda db: _delete(db, namespace, key))
        return gone

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        found: bool = await self._batches.do(lambda db: _exists(db, namespace, key))
        return found

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
        """Wait for what is under way, then close the file."""
        await self._batches.close()
        if self._database is not None:
            database, self._database = self._database, None
            await self._offload(database.close)

    # --- off the loop

    def _run(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        connection = self._connection()
        try:
            return self._transaction(connection, operations)
        except sqlite3.Error as error:
            if len(operations) == 1:
                return [(None, self._unavailable(error))]
        # One of them can't be done, and it shall be the only one: each on its own.
        return [self._alone(connection, operation) for operation in operations]

    def _alone(self, connection: sqlite3.Connection, operation: Operation) -> Outcome:
        try:
            return self._transaction(connection, (operation,))[0]
        except sqlite3.Error as error:
            return None, self._unavailable(error)

    def _transaction(
        self, connection: sqlite3.Connection, operations: Sequence[Operation]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        connection.execute("BEGIN IMMEDIATE")
        try:
            for operation in operations:
                try:
                    outcomes.append((operation(connection), None))
                except QuotaExceeded as error:  # raised before anything was written
                    outcomes.append((None, error))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _connection(self) -> sqlite3.Connection:
        database = self._database
        if database is None:
            try:
                database = self._database = self._open()
            except (sqlite3.Error, OSError) as error:
                raise self._unavailable(error) from error
        connection: sqlite3.Connection = database.conn
        return connection

    def _open(self) -> Database:
        # Made here and not by SQLite, so that nobody else can read it for even a moment.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            self._path, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            database = Database(connection, recursive_triggers=False)
            self._claim(database)
            database.enable_wal()
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            _make_tables(database)
        except BaseException:
            connection.close()
            raise
        return database

    def _claim(self, database: Database) -> None:
        """Say whose file it is, unless it says so already. Two processes may begin at once."""
        connection: sqlite3.Connection = database.conn
        connection.execute("BEGIN IMMEDIATE")
        application, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if application == 0 and not database.table_names():
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
        elif application != APPLICATION_ID:
            raise StoreUnavailable(f"{self._path} is a database of something else")
        elif version != FORMAT:
            raise StoreUnavailable(f"{self._path} has format {version}, and not {FORMAT}")
        connection.execute("COMMIT")

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        unavailable = StoreUnavailable(f"{self._path}: {reason}")
        unavailable.__cause__ = error
        return unavailable


def _make_tables(database: Database) -> None:
    database.table("spaces").create(
        {"id": int, "namespace": str, "name": str, "instance": str, "used": int, "keys": int},
        pk="id",
        not_null={"namespace", "name", "instance", "used", "keys"},
        if_not_exists=True,
    )
    database.table("spaces").create_index(
        ["namespace", "name", "instance"], unique=True, if_not_exists=True
    )
    database.table("pairs").create(
        {"space": int, "key": str, "value": bytes},
        pk=("space", "key"),
        not_null={"space", "key", "value"},
        if_not_exists=True,
    )


# --- operations: they run inside a transaction


def _space(db: sqlite3.Connection, namespace: ComponentId) -> tuple[int, int, int] | None:
    found: tuple[int, int, int] | None = db.execute(_SPACE, tuple(namespace)).fetchone()
    return found


def _get(db: sqlite3.Connection, namespace: ComponentId, key: str) -> bytes | None:
    space = _space(db, namespace)
    return None if space is None else _value(db, space[0], key)


def _value(db: sqlite3.Connection, space: int, key: str) -> bytes | None:
    row = db.execute("SELECT value FROM pairs WHERE space = ? AND key = ?", (space, key)).fetchone()
    return None if row is None else row[0]


def _size(db: sqlite3.Connection, space: int, key: str) -> int | None:
    """What the pair counts; None when it is not there."""
    row = db.execute(
        "SELECT length(value) FROM pairs WHERE space = ? AND key = ?", (space, key)
    ).fetchone()
    return None if row is None else len(key.encode()) + row[0]


def _exists(db: sqlite3.Connection, namespace: ComponentId, key: str) -> bool:
    space = _space(db, namespace)
    return space is not None and _size(db, space[0], key) is not None


def _usage(db: sqlite3.Connection, namespace: ComponentId) -> Usage:
    space = _space(db, namespace)
    return Usage(0, 0) if space is None else Usage(space[1], space[2])


def _delete(db: sqlite3.Connection, namespace: ComponentId, key: str) -> bool:
    if not _exists(db, namespace, key):
        return False
    _write(db, namespace, ((key, None),), 0)
    return True


def _write(
    db: sqlite3.Connection, namespace: ComponentId, changes: Sequence[Change], quota: int
) -> None:
    space, used, keys = _space(db, namespace) or (None, 0, 0)
    last = dict(changes)  # of two changes to one key the later one holds
    before = {key: None if space is None else _size(db, space, key) for key in last}
    wanted = used
    for key, value in last.items():
        wanted += (0 if value is None else size_of(key, value)) - (before[key] or 0)
        keys += (value is not None) - (before[key] is not None)
    if wanted > quota and wanted > used:
        raise QuotaExceeded(namespace, quota, wanted)
    if space is None:
        if keys == 0:
            return
        space = db.execute(
            "INSERT INTO spaces (namespace, name, instance, used, keys) VALUES (?, ?, ?, 0, 0)",
            tuple(namespace),
        ).lastrowid
    for key, value in last.items():
        if value is None:
            db.execute("DELETE FROM pairs WHERE space = ? AND key = ?", (space, key))
        else:
            db.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", (space, key, value))
    db.execute("UPDATE spaces SET used = ?, keys = ? WHERE id = ?", (wanted, keys, space))


def _keys(
    db: sqlite3.Connection, namespace: ComponentId, prefix: str, limit: int, after: str | None
) -> list[str]:
    space = _space(db, namespace)
    if space is None:
        return []
    # SQLite compares text by its UTF-8 bytes, which is the order of code points.
    rows: Any = db.execute(
        "SELECT key FROM pairs WHERE space = ? AND key >= ? AND key > ? ORDER BY key LIMIT ?",
        (space[0], prefix, "" if after is None else after, limit),
    )
    found = []
    for (key,) in rows:
        if not key.startswith(prefix):
            break
        found.append(key)
    return found
