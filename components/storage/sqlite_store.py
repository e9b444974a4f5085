"""Acts: keeps keys and values in a SQLite file.

What a method returned from outlives a `kill -9`: each batch of operations is one transaction in
write-ahead logging. A power cut may take the last of them, unless `synchronous` is `"full"`.
Several processes may use one file; each quota is checked in the transaction that writes.

Source: SQLite, "Write-Ahead Logging", "PRAGMA synchronous" and "How To Corrupt An SQLite Database
File" (2.2, of POSIX locks).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from sqlite_utils import Database

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.batches import Operation, Outcome
from airssys_wasm.components.storage.store import QuotaExceeded, StoreUnavailable, Usage

APPLICATION_ID = 0x61697273  # "airs", where SQLite keeps whose file it is
FORMAT = 1
BUSY = 5.0  # seconds to wait for another process that writes

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_SPACE = "FROM spaces WHERE namespace = ? AND name = ? AND instance = ?"
_OF_SPACE = f"FROM pairs WHERE space = (SELECT id {_SPACE})"


class SqliteFile:
    """A `Backend` in the file `path`, which is made for its owner alone."""

    def __init__(self, path: Path, *, synchronous: Literal["normal", "full"] = "normal") -> None:
        self._path = path
        self._synchronous = synchronous
        self._database: Database | None = None

    def run(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        connection = self._connection()
        try:
            return _transaction(connection, operations)
        except sqlite3.Error as error:
            if len(operations) == 1:
                return [(None, self._unavailable(error))]
        # One of them can't be done, and it shall be the only one: each on its own.
        return [self._alone(connection, operation) for operation in operations]

    def close(self) -> None:
        if self._database is not None:
            database, self._database = self._database, None
            database.close()

    def _alone(self, connection: sqlite3.Connection, operation: Operation) -> Outcome:
        try:
            return _transaction(connection, (operation,))[0]
        except sqlite3.Error as error:
            return None, self._unavailable(error)

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
        with _one_at_a_time(self._path.parent):
            # Made here and not by SQLite, so that nobody else can read it for even a moment. Only
            # if it is new: to close a file takes from this process all locks that it has on it.
            with suppress(FileExistsError):
                os.close(os.open(self._path, _NEW, 0o600))
            return self._open_file()

    def _open_file(self) -> Database:
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


@contextmanager
def _one_at_a_time(directory: Path) -> Iterator[None]:
    """No other store, of this process or another, begins with a file of `directory` meanwhile.

    SQLite tells some of those who turn to write-ahead logging at once that the file is locked,
    without a wait, however long they would.
    """
    held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)  # and the lock ends with it


def _transaction(connection: sqlite3.Connection, operations: Sequence[Operation]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    pairs = _Pairs(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for operation in operations:
            try:
                outcomes.append((operation(pairs), None))
            except QuotaExceeded as error:  # raised before anything was written
                outcomes.append((None, error))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


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


class _Pairs:
    """The pairs as one transaction sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, namespace: ComponentId, key: str) -> bytes | None:
        row = self._row(f"SELECT value {_OF_SPACE} AND key = ?", *namespace, key)
        return None if row is None else row[0]

    def size(self, namespace: ComponentId, key: str) -> int | None:
        row = self._row(f"SELECT length(value) {_OF_SPACE} AND key = ?", *namespace, key)
        return None if row is None else len(key.encode()) + row[0]

    def keys(self, namespace: ComponentId, prefix: str, limit: int, after: str | None) -> list[str]:
        # SQLite compares text by its UTF-8 bytes, which is the order of code points.
        rows: Any = self._connection.execute(
            f"SELECT key {_OF_SPACE} AND key >= ? AND key > ? ORDER BY key LIMIT ?",
            (*namespace, prefix, after or "", limit),
        )
        found = []
        for (key,) in rows:
            if not key.startswith(prefix):
                break
            found.append(key)
        return found

    def usage(self, namespace: ComponentId) -> Usage:
        row = self._row(f"SELECT used, keys {_SPACE}", *namespace)
        return Usage(0, 0) if row is None else Usage(*row)

    def put(
        self, namespace: ComponentId, changes: Mapping[str, bytes | None], usage: Usage
    ) -> None:
        space = self._space(namespace)
        execute = self._connection.execute
        for key, value in changes.items():
            if value is None:
                execute("DELETE FROM pairs WHERE space = ? AND key = ?", (space, key))
            else:
                execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", (space, key, value))
        execute(
            "UPDATE spaces SET used = ?, keys = ? WHERE id = ?", (usage.used, usage.keys, space)
        )

    def _space(self, namespace: ComponentId) -> int:
        row = self._row(f"SELECT id {_SPACE}", *namespace)
        if row is not None:
            return int(row[0])
        made = self._connection.execute(
            "INSERT INTO spaces (namespace, name, instance, used, keys) VALUES (?, ?, ?, 0, 0)",
            tuple(namespace),
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _row(self, query: str, *values: object) -> Any:
        return self._connection.execute(query, values).fetchone()
