"""`airssys-wasm run` of a tree with an engine: the node of the command line, and an engine that is
not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airssys_wasm.application.cluster_building import host_name, node_of
from airssys_wasm.cli.run import overridden
from airssys_wasm.config import NodeConfig, TreeConfig, load
from airssys_wasm.config.words import node_name
from airssys_wasm.schema import report

TREE = """version: 1
name: shop
engine: {nats: "nats://127.0.0.1:1", lease: 4s, messages: ["orders_module:Order"]}
node: {name: shop-1, labels: {disk: ssd, zone: eu}}
children: [{id: ledger, actor: "orders_module:Ledger"}]
"""
MODULE = """
from dataclasses import dataclass
from airssys_wasm import Actor as Ledger

@dataclass
class Order:
    number: int
"""


@pytest.fixture
def tree(tmp_path: Path) -> TreeConfig:
    (tmp_path / "orders_module.py").write_text(MODULE)
    (tmp_path / "shop.yaml").write_text(TREE)
    loaded = load(tmp_path / "shop.yaml", environment={})
    assert loaded.config is not None, report(loaded.problems)
    return loaded.config


def test_the_command_line_comes_before_the_file(tree: TreeConfig) -> None:
    assert overridden(tree, None, ("disk=hdd", "gpu=yes")) == NodeConfig(
        name="shop-1", labels={"disk": "hdd", "zone": "eu", "gpu": "yes"}
    )
    assert overridden(tree, "shop-2", ()).name == "shop-2"


@pytest.mark.parametrize(
    ("name", "label", "message"),
    [
        ("shop 1", "a=b", "--node: 'shop 1' is not of letters, digits, '_' and '-'"),
        (None, "disk", "--label: 'disk' is not KEY=VALUE"),
        (None, "disk=", "--label disk: '' is empty"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_told(
    tree: TreeConfig, name: str | None, label: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        overridden(tree, name, (label,))


def test_the_settings_of_a_node_are_those_of_the_file(tree: TreeConfig, tmp_path: Path) -> None:
    settings = node_of(tree, tmp_path)
    assert (settings.name, dict(settings.labels)) == ("shop-1", {"disk": "ssd", "zone": "eu"})
    assert settings.lease.length == 4.0
    assert "Order" in [made.__name__ for made in settings.messages if isinstance(made, type)]


def test_the_name_of_the_host_can_be_that_of_a_node() -> None:
    assert node_name(host_name()) is None


def run(tree: TreeConfig, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "airssys_wasm.cli.main", "run", "shop.yaml", *options],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_server_that_is_not_there_is_told_in_one_line(tree: TreeConfig, tmp_path: Path) -> None:
    result = run(tree, tmp_path, "--control", "none")
    assert result.returncode == 1
    told = [line for line in result.stderr.splitlines() if not line.startswith("{")]  # no log
    assert told[0] == "the system failed:"
    assert "no NATS server" in told[1]
    assert "nats://127.0.0.1:1" in told[1]
    assert "Traceback" not in result.stderr


def test_the_node_of_a_tree_without_an_engine_is_an_error(tree: TreeConfig, tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(TREE.replace("engine:", "#").replace("node:", "#"))
    result = run(tree, tmp_path, "--node", "shop-2")
    assert (result.returncode, result.stderr) == (
        2,
        "airssys-wasm: --node and --label are for a tree with an engine: this one has none\n",
    )
