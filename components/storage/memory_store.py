"""Acts: keeps keys and values in memory, for as long as the system runs.

A component that restarts finds what its last incarnation wrote; a system that restarts does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sortedcontainers import SortedDict

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.store import Change, QuotaExceeded, Usage, size_of


class _Namespace:
    __slots__ = ("pairs", "used")

    def __init__(self) -> None:
        self.pairs: Any = SortedDict()  # of str to bytes; it has no types of its own
        self.used = 0


class MemoryStore:
    """A `KeyValueStore`. No method ever waits."""

    def __init__(self) -> None:
        self._namespaces: dict[ComponentId, _Namespace] = {}

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        found = self._namespaces.get(namespace)
        value: bytes | None = None if found is None else found.pairs.get(key)
        return value

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> None:
        await self.write(namespace, ((key, value),), quota)

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> None:
        space = self._namespaces.get(namespace) or _Namespace()
        last = dict(changes)  # of two changes to one key the later one holds
        used = space.used
        for key, value in last.items():
            old = space.pairs.get(key)
            used -= 0 if old is None else size_of(key, old)
            used += 0 if value is None else size_of(key, value)
        if used > quota and used > space.used:
            raise QuotaExceeded(namespace, quota, used)
        for key, value in last.items():
            if value is None:
                space.pairs.pop(key, None)
            else:
                space.pairs[key] = bytes(value)
        space.used = used
        self._namespaces[namespace] = space

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        space = self._namespaces.get(namespace)
        if space is None:
            return False
        value = space.pairs.pop(key, None)
        if value is None:
            return False
        space.used -= size_of(key, value)
        return True

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        space = self._namespaces.get(namespace)
        return space is not None and key in space.pairs

    async def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None = None
    ) -> list[str]:
        found: list[str] = []
        space = self._namespaces.get(namespace)
        if space is None:
            return found
        behind = after is not None and after >= prefix
        start = after if behind else prefix
        for key in space.pairs.irange(start, inclusive=(not behind, True)):
            if len(found) >= limit or not key.startswith(prefix):
                break
            found.append(key)
        return found

    async def usage(self, namespace: ComponentId) -> Usage:
        space = self._namespaces.get(namespace)
        return Usage(0, 0) if space is None else Usage(space.used, len(space.pairs))

    async def close(self) -> None:
        """What it holds is gone with it."""
        self._namespaces.clear()
