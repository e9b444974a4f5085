"""examples/orders as a person runs it: by the command, with the component, into a book."""

import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "orders"
TREE = FOLDER / "tree.yaml"
COMMAND = [sys.executable, "-m", "airssys_wasm.cli.main"]

TRAPPED = [
    f"line {number}: order o-{number:07}: trap: division by zero"
    for number, line in enumerate((FOLDER / "orders.jsonl").read_text().splitlines(), 1)
    if json.loads(line).get("instalments") == 0
]


def run(book: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, "run", str(TREE), "--set", f"ledger.args.path={book}", *arguments]
    return subprocess.run(
        command, cwd=book.parent, capture_output=True, text=True, timeout=300, check=False
    )


def table(output: str) -> dict[str, float]:
    """The numbers of the report by their label."""
    rows = re.findall(r"^ +([a-z ]+?) +([\d,.]+)$", output, re.MULTILINE)
    return {label: float(number.replace(",", "")) for label, number in rows}


def in_book(book: Path) -> dict[str, int]:
    with closing(sqlite3.connect(book)) as connection:
        return dict(connection.execute("select status, count(*) from orders group by status"))


def test_the_tree_file_has_no_mistake_and_nothing_suspicious() -> None:
    command = [*COMMAND, "check", "--strict", "--import", str(TREE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", ["fast", "slow"])
def test_ten_thousand_orders_are_all_accounted_for(tmp_path: Path, path: str) -> None:
    book = tmp_path / "orders.db"
    done = run(book, "--path", path)
    assert done.returncode == 0, done.stderr
    counted = table(done.stdout)
    assert counted.pop("orders a second") > 0
    assert counted == {
        "read": 10_000,
        "priced": 9_945,
        "rejected": 50,
        "trapped": 5,
        "restarts": 5,
    }
    assert [line for line in TRAPPED if line in done.stdout] == TRAPPED
    assert in_book(book) == {"priced": 9_945, "rejected": 50, "trapped": 5}


def test_a_line_that_is_not_json_is_named_and_the_run_fails(tmp_path: Path) -> None:
    orders = tmp_path / "mine.jsonl"
    orders.write_text('{"order":"o-1"}\n{"order":}\n')
    done = run(tmp_path / "orders.db", "--set", f"reader.args.path={orders}")
    assert done.returncode == 1
    assert f"{orders}:2:10: not JSON: Expecting value" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named_and_the_run_fails(tmp_path: Path) -> None:
    done = run(tmp_path / "orders.db", "--set", "reader.args.path=missing.jsonl")
    assert done.returncode == 1
    assert "missing.jsonl" in done.stderr
    assert "Traceback" not in done.stderr
