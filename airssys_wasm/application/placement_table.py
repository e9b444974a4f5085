"""Acts: the key that says where each subtree is to run, as one node reads and writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec

from airssys_wasm.broker.errors import KeyChanged
from airssys_wasm.broker.leases.leases import FAILURES
from airssys_wasm.broker.leases.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine, Entry, Stoppable
    from airssys_wasm.kernel import Platform

PREFIX = "placement."
AGAIN = 0.5  # seconds until what failed is tried again


class PlacementTable:
    """Names of places to names of nodes. `changed` is called when it has changed.

    Nodes with the same `digest` of their subtrees read the same table.
    """

    def __init__(
        self, digest: str, engine: Engine, platform: Platform, changed: Callable[[], None]
    ) -> None:
        self.digest = digest
        self.places: dict[str, str] = {}
        self._key = PREFIX + digest
        self._engine, self._platform, self._changed = engine, platform, changed
        self._revision = 0
        self._tasks = OwnedTasks()
        self._watch: Stoppable | None = None
        self._writing = False
        self._closed = False
        self._tasks.start(self._begin())

    async def close(self) -> None:
        """Read it no more."""
        self._closed = True
        if self._watch is not None:
            self._watch.stop()
        await self._tasks.close()

    def write(self, places: Mapping[str, str]) -> None:
        """Change it, unless another has since it was read, or this has begun already.

        `changed` is called in any case, now or later.
        """
        if not self._writing and not self._closed:
            self._writing = True
            self._tasks.start(self._write(dict(places)))

    async def _begin(self) -> None:
        try:
            self._watch = await self._engine.watch(self._key, self._seen)
        except FAILURES:
            self._later(lambda: self._tasks.start(self._begin()))

    def _later(self, callback: Callable[[], None]) -> None:
        if not self._closed:
            self._platform.call_at(self._platform.now() + AGAIN, callback)

    def _seen(self, entry: Entry) -> None:
        if entry.revision > self._revision and not self._closed:
            self._read(entry)
            self._changed()

    def _read(self, entry: Entry) -> None:
        self._revision, self.places = entry.revision, {}
        if entry.value is not None:
            try:
                self.places = msgspec.msgpack.decode(entry.value, type=dict[str, str])
            except msgspec.MsgspecError:
                self.places = {}

    async def _write(self, places: dict[str, str]) -> None:
        value = msgspec.msgpack.encode(places)
        try:
            revision = self._revision
            if revision:
                revision = await self._engine.update(self._key, value, revision)
            else:
                revision = await self._engine.create(self._key, value)
            if revision > self._revision:
                self.places, self._revision = places, revision
        except KeyChanged:
            await self._refresh()
        except FAILURES:
            self._later(self._changed)
            return
        finally:
            self._writing = False
        self._changed()

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(AGAIN):
                entry = await self._engine.get(self._key)
        except FAILURES:
            return
        if entry is None:
            self._revision, self.places = 0, {}
        elif entry.revision > self._revision:
            self._read(entry)
