"""What can be wrong with a tree although each of its values is right.

Pure: what is outside of the file is asked of `Surroundings`. Works on what could be read,
so that its mistakes come in the same run as those of single values.

Source: Erlang/OTP, supervisor(3), "Automatic Shutdown", for the rules of significant children.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.components.security.pattern import covers_topic, matches_name
from airssys_wasm.config import words
from airssys_wasm.config.arguments import misfits
from airssys_wasm.config.surroundings import FoundActor, FoundComponent, Missing, Surroundings
from airssys_wasm.config.tree import SubscriptionConfig, TreeConfig
from airssys_wasm.schema import KeyPath, Reading
from airssys_wasm.schema.suggest import did_you_mean

ROOT_NAME = "root"
_MOST_NAMES = 1_000  # of larger trees it is not told who may be sent to
_GRANT_FOR = {"host-messaging": "messaging", "storage": "storage"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A mapping of the file: a supervisor or a child, with what could be read of it."""

    reading: Reading[TreeConfig]
    path: KeyPath

    def get(self, *keys: str, default: Any = None) -> Any:
        return self.reading.values.get((*self.path, *keys), default)

    def has(self, *keys: str) -> bool:
        return (*self.path, *keys) in self.reading.places

    def error(self, message: str, *keys: str, hint: str = "") -> None:
        self.reading.report((*self.path, *keys), message, hint=hint)

    def warning(self, message: str, *keys: str, hint: str = "") -> None:
        self.reading.warn((*self.path, *keys), message, hint=hint)

    def children(self) -> list[_Part]:
        found: list[_Part] = []
        while (path := (*self.path, "children", len(found))) in self.reading.places:
            found.append(_Part(self.reading, path))
        return found

    def line(self, *keys: str) -> int:
        return self.reading.places[(*self.path, *keys)].line


def check_meaning(reading: Reading[TreeConfig], surroundings: Surroundings) -> None:
    """Add to the reading's problems what is wrong between values, or suspicious."""
    root = _Part(reading, ())
    supervisors = list(_supervisors(root))
    children = [child for supervisor in supervisors for child in supervisor.children()]
    if root.get("intensity") == 0:
        message = "with an intensity of 0 the first crash ends everything"
        root.warning(message, "intensity", hint="give it at least 1")
    for supervisor in supervisors:
        _check_supervisor(supervisor)
    others = _Names.of(_check_names(children))
    for child in children:
        _check_significant(child)
        _check_mailbox(child)
        _check_actor(child, surroundings)
        _check_component(child, surroundings, others)


def _supervisors(supervisor: _Part) -> Iterator[_Part]:
    yield supervisor
    for child in supervisor.children():
        if child.has("supervisor"):
            yield from _supervisors(_Part(child.reading, (*child.path, "supervisor")))


# -- supervision --------------------------------------------------------------------------


def _check_supervisor(supervisor: _Part) -> None:
    ids: dict[str, int] = {}
    for child in supervisor.children():
        own = child.get("id")
        if own in ids:
            child.error(f"a child with the id {own!r} is in line {ids[own]} already", "id")
        elif own is not None:
            ids[own] = child.line("id")
    if supervisor.has("children") and supervisor.get("children", default=None) == ():
        supervisor.warning("there are no children to run", "children")
    never = supervisor.get("auto_shutdown", default="never") == "never"
    significant = [child for child in supervisor.children() if child.get("significant")]
    if never and not supervisor.has("auto_shutdown"):
        for child in significant:
            message = "a significant child has no meaning without auto_shutdown"
            hint = "give its supervisor auto_shutdown: any_significant or all_significant"
            child.error(message, "significant", hint=hint)
    elif never and significant and supervisor.get("auto_shutdown") == "never":
        for child in significant:
            message = "a significant child has no meaning with auto_shutdown: never"
            hint = "write any_significant or all_significant there"
            child.error(message, "significant", hint=hint)
    elif not never and not significant:
        message = "no child is significant, so this never happens"
        supervisor.warning(message, "auto_shutdown", hint="give a child significant: true")


def _check_significant(child: _Part) -> None:
    restart_is_known = child.has("restart") <= (child.get("restart") is not None)
    restart = child.get("restart", default="permanent")
    if child.get("significant") and restart_is_known and restart == "permanent":
        message = "a permanent child is always started again and can't be significant"
        child.error(message, "significant", hint="write restart: transient or temporary")
    if child.has("supervisor") and restart == "transient":
        message = (
            "a supervisor that gives up ends with 'shutdown', which transient does not restart"
        )
        child.warning(message, "restart", hint="is permanent meant?")


def _check_names(children: list[_Part]) -> tuple[str, ...]:
    """The names that children are registered under."""
    names: dict[str, _Part] = {}
    for child in children:
        key, name = _name(child)
        if name is None:
            continue
        if name == ROOT_NAME:
            hint = "give the child another name:, or name: null"
            child.error(f"the name {name!r} is that of the root supervisor", key, hint=hint)
        if name not in names:
            names[name] = child
            continue
        other = names[name]
        siblings = other.path[:-1] == child.path[:-1]
        if key == "id" and siblings and other.get("id") == name:
            continue  # told as a double id already
        line = other.line("name" if other.has("name") else "id")
        hint = "give one of them another name:, or name: null"
        child.error(f"the name {name!r} is taken by the child in line {line}", key, hint=hint)
    return tuple(names)


def _name(child: _Part) -> tuple[str, str | None]:
    """The name that the child is registered under, and the key that gives it."""
    key = "name" if child.has("name") else "id"
    return key, child.get(key)


def _check_mailbox(child: _Part) -> None:
    unbounded = child.has("mailbox") and not child.has("mailbox", "capacity")
    if unbounded and child.get("mailbox", "overflow"):
        message = "a mailbox without capacity never overflows"
        child.warning(message, "mailbox", "overflow", hint="add capacity: 1000")
    if child.get("mailbox", "keep_on_restart"):
        if child.get("restart") == "temporary":
            message = "a temporary child is never restarted, so its mailbox is never kept"
            child.warning(message, "mailbox", "keep_on_restart")
        elif unbounded:
            message = "what arrives while the child restarts is kept without bound"
            child.warning(message, "mailbox", "keep_on_restart", hint="add capacity: 1000")
    seen: set[object] = set()
    for path, subscription in _items(child.reading, (*child.path, "subscribe")):
        if subscription is not None and subscription in seen:
            child.reading.warn(path, "the child is subscribed to this already")
        seen.add(subscription)


def _items(reading: Reading[TreeConfig], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """The entries of a list with their paths, None for one that could not be read."""
    number = 0
    while (below := (*path, number)) in reading.places:
        yield below, reading.values.get(below)
        number += 1


# -- actors -------------------------------------------------------------------------------


def _check_actor(child: _Part, surroundings: Surroundings) -> None:
    actor = child.get("actor")
    if actor is None:
        return
    match surroundings.find_actor(actor):
        case Missing(message, hint):
            child.error(message, "actor", hint=hint)
        case FoundActor(parameters):
            args = child.get("args", default=None if child.has("args") else ())
            if parameters is None or args is None:
                return
            for key, wrong in misfits(actor.rpartition(":")[2], parameters, args):
                place = ("args",) if child.has("args") else ("actor",)
                path = (*child.path, *place) if key is None else (*child.path, "args", key)
                child.reading.report(path, wrong.message, hint=wrong.hint, key=key is not None)


# -- components -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Names:
    """The names in a tree, for patterns over them."""

    names: tuple[str, ...]
    ids: tuple[ComponentId, ...]

    @classmethod
    def of(cls, names: tuple[str, ...]) -> _Names:
        return cls(names, tuple(parse_id(n) for n in names if words.component_name(n) is None))

    def include(self, pattern: str) -> bool:
        too_many = len(self.names) > _MOST_NAMES
        return too_many or any(matches_name(pattern, found) for found in self.ids)


def _check_component(child: _Part, surroundings: Surroundings, others: _Names) -> None:
    if not child.has("component"):
        return
    key, name = _name(child)
    wrong = words.component_name(name) if name is not None else None
    if wrong is not None:
        message, _, hint = wrong.partition("; ")
        child.error(f"{name!r} {message}", key, hint=hint)
    _check_grants(child, others)
    path = child.get("component")
    if path is None:
        return
    if not surroundings.is_file(path):
        child.error(f"there is no file {str(path)!r}", "component")
        return
    match surroundings.examine(path):
        case Missing(message, hint):
            child.error(message, "component", hint=hint)
        case FoundComponent(differences, imports):
            for difference in differences:
                child.error(difference, "component")
            _check_imports(child, imports)


def _check_imports(child: _Part, imports: frozenset[str]) -> None:
    for interface in sorted(imports):
        family = _GRANT_FOR.get(interface.partition("/")[2].partition("@")[0])
        if family is None or child.has("capabilities", family):
            continue
        message = f"the component imports {interface}, and nothing of it is granted"
        lines = {"messaging": "messaging: {send: [...]}", "storage": "storage: {access: read}"}
        hint = f"add capabilities: {{{lines[family]}}}"
        if child.get("strict_imports"):
            child.error(message, "component", hint=hint)
        else:
            child.warning(message, "component", hint=hint)


def _check_grants(child: _Part, others: _Names) -> None:
    for right in ("send", "request"):
        path = (*child.path, "capabilities", "messaging", right)
        for below, target in _items(child.reading, path):
            if target is not None and not others.include(target):
                message = f"no child of this tree has the name {target!r}"
                child.reading.warn(below, message, hint=did_you_mean(target, others.names))
    granted = child.get("capabilities", "messaging", "subscribe")
    if granted is None and child.has("capabilities", "messaging", "subscribe"):
        return
    if granted is None and child.has("capabilities") and child.get("capabilities") is None:
        return
    for path, subscription in _items(child.reading, (*child.path, "subscribe")):
        topic = subscription.topic if isinstance(subscription, SubscriptionConfig) else subscription
        if topic is None or any(covers_topic(pattern, topic) for pattern in granted or ()):
            continue
        hint = f"add capabilities: {{messaging: {{subscribe: [{topic!r}]}}}}"
        message = f"the component is not granted to subscribe to {topic!r}"
        child.reading.report(path, message, hint=hint)
