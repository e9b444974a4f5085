"""examples/orders: the file of orders, how it is made, and how it is read."""

import json
from pathlib import Path

import make_orders
import pytest
from order_lines import LONGEST_LINE, BadLine, Lines, read_order

FOLDER = Path(__file__).parent.parent / "examples" / "orders"


def spoilt(order: dict[str, object]) -> bool:
    return (
        order["quantity"] == -3
        or "customer" not in order
        or order["currency"] == "XAU"
        or order["unit_price"] == 19.99
        or order.get("discount_percent") == 120
    )


def all_lines(pieces: list[bytes]) -> list[tuple[int, bytes]]:
    lines = Lines("f")
    found = [line for piece in pieces for line in lines.feed(piece)]
    return [*found, *lines.end()]


def test_the_committed_file_is_what_the_generator_makes() -> None:
    made = [json.dumps(order, separators=(",", ":")) for order in make_orders.orders(10_000, 1)]
    assert (FOLDER / "orders.jsonl").read_text().splitlines() == made


@pytest.mark.parametrize(("count", "rejected", "trapped"), [(10_000, 50, 5), (200_000, 1_000, 100)])
def test_the_shares_of_bad_and_poisoned_orders_are_exact(
    count: int, rejected: int, trapped: int
) -> None:
    orders = list(make_orders.orders(count, seed=3))
    poisoned = [order for order in orders if order.get("instalments") == 0]
    assert len(orders) == count
    assert len(poisoned) == trapped
    assert sum(map(spoilt, orders)) == rejected
    assert not any(map(spoilt, poisoned))


def test_lines_are_the_same_however_the_file_is_cut() -> None:
    data = b'{"a":1}\r\n\n  \n{"b":2}\n{"c":3}'
    whole = [(1, b'{"a":1}\r'), (4, b'{"b":2}'), (5, b'{"c":3}')]
    assert all_lines([data]) == whole
    assert all_lines([bytes([byte]) for byte in data]) == whole
    assert all_lines([]) == []


def test_a_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    lines = Lines("f")
    held = b"\n" + b"x" * LONGEST_LINE
    assert list(lines.feed(held)) == []
    with pytest.raises(BadLine, match=f"^f:2:{LONGEST_LINE + 1}: longer than"):
        list(lines.feed(b"x"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b'{"a":1', "f:9:7: not JSON: Expecting ',' delimiter"),
        (b"not json", "f:9:1: not JSON: Expecting value"),
        (b'{"a":"\xff"}', "f:9:7: not JSON: not UTF-8"),
        (b'{"a":NaN}', "f:9:1: not JSON: NaN is no number"),
        (b"[1]", "f:9:1: not a JSON object but a list"),
        (b"null", "f:9:1: not a JSON object but null"),
        (b'"order"', "f:9:1: not a JSON object but a string"),
        (b"[" * 50_000, "f:9:1: not an order: more than 100 lists and objects"),
        (b'{"a":-1e999}', "f:9:1: not an order: -1e999 is too large"),
        (b'{"a":"\\ud800"}', "f:9:1: not an order: half of a character in it"),
        (b'{"a":9223372036854775808}', "f:9:1: not an order: 9223372036854775808 does not fit"),
        (b'{"a":' + b"9" * 5_000 + b"}", "f:9:1: not an order: 999999999999999999999999 does not"),
    ],
)
def test_a_line_that_is_no_object_is_named_with_its_place(text: bytes, error: str) -> None:
    with pytest.raises(BadLine) as caught:
        read_order("f", 9, text)
    assert str(caught.value).startswith(error)


def test_the_largest_numbers_of_64_bits_are_read() -> None:
    assert read_order("f", 1, b'{"a":9223372036854775807,"b":-9223372036854775808}') == {
        "a": 2**63 - 1,
        "b": -(2**63),
    }
