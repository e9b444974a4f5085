"""Acts: reads a file of orders and publishes each, as fast as they are priced.

At most one piece of the file and one full mailbox of the pricing component are
in memory, however long the file is: `put` waits while that mailbox is full, and
after each piece the reader waits until the ledger has caught up.
"""

from pathlib import Path
from typing import Literal

from ledger import CatchUp, EndOfOrders, NotAnOrder
from order_lines import BadLine, Lines, read_order

from airssys_wasm import Inbox

ORDERS = str(Path(__file__).with_name("orders.jsonl"))
PIECE = 64 * 1024  # bytes; some 600 orders, so a hop to a thread and back is paid by many


async def read_orders(
    inbox: Inbox[object],
    path: str = ORDERS,
    topic: str = "orders.received",
    ledger: str = "ledger",
    bad_lines: Literal["fail", "reject"] = "fail",
) -> None:
    """Publish the orders of the file, and end once the ledger has accounted for each.

    A line that is no JSON object ends the reader with BadLine, or with
    `bad_lines` "reject" goes to the ledger as rejected. What is JSON but no
    valid order is for the pricing to reject.
    """
    if bad_lines not in ("fail", "reject"):
        raise ValueError(f"bad_lines is 'fail' or 'reject', not {bad_lines!r}")
    context = inbox.context
    book = context.system.named(ledger)
    lines = Lines(path)
    read = 0

    async def publish(complete: list[tuple[int, bytes]]) -> None:
        nonlocal read
        for number, text in complete:
            read += 1
            try:
                order = read_order(path, number, text)
            except BadLine as error:
                if bad_lines == "fail":
                    raise
                book.send(NotAnOrder(number, error.why))
            else:
                await context.system.broker.put(topic, {**order, "line": number})
        await book.request(CatchUp(read), timeout=None)

    file = await context.offload(Path(path).open, "rb")
    try:
        while piece := await context.offload(file.read, PIECE):
            await publish(list(lines.feed(piece)))
        await publish(list(lines.end()))
    finally:
        file.close()
    await book.request(EndOfOrders(read), timeout=None)
