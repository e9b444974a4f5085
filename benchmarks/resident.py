"""Acts: `python -m benchmarks.resident KIND COUNT` prints the bytes that each of COUNT takes.

Run in an interpreter of its own: only what is fresh grows what is resident.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import Any

from airssys_wasm.kernel import Actor, Kernel
from benchmarks.workloads import Idle

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Bytes of this process that are in memory."""
    with open("/proc/self/statm", encoding="ascii") as numbers:
        return int(numbers.read().split()[1]) * PAGE


class Parent(Actor[int]):
    """Has as many supervised children as it is told."""

    def receive(self, message: object) -> None:
        if isinstance(message, int):
            for _ in range(message):
                self.context.spawn_child(Idle)


async def actors(kernel: Kernel, count: int) -> object:
    return [kernel.spawn(Idle) for _ in range(count)]


async def supervised(kernel: Kernel, count: int) -> object:
    parent = kernel.spawn(Parent)
    await parent.request(count, timeout=None)
    await parent.request(0, timeout=None)  # comes after what each child says: that it has started
    return parent


async def children(kernel: Kernel, count: int) -> object:
    from airssys_wasm.supervision import ChildSpec, Supervisor

    specs = [ChildSpec(str(number), Idle) for number in range(count)]
    return await kernel.start(Supervisor(children=specs))


async def objects(kernel: Kernel, count: int) -> object:
    return [Idle() for _ in range(count)]


async def nothing(kernel: Kernel, count: int) -> object:
    return [None for _ in range(count)]


async def tasks(kernel: Kernel, count: int) -> object:
    async def take(queue: asyncio.Queue[Any]) -> None:
        while True:
            await queue.get()

    found = []
    for _ in range(count):
        queue: asyncio.Queue[Any] = asyncio.Queue()
        found.append((queue, asyncio.create_task(take(queue))))
    await asyncio.sleep(0)
    return found


KINDS = {made.__name__: made for made in (actors, supervised, children, objects, nothing, tasks)}


async def main(kind: str, count: int) -> None:
    kernel = Kernel("benchmark")
    await KINDS[kind](kernel, 100)  # what is made once is not of the first one
    gc.collect()
    before = resident()
    made = await KINDS[kind](kernel, count)
    gc.collect()
    print(json.dumps((resident() - before) / count), flush=True)
    os._exit(0 if made else 1)  # to end them all in order would take longer than to make them


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
