"""Writes a file of made-up orders, one JSON object a line.

    python examples/orders/make_orders.py --orders 200000 -o /tmp/orders.jsonl

Of 10,000 orders exactly 50 are not valid, so that they are rejected, and 5
have no instalments, so that pricing divides by zero; other numbers of orders
have the same shares, rounded. The same numbers and seed give the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

REJECTED = 0.005
TRAPPED = 0.0005

Order = dict[str, object]


def orders(count: int, seed: int) -> Iterator[Order]:
    """`count` orders in the order of their numbers.

    >>> next(orders(10_000, seed=1))["order"]
    'o-0000001'
    """
    random = Random(seed)
    special = random.sample(range(count), round(count * REJECTED) + round(count * TRAPPED))
    trapped = set(special[: round(count * TRAPPED)])
    spoils = {number: SPOILS[i % len(SPOILS)] for i, number in enumerate(special[len(trapped) :])}
    for number in range(count):
        order = _order(number + 1, random)
        if number in trapped:
            order["instalments"] = 0
        elif number in spoils:
            spoils[number](order)
        yield order


def _order(number: int, random: Random) -> Order:
    order: Order = {
        "order": f"o-{number:07}",
        "customer": f"c-{random.randrange(5_000):04}",
        "currency": random.choice(["EUR", "EUR", "EUR", "USD", "GBP", "CHF"]),
        "quantity": random.choice([1, 1, 1, 2, 2, 3, 4, 5, 6, 10, 12, 24, 100]),
        "unit_price": random.randrange(99, 50_000),
    }
    if random.random() < 0.3:
        order["discount_percent"] = random.choice([5, 10, 15, 20])
    if random.random() < 0.2:
        order["instalments"] = random.choice([2, 3, 6, 12])
    return order


SPOILS: tuple[Callable[[Order], object], ...] = (
    lambda order: order.update(quantity=-3),
    lambda order: order.pop("customer"),
    lambda order: order.update(currency="XAU"),
    lambda order: order.update(unit_price=19.99),
    lambda order: order.update(discount_percent=120),
)


def main() -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Write a file of made-up orders.")
    parser.add_argument("--orders", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="other orders (default: 1)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    options = parser.parse_args()
    try:
        with options.output.open("w", encoding="utf-8") as out:
            for order in orders(options.orders, options.seed):
                out.write(json.dumps(order, separators=(",", ":")) + "\n")
    except OSError as error:
        print(f"{options.output}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{options.output}: {options.orders} orders")
    return 0


if __name__ == "__main__":
    sys.exit(main())
