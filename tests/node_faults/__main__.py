"""`python -m tests.node_faults [FAULT…] [--times N]`: see the package."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.nats_server import MISSING, SERVER
from tests.node_faults.laws import Findings, judge
from tests.node_faults.worker import LEASE, PATIENCE
from tests.node_faults.world import NAMES, Namespaces, World

CALM = 0.7  # seconds of traffic before the fault, and after all is well again
SETTLE = PATIENCE + 1.0  # seconds in which what is on its way comes, or is told of
CUT = PATIENCE + 1.0  # seconds without a network

Fault = Callable[[World, str, Namespaces | None], None]


def kill_node(world: World, name: str, _: Namespaces | None) -> None:
    """The others learn of it; another one of its name comes."""
    world.nodes[name].kill()
    world.start(name)


def kill_server(world: World, _: str, __: Namespaces | None) -> None:
    """All of its connections break, and what it held in memory is lost."""
    world.server.kill()
    time.sleep(random.uniform(0.0, 0.5))
    world.server.start()


def cut_off(world: World, name: str, namespaces: Namespaces | None) -> None:
    """Nothing comes through in either direction, and no connection is closed."""
    assert namespaces is not None
    namespaces.plug(name, into=False)
    time.sleep(CUT)
    namespaces.plug(name, into=True)


def stop_node(world: World, name: str, _: Namespaces | None) -> None:
    """It wakes up past its lease and does not know that time has passed."""
    world.nodes[name].signal(signal.SIGSTOP)
    time.sleep(LEASE.patience + 1.0)
    world.nodes[name].signal(signal.SIGCONT)


FAULTS: dict[str, Fault] = {
    "kill-node": kill_node,
    "kill-server": kill_server,
    "cut-off": cut_off,
    "stop-node": stop_node,
}


def round_of(fault: str, folder: Path) -> tuple[Findings, float]:
    """What one round showed, and the seconds from the fault's end until all talked again."""
    name = random.choice(NAMES)
    with ExitStack() as stack:
        namespaces = stack.enter_context(Namespaces()) if fault == "cut-off" else None
        if namespaces is None:
            world = World(folder, {})
        else:
            world = World(folder, namespaces.inside, Namespaces.HOST)
        stack.enter_context(world)
        time.sleep(CALM)
        began = time.monotonic()
        FAULTS[fault](world, name, namespaces)
        # After the server's death a stream may go on, if nothing of it was lost.
        again = world.wait_for_talk("" if fault == "kill-server" else name, began)
        time.sleep(CALM)
        world.end(SETTLE)
        return judge(world.entries()), again


def main() -> int:
    """1 when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.node_faults")
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of who is struck")
    parser.add_argument("--keep", type=Path, help="a folder for the files of broken rounds")
    options = parser.parse_args()
    chosen = options.faults or list(FAULTS)
    if unknown := sorted(set(chosen) - set(FAULTS)):
        parser.error(f"no fault is called {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    if SERVER is None:
        parser.error(MISSING)
    if "cut-off" in chosen and (os.geteuid() != 0 or shutil.which("ip") is None):
        parser.error("cut-off needs root and the command ip (Debian: apt install iproute2)")
    seed = random.randrange(10**6) if options.seed is None else options.seed
    random.seed(seed)
    print(f"seed {seed}")
    broken = 0
    for fault in chosen:
        for number in range(1, options.times + 1):
            with tempfile.TemporaryDirectory() as folder:
                findings, again = round_of(fault, Path(folder))
                if findings.broken and options.keep is not None:
                    kept = options.keep / f"{fault}-{number}"
                    shutil.copytree(folder, kept, ignore=shutil.ignore_patterns("nats"))
            print(f"{fault:12} {number:3}  {findings}; all talk {again:.1f} s later", flush=True)
            for problem in findings.broken[:10]:
                print(f"    BROKEN: {problem}")
            broken += bool(findings.broken)
    print(f"{len(chosen) * options.times} rounds, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
