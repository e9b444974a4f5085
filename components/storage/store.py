"""What storage is to a component: keys and values in a namespace, within a quota.

Pure: the edges that hold for every backend, and the Protocol that a backend implements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.kernel.errors import AirssysError

MAX_KEY = 256  # bytes of UTF-8
MAX_VALUE = 1024 * 1024  # bytes
MAX_KEYS = 10_000  # keys that one query gives

Change: TypeAlias = tuple[str, bytes | None]  # a key and its new value; None removes it

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class QuotaExceeded(AirssysError):
    """The value does not fit into the namespace; nothing was changed."""

    def __init__(self, namespace: ComponentId, quota: int, wanted: int) -> None:
        super().__init__(f"storage of {namespace} holds {quota} bytes, not {wanted}")
        self.namespace = namespace
        self.quota = quota
        self.wanted = wanted


class StoreUnavailable(AirssysError):
    """The backend can't do it: a file that can't be opened, written or understood, a full disk."""


@dataclass(frozen=True, slots=True)
class Usage:
    """`used` counts the bytes of keys and values together."""

    used: int
    keys: int


class KeyValueStore(Protocol):
    """One backend for all namespaces of a system.

    An implementer keeps: what `set` or `delete` has returned from is what the next `get` gives,
    whoever calls; `set` and `write` check the quota and write in one step; keys come in the order
    of their code points. Keys and values are within the edges above when they get here. Each method
    may raise StoreUnavailable, and has then changed nothing.
    """

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        """The value; None when there is no such key."""
        ...

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> Usage:
        """Write, and tell what the namespace then holds.

        Raises QuotaExceeded when it would grow and use more than `quota` bytes.
        """
        ...

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> Usage:
        """Make all of `changes`, in their order, or none of them, as `set` does."""
        ...

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        """Remove; False when there was no such key."""
        ...

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        """Whether there is such a key."""
        ...

    async def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None = None
    ) -> list[str]:
        """The first `limit` keys that begin with `prefix` and come behind `after`, in order."""
        ...

    async def usage(self, namespace: ComponentId) -> Usage:
        """What the namespace holds."""
        ...

    async def close(self) -> None:
        """End what the backend has open, after all that was asked for is done."""
        ...


class Pairs(Protocol):
    """What a backend does itself, without waiting; the rest is the same for all.

    `put` is told the changes, of which no two are to one key, and what the namespace then holds.
    """

    def get(self, namespace: ComponentId, key: str) -> bytes | None: ...
    def size(self, namespace: ComponentId, key: str) -> int | None:
        """What the pair counts against the quota; None when it is not there."""
        ...

    def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None
    ) -> list[str]: ...
    def usage(self, namespace: ComponentId) -> Usage: ...
    def put(
        self, namespace: ComponentId, changes: Mapping[str, bytes | None], usage: Usage
    ) -> None: ...


def write_pairs(
    pairs: Pairs, namespace: ComponentId, changes: Sequence[Change], quota: int
) -> Usage:
    """Make the changes and tell what the namespace then holds. Raises QuotaExceeded."""
    last = dict(changes)  # of two changes to one key the later one holds
    before = pairs.usage(namespace)
    used, keys = before.used, before.keys
    for key, value in last.items():
        old = pairs.size(namespace, key)
        used += (0 if value is None else size_of(key, value)) - (old or 0)
        keys += (value is not None) - (old is not None)
    if used > quota and used > before.used:
        raise QuotaExceeded(namespace, quota, used)
    after = Usage(used, keys)
    pairs.put(namespace, last, after)
    return after


def delete_pair(pairs: Pairs, namespace: ComponentId, key: str) -> bool:
    """Remove the pair; False when there is none."""
    if pairs.size(namespace, key) is None:
        return False
    write_pairs(pairs, namespace, ((key, None),), 0)
    return True


def key_problem(key: str) -> str | None:
    """Why this can't be a key; None when it can.

    >>> key_problem(""), key_problem("a\\nb"), key_problem("a")
    ('the key is empty', 'the key has control characters', None)
    """
    if not key:
        return "the key is empty"
    if len(key.encode()) > MAX_KEY:
        return f"the key is longer than {MAX_KEY} bytes"
    if _CONTROL.search(key):
        return "the key has control characters"
    return None


def size_of(key: str, value: bytes) -> int:
    """What a pair counts against the quota, in bytes.

    >>> size_of("é", b"12345")
    7
    """
    return len(key.encode()) + len(value)
