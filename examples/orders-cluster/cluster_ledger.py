"""Acts: writes what became of each order to SQLite, and knows when none is missing.

A row is in the file before its message is acknowledged, and is keyed by the line of the order: one
that comes twice is still one row. Orders that no worker could price are the dead letters of the
workers' mailboxes, which the server keeps.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from airssys_wasm import Actor, ComponentMessage
from airssys_wasm.kernel import Reply

TICK = 0.25  # seconds between two looks at whether anything is missing
MOST_DEAD = 1_000

Row = tuple[int, str, str, str, str]  # line, status, reason, worker, node

TABLE = """create table if not exists orders
    (line integer primary key, status text, reason text, worker text, node text)"""
WHO = """select node, worker, count(*) from orders where status <> 'trapped'
    group by node, worker order by node, worker"""


class Ledger(Actor[object]):
    """Keeps the book in the SQLite file `path`; `workers` have the orders."""

    def __init__(self, path: str, workers: Sequence[str]) -> None:
        self.path = path
        self.workers = list(workers)
        self.read = 0
        self.closing: Reply | None = None

    async def init(self) -> None:
        self.book = await self.context.offload(_open, self.path)
        self.mailbox = self.context.system.durable("ledger")
        self.started = self.context.now()
        self.context.send_every(TICK, self.context.ref, "tick")

    async def receive(self, message: object) -> object:
        match message:
            case ComponentMessage():
                await self.context.offload(_write, self.book, [self._row(message)])
            case ("end", int(read)):
                self.read = read
                self.closing = self.context.defer_reply()
                return self.closing
            case "tick":
                if self.closing is not None:
                    await self._close_if_complete(self.closing)
            case _:
                return self.unhandled(message)
        return None

    async def terminate(self, reason: object) -> None:
        self.book.close()

    def _row(self, message: ComponentMessage) -> Row:
        told: dict[str, Any] = message.decode()
        delivery = self.mailbox.delivery  # its id begins with the node that sent it
        node = delivery.id.partition(".")[0] if delivery is not None else ""
        return told["line"], told["status"], told.get("reason", ""), message.sender.name, node

    async def _close_if_complete(self, closing: Reply) -> None:
        trapped: list[Row] = []
        for worker in self.workers:
            for letter in await self.context.system.durable(worker).dead_letters(MOST_DEAD):
                order: Any = letter.message
                trapped.append((order["line"], "trapped", letter.reason, worker, ""))
        await self.context.offload(_write, self.book, trapped)
        counts = await self.context.offload(_counts, self.book)
        self.context.system.progress(f"{sum(counts.values()):,} of {self.read:,} orders")
        if sum(counts.values()) < self.read or self.closing is None:
            return
        self.closing = None
        seconds = self.context.now() - self.started
        who = await self.context.offload(lambda: self.book.execute(WHO).fetchall())
        self.context.system.report(
            "orders",
            {
                "read": self.read,
                "priced": counts.get("priced", 0),
                "rejected": counts.get("rejected", 0),
                "trapped": counts.get("trapped", 0),
                **{f"{worker} on {node}": count for node, worker, count in who},
                "orders a second": self.read / seconds if seconds else 0.0,
            },
            details=[f"line {line}: {reason}" for line, _, reason, _, _ in sorted(trapped)],
        )
        closing.send()
        self.context.system.stop()


# What follows runs on a thread, one call at a time: an actor handles one message after the other.


def _open(path: str) -> sqlite3.Connection:
    book = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    book.execute("pragma journal_mode = wal")
    book.execute("pragma synchronous = normal")  # a killed process loses nothing
    book.execute(TABLE)
    return book


def _write(book: sqlite3.Connection, rows: Sequence[Row]) -> None:
    book.executemany("insert or replace into orders values (?, ?, ?, ?, ?)", rows)


def _counts(book: sqlite3.Connection) -> dict[str, int]:
    return dict(book.execute("select status, count(*) from orders group by status").fetchall())
