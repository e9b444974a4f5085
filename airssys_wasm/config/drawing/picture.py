"""What is to be seen of a tree: for each child a title, a line about it, and marks.

Pure. Text, DOT and SVG show the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airssys_wasm.config.difference import kind_of
from airssys_wasm.config.field_changes import duration_text
from airssys_wasm.config.tree import SupervisorConfig, TreeConfig

KINDS = ("supervisor", "actor", "component", "pool", "dynamic")
KIND_WORDS = {
    "supervisor": "supervisor",
    "actor": "actor in Python",
    "component": "WebAssembly component",
    "pool": "pool of equal children",
    "dynamic": "children on demand",
}
STRATEGY_WORDS = {
    "one_for_one": "one_for_one: each restarts alone",
    "rest_for_one": "rest_for_one: those behind it restart too",
    "one_for_all": "one_for_all: all restart together",
}
MARK_WORDS = {
    "transient": "restarted after a crash only",
    "temporary": "never restarted",
    "significant": "its end may end the supervisor",
    "fatal": "one fault in it stops the whole system",  # of simulations
}


@dataclass(frozen=True, slots=True)
class Node:
    """One child, or the root. `marks` are what it departs in from most children."""

    title: str
    kind: str
    about: str
    strategy: str = ""
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()  # for who looks closer
    children: tuple[Node, ...] = ()

    def walk(self) -> Iterator[Node]:
        """The node and all below it, in start order."""
        yield self
        for child in self.children:
            yield from child.walk()


def picture_of(config: TreeConfig) -> Node:
    """The whole tree; its root is called as the system is."""
    return _supervisor(config.name, config, (), _budget_notes(config))


def _supervisor(
    title: str, config: SupervisorConfig, marks: tuple[str, ...], notes: tuple[str, ...]
) -> Node:
    return Node(
        title=title,
        kind="supervisor",
        about=f"{config.strategy}, {_budget(config)}",
        strategy=config.strategy,
        marks=marks,
        notes=notes,
        children=tuple(map(_child, config.children)),
    )


def _child(child: Any) -> Node:
    kind = kind_of(child)
    marks: tuple[str, ...] = () if child.restart == "permanent" else (child.restart,)
    if child.significant:
        marks += ("significant",)
    notes = tuple(_notes(child))
    if kind == "supervisor":
        inner = child.supervisor
        return _supervisor(child.id, inner, marks, (*notes, *_budget_notes(inner)))
    return Node(child.id, kind, _about(child, kind), marks=marks, notes=notes)


def _about(child: Any, kind: str) -> str:
    if kind in ("actor", "component"):
        return _behaviour(child)
    settings = getattr(child, kind)
    if kind == "pool":
        return f"{settings.size:,} × {_behaviour(settings)}, {settings.route}"
    most = settings.max_children
    return f"{'any number' if most is None else f'up to {most:,}'} × {_behaviour(settings)}"


def _behaviour(worker: Any) -> str:
    return worker.component.name if hasattr(worker, "component") else str(worker.actor)


def _budget(config: SupervisorConfig) -> str:
    restarts = f"{config.intensity:,} restart{'s' * (config.intensity != 1)}"
    return f"{restarts} in {duration_text(config.period)}"


def _budget_notes(config: SupervisorConfig) -> tuple[str, ...]:
    if config.auto_shutdown == "never":
        return ()
    return (f"auto_shutdown: {config.auto_shutdown}",)


def _notes(child: Any) -> Iterator[str]:
    if child.name is None:
        yield "registered under no name"
    elif child.name != child.id:
        yield f"name: {child.name}"
    for entry in getattr(child, "subscribe", ()):
        yield f"subscribe: {entry if isinstance(entry, str) else entry.topic}"
    shutdown = child.shutdown
    yield f"shutdown: {shutdown if isinstance(shutdown, str) else duration_text(shutdown)}"
