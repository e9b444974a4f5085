"""A system with components; as a program it prints a digest of the trace of each seed.

python -m tests.testing.components 0 20
"""

from __future__ import annotations

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from airssys_wasm.components import Capabilities, Component, MessagingGrant, StorageGrant
from airssys_wasm.kernel import Actor
from airssys_wasm.sdk.build import build
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.runs import Run, settings_of
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation

COUNTER = Path(__file__).parent.parent.parent / "examples" / "guests" / "wat" / "counter.wat"
GRANTS = Capabilities(
    messaging=MessagingGrant(request=("peer",)), storage=StorageGrant("read-write")
)


@cache
def counter() -> bytes:
    """The counter of the examples, in WebAssembly text: no toolchain is needed for it."""
    return build([COUNTER])[0]


class Peer(Actor[Any]):
    """Answers late, and differently each time."""

    async def receive(self, message: Any) -> bytes:
        import anyio

        await anyio.sleep(self.context.random.random())
        return self.context.new_id().encode()


def tree() -> Supervisor:
    """A counter and whom it asks."""
    component = Component(counter(), capabilities=GRANTS, label="counter")
    return Supervisor(
        intensity=100,
        children=[
            ChildSpec("peer", Peer, name="peer"),
            ChildSpec("counter", component, name="counter"),
        ],
    )


async def scenario(simulation: Simulation) -> None:
    system = await simulation.system(tree())
    for number in range(10):
        system.named("counter").send(b"ask" if number % 3 == 2 else b"%d" % number)
        await simulation.sleep(0.1)
    await simulation.sleep(10)


def traced(seed: int, faults: tuple[FaultKind, ...] = (), plan: tuple[Fault, ...] = ()) -> Run:
    """The run of one seed with its trace."""
    return run_seed(scenario, seed, "mixed", settings_of(faults=faults, plan=plan), recorded=True)


def main(first: int, last: int) -> None:
    """Print `seed digest` for each seed of the range."""
    for seed in range(first, last):
        run = traced(seed, ("trap", "out of fuel", "host error", "torn write", "kill"))
        trace = "\n".join(map(str, run.trace))
        print(seed, hashlib.sha256(trace.encode()).hexdigest(), run.kind)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
