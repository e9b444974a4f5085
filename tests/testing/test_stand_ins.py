"""`simulate:` in a tree file: who stands in, what check says, and where files go."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from airssys_wasm.config import load
from airssys_wasm.config.stand_ins import with_stand_ins
from airssys_wasm.config.tree import ActorConfig, SupervisorChild
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from airssys_wasm.testing.tree_runs import TreeOptions, replay_tree, run_tree

TREE = """
version: 1
name: shop
children:
  - id: writer
    actor: shop_actors:Writer
    args: {path: /nowhere/book}
    simulate: {args: {path: book}}
  - id: outside
    supervisor:
      children:
        - id: gateway
          actor: shop_actors:Gateway
          simulate: {actor: "shop_actors:Fake"}
        - {id: prices, component: prices.wasm, simulate: {actor: "shop_actors:Fake", args: [3]}}
"""

ACTORS = """
import socket, tempfile
from pathlib import Path
from airssys_wasm import Actor

class Writer(Actor):
    def __init__(self, path):
        self.path = path
    def init(self):
        assert not Path(self.path).exists()
        Path(self.path).write_text("entry")
        self.context.send_after(1.0, self.context.ref, tempfile.mkdtemp())
    def receive(self, message):
        assert Path(message).parent == Path.cwd(), message

class Gateway(Actor):
    def init(self):
        socket.socket()
    def receive(self, message): ...

class Fake(Actor):
    def __init__(self, number=1):
        self.number = number
    def receive(self, message): ...
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "shop_actors.py").write_text(ACTORS)
    file = tmp_path / "tree.yaml"
    file.write_text(TREE)
    return file


def test_stand_ins_replace_what_runs_and_leave_the_rest_as_it_is(tree: Path) -> None:
    (tree.parent / "prices.wasm").write_bytes(b"")
    config = load(tree).config
    if config is None:  # the empty file is no component, which is not looked at here
        (tree).write_text(TREE.replace("component: prices.wasm", 'actor: "shop_actors:Gateway"'))
        config = load(tree).config
    assert config is not None
    simulated = with_stand_ins(config)
    writer, outside = simulated.children
    assert isinstance(writer, ActorConfig)
    assert isinstance(outside, SupervisorChild)
    assert (writer.actor, writer.args) == ("shop_actors:Writer", {"path": "book"})
    gateway, prices = outside.supervisor.children
    assert isinstance(gateway, ActorConfig)
    assert isinstance(prices, ActorConfig)
    assert (gateway.actor, gateway.args) == ("shop_actors:Fake", ())
    assert (prices.actor, prices.args, prices.name) == ("shop_actors:Fake", (3,), "prices")
    assert with_stand_ins(simulated) == simulated


def test_a_stand_in_is_nothing_that_changes_what_runs_for_real(tree: Path) -> None:
    actors = TREE.replace("component: prices.wasm", 'actor: "shop_actors:Fake"')
    other = tree.with_name("plain.yaml")
    other.write_text(actors.replace("    simulate: {args: {path: book}}\n", ""))
    tree.write_text(actors)
    assert load(tree).config == load(other).config is not None


def test_the_files_of_a_run_are_its_own_and_are_gone_with_it(tree: Path) -> None:
    tree.write_text(TREE.replace("component: prices.wasm", 'actor: "shop_actors:Gateway"'))
    before = Path.cwd()
    options = TreeOptions(str(tree), until=1.5)
    for seed in range(3):
        run = run_tree(options, seed)
        assert run.failure is None
    assert Path.cwd() == before
    assert tempfile.gettempdir() not in (None, "")
    assert list(tree.parent.glob("**/book")) == []


def test_no_trace_tells_where_the_directory_was(tree: Path) -> None:
    tree.write_text(TREE.replace("component: prices.wasm", 'actor: "shop_actors:Gateway"'))
    options = TreeOptions(str(tree), until=5.0)
    one, two = (replay_tree(options, 1, None).trace for _ in range(2))
    assert one == two
    assert any("<directory>" in entry.what for entry in one)


def test_a_test_has_a_directory_of_its_own_for_each_run() -> None:
    seen: list[Path] = []

    async def test(simulation: Simulation) -> None:
        (simulation.directory / "file").write_text("x")
        assert Path(tempfile.mkdtemp()).parent == simulation.directory
        assert simulation.directory not in seen
        seen.append(simulation.directory)

    for seed in range(3):
        run = run_seed(test, seed)
        assert run.failure is None
    assert not any(directory.exists() for directory in seen)


def test_check_looks_at_stand_ins_as_at_all_else(tree: Path) -> None:
    tree.write_text(
        TREE.replace('Fake"}', 'Fakes"}')
        .replace("args: {path: book}", "args: {paths: book}")
        .replace('{actor: "shop_actors:Fake", args: [3]}', "{args: [3]}")
    )
    told = [
        (problem.rule, problem.line, problem.message)
        for problem in load(tree).problems
        if problem.rule in ("actor", "arguments", "stand-in")
    ]
    assert [(rule, line) for rule, line, _ in told] == [
        ("arguments", 8), ("actor", 14), ("stand-in", 15),
    ]  # fmt: skip
    assert "'shop_actors' has no 'Fakes'" in told[1][2]
