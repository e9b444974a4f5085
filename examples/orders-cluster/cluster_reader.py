"""Acts: reads a file of orders, and sends each to one of the workers, wherever those are.

The id of a message is that of its order: where the reader is started again and sends the file once
more, what was there already is dropped.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import anyio

from airssys_wasm import ActorExited, Inbox

AT_ONCE = 200  # orders sent before the reader waits until the server has them
PATIENCE = 0.2  # seconds before a ledger that is just being started is asked again


async def read_orders(inbox: Inbox[object], path: str, workers: Sequence[str]) -> None:
    """Send the orders of the file to the workers in turn; ends when the ledger has them all."""
    system = inbox.context.system
    mailboxes = [system.durable(worker) for worker in workers]
    read = 0
    with Path(path).open(encoding="utf-8") as file:  # noqa: ASYNC230  # a few lines at a time
        while lines := list(islice(file, AT_ONCE)):
            last = read + len(lines) - len(mailboxes)
            for line in lines:
                read += 1
                order = {**json.loads(line), "line": read}
                mailbox = mailboxes[read % len(mailboxes)]
                if read > last:
                    await mailbox.put(order, id=f"order-{read}")  # the server has it, on disk
                else:
                    mailbox.send(order, id=f"order-{read}")
    while True:
        try:
            await system.named("ledger").request(("end", read), timeout=None)
        except ActorExited:
            await anyio.sleep(PATIENCE)
        else:
            return
