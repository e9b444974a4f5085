"""Acts: `python -m benchmarks.live_components COUNT [SPINNING [FILE]]`: what many components take.

All are suspended in a function of the host at once, on one thread: a small one that sleeps, or that
of FILE, which has to store something at each message, as the counters of `examples/guests` do, and
waits for a store that does not answer. Prints their resident bytes
each, and how late timers of the loop are, in ms: before, with all suspended, and while SPINNING
more compute without end; the median and the 99th percentile. Run in an interpreter of its own: only
what is fresh grows what is resident.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from airssys_wasm.application import ActorSystem
from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentId,
    Limits,
    MessagingGrant,
    StorageGrant,
)
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.components.storage.memory_store import MemoryStore
from airssys_wasm.components.storage.store import Usage
from benchmarks.fairness import lateness
from benchmarks.guest import sleeper, spinner
from benchmarks.resident import resident

HOUR = 3_600
TIMERS = 300
WARM = 100


async def suspend(system: ActorSystem, component: Component, count: int) -> None:
    """Start so many, and have each wait in the host."""
    for _ in range(count):
        ref = await system.start(component)
        ref.send(b"go")  # wasmtime keeps 32 bytes for each byte until the call is over
        await asyncio.sleep(0)
    while system.kernel.statistics().scheduler.queued:  # noqa: ASYNC110  # there is no event
        await asyncio.sleep(0)


class Silent(MemoryStore):
    """Never writes what it is given."""

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> Usage:
        await asyncio.get_running_loop().create_future()
        return await super().set(namespace, key, value, quota)


async def main(count: int, spinning: int, file: Path | None) -> None:
    services = ComponentServices(storage=Silent())
    async with ActorSystem("benchmark", components=services) as system:
        limits = Limits(host_call=HOUR, call=HOUR)
        waits = Component(sleeper(HOUR * 1_000) if file is None else file, limits=limits)
        if file is not None:
            grant = StorageGrant("read-write", namespace="counter", shared=True)
            messaging = MessagingGrant(request=["peer"])
            waits = replace(waits, capabilities=Capabilities(messaging, grant))
        await suspend(system, waits, WARM)  # what is made once is not of the first one
        gc.collect()
        bare = await lateness(TIMERS)
        before = resident()
        await suspend(system, waits, count)
        gc.collect()
        each = (resident() - before) / count
        suspended = await lateness(TIMERS)
        for _ in range(spinning):
            (await system.start(Component(spinner(), limits=limits))).send(b"")
        beside = await lateness(TIMERS)
        told = {"bytes": each, "bare": bare, "suspended": suspended, "spinning": beside}
        print(json.dumps(told), flush=True)
        os._exit(0)  # to end them all in order is not what is measured


if __name__ == "__main__":
    asyncio.run(
        main(
            int(sys.argv[1]),
            int(sys.argv[2]) if len(sys.argv) > 2 else 100,
            Path(sys.argv[3]) if len(sys.argv) > 3 else None,
        )
    )
