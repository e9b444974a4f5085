"""In which order a difference is carried out, and what a tree is like when only part of it is done.

Pure. The order, over the whole tree:

    reconfigure  every supervisor with a change at it or below it, the root first
    stop, forget what goes, the youngest first; so that its name is free for others
    stop         what is restarted and leaves a name to others, for the same reason
    stop, start  the rest, in the order in which children start; a group that restarts together
                 is stopped from its youngest to its oldest before its first is started

Invariants:
  - when all steps are done, the tree is the new one;
  - a child is stopped only if the difference says that it is removed or restarted;
  - each step names a child whose supervisor is neither stopped nor started by another step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from airssys_wasm.config.difference import (
    ORDER,
    ChildChange,
    ChildPath,
    Difference,
    Tree,
    binaries,
)
from airssys_wasm.config.tree import SupervisorChild, SupervisorConfig

Deed: TypeAlias = Literal["reconfigure", "stop", "forget", "start"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: to the child at `path`, or (reconfigure) to the supervisor there."""

    do: Deed
    path: ChildPath

    def __str__(self) -> str:
        return f"{self.do} {'/'.join(self.path) or 'the root'}"


def steps(difference: Difference) -> tuple[Step, ...]:
    """What to do, in order; nothing where nothing differs, or the difference is refused."""
    if difference.refused or difference.is_empty:
        return ()
    changes = difference.children
    done: list[Step] = [*_reconfigurations((), changes, bool(difference.fields))]
    done += _removals(changes)
    done += [Step("stop", c.path) for c in reversed(list(_restarts(changes))) if _frees_names(c)]
    done += _starts(changes, difference.strategy)
    return tuple(done)


def _reconfigurations(
    path: ChildPath, changes: tuple[ChildChange, ...], own: bool
) -> Iterator[Step]:
    if not own and all(_is_quiet(change) for change in changes):
        return
    yield Step("reconfigure", path)
    for change in changes:
        if change.kind in ("supervisor", "dynamic") and change.action in ("kept", "changed"):
            yield from _reconfigurations(change.path, change.children, _has_flags(change))


def _is_quiet(change: ChildChange) -> bool:
    return change.action == "kept" and all(map(_is_quiet, change.children))


def _has_flags(change: ChildChange) -> bool:
    """Whether the supervisor itself has to be told, and not only the one above it."""
    flags = ("strategy", "intensity", "period", "auto_shutdown", ORDER)
    return any(field.path in flags or field.key == "dynamic" for field in change.fields)


def _removals(changes: tuple[ChildChange, ...]) -> Iterator[Step]:
    for change in reversed(changes):
        if change.action == "removed":
            yield Step("stop", change.path)
            yield Step("forget", change.path)
        elif change.action in ("kept", "changed"):
            yield from _removals(change.children)


def _restarts(changes: tuple[ChildChange, ...]) -> Iterator[ChildChange]:
    for change in changes:
        if change.action == "restarted":
            yield change
        elif change.action in ("kept", "changed"):
            yield from _restarts(change.children)


def _frees_names(change: ChildChange) -> bool:
    """Whether others may take names that the child has, or that are below it."""
    renamed = bool(change.was) or any(field.key == "name" for field in change.fields)
    below = change.children
    return renamed or any(c.action == "removed" or _frees_names(c) for c in below)


def _starts(changes: tuple[ChildChange, ...], strategy: str) -> Iterator[Step]:
    restarted = [change for change in changes if change.action == "restarted"]
    together = strategy != "one_for_one"
    if together:
        for change in reversed(restarted):
            if not _frees_names(change):
                yield Step("stop", change.path)
    for change in changes:
        match change.action:
            case "added":
                yield Step("start", change.path)
            case "restarted":
                if not together and not _frees_names(change):
                    yield Step("stop", change.path)
                yield Step("start", change.path)
            case "kept" | "changed":
                yield from _starts(change.children, change.strategy)
            case _:
                pass


def after(old: Tree, new: Tree, difference: Difference, done: Collection[Step]) -> Tree:
    """The tree as it is when these of the steps are done: what the next plan has to start from.

    A child that was stopped and neither started again nor forgotten is among `failed`.
    """
    done = frozenset(done)
    state = _Afterwards(old, new, done)
    config = state.supervisor(old.config, new.config, difference.children, ())
    root = replace(old.config, **config)
    return Tree(root, state.digests, frozenset(state.failed))


class _Afterwards:
    def __init__(self, old: Tree, new: Tree, done: frozenset[Step]) -> None:
        self.old = old
        self.new = new
        self.done = done
        self.digests: dict[ChildPath, str] = {}
        self.failed: set[ChildPath] = set()

    def supervisor(
        self,
        old: SupervisorConfig,
        new: SupervisorConfig,
        changes: tuple[ChildChange, ...],
        path: ChildPath,
    ) -> dict[str, Any]:
        """The fields of the supervisor at `path`, its children among them."""
        told = Step("reconfigure", path) in self.done
        before = {child.id: child for child in old.children}
        coming = {child.id: child for child in new.children}
        children = []
        for change in changes:
            child = self.child(before.get(change.id), coming.get(change.id), change, told=told)
            if child is not None:
                children.append(child)
        if not told:
            place = {child.id: number for number, child in enumerate(old.children)}
            children.sort(key=lambda child: place.get(child.id, len(place)))
        source = new if told else old
        return {
            "strategy": source.strategy,
            "intensity": source.intensity,
            "period": source.period,
            "auto_shutdown": source.auto_shutdown,
            "children": tuple(children),
        }

    def child(self, old: Any, new: Any, change: ChildChange, *, told: bool) -> Any:
        """What is there of a child, None if nothing is."""
        started = Step("start", change.path) in self.done
        match change.action:
            case "added":
                return self.keep(new, change.path, self.new) if started else None
            case "removed":
                if Step("forget", change.path) in self.done:
                    return None
                self.note_failure(change.path)
                return self.keep(old, change.path, self.old)
            case "restarted":
                if started:
                    return self.keep(new, change.path, self.new)
                self.note_failure(change.path)
                return self.keep(old, change.path, self.old)
            case _:
                chosen = new if told else old
                if not isinstance(old, SupervisorChild):
                    return self.keep(chosen, change.path, self.new)
                inner = self.supervisor(
                    old.supervisor, new.supervisor, change.children, change.path
                )
                return replace(chosen, supervisor=SupervisorConfig(**inner))

    def note_failure(self, path: ChildPath) -> None:
        if Step("stop", path) in self.done or path in self.old.failed:
            self.failed.add(path)

    def keep(self, child: Any, path: ChildPath, tree: Tree) -> Any:
        """The child as it is in `tree`, with what was known of its binaries there."""
        below = binaries(child.supervisor, path) if isinstance(child, SupervisorChild) else ()
        for here in (path, *(each for each, _ in below)):
            if here in tree.digests:
                self.digests[here] = tree.digests[here]
        return child
