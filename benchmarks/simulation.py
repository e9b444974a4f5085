"""Acts: what a simulated run costs, against the same work without the simulator."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

from airssys_wasm.application import run_application
from airssys_wasm.config import load
from airssys_wasm.kernel import Actor, Kernel
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from airssys_wasm.testing.tree_runs import TreeOptions, run_tree
from benchmarks.measure import Benchmark, Sample, Workload

ORDERS = Path(__file__).parent.parent / "examples" / "orders"
ACTORS = 100
HOUR = 3600.0
MINUTE = 60.0
SEED = 1  # the first that does not follow production's order


class Neighbour(Actor[str]):
    """Greets the next one each time it is told to."""

    def init(self) -> None:
        self.greeted = 0

    def receive(self, message: str) -> None:
        if message == "tick":
            number = int((self.context.name or "")[1:]) + 1
            self.context.system.named(f"n{number % ACTORS}").send("hello")
        else:
            self.greeted += 1


class Punctual(Neighbour):
    """Is told so by a timer, each minute."""

    def init(self) -> None:
        super().init()
        self.context.send_every(MINUTE, self.context.ref, "tick")


def ring(kind: type[Neighbour]) -> Supervisor:
    """A tree of a hundred actors."""
    return Supervisor(children=[ChildSpec(f"n{n}", kind, name=f"n{n}") for n in range(ACTORS)])


def simulated_ring(hours: int) -> Sample:
    """Virtual hours in which each actor is told sixty times to greet."""

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(ring(Punctual), name="root")
        await simulation.sleep(hours * HOUR)

    began = process_time()
    run = run_seed(test, SEED)
    if run.failure is not None:
        raise run.failure
    return _sample(hours * ACTORS * 60 * 2, began, hours)


def real_ring(hours: int) -> Sample:
    """The same messages, without timers and waits."""

    async def main() -> None:
        async with Kernel("benchmark") as kernel:
            await kernel.start(ring(Neighbour), name="root")
            actors = [kernel.whereis(f"n{number}") for number in range(ACTORS)]
            for _ in range(hours * 60):
                for actor in actors:
                    assert actor is not None
                    actor.send("tick")
                await asyncio.sleep(0)

    began = process_time()
    asyncio.run(main())
    return _sample(hours * ACTORS * 60 * 2, began, hours)


def _sample(operations: int, began: float, runs: int) -> Sample:
    seconds = process_time() - began
    return Sample(operations, seconds / operations * 1e9, {"a_second": runs / seconds})


def orders(simulated: bool) -> Workload:
    """The orders example over one virtual hour, or for real: so many orders, priced and booked."""

    def run(count: int) -> Sample:
        with tempfile.TemporaryDirectory(prefix="airssys-benchmark-") as folder:
            for file in ("ledger.py", "reader.py", "order_lines.py", "pricing.wasm", "tree.yaml"):
                shutil.copy(ORDERS / file, folder)
            with (ORDERS / "orders.jsonl").open(encoding="utf-8") as lines:
                wanted = [line for _, line in zip(range(count), lines, strict=False)]
            (Path(folder) / "orders.jsonl").write_text("".join(wanted), encoding="utf-8")
            tree = Path(folder) / "tree.yaml"
            paths = [f"reader.args.path={folder}/orders.jsonl", f"ledger.args.path={folder}/book"]
            began = process_time()
            if simulated:
                _simulate(tree, paths[:1])
            else:
                _run(tree, paths)
            return _sample(len(wanted), began, 1)

    return run


def _simulate(tree: Path, paths: list[str]) -> None:
    told = run_tree(TreeOptions(str(tree), until=HOUR, sets=tuple(paths)), SEED)
    if told.failure is not None:
        raise RuntimeError(told.problem)


def _run(tree: Path, paths: list[str]) -> None:
    config: Any = load(tree, sets=tuple(paths), import_actors=True).config
    outcome = asyncio.run(run_application(config, directory=tree.parent))
    if outcome.failed:
        raise RuntimeError(str(outcome.reason))


BENCHMARKS = (
    Benchmark(
        name="ring-real",
        operation="message",
        run=real_ring,
        size=1,
        about=f"among {ACTORS} supervised actors, for real and without waits",
    ),
    Benchmark(
        name="ring-simulated",
        operation="message",
        run=simulated_ring,
        size=1,
        about="the same in a simulation, over one virtual hour; a_second: such runs",
        other="ring-real",
    ),
    Benchmark(
        name="orders-real",
        operation="order",
        run=orders(False),
        size=1_000,
        about="of the example, read, priced by a component and booked",
    ),
    Benchmark(
        name="orders-simulated",
        operation="order",
        run=orders(True),
        size=1_000,
        about="the same in a simulation, over one virtual hour; a_second: such runs",
        other="orders-real",
    ),
)
