"""Acts: keeps keys and values with a backend that blocks, off the loop and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.batches import Batches, Offload, Operation, Outcome
from airssys_wasm.components.storage.store import Change, Usage, delete_pair, write_pairs


class Backend(Protocol):
    """What is on disk. Called off the loop, never twice at a time."""

    def run(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        """Do them in their order, and tell what came of each when all of it is on disk.

        Opens the file if it is not open. An operation that raises QuotaExceeded changed nothing
        and hinders no other; what else goes wrong is StoreUnavailable, raised or as an outcome.
        """
        ...

    def close(self) -> None:
        """Close what is open, if anything is."""
        ...


class DiskStore:
    """A `KeyValueStore` over `backend`, which is opened when it is first used.

    `offload` runs blocking code aside. Every method raises StoreUnavailable when the backend can't
    be opened, is no store, belongs to another process, or can't be read or written.
    """

    def __init__(self, backend: Backend, offload: Offload) -> None:
        self._backend = backend
        self._offload = offload
        self._batches = Batches(backend.run, offload)

    async def get(self, namespace: ComponentId, key: str) -> bytes | None:
        value: bytes | None = await self._batches.do(lambda pairs: pairs.get(namespace, key))
        return value

    async def set(self, namespace: ComponentId, key: str, value: bytes, quota: int) -> Usage:
        return await self.write(namespace, ((key, value),), quota)

    async def write(self, namespace: ComponentId, changes: Sequence[Change], quota: int) -> Usage:
        copied = [(key, None if value is None else bytes(value)) for key, value in changes]
        usage: Usage = await self._batches.do(
            lambda pairs: write_pairs(pairs, namespace, copied, quota)
        )
        return usage

    async def delete(self, namespace: ComponentId, key: str) -> bool:
        gone: bool = await self._batches.do(lambda pairs: delete_pair(pairs, namespace, key))
        return gone

    async def exists(self, namespace: ComponentId, key: str) -> bool:
        size: int | None = await self._batches.do(lambda pairs: pairs.size(namespace, key))
        return size is not None

    async def keys(
        self, namespace: ComponentId, prefix: str, limit: int, after: str | None = None
    ) -> list[str]:
        found: list[str] = await self._batches.do(
            lambda pairs: pairs.keys(namespace, prefix, limit, after)
        )
        return found

    async def usage(self, namespace: ComponentId) -> Usage:
        usage: Usage = await self._batches.do(lambda pairs: pairs.usage(namespace))
        return usage

    async def close(self) -> None:
        """Wait for what is under way, then close the backend."""
        await self._batches.close()
        await self._offload(self._backend.close)
