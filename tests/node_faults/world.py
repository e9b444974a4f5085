"""Acts: the processes of one round: a NATS server, three nodes, and the network between them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.nats_server import NatsServer

NAMES = ("a", "b", "c")
PATIENT = 30.0  # seconds for something to come true before the round is given up
ROOT = Path(__file__).parents[2]


class NodeProcess:
    """One node. `inside` is a command before its own: of the network that it lives in."""

    def __init__(self, name: str, url: str, file: Path, inside: list[str]) -> None:
        self.name = name
        self.file = file
        others = ",".join(other for other in NAMES if other != name)
        command = [sys.executable, "-m", "tests.node_faults.worker", name, url, others, str(file)]
        self._errors = file.with_suffix(".err").open("wb")
        self._process = subprocess.Popen(
            [*inside, *command], cwd=ROOT, stdin=subprocess.PIPE, stderr=self._errors
        )

    def tell(self, word: str) -> None:
        """A line for it."""
        assert self._process.stdin is not None
        self._process.stdin.write(word.encode() + b"\n")
        self._process.stdin.flush()

    def signal(self, which: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(which)

    def wait(self, seconds: float = PATIENT) -> int:
        """How it ended."""
        try:
            return self._process.wait(seconds)
        finally:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._errors.close()

    def kill(self) -> None:
        """At once; nothing if it has ended."""
        if self._process.poll() is None:
            self._process.kill()
            self.wait()

    def said_wrong(self) -> str:
        """What it wrote to its standard error."""
        return self.file.with_suffix(".err").read_text(errors="replace")


class World:
    """A server and three nodes, which have all found each other. To be used with `with`."""

    def __init__(self, folder: Path, inside: dict[str, list[str]], host: str = "127.0.0.1") -> None:
        self._folder = folder
        self._inside = inside
        self._files: list[Path] = []
        self.server = NatsServer(folder / "nats", host)
        self.nodes: dict[str, NodeProcess] = {}

    def __enter__(self) -> World:
        self.server.start()
        try:
            for name in NAMES:
                self.start(name)
            self.wait_for_talk()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.kill()
        self.server.kill()

    def start(self, name: str) -> None:
        """A node of this name, with a file of its own."""
        file = self._folder / f"{len(self._files)}-{name}.jsonl"
        self._files.append(file)
        self.nodes[name] = NodeProcess(name, self.server.url, file, self._inside.get(name, []))

    def entries(self) -> Iterator[dict[str, Any]]:
        """What all nodes have written, each file in its order. A line cut short is the last one."""
        for file in self._files:
            if file.exists():
                for line in file.read_bytes().split(b"\n"):
                    if line.endswith(b"}"):
                        yield json.loads(line)

    def silent(self, struck: str = "", since: float = 0.0) -> list[str]:
        """Who has no stream to whom of which something came; with `struck` begun after `since`."""
        handled = {e["stream"] for e in self.entries() if e["do"] == "handled"}
        pairs = {
            (_from(entry), entry["to"])
            for entry in self.entries()
            if entry["do"] == "open" and entry["stream"] in handled
            if struck not in (entry["to"], _from(entry)) or entry["at"] >= since
        }
        return [f"{x} to {y}" for x in NAMES for y in NAMES if x != y and (x, y) not in pairs]

    def wait_for_talk(self, struck: str = "", since: float = 0.0) -> float:
        """The seconds until all nodes talk with each other. Raises TimeoutError."""
        began = time.monotonic()
        while silent := self.silent(struck, since):
            if time.monotonic() > began + PATIENT:
                wrong = "".join(node.said_wrong()[-2_000:] for node in self.nodes.values())
                raise TimeoutError(f"nothing comes from {', '.join(silent)}\n{wrong}")
            time.sleep(0.1)
        return time.monotonic() - began

    def end(self, settle: float) -> None:
        """All send no more, and end when what is on its way has come. Raises RuntimeError."""
        for node in self.nodes.values():
            node.tell("quiet")
        time.sleep(settle)
        for node in self.nodes.values():
            node.tell("end")
        for node in self.nodes.values():
            status = node.wait()
            if status or "Traceback" in node.said_wrong():
                raise RuntimeError(
                    f"{node.name} ended with {status}:\n{node.said_wrong()[-3_000:]}"
                )


def _from(entry: dict[str, Any]) -> str:
    return str(entry["stream"]).partition(".")[0]


class Namespaces:
    """A bridge on this machine, and for each node a network namespace that is plugged into it.

    Needs root. To be used with `with`.
    """

    HOST = "10.77.0.1"

    def __init__(self) -> None:
        self._tag = f"af{os.getpid() % 10_000}"
        self.inside = {n: ["ip", "netns", "exec", f"{self._tag}{n}"] for n in NAMES}

    def __enter__(self) -> Namespaces:
        bridge = f"{self._tag}br"
        _ip("link", "add", bridge, "type", "bridge")
        _ip("addr", "add", f"{self.HOST}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for number, name in enumerate(NAMES, 2):
            space, plug = f"{self._tag}{name}", f"{self._tag}v{name}"
            _ip("netns", "add", space)
            _ip("link", "add", plug, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("link", "set", plug, "master", bridge, "up")
            _ip("-n", space, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in NAMES:
            _ip("netns", "delete", f"{self._tag}{name}", check=False)
        _ip("link", "delete", f"{self._tag}br", check=False)

    def plug(self, name: str, *, into: bool) -> None:
        """Give a node its network, or take it away."""
        _ip("link", "set", f"{self._tag}v{name}", "up" if into else "down")


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)
