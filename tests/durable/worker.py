"""A node that handles the messages of a ledger; `python -m tests.durable.worker URL FILE NAME`.

It writes each message into FILE before and after it handled it, and kills its own process over
`("die", …)`, as `kill -9` does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.broker.durable_settings import DurableSettings
from airssys_wasm.broker.nats import NatsEngine

SETTINGS = DurableSettings(ack_wait=0.4, max_deliver=3)


class Ledger(Actor[Any]):
    def __init__(self, path: str) -> None:
        self.path = path

    def receive(self, message: Any) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            print("begun", message, file=file, flush=True)
            if isinstance(message, tuple):
                os.kill(os.getpid(), signal.SIGKILL)
            print("done", message, file=file, flush=True)


async def main(url: str, path: str, name: str) -> None:
    async with ActorSystem("shop", engine=NatsEngine(url), node=name) as system:
        system.durable("ledger", SETTINGS).feed(system.spawn(Ledger, path))
        await system.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
