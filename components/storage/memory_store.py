"""Acts: keeps keys and values in memory, for as long as the system runs.

A component that restarts finds what its last incarnation wrote; a system that restarts does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sortedcontainers import SortedDict

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.store import (
    Change,
    Usage,
    delete_pair,
    size_of,
    write_pairs,
)


class MemoryStore:
    """A `KeyValueStore`. No method ever waits."""

    def __init__(self) -> None:
        self._pairs = _Pairs()

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        return self._pairs.get(namespace, key)

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> Usage:
        return write_pairs(self._pairs, namespace, ((key, value),), quota)

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> Usage:
        return write_pairs(self._pairs, namespace, changes, quota)

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        return delete_pair(self._pairs, namespace, key)

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        return self._pairs.size(namespace, key) is not None

    async def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None = None
    ) -> list[str]:
        return self._pairs.keys(namespace, prefix, limit, after)

    async def usage(self, namespace: ComponentId) -> Usage:
        return self._pairs.usage(namespace)

    async def close(self) -> None:
        """What it holds is gone with it."""
        self._pairs = _Pairs()


class _Pairs:
    def __init__(self) -> None:
        # Of str to bytes; a sorted dictionary has no types of its own.
        self._spaces: dict[ComponentId, Any] = {}
        self._usage: dict[ComponentId, Usage] = {}

    def get(self, namespace: ComponentId, key: str) -> bytes | None:
        space = self._spaces.get(namespace)
        value: bytes | None = None if space is None else space.get(key)
        return value

    def size(self, namespace: ComponentId, key: str) -> int | None:
        value = self.get(namespace, key)
        return None if value is None else size_of(key, value)

    def keys(self, namespace: ComponentId, prefix: str, limit: int, after: str | None) -> list[str]:
        found: list[str] = []
        space = self._spaces.get(namespace)
        if space is None:
            return found
        behind = after is not None and after >= prefix
        start = after if behind else prefix
        for key in space.irange(start, inclusive=(not behind, True)):
            if len(found) >= limit or not key.startswith(prefix):
                break
            found.append(key)
        return found

    def usage(self, namespace: ComponentId) -> Usage:
        return self._usage.get(namespace, Usage(0, 0))

    def put(
        self, namespace: ComponentId, changes: Mapping[str, bytes | None], usage: Usage
    ) -> None:
        space = self._spaces.setdefault(namespace, SortedDict())
        for key, value in changes.items():
            if value is None:
                space.pop(key, None)
            else:
                space[key] = bytes(value)
        self._usage[namespace] = usage
