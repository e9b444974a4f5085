"""`airssys-wasm graph`: text, DOT and SVG of a tree file."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from airssys_wasm.cli.main import app

TREE = """
version: 1
name: shop
strategy: rest_for_one
children:
  - {id: store, actor: "graph_actors:Store", subscribe: ["orders.>"]}
  - {id: prices, component: prices.wasm, restart: transient}
  - id: jobs
    supervisor:
      strategy: one_for_all
      auto_shutdown: any_significant
      children:
        - {id: one, actor: "graph_actors:Store", restart: transient, significant: true}
        - {id: two, actor: "graph_actors:Store", restart: temporary, name: null}
  - {id: crew, pool: {actor: "graph_actors:Store", size: 8, route: least_loaded}}
  - {id: guests, dynamic: {actor: "graph_actors:Store", max_children: 1000}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "graph_actors.py").write_text("class Store: ...\n")
    (tmp_path / "prices.wasm").write_bytes(b"")
    path = tmp_path / "tree.yaml"
    path.write_text(TREE)
    return path


def graph(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["graph", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.stdout


def test_as_text_it_is_a_tree_with_what_each_child_is(file: Path) -> None:
    lines = [" ".join(line.split()) for line in graph(file).splitlines()]
    assert lines == [
        "shop supervisor rest_for_one, 1 restart in 5s",
        "├─ store actor graph_actors:Store subscribe: orders.>",
        "├─ prices component prices.wasm transient",
        "├─ jobs supervisor one_for_all, 1 restart in 5s auto_shutdown: any_significant",
        "│ ├─ one actor graph_actors:Store transient, significant",
        "│ └─ two actor graph_actors:Store temporary registered under no name",
        "├─ crew pool 8 × graph_actors:Store, least_loaded",
        "└─ guests dynamic up to 1,000 × graph_actors:Store",
    ]


def test_the_name_of_the_output_says_the_format(file: Path, tmp_path: Path) -> None:
    for name, begin in (("a.svg", "<svg "), ("a.dot", "digraph "), ("a.txt", "shop ")):
        assert graph(file, "-o", tmp_path / name) == ""
        assert (tmp_path / name).read_text().startswith(begin)
    assert graph(file, "--format", "svg") == (tmp_path / "a.svg").read_text()
    assert graph(file, "--format", "dot") == (tmp_path / "a.dot").read_text()


def test_svg_tells_kinds_strategies_and_restart_types_apart(file: Path) -> None:
    tree = ElementTree.fromstring(graph(file, "--format", "svg"))
    classes = {name for element in tree.iter() for name in element.get("class", "").split()}
    kinds = {"supervisor", "actor", "component", "pool", "dynamic"}
    assert kinds | {f"{kind}-icon" for kind in kinds} <= classes
    assert {"arrow", "all", "transient", "temporary", "significant"} <= classes
    texts = {element.text for element in tree.iter() if element.tag.endswith("}text")}
    legend = {
        "WebAssembly component",
        "pool of equal children",
        "rest_for_one: those behind it restart too",
        "one_for_all: all restart together",
        "restarted after a crash only",
        "never restarted",
    }
    assert legend <= texts
    assert "one_for_one: each restarts alone" not in texts  # nobody has this strategy


def test_a_bad_file_is_2_and_nothing_is_drawn(file: Path, tmp_path: Path) -> None:
    file.write_text(TREE.replace("children:", "childern:", 1))
    assert graph(file, "-o", tmp_path / "a.svg", code=2) == ""
    assert not (tmp_path / "a.svg").exists()
