"""`defaults:`: what a supervisor gives to all workers below it, put where they give nothing.

Pure. Works on nodes, so that an inherited value keeps its place in the `defaults` where it is
written, and every rule sees what holds for a child in the end. A block such as `mailbox` is
inherited key by key; the nearest `defaults` come first.

Only what can be right is inherited: single values, and blocks of single values under known keys.
So a child grows by a bounded number of values, whatever stands in `defaults`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from airssys_wasm.config.settings import ComponentSettings, DefaultsConfig, WorkerSettings
from airssys_wasm.schema import Problem
from airssys_wasm.schema.document import MOST_VALUES
from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence
from airssys_wasm.schema.problem import KeyPath
from airssys_wasm.schema.shape import fields_of, shapes

KEY = "defaults"

_Given: TypeAlias = dict[str, tuple[Scalar, Node]]

_OF_COMPONENTS = frozenset(fields_of(ComponentSettings))
_OF_WORKERS = frozenset(fields_of(WorkerSettings))
_BLOCKS = {
    name: frozenset(fields_of(shape.base))
    for name, each in fields_of(DefaultsConfig).items()
    for shape in shapes(each.type)
    if shape.is_record
}


def inherit(root: Node) -> tuple[Node, list[Problem]]:
    """The tree with the defaults filled in, and what is wrong with how many they are."""
    work = _Work()
    return work.supervisor(root, {}, ()), work.problems


class _Work:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._left = MOST_VALUES

    def supervisor(self, node: Node, inherited: _Given, path: KeyPath) -> Node:
        """A supervisor in which every worker has what it inherits."""
        children = node.find("children") if isinstance(node, Mapping) else None
        if not isinstance(node, Mapping):
            return node
        own = node.find(KEY)
        if isinstance(own, Mapping):
            inherited = _over(inherited, own)
            node = node.beginning_with(KEY)  # so that its mistakes are told with its own path
        if not isinstance(children, Sequence):
            return node
        items = [
            self._child(item, inherited, (*path, "children", number))
            for number, item in enumerate(children.items)
        ]
        if all(new is old for new, old in zip(items, children.items, strict=True)):
            return node
        return node.replaced("children", Sequence.of(children.place, tuple(items)))

    def _child(self, node: Node, inherited: _Given, path: KeyPath) -> Node:
        if not isinstance(node, Mapping):
            return node
        inner = node.find("supervisor")
        if inner is not None:
            found = self.supervisor(inner, inherited, (*path, "supervisor"))
            return node if found is inner else node.replaced("supervisor", found)
        for key in ("pool", "dynamic"):
            block = node.find(key)
            if isinstance(block, Mapping):
                return node.replaced(key, self._worker(block, inherited, (*path, key)))
        return self._worker(node, inherited, path)

    def _worker(self, node: Mapping, inherited: _Given, path: KeyPath) -> Mapping:
        """The worker with what it does not say itself."""
        is_component = node.find("component") is not None
        if not inherited or not (is_component or node.find("actor") is not None):
            return node
        fit = _OF_WORKERS | _OF_COMPONENTS if is_component else _OF_WORKERS
        entries = {key.text: (key, value) for key, value in node.entries}
        for name, (key, value) in inherited.items():
            if name not in fit or self._left <= 0:
                continue
            before = entries.get(name)
            if before is None:
                entries[name] = (key, value)
                self._spend(value, key, path)
            elif isinstance(before[1], Mapping) and isinstance(value, Mapping):
                missing = [entry for entry in value.entries if entry[0].text not in before[1].keys]
                filled = Mapping.of(before[1].place, (*before[1].entries, *missing))
                entries[name] = (before[0], filled)
                self._spend(value, key, path)
        return Mapping.of(node.place, tuple(entries.values()))

    def _spend(self, value: Node, key: Scalar, path: KeyPath) -> None:
        self._left -= 1 + value.size
        if self._left <= 0:
            message = f"with the defaults the tree grows beyond {MOST_VALUES:,} values"
            self.problems.append(Problem.at(key.place, message, rule="yaml-too-large", path=path))


def _over(inherited: _Given, own: Mapping) -> _Given:
    """What is inherited below a supervisor with `defaults` of its own."""
    found = dict(inherited)
    for key, value in own.entries:
        known = _BLOCKS.get(key.text)
        if isinstance(value, Mapping) and known is not None:
            outer = found.get(key.text)
            under = outer[1].entries if outer and isinstance(outer[1], Mapping) else ()
            found[key.text] = (key, _block(value, known, under))
        elif isinstance(value, Scalar) and key.text in _OF_WORKERS | _OF_COMPONENTS:
            found[key.text] = (key, value)
    return found


def _block(value: Mapping, known: frozenset[str], under: Iterable[tuple[Scalar, Node]]) -> Mapping:
    entries: dict[str, tuple[Scalar, Node]] = {
        key.text: (key, inner)
        for key, inner in value.entries
        if key.text in known and isinstance(inner, Scalar)
    }
    for key, inner in under:
        entries.setdefault(key.text, (key, inner))
    return Mapping.of(value.place, tuple(entries.values()))
