"""examples/orders: reader and ledger, around a pricing in Python that keeps the same contract."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from ledger import Ledger, Unaccounted
from order_lines import BadLine
from reader import read_orders

from airssys_wasm import (
    Actor,
    ActorRef,
    ActorSystem,
    ChildSpec,
    ComponentMessage,
    Error,
    GaveUp,
    Mailbox,
    Published,
    Supervisor,
    SystemFailed,
    Trap,
)
from airssys_wasm.application import Report
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.message import MessageMetadata
from airssys_wasm.kernel import ExitActor

Order = dict[str, object]


class Pricing(Actor[Published]):
    """Prices what has a quantity, rejects what has none, traps at 0 and forgets at -1."""

    def receive(self, message: Published) -> None:
        order = message.message
        result = {"line": order["line"], "status": "priced", "total": order.get("quantity")}
        match order.get("quantity"):
            case 0:
                raise ExitActor(Trap("division by zero", "integer divide by zero"))
            case -1:
                return
            case None:
                result |= {"status": "rejected", "reason": "quantity is missing"}
        self.context.system.named("ledger").send(
            ComponentMessage(
                ComponentId("", "pricing", ""),
                json.dumps(result).encode(),
                MessageMetadata(content_type="application/json"),
            )
        )


class Made:
    """A behaviour made by a function, for each incarnation anew."""

    def __init__(self, make: Callable[[], Actor[Any]]) -> None:
        self.incarnate = make


def tree(lines: Path, book: Path, *, patience: float = 30.0, bad_lines: Any = "fail") -> Supervisor:
    """The tree of tree.yaml, with the pricing above."""

    async def reader(inbox: Any) -> None:
        await read_orders(inbox, str(lines), bad_lines=bad_lines)

    def subscribe(ref: ActorRef[Any]) -> None:
        system: Any = ref._scheduler.kernel.system
        system.broker.subscribe("orders.received", ref, lasting=True)

    pricing = ChildSpec(
        "pricing",
        Pricing,
        mailbox=Mailbox(100, "block", keep_on_restart=True),
        attach=subscribe,
    )
    return Supervisor(
        strategy="rest_for_one",
        auto_shutdown="any_significant",
        period=60.0,
        children=[
            ChildSpec("ledger", Made(lambda: Ledger(str(book), patience=patience)), name="ledger"),
            ChildSpec(
                "pricing-supervisor",
                Supervisor(intensity=100, children=[pricing]),
                name="pricing-supervisor",
            ),
            ChildSpec("reader", reader, restart="transient", significant=True),
        ],
    )


def run(folder: Path, lines: Sequence[str], **settings: Any) -> tuple[dict[int, str], Report]:
    """(what the book says by line, the report) of a run over these lines."""
    file, book = folder / "orders.jsonl", folder / "orders.db"
    file.write_text("".join(f"{line}\n" for line in lines))
    system = ActorSystem("orders", root=tree(file, book, **settings))

    async def main() -> None:
        async with system:
            await system.wait()

    anyio.run(main)
    with sqlite3.connect(book) as connection:
        rows = dict(connection.execute("select line, status from orders").fetchall())
    connection.close()
    [report] = system.reports
    return rows, report


def test_the_table_adds_up_and_names_the_trapped_orders(tmp_path: Path) -> None:
    quantities = [5, 0, 7, None, 0] + [1] * 500
    lines = [json.dumps({"order": f"o-{n}", "quantity": q}) for n, q in enumerate(quantities, 1)]
    rows, report = run(tmp_path, lines)
    counted = dict(report.rows)
    assert counted.pop("orders a second") > 0  # type: ignore[operator]
    assert counted == {"read": 505, "priced": 502, "rejected": 1, "trapped": 2, "restarts": 2}
    assert report.details == (
        "line 2: order o-2: trap: division by zero",
        "line 5: order o-5: trap: division by zero",
    )
    assert len(rows) == 505
    assert [rows[line] for line in range(1, 6)] == [
        "priced",
        "trapped",
        "priced",
        "rejected",
        "trapped",
    ]


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    rows, report = run(tmp_path, [])
    assert rows == {}
    assert dict(report.rows)["read"] == 0


def test_a_line_of_the_file_cannot_pretend_to_be_another_line(tmp_path: Path) -> None:
    rows, _ = run(tmp_path, ['{"quantity":1,"line":77}', '{"quantity":1,"line":77}'])
    assert rows == {1: "priced", 2: "priced"}


def test_a_line_that_is_not_json_ends_the_run_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SystemFailed) as caught:
        run(tmp_path, ['{"quantity":1}', "{quantity}"])
    gave_up, error = caught.value.chain
    assert isinstance(gave_up, GaveUp)
    assert isinstance(error, Error)
    assert error.type == BadLine.__name__
    assert error.message.startswith(f"{tmp_path}/orders.jsonl:2:2: not JSON: ")


def test_a_line_that_is_not_json_can_be_one_more_rejected_order(tmp_path: Path) -> None:
    rows, report = run(tmp_path, ['{"quantity":1}', "{quantity}", "[]"], bad_lines="reject")
    assert rows == {1: "priced", 2: "rejected", 3: "rejected"}
    assert dict(report.rows)["rejected"] == 2


def test_a_file_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").mkdir()
    root = tree(tmp_path / "orders.jsonl", tmp_path / "orders.db")

    async def main() -> None:
        async with ActorSystem("orders", root=root) as system:
            await system.wait()

    with pytest.raises(SystemFailed, match="Is a directory"):
        anyio.run(main)


def test_an_order_of_which_nothing_is_heard_fails_the_run_and_is_counted(tmp_path: Path) -> None:
    with pytest.raises(SystemFailed) as caught:
        run(tmp_path, ['{"quantity":1}', '{"quantity":-1}'], patience=0.0)
    error = caught.value.chain[-1]
    assert isinstance(error, Error)
    assert error.type == Unaccounted.__name__
    assert error.message == "1 of 2 orders are unaccounted for"
