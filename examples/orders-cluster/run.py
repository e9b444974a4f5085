#!/usr/bin/env python
"""Runs the orders on three nodes of this machine, and ends by itself.

    python examples/orders-cluster/run.py [--orders N] [--kill]

Starts a nats-server and three processes on loopback, on free ports, with their files in a directory
of their own. With --kill one of the workers is killed in the middle. Whatever happens, all that was
started is ended.
"""

import argparse
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO

from airssys_wasm.application.control_client import ControlFailed, ask
from airssys_wasm.application.control_protocol import Request
from airssys_wasm.application.errors import ControlUnavailable

FOLDER = Path(__file__).parent
MAKE_ORDERS = FOLDER.parent / "orders" / "make_orders.py"
NODES = {"front": "front", "worker-1": "worker", "worker-2": "worker"}  # and their roles
START_TIME = 10.0  # seconds for the server to listen
RUN_TIME = 120.0  # seconds, after which something is wrong
STOP_TIME = 10.0  # seconds for a process to end in order
LOOK = 0.05  # seconds between two looks


class Failed(Exception):
    """Why the run is over, for the person who started it."""


def main() -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Run the orders example on three nodes.")
    parser.add_argument("--orders", type=int, default=2_000, help="how many (default: 2000)")
    parser.add_argument("--kill", action="store_true", help="kill a worker in the middle")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as at Ctrl-C: what was started ends
    try:
        with tempfile.TemporaryDirectory(prefix="orders-cluster-") as directory:
            run(Path(directory), options.orders, kill=options.kill)
    except Failed as failed:
        print(f"run.py: {failed}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def run(directory: Path, count: int, *, kill: bool) -> None:
    """Run it all. Raises Failed."""
    orders, book = directory / "orders.jsonl", directory / "orders.db"
    control = directory / "front.sock"
    make = [sys.executable, str(MAKE_ORDERS), "--orders", str(count), "-o", str(orders)]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    with ExitStack() as stack:
        port = stack.enter_context(nats_server(directory))
        environment = {**os.environ, "NATS_URL": f"nats://127.0.0.1:{port}"}
        nodes = {
            name: stack.enter_context(node(name, role, orders, book, environment))
            for name, role in NODES.items()
        }
        print(f"{count:,} orders on {', '.join(nodes)}", flush=True)
        if kill:
            wait_until(lambda: node_of("pricing-2", control) is not None, nodes, book)
            victim = node_of("pricing-2", control) or "worker-2"
            wait_until(lambda: rows_of(book) >= count // 3, nodes, book)
            nodes.pop(victim).kill()
            print(f"{victim} is killed, with {rows_of(book):,} orders in the book", flush=True)
        wait_until(lambda: nodes["front"].poll() is not None, nodes, book)
        if nodes["front"].returncode != 0:
            raise Failed(f"front ended with exit code {nodes['front'].returncode}{log(book)}")


@contextmanager
def nats_server(directory: Path) -> Iterator[int]:
    """A server with JetStream; gives its port. Raises Failed."""
    server = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
    if server is None:
        raise Failed("nats-server is not installed (Debian: apt install nats-server)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [server, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(directory / "nats")]
    with running(command, quiet=True) as process:
        deadline = time.monotonic() + START_TIME
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed("nats-server does not start")
            time.sleep(LOOK)
        yield port


@contextmanager
def node(
    name: str, role: str, orders: Path, book: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """One node of the tree, in a process of its own."""
    command = [sys.executable, "-m", "airssys_wasm.cli.main", "node", "join"]
    command += [str(FOLDER / "tree.yaml"), "--name", name, "--label", f"role={role}"]
    command += ["--set", f"reader.args.path={orders}", "--set", f"ledger.args.path={book}"]
    command += ["--control", str(book.with_name(f"{name}.sock")), "--log-format", "text"]
    with (
        book.with_name(f"{name}.log").open("w", encoding="utf-8") as errors,
        running(command, environment=environment, errors=errors) as process,
    ):
        yield process


def log(book: Path, name: str = "front") -> str:
    """The end of what a node had to say."""
    return "\n" + book.with_name(f"{name}.log").read_text(encoding="utf-8")[-4_000:]


@contextmanager
def running(
    command: Sequence[str],
    *,
    environment: dict[str, str] | None = None,
    errors: IO[str] | None = None,
    quiet: bool = False,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has ended when the block is left: in order, or killed."""
    null = subprocess.DEVNULL if quiet else None
    # In a session of its own: Ctrl-C is for this program, which ends the others in their order.
    process = subprocess.Popen(
        command, env=environment, stdout=null, stderr=errors or null, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIME)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def node_of(subtree: str, control: Path) -> str | None:
    """Where a subtree is, as the nodes tell it; None while it is nowhere."""
    try:
        node: str | None = ask(control, Request("nodes"))["table"].get(subtree)
    except (ControlFailed, ControlUnavailable):  # it is just being started
        return None
    return node


def wait_until(
    condition: Callable[[], bool], nodes: dict[str, subprocess.Popen[bytes]], book: Path
) -> None:
    """Returns when it is so. Raises Failed when a node ends before that, or it takes too long."""
    deadline = time.monotonic() + RUN_TIME
    while not condition():
        for name, process in nodes.items():
            if process.poll() is not None and name != "front":
                raise Failed(f"{name} ended with exit code {process.returncode}{log(book, name)}")
        if time.monotonic() > deadline:
            raise Failed(f"it is not done after {RUN_TIME:g} s")
        time.sleep(LOOK)


def rows_of(book: Path) -> int:
    """How many orders are in the book."""
    if not book.exists():
        return 0
    with closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True)) as connection:
        try:
            found: int = connection.execute("select count(*) from orders").fetchone()[0]
        except sqlite3.OperationalError:  # it is just being made
            return 0
    return found


if __name__ == "__main__":
    sys.exit(main())
