"""What storage is to a component: keys and values in a namespace, within a quota.

Pure: the edges that hold for every backend, and the Protocol that a backend implements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> None:
        """Write. Raises QuotaExceeded when the namespace would use more than `quota` bytes."""
        ...

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> None:
        """Make all of `changes`, in their order, or none of them.

        Raises QuotaExceeded when the namespace would grow and use more than `quota` bytes.
        """
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
