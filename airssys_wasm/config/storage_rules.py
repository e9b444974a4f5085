"""What can be wrong with storage: where it is kept, and who shares which namespace.

Pure: what is outside of the file is asked of `Surroundings`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.config import words
from airssys_wasm.config.field_changes import size_text
from airssys_wasm.config.grants import StorageConfig
from airssys_wasm.config.part import Part
from airssys_wasm.config.surroundings import Surroundings
from airssys_wasm.config.worker_rules import name_of

_GRANT = ("capabilities", "storage")


@dataclass(frozen=True, slots=True)
class _User:
    """A child that was granted storage."""

    child: Part
    grant: StorageConfig
    namespace: ComponentId

    @property
    def worker(self) -> Part:
        return self.child.worker()

    @property
    def label(self) -> str:
        return repr(self.child.get("id") or "")

    def key(self, name: str) -> tuple[str, ...]:
        """Where the grant says it, or where it is."""
        said = self.worker.has(*_GRANT, name)
        return (*_GRANT, name) if said else _GRANT


def check_place(root: Part, surroundings: Surroundings) -> None:
    """Whether there can be a store where the file says."""
    for kind in ("sqlite", "rocksdb"):
        path = root.get("components", "storage", kind)
        if path is not None and not surroundings.is_directory(path.parent):
            message = f"there is no directory {str(path.parent)!r}"
            hint = "make it: only the last part of the path is made when it is first used"
            root.error("storage-place", message, "components", "storage", kind, hint=hint)
    if root.has("components", "storage", "rocksdb") and not surroundings.has_module("rocksdict"):
        message = "what reads and writes RocksDB is not installed"
        hint = "pip install 'airssys-wasm[rocksdb]'"
        root.error("storage-place", message, "components", "storage", "rocksdb", hint=hint)


def check_namespaces(children: Iterable[Part]) -> None:
    """Whether each namespace is one component's, or all share it, and has one quota."""
    spaces: dict[ComponentId, list[_User]] = {}
    components: dict[ComponentId, Part] = {}
    for child in children:
        worker = child.worker()
        if not worker.has("component"):
            continue
        own = _own_id(child)
        if own is not None:
            components.setdefault(own, child)
        grant = worker.get(*_GRANT)
        if grant is None:
            continue
        namespace = own if grant.namespace is None else parse_id(grant.namespace)
        if namespace is not None:
            spaces.setdefault(namespace, []).append(_User(child, grant, namespace))
        elif _is_nameless(child):
            name = name_of(child)[1]
            reason = "without a name" if name is None else f"as {name!r} is no component id,"
            message = f"{reason} it has no namespace of its own"
            hint = "add namespace: NAME, or give the child a name"
            worker.error("storage-namespace", message, *_GRANT, hint=hint)
    for namespace, users in spaces.items():
        _check_owner(users[0], components.get(namespace))
        for user in users[1:]:
            _check_two(users[0], user)


def _own_id(child: Part) -> ComponentId | None:
    _, name = name_of(child)
    return parse_id(name) if name is not None and words.component_name(name) is None else None


def _is_nameless(child: Part) -> bool:
    """Whether it says so, or has a name that is no id and that is told nowhere else."""
    key, name = name_of(child)
    if name is None:
        return key == "name" and child.says(key) and (*child.path, key) in child.reading.values
    return child.worker() is not child and words.component_name(name) is not None


def _check_owner(user: _User, owner: Part | None) -> None:
    """Another's namespace is there for one to whom that other grants it."""
    if owner is None or owner.path == user.child.path or user.grant.namespace is None:
        return
    if owner.worker().get(*_GRANT) is None and not owner.worker().has(*_GRANT):
        whose = f"that of the child in {user.child.where(owner, name_of(owner)[0])}"
        message = f"the namespace {str(user.namespace)!r} is {whose}, which shares nothing"
        hint = "add storage: {shared: true} to the capabilities of both"
        user.worker.error("storage-namespace", message, *user.key("namespace"), hint=hint)


def _check_two(first: _User, user: _User) -> None:
    where = user.child.where(first.worker, *first.key("namespace"))
    if not (first.grant.shared and user.grant.shared):
        message = f"the namespace {str(user.namespace)!r} is used by the child in {where} as well"
        hint = "to share it, both need shared: true"
        user.worker.error("storage-namespace", message, *user.key("namespace"), hint=hint)
    if first.grant.quota != user.grant.quota:
        sizes = size_text(first.grant.quota), size_text(user.grant.quota)
        message = f"a namespace has one quota: {sizes[0]} for the child in {where}, {sizes[1]} here"
        user.worker.error("storage-quota", message, *user.key("quota"))
