"""A run with a bit of everything; as a program it prints the traces of some seeds.

python -m tests.testing.scenario 0 200
"""

from __future__ import annotations

import hashlib
import random
import sys
from typing import Any, get_args

import anyio

from airssys_wasm.kernel import Actor, ActorExited, Inbox, Mailbox, RequestTimeout
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.faults import FaultKind
from airssys_wasm.testing.runs import Run, settings_of
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation

FAULTS = get_args(FaultKind)


class Store(Actor[Any]):
    def init(self) -> None:
        self.items: set[str] = set()
        self.context.send_every(0.7, self.context.ref, "tidy")

    def receive(self, message: Any) -> Any:
        match message:
            case ("put", item):
                self.items.add(item)
            case "count":
                return len(self.items)
        return None


class Worker(Actor[Any]):
    async def init(self) -> None:
        await anyio.sleep(self.context.random.random() / 10)

    async def receive(self, message: Any) -> Any:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(anyio.sleep, self.context.random.random())
        self.context.system.named("store").send(("put", self.context.new_id()))
        return None

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(0.01)


async def feed(inbox: Inbox[Any], count: int) -> None:
    for number in range(count):
        await inbox.context.system.named(f"worker{number % 2}").put(number)
        await anyio.sleep(random.random())
    async for _ in inbox:
        pass


TREE = Supervisor(
    strategy="rest_for_one",
    intensity=20,
    children=[
        ChildSpec("store", Store, name="store"),
        *(
            ChildSpec(f"worker{n}", Worker, name=f"worker{n}", mailbox=Mailbox(capacity=2))
            for n in range(2)
        ),
        ChildSpec("feed", feed, args=(10,), restart="transient"),
    ],
)


async def scenario(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    kernel.spawn(TREE, name="root")
    await simulation.sleep(5)
    try:
        await kernel.named("store").request("count", timeout=1)
    except (RequestTimeout, ActorExited) as error:
        simulation.note(type(error).__name__)
    await simulation.sleep(20)


def traced(seed: int) -> Run:
    return run_seed(scenario, seed, settings=settings_of(faults=FAULTS), recorded=True)


if __name__ == "__main__":
    first, last = map(int, sys.argv[1:3])
    for seed in range(first, last):
        text = "\n".join(map(str, traced(seed).trace))
        print(seed, hashlib.sha256(text.encode()).hexdigest())
