"""Running trees turned into random others: what runs then is what the file says, as the plan said.

The trees are real: supervisors and actors of one process, changed through `LiveTree`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.application import ActorSystem, supervisor_of
from airssys_wasm.application.live_tree import LiveTree
from airssys_wasm.application.views import ChangeView, NodeView
from airssys_wasm.config import load

IDS = "abcdefg"


ACTORS = """
from airssys_wasm import Actor


class Noted(Actor):
    def __init__(self, *args):
        self.args = args

    def receive(self, message):
        return self.args
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tree file lies, and the module that it names."""
    made = tmp_path_factory.mktemp("trees")
    (made / "live_changes_actors.py").write_text(ACTORS)
    return made


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """A tree as a file has it; each id is there at most once."""
    left = list(draw(st.permutations(IDS)))

    def supervisor(depth: int) -> dict[str, Any]:
        children: list[dict[str, Any]] = []
        for _ in range(draw(st.integers(0, 4))):
            if not left:
                break
            child: dict[str, Any] = {"id": left.pop()}
            child["restart"] = draw(st.sampled_from(["permanent", "transient", "temporary"]))
            actor = {"actor": "live_changes_actors:Noted", "args": [draw(st.integers(0, 1))]}
            match draw(st.integers(0, 5)):
                case 0 if depth:
                    child["supervisor"] = supervisor(depth - 1)
                case 1:
                    child["pool"] = {**actor, "size": draw(st.integers(1, 2))}
                case 2:
                    child["dynamic"] = {**actor, "max_children": draw(st.integers(1, 2))}
                case _:
                    child |= actor
            children.append(child)
        strategy = draw(st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"]))
        return {"strategy": strategy, "intensity": draw(st.integers(1, 2)), "children": children}

    return {"version": 1, "name": "t", **supervisor(2)}


@given(st.lists(trees(), min_size=2, max_size=3))
@settings(max_examples=40)
def test_what_runs_is_what_the_file_says_as_the_plan_said(
    directory: Path, files: list[dict[str, Any]]
) -> None:
    anyio.run(change, directory / "tree.yaml", files)


async def change(file: Path, files: list[dict[str, Any]]) -> None:
    write(file, files[0])
    config = load(file).config
    assert config is not None
    system = ActorSystem("t", root=supervisor_of(config, file.parent))
    async with system:
        live = LiveTree(system, config, file)
        for tree in files[1:]:
            write(file, tree)
            before = refs((await live.tree(most=100)).root)
            plan = await live.plan(file)
            applied = await live.apply(file, tell=quiet, expect=plan.digest)
            assert (applied.failed, applied.done) == ("", plan.steps)
            after = refs((await live.tree(most=100)).root)
            assert shape((await live.tree(most=100)).root) == wanted(tree)
            for action in actions(plan.children):
                old, new = before.get(action[1]), after.get(action[1])
                match action[0]:
                    case "kept" | "changed":
                        assert new == old
                    case "removed":
                        assert new is None
                    case _:
                        assert new not in (None, old)
            assert (await live.plan(file)).is_empty
            for path, args in arguments(tree):
                assert list(await system.named(path).request("args")) == args


async def quiet(text: str) -> None:
    pass


def write(file: Path, tree: dict[str, Any]) -> None:
    file.write_text(json.dumps(tree))  # which is YAML


def refs(node: NodeView, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], str]:
    """The refs of all children by path, those of pools left out."""
    found = {path: node.ref}
    if node.kind == "supervisor":
        for child in node.children:
            found |= refs(child, (*path, child.id))
    return found


def shape(node: NodeView) -> list[Any]:
    """Who is there, in start order."""
    below = [shape(child) for child in node.children] if node.kind == "supervisor" else []
    return [node.id, node.kind, node.status, below]


def wanted(tree: dict[str, Any], id: str = "") -> list[Any]:
    below = []
    for child in tree["children"]:
        kind = next(k for k in ("supervisor", "pool", "dynamic", "actor") if k in child)
        inner = child["supervisor"] if kind == "supervisor" else {"children": []}
        below.append([child["id"], kind, *wanted(inner)[2:]])
    return [id, "supervisor", "running", below]


def actions(changes: tuple[ChangeView, ...]) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for each in changes:
        found += [(each.action, each.path), *actions(each.children)]
    return found


def arguments(tree: dict[str, Any]) -> list[tuple[str, list[int]]]:
    """What the actors of a tree, by name, were to be started with."""
    found: list[tuple[str, list[int]]] = []
    for child in tree["children"]:
        if "supervisor" in child:
            found += arguments(child["supervisor"])
        elif "actor" in child:
            found.append((child["id"], child["args"]))
        elif "pool" in child:
            found.append((child["id"], child["pool"]["args"]))
    return found
