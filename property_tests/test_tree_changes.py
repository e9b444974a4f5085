"""Random trees turned into others, step by step, in a model of a running tree.

The model knows only what runs and refuses what a supervisor would refuse.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.config import ActorConfig, SupervisorChild, SupervisorConfig, TreeConfig
from airssys_wasm.config.difference import ChildPath, Tree, difference
from airssys_wasm.config.transition import Step, after, steps
from airssys_wasm.supervision.child_spec import Restart

IDS = "abcdefgh"
RESTARTS: tuple[Restart, ...] = ("permanent", "transient")
STRATEGIES = st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"])


@st.composite
def trees(draw: st.DrawFn) -> TreeConfig:
    """A tree in which each id, and so each name, is there at most once."""
    left = list(draw(st.permutations(IDS)))

    def supervisor(depth: int) -> dict[str, Any]:
        children: list[Any] = []
        for _ in range(draw(st.integers(0, 4))):
            if not left:
                break
            id = left.pop()
            name = draw(st.sampled_from([id, id, id, None]))
            restart: Restart = draw(st.sampled_from(RESTARTS))
            if depth and draw(st.integers(0, 2)) == 0:
                inner = SupervisorConfig(**supervisor(depth - 1))
                children.append(
                    SupervisorChild(id=id, name=name, restart=restart, supervisor=inner)
                )
            else:
                args = {"n": draw(st.integers(0, 1))}
                children.append(
                    ActorConfig(id=id, name=name, restart=restart, actor="m:A", args=args)
                )
        intensity = draw(st.integers(1, 2))
        return {
            "strategy": draw(STRATEGIES),
            "intensity": intensity,
            "children": tuple(children),
        }

    return TreeConfig(version=1, name="t", **supervisor(2))


@dataclass
class Running:
    """One child: which incarnation, and what the supervisor was told of it."""

    config: Any
    incarnation: int
    alive: bool = True


class Model:
    """A tree that runs: children by path, in a dictionary."""

    def __init__(self, tree: TreeConfig) -> None:
        self.numbers = count(1)
        self.flags: dict[ChildPath, tuple[object, ...]] = {}
        self.children: dict[ChildPath, Running] = {}
        self.launch_supervisor(tree, ())

    def launch_supervisor(self, config: SupervisorConfig, path: ChildPath) -> None:
        self.flags[path] = (config.strategy, config.intensity)
        for child in config.children:
            self.children[(*path, child.id)] = Running(child, 0, alive=False)
            self.launch((*path, child.id))

    def launch(self, path: ChildPath) -> None:
        child = self.children[path]
        assert not child.alive, f"{path} runs already"
        names = {c.config.name for c in self.children.values() if c.alive}
        assert child.config.name is None or child.config.name not in names, "the name is taken"
        self.children[path] = Running(child.config, next(self.numbers))
        if isinstance(child.config, SupervisorChild):
            self.launch_supervisor(child.config.supervisor, path)

    def do(self, step: Step, new: TreeConfig) -> None:
        path = step.path
        match step.do:
            case "reconfigure":
                config: Any = new
                for id in path:
                    assert self.children[path].alive
                    config = next(c for c in config.children if c.id == id).supervisor
                self.flags[path] = (config.strategy, config.intensity)
                for child in config.children:
                    known = self.children.get((*path, child.id))
                    told = Running(child, 0, alive=False)
                    if known is not None:
                        told = replace(known, config=child)
                    self.children[(*path, child.id)] = told
            case "stop":
                assert self.children[path].alive
                self.children[path].alive = False
                for below in [p for p in self.children if p[: len(path)] == path and p != path]:
                    del self.children[below]
            case "forget":
                assert not self.children[path].alive
                del self.children[path]
            case "start":
                self.launch(path)

    def tree(self) -> dict[ChildPath, object]:
        """What runs, with what each was started with and is told now."""
        return {path: child.config for path, child in self.children.items() if child.alive}


@given(trees(), trees())
@settings(max_examples=1_000)  # what needs three unlikely things at once is found with many
def test_the_steps_lead_from_any_tree_to_any_other(old: TreeConfig, new: TreeConfig) -> None:
    found = difference(Tree(old), Tree(new))
    model = Model(old)
    before = {path: child.incarnation for path, child in model.children.items()}
    for step in steps(found):
        model.do(step, new)
    wanted = Model(new)
    assert model.tree() == wanted.tree()
    assert model.flags.items() >= wanted.flags.items()
    for change in found.walk():
        child = model.children.get(change.path)
        match change.action:
            case "kept" | "changed":
                assert child is not None
                assert child.incarnation == before[change.path]
            case "restarted" | "added":
                assert child is not None
                assert child.incarnation > max(before.values(), default=0)
            case "removed":
                assert child is None
    assert found.is_empty == (old == new)
    assert after(Tree(old), Tree(new), found, steps(found)).config == new


@given(trees(), trees(), trees(), st.integers(0, 40))
def test_a_change_that_stops_halfway_can_be_taken_up_to_any_end(
    old: TreeConfig, new: TreeConfig, other: TreeConfig, far: int
) -> None:
    found = difference(Tree(old), Tree(new))
    done = steps(found)[:far]
    model = Model(old)
    for step in done:
        model.do(step, new)
    for path in [path for path, child in model.children.items() if not child.alive]:
        if path in {change.path for change in found.walk() if change.action == "added"}:
            del model.children[path]  # known and never started: forgotten again
    left = after(Tree(old), Tree(new), found, done)
    running = {path for path, child in model.children.items() if child.alive}
    above = {path for path in left.failed for n in range(len(path)) if path[:n] in left.failed}
    assert not above
    assert running == set(_paths(left.config, left.failed))
    again = difference(left, Tree(other))
    for step in steps(again):
        if step.do == "stop" and not model.children[step.path].alive:
            continue
        model.do(step, other)
    assert model.tree() == Model(other).tree()


def _paths(
    config: SupervisorConfig, failed: frozenset[ChildPath], path: ChildPath = ()
) -> list[ChildPath]:
    found: list[ChildPath] = []
    for child in config.children:
        here = (*path, child.id)
        if here in failed:
            continue
        found.append(here)
        if isinstance(child, SupervisorChild):
            found += _paths(child.supervisor, failed, here)
    return found
