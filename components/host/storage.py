"""Acts: the functions of `storage`, of 1.0 and of 1.1, over whichever backend the system has."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.storage.store import (
    MAX_KEYS,
    MAX_VALUE,
    Change,
    KeyValueStore,
    QuotaExceeded,
    StoreUnavailable,
    key_problem,
    size_of,
)

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.components.security.capability import Action

log = logging.getLogger(__name__)

INTERFACE = "airssys:core/storage"

MAX_CHANGES = 1_000  # of one batch
MAX_BATCH = 16 * 2**20  # bytes of its keys and values

DONE = Ok()
QUOTA_EXCEEDED = Err(Variant("quota-exceeded"))


@dataclass(frozen=True, slots=True)
class Space:
    """What was granted: a namespace of a store, with its quota in bytes."""

    store: KeyValueStore
    namespace: ComponentId
    quota: int


def _available(function: Callable[..., Awaitable[Ok | Err]]) -> Callable[..., Awaitable[Ok | Err]]:
    """`function`, whose guest is told `io-error` when the backend can't do it."""

    async def told(*arguments: Any) -> Ok | Err:
        try:
            return await function(*arguments)
        except StoreUnavailable as error:
            # Whose file it is and where it lies is the host's business.
            log.error("storage of components: %s", error)
            return Err(Variant("io-error", "the storage of the host is not available"))

    return told


class Storage:
    """`storage` for one incarnation. Without a grant there is no `space`: all is denied."""

    __slots__ = ("_caller", "_granted")

    def __init__(self, caller: Caller, space: Space | None) -> None:
        self._caller = caller
        self._granted = space

    @property
    def _space(self) -> Space:
        assert self._granted is not None  # the gate let it pass
        return self._granted

    async def get(self, key: str) -> Ok | Err:
        """`get`: the value; none for a key that is not there."""
        refused = self._refused("get", "read") or _invalid(key)
        return refused or Ok(await self._space.store.get(self._space.namespace, key))

    async def set(self, key: str, value: bytes) -> Ok | Err:
        """`set`: a value over 1 MiB, or one that does not fit the quota, is `quota-exceeded`."""
        fits = len(value) <= MAX_VALUE
        size = size_of(key, value)
        refused = self._refused("set", "write", size=size, fits=fits) or _invalid(key)
        if refused is not None:
            return refused
        return await self._write("set", ((key, value),))

    async def delete(self, key: str) -> Ok | Err:
        """`delete`: `not-found` for a key that is not there."""
        refused = self._refused("delete", "write") or _invalid(key)
        if refused is not None:
            return refused
        if not await self._space.store.delete(self._space.namespace, key):
            return Err(Variant("not-found", key))
        return DONE

    async def exists(self, key: str) -> Ok | Err:
        """`exists`: whether the key is there."""
        refused = self._refused("exists", "read") or _invalid(key)
        return refused or Ok(await self._space.store.exists(self._space.namespace, key))

    async def list_keys(self, prefix: str | None) -> Ok | Err:
        """`list-keys`: all keys that begin with the prefix, in order."""
        refused = self._refused("list-keys", "read")
        if refused is not None:
            return refused
        space = self._space
        keys = await space.store.keys(space.namespace, prefix or "", MAX_KEYS + 1)
        if len(keys) > MAX_KEYS:
            return Err(Variant("io-error", "too many keys, narrow the prefix"))
        return Ok(keys)

    async def list_page(self, prefix: str | None, cursor: str | None, limit: int) -> Ok | Err:
        """`list-page`: keys in order, and the cursor of the next page if there is one."""
        refused = self._refused("list-page", "read")
        if refused is None and cursor is not None:
            refused = _invalid(cursor)
        if refused is not None:
            return refused
        if not 1 <= limit <= MAX_KEYS:
            return Err(Variant("io-error", f"a page has 1 to {MAX_KEYS:,} keys, not {limit}"))
        space = self._space
        keys = await space.store.keys(space.namespace, prefix or "", limit + 1, cursor)
        page, more = keys[:limit], len(keys) > limit
        return Ok((page, page[-1] if more else None))

    async def batch(self, changes: list[Variant]) -> Ok | Err:
        """`batch`: all of the changes or none of them."""
        made = [_change(change) for change in changes]
        sizes = [size_of(key, value or b"") for key, value in made]
        fits = all(value is None or len(value) <= MAX_VALUE for _, value in made)
        refused = self._refused("batch", "write", size=sum(sizes), fits=fits)
        if refused is not None:
            return refused
        if len(made) > MAX_CHANGES or sum(sizes) > MAX_BATCH:
            most = f"{MAX_CHANGES:,} changes and {MAX_BATCH // 2**20} MiB"
            return Err(Variant("io-error", f"a batch has at most {most}"))
        invalid = next((wrong for key, _ in made if (wrong := _invalid(key))), None)
        return invalid or await self._write("batch", made)

    async def usage(self) -> Ok | Err:
        """`usage`: bytes in use, the quota, and how many keys there are."""
        refused = self._refused("usage", "read")
        if refused is not None:
            return refused
        space = self._space
        usage = await space.store.usage(space.namespace)
        return Ok((usage.used, space.quota, usage.keys))

    async def _write(self, function: str, changes: Sequence[Change]) -> Ok | Err:
        space, gate = self._space, self._caller.gate
        try:
            usage = await space.store.write(space.namespace, changes, space.quota)
        except QuotaExceeded:
            gate.over_quota(f"storage.{function}", "storage")
            return QUOTA_EXCEEDED
        gate.now_kept(f"storage.{function}", usage.used, space.quota)
        return DONE

    def _refused(
        self, function: str, action: Action, *, size: int = 0, fits: bool = True
    ) -> Err | None:
        refusal = self._caller.gate.refusal(
            f"storage.{function}", action, "storage", size=size, within_quota=fits
        )
        if refusal is None:
            return None
        if refusal.kind == "denied":
            return Err(Variant("io-error", refusal.text))
        return QUOTA_EXCEEDED

    FUNCTIONS: ClassVar[Functions] = {
        name: _available(function)
        for name, function in (
            ("get", get),
            ("set", set),
            ("delete", delete),
            ("exists", exists),
            ("list-keys", list_keys),
            ("usage", usage),
            ("list-page", list_page),
            ("batch", batch),
        )
    }


def _change(change: Variant) -> Change:
    """A `storage-change`, which is `set` with key and value, or `delete` with a key."""
    payload: Any = change.payload
    return payload if change.case == "set" else (payload, None)


def _invalid(key: str) -> Err | None:
    problem = key_problem(key)
    return None if problem is None else Err(Variant("invalid-key", problem))
