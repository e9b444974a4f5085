"""`airssys-wasm node`: real nodes over a real server, as an operator handles them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.application.control_client import ControlFailed, ask
from airssys_wasm.application.control_protocol import Request
from airssys_wasm.application.errors import ControlUnavailable
from tests.nats_server import MISSING, SERVER, NatsServer

COMMAND = [sys.executable, "-m", "airssys_wasm.cli.main"]
PATIENCE = 60.0  # seconds; a busy machine starts a node in five
TREE = """
version: 1
name: shop
engine: {nats: nats://127.0.0.1:1, lease: 10s}
children:
  - {id: web, actor: "shop:Idle", placement: {labels: {disk: ssd}}}
  - {id: mail, actor: "shop:Idle", placement: {labels: {disk: tape}}}
"""
SHOP = """
from airssys_wasm import Actor

class Idle(Actor):
    def receive(self, message): ...
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    if SERVER is None:
        pytest.skip(MISSING)
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def folder(make_short_path: Callable[[], Path]) -> Path:
    folder = make_short_path()
    (folder / "tree.yaml").write_text(TREE)
    (folder / "shop.py").write_text(SHOP)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_RUNTIME_DIR": str(folder)}  # where control sockets are


def node(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `airssys-wasm node` does with these arguments."""
    return subprocess.run(
        [*COMMAND, "node", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@contextmanager
def joined(folder: Path, server: NatsServer, name: str, label: str) -> Iterator[None]:
    """A node that runs while the block does, and ends in order."""
    command = [*COMMAND, "node", "join", "tree.yaml", "--name", name, "--label", label]
    command += ["--engine", server.url]
    command += ["--control", str(folder / f"{name}.sock")]
    log = folder / f"{name}.log"
    with (
        log.open("w") as file,
        subprocess.Popen(command, cwd=folder, env=environment(folder), stderr=file) as process,
    ):
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0, log.read_text()
        finally:
            process.kill()


def until(folder: Path, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The nodes by name, as soon as it is so."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found: dict[str, Any] = {}
        with suppress(ControlUnavailable, ControlFailed):  # it is just being started
            told = ask(folder / "a.sock", Request("nodes"))
            found = {each["name"]: each for each in told["nodes"]}
        if condition(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_nodes_are_joined_listed_drained_and_shown(folder: Path, server: NatsServer) -> None:
    with ExitStack() as stack:
        stack.enter_context(joined(folder, server, "a", "disk=ssd"))
        stack.enter_context(joined(folder, server, "b", "disk=ssd"))
        found = until(
            folder,
            lambda seen: (
                seen.keys() == {"a", "b"}
                and any(each["subtrees"] == {"web": "running"} for each in seen.values())
            ),
        )
        assert [each["labels"] for each in found.values()] == [{"disk": "ssd"}] * 2
        assert [each["connected"] for each in found.values()] == [["b"], ["a"]]
        assert all(each["messages_in"] >= 0 and each["lease_left"] > 0 for each in found.values())
        assert sum(each["places"] for each in found.values()) == 1
        control = ("--control", str(folder / "a.sock"))
        listed = json.loads(node(folder, "list", "--output", "json", *control).stdout)
        assert [each["name"] for each in listed["nodes"]] == ["a", "b"]
        busy = next(name for name, each in found.items() if each["subtrees"])
        other = "b" if busy == "a" else "a"

        done = node(folder, "drain", busy, *control)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{busy} is drained: it runs no subtree, and gets none\n"
        found = until(folder, lambda seen: seen[other]["subtrees"] == {"web": "running"})
        assert (found[busy]["state"], found[busy]["subtrees"]) == ("draining", {})

        lines = node(folder, "list", *control).stdout.splitlines()
        assert lines[0].split() == [
            *("node", "state", "lease", "labels"),
            *("subtrees", "connected", "in", "out"),
        ]
        assert any(line.split()[0] == busy and "draining" in line for line in lines)
        shown = node(folder, "status", *control).stdout
        assert "web: running" in shown
        assert "mail     no node has its labels" in shown
        alone = node(folder, "status", busy, *control).stdout
        assert "draining" in alone
        assert "web" not in alone

        done = node(folder, "drain", other, "--timeout", "0.5", *control)
        assert done.returncode == 1
        assert done.stdout == f"{other} is draining; no other node has taken: web\n"

        done = node(folder, "drain", "c", "--output", "json", *control)
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["kind"] == "refused"
        assert "there is no node 'c'; there are: a, b" in done.stderr
        assert "there is no node 'c'" in node(folder, "status", "c", *control).stderr


def test_a_server_that_does_not_answer_is_named(folder: Path) -> None:
    done = node(folder, "join", "tree.yaml", "--name", "a", "--control", "none")
    assert done.returncode == 1
    assert "no NATS server" in done.stderr
    assert "nats://127.0.0.1:1" in done.stderr


def test_a_tree_without_an_engine_has_no_nodes(folder: Path) -> None:
    (folder / "alone.yaml").write_text("version: 1\nname: alone\nchildren: []\n")
    done = node(folder, "join", "alone.yaml")
    assert done.returncode == 2
    assert "a tree without an engine runs on one machine; add engine: {nats:" in done.stderr


def test_a_name_that_no_node_can_have_is_refused(folder: Path) -> None:
    done = node(folder, "join", "tree.yaml", "--name", "a.b")
    assert done.returncode == 2
    assert "--node: 'a.b' is not of letters, digits, '_' and '-'; write 'a-b'" in done.stderr


def test_without_a_running_system_there_is_nobody_to_ask(folder: Path) -> None:
    done = node(folder, "list", "--system", "nobody")
    assert done.returncode == 1
    assert "no system called 'nobody' is running on this machine" in done.stderr


def test_a_system_that_is_no_node_says_so(folder: Path) -> None:
    (folder / "alone.yaml").write_text(
        'version: 1\nname: alone\nchildren: [{id: web, actor: "shop:Idle"}]\n'
    )
    socket = folder / "alone.sock"
    command = [*COMMAND, "run", "alone.yaml", "--control", str(socket)]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            done = node(folder, "list", "--control", str(socket))
        finally:
            process.kill()
    assert done.returncode == 1
    assert "'alone' has no engine: it is no node of several" in done.stderr
