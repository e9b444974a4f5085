"""How a running tree differs from another, and what each of its children would go through.

Pure. `plan` shows a Difference and `apply` carries it out (`transition.py` says in which order).

| what differs | what happens |
|---|---|
| strategy, intensity, period, auto_shutdown, order of children | the supervisor changes in place |
| restart, shutdown, significant, start_timeout, backoff, health | the child changes in place |
| anything in `dynamic` | in place; the children that it has go on as they were started |
| anything else of a child, also its binary | the child is restarted |
| the supervisor that a child belongs to | removed there, added here |
| the name of the system, how components are run | refused: only a new run can do that |

What changes in place keeps its ref and its state. A restart takes siblings along as the strategy
says, for they may have relied on the incarnation that ends: all of them (one_for_all), or those
behind it (rest_for_one).

Source: Erlang/OTP, supervisor: code_change/3, for what changes in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from airssys_wasm.config.field_changes import FieldChange, field_changes
from airssys_wasm.config.tree import SupervisorChild, SupervisorConfig, TreeConfig

ChildPath: TypeAlias = tuple[str, ...]  # ids, from the root's child down
Action: TypeAlias = Literal["kept", "changed", "restarted", "added", "removed"]

KINDS = ("actor", "component", "supervisor", "pool", "dynamic")  # the keys that tell the kind
IN_PLACE = frozenset(
    {"restart", "shutdown", "significant", "start_timeout", "backoff", "health", "dynamic"}
)
ORDER = "order of children"
_SYSTEM = ("name", "components", "node")  # of a tree: what cannot change while it runs
SEVERAL_NODES = (
    "engine: this tree runs on several nodes, each with its own file: start the nodes anew, one "
    "after the other"
)
_DIGEST_SHOWN = 12  # hex digits; as Git and container tools show them


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as it runs or could run.

    `digests` are of the binaries of its components. `failed` are children that run no more because
    an earlier change could not start them.
    """

    config: TreeConfig
    digests: Mapping[ChildPath, str] = field(default_factory=dict)
    failed: frozenset[ChildPath] = frozenset()


@dataclass(frozen=True, slots=True)
class ChildChange:
    """What a child goes through, and why. A supervisor that is kept may have changes below it."""

    path: ChildPath
    kind: str
    action: Action
    why: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    children: tuple[ChildChange, ...] = ()
    strategy: str = ""  # of a supervisor, the new one
    was: str = ""  # its kind before, where that is another

    @property
    def id(self) -> str:
        """The last of its path."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Difference:
    """The changes of a whole tree; `fields` are those of the root supervisor, all in place.

    With anything in `refused` it cannot be applied.
    """

    name: str
    strategy: str
    fields: tuple[FieldChange, ...]
    children: tuple[ChildChange, ...]
    refused: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        changed = any(change.action != "kept" for change in self.walk())
        return not (changed or self.fields or self.refused)

    def walk(self) -> Iterator[ChildChange]:
        """All changes of children, each before those below it."""
        return _walk(self.children)

    def counts(self) -> dict[Action, int]:
        """How many children go through what."""
        counts: dict[Action, int] = dict.fromkeys(
            ("added", "removed", "restarted", "changed", "kept"), 0
        )
        for change in self.walk():
            counts[change.action] += 1
        return counts


def difference(old: Tree, new: Tree) -> Difference:
    """What happens to the running tree `old` so that it becomes `new`."""
    comparison = _Comparison(old, new)
    before, after = old.config, new.config
    refused = tuple(
        f"{change}: only a new run can change this"
        for change in field_changes(before, after, skip=_all_but(_SYSTEM, after))
    )
    if before.engine != after.engine:  # without what is in it, which may be secret
        refused = (*refused, "engine: only a new run can change this")
    changes = comparison.children(before, after, ())
    if before.engine is not None and any(change.action != "kept" for change in _walk(changes)):
        refused = (*refused, SEVERAL_NODES)
    return Difference(after.name, after.strategy, _flags(before, after), changes, refused)


def kind_of(child: object) -> str:
    """Which of the keys in KINDS a child has."""
    return next(kind for kind in KINDS if hasattr(child, kind))


def binaries(config: SupervisorConfig, path: ChildPath = ()) -> Iterator[tuple[ChildPath, Path]]:
    """The components of a tree: where each is, and where its binary lies."""
    for child in config.children:
        here = (*path, child.id)
        if isinstance(child, SupervisorChild):
            yield from binaries(child.supervisor, here)
        elif (binary := _binary(child)) is not None:
            yield here, binary


def _binary(child: Any) -> Path | None:
    """Of a component, and of a pool or dynamic supervisor of components."""
    settings = child if hasattr(child, "component") else getattr(child, kind_of(child))
    return getattr(settings, "component", None)


class _Comparison:
    def __init__(self, old: Tree, new: Tree) -> None:
        self.old = old
        self.new = new
        self.before = {path[-1]: path for path in _paths(old.config)}
        self.after = {path[-1]: path for path in _paths(new.config)}

    def children(
        self, old: SupervisorConfig, new: SupervisorConfig, path: ChildPath
    ) -> tuple[ChildChange, ...]:
        """The changes of all children in the new order, removed ones where they were."""
        before = {child.id: child for child in old.children}
        changes = [self.child(before.get(c.id), c, (*path, c.id)) for c in new.children]
        changes = _with_siblings(changes, new.strategy)
        ids = {child.id for child in new.children}
        for number, child in enumerate(old.children):
            if child.id not in ids:
                changes.insert(min(number, len(changes)), self.removed(child, (*path, child.id)))
        return tuple(changes)

    def child(self, old: Any, new: Any, path: ChildPath) -> ChildChange:
        kind = kind_of(new)
        if old is None:
            return self.added(new, path)
        if kind_of(old) != kind:
            told = f"it was {_article(kind_of(old))} and becomes {_article(kind)}"
            added = self.added(new, path)
            return replace(added, action="restarted", why=(told,), was=kind_of(old))
        fields = field_changes(old, new, skip=frozenset({"id", "supervisor"}))
        why = [str(change) for change in fields]
        digests = self.old.digests.get(path), self.new.digests.get(path)
        restart = any(change.key not in IN_PLACE for change in fields)
        if None not in digests and digests[0] != digests[1]:
            short = (f"sha256:{str(digest)[:_DIGEST_SHOWN]}" for digest in digests)
            why.append(f"its binary: {' → '.join(short)}")
            restart = True
        if any(change.key == "dynamic" for change in fields):
            why.append("the children that it has go on as they were started")
        if path in self.old.failed:
            why.append("it could not be started when it was changed before")
            restart = True
        below: tuple[ChildChange, ...] = ()
        if isinstance(old, SupervisorChild) and isinstance(new, SupervisorChild):
            flags = _flags(old.supervisor, new.supervisor)
            fields += flags
            why += [str(change) for change in flags]
            below = self.children(old.supervisor, new.supervisor, path)
        action: Action = "restarted" if restart else "changed" if fields else "kept"
        if restart:
            below = _all_restarted(below)
        return ChildChange(path, kind, action, tuple(why), fields, below, _strategy(new))

    def added(self, child: Any, path: ChildPath) -> ChildChange:
        below: tuple[ChildChange, ...] = ()
        if isinstance(child, SupervisorChild):
            inner = child.supervisor.children
            below = tuple(self.added(each, (*path, each.id)) for each in inner)
        elsewhere = self.before.get(child.id)
        why: tuple[str, ...] = ()
        if elsewhere is not None and elsewhere[:-1] != path[:-1]:
            why = (f"it moves here from {place_of(elsewhere[:-1])}",)
        return ChildChange(path, kind_of(child), "added", why, (), below, _strategy(child))

    def removed(self, child: Any, path: ChildPath) -> ChildChange:
        below: tuple[ChildChange, ...] = ()
        if isinstance(child, SupervisorChild):
            inner = child.supervisor.children
            below = tuple(self.removed(each, (*path, each.id)) for each in inner)
        elsewhere = self.after.get(child.id)
        why: tuple[str, ...] = ()
        if elsewhere is not None and elsewhere[:-1] != path[:-1]:
            why = (f"it moves to {place_of(elsewhere[:-1])}",)
        return ChildChange(path, kind_of(child), "removed", why, (), below, _strategy(child))


def place_of(path: ChildPath) -> str:
    """A supervisor by its path, for people.

    >>> place_of(()), place_of(("jobs", "workers"))
    ('the root', "'jobs/workers'")
    """
    return repr("/".join(path)) if path else "the root"


def _paths(config: SupervisorConfig, path: ChildPath = ()) -> Iterator[ChildPath]:
    for child in config.children:
        here = (*path, child.id)
        yield here
        if isinstance(child, SupervisorChild):
            yield from _paths(child.supervisor, here)


def _walk(changes: Sequence[ChildChange]) -> Iterator[ChildChange]:
    for change in changes:
        yield change
        yield from _walk(change.children)


def _flags(old: SupervisorConfig, new: SupervisorConfig) -> tuple[FieldChange, ...]:
    """What changes at the supervisor itself."""
    flags = ("strategy", "intensity", "period", "auto_shutdown")
    changed = field_changes(old, new, skip=_all_but(flags, new))
    ids = [child.id for child in new.children]
    staying = [child.id for child in old.children if child.id in set(ids)]
    order = [id for id in ids if id in set(staying)]
    if order != staying:
        changed += (FieldChange(ORDER, ", ".join(staying), ", ".join(order)),)
    return changed


def _strategy(child: Any) -> str:
    return child.supervisor.strategy if isinstance(child, SupervisorChild) else ""


def _all_but(names: Sequence[str], config: object) -> frozenset[str]:
    return frozenset(type(config).__dataclass_fields__) - set(names)  # type: ignore[attr-defined]


def _with_siblings(changes: list[ChildChange], strategy: str) -> list[ChildChange]:
    """The changes, with the restarts of siblings that the strategy asks for."""
    first = next((n for n, change in enumerate(changes) if change.action == "restarted"), None)
    if first is None or strategy == "one_for_one":
        return changes
    culprit = changes[first].id
    start = 0 if strategy == "one_for_all" else first
    return [
        _taken_along(change, f"{strategy}: {culprit!r} is restarted")
        if number >= start and change.action in ("kept", "changed")
        else change
        for number, change in enumerate(changes)
    ]


def _taken_along(change: ChildChange, why: str) -> ChildChange:
    below = _all_restarted(change.children)
    return replace(change, action="restarted", why=(*change.why, why), children=below)


def _all_restarted(changes: tuple[ChildChange, ...]) -> tuple[ChildChange, ...]:
    """What becomes of children whose supervisor is restarted."""
    return tuple(
        _taken_along(change, "its supervisor is restarted")
        if change.action in ("kept", "changed")
        else replace(change, children=_all_restarted(change.children))
        for change in changes
    )


def _article(kind: str) -> str:
    nouns = {"actor": "an actor", "dynamic": "a dynamic supervisor"}
    return nouns.get(kind, f"a {kind}")
