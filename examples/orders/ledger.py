"""Acts: writes what became of each order to SQLite, and knows when none is missing.

    pricing ── priced, rejected ──┐
    dead letters ── trapped ──────┼──► batch ──► orders.db
    reader ── not an order ───────┘

Rows are keyed by the line of the order, so an order that is priced twice,
because the reader was started again, is still one row.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from airssys_wasm import Actor, ComponentMessage, DeadLetter, Limit, Published, SupervisorRef, Trap
from airssys_wasm.kernel import Reply

BOOK = str(Path(__file__).with_name("orders.db"))
BATCH = 1_000  # rows; a transaction of that size takes some milliseconds
TICK = 0.5  # seconds between two looks at whether anything is missing

Row = dict[str, object]

COLUMNS = {
    "line": int,
    "order": str,
    "status": str,  # priced, rejected or trapped
    "price": int,
    "discount": int,
    "tax": int,
    "total": int,
    "instalment": int,
    "reason": str,  # of a rejected or trapped one
}


@dataclass(frozen=True, slots=True)
class NotAnOrder:
    """A line of the file that was not even sent to be priced."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class CatchUp:
    """A request, answered when the ledger has come to it. `read` orders were published so far."""

    read: int


@dataclass(frozen=True, slots=True)
class EndOfOrders:
    """A request, answered when each of the `read` orders is accounted for, or fails."""

    read: int


@dataclass(frozen=True, slots=True)
class _Tick:
    pass


class Unaccounted(Exception):
    """`missing` of the orders came neither back nor among the dead letters."""

    def __init__(self, read: int, missing: int) -> None:
        super().__init__(f"{missing} of {read} orders are unaccounted for")
        self.read = read
        self.missing = missing


class Ledger(Actor[object]):
    """Keeps the book of one run in the SQLite file `path`, which it begins anew.

    `patience` is how many seconds may pass without news before EndOfOrders fails; `supervisor`
    is the name of that of the pricing, which knows how often it was started again.
    """

    def __init__(
        self,
        path: str = BOOK,
        batch: int = BATCH,
        patience: float = 30.0,
        supervisor: str = "pricing-supervisor",
    ) -> None:
        self.path = path
        self.supervisor = supervisor
        self.batch = batch
        self.patience = patience
        self.rows: list[Row] = []  # not written yet
        self.in_book = 0  # orders, when they were counted last
        self.read = 0
        self.closing: Reply | None = None

    async def init(self) -> None:
        self.book = await self.context.offload(_new_book, self.path)
        self.context.system.dead_letters.subscribe(self.context.ref)
        self.context.send_every(TICK, self.context.ref, _Tick())
        self.started = self.heard = self.context.now()

    async def receive(self, message: object) -> object:
        match message:
            case ComponentMessage():
                await self._note(message.decode())
            case DeadLetter(
                message=Published(message=order), reason=Trap() | Limit() as reason, crashed=True
            ):
                await self._note(_trapped(order, reason))
            case DeadLetter():
                pass  # of other actors, or left in a mailbox when the run was stopped
            case NotAnOrder(line, reason):
                await self._note({"line": line, "status": "rejected", "reason": reason})
            case CatchUp(read):
                self.read = read
                self.context.system.progress(f"{read:,} orders read")
            case EndOfOrders(read):
                self.read = read
                self.heard = self.context.now()
                self.closing = reply = self.context.defer_reply()
                await self._close_if_complete()
                return reply
            case _Tick():
                await self._look()
            case _:
                return self.unhandled(message)
        return None

    async def terminate(self, reason: object) -> None:
        await self._write()
        self.book.close()

    async def _note(self, row: Row) -> None:
        self.rows.append(row)
        self.heard = self.context.now()
        if len(self.rows) >= self.batch:
            await self._write()
        if self.closing is not None and self.in_book + len(self.rows) >= self.read:
            await self._close_if_complete()

    async def _write(self) -> None:
        rows, self.rows = self.rows, []
        if rows:
            await self.context.offload(_write_rows, self.book, rows)

    async def _look(self) -> None:
        if self.closing is None:
            return
        await self._close_if_complete()
        if self.closing is not None and self.context.now() - self.heard > self.patience:
            closing, self.closing = self.closing, None
            closing.fail(Unaccounted(self.read, self.read - self.in_book))

    async def _close_if_complete(self) -> None:
        await self._write()
        counts = await self.context.offload(_counts, self.book)
        self.in_book = sum(counts.values())
        if self.closing is None or self.in_book < self.read:
            return
        closing, self.closing = self.closing, None
        seconds = self.context.now() - self.started
        trapped = await self.context.offload(_trapped_orders, self.book)
        self.context.system.report(
            "orders",
            {
                "read": self.read,
                "priced": counts.get("priced", 0),
                "rejected": counts.get("rejected", 0),
                "trapped": counts.get("trapped", 0),
                "restarts": await self._restarts(),
                "orders a second": self.read / seconds if seconds else 0.0,
            },
            details=trapped,
        )
        closing.send()

    async def _restarts(self) -> int:
        supervisor = SupervisorRef.of(self.context.system.named(self.supervisor))
        return (await supervisor.statistics()).restarts


def _trapped(order: Mapping[str, object], reason: Trap | Limit) -> Row:
    return {
        "line": order["line"],
        "order": str(order.get("order", "")),
        "status": "trapped",
        "reason": str(reason),
    }


# What follows runs on a thread, one call at a time: an actor handles one message after the other.


def _new_book(path: str) -> Database:
    try:
        connection = sqlite3.connect(path, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise OSError(f"the book {path}: {error}") from error
    book = Database(connection)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = normal")
    book.table("orders").drop(ignore=True)
    book.table("orders").create(COLUMNS, pk="line")
    return book


def _write_rows(book: Database, rows: list[Row]) -> None:
    book.table("orders").insert_all(rows, pk="line", replace=True, batch_size=len(rows))


def _counts(book: Database) -> dict[str, int]:
    return dict(book.execute("select status, count(*) from orders group by status").fetchall())


def _trapped_orders(book: Database) -> list[str]:
    rows = book.table("orders").rows_where("status = 'trapped'", order_by="line")
    return [f"line {row['line']}: order {row['order']}: {row['reason']}" for row in rows]
