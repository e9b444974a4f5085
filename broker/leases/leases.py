"""Acts: keeps the lease of a node at the engine, and watches those of the others.

What is done, and when, is decided in `lease.py` and `lease_watch.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from airssys_wasm.broker.errors import EngineDown, KeyChanged
from airssys_wasm.broker.leases.lease import (
    PREFIX,
    Began,
    LeaseTimes,
    Occupied,
    Over,
    OwnLease,
    Safe,
    Unsafe,
    Write,
    bytes_of,
)
from airssys_wasm.broker.leases.lease import Output as OwnOutput
from airssys_wasm.broker.leases.lease_watch import Ask, LeaseWatch, News, Remove
from airssys_wasm.broker.leases.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine, Entry, Stoppable
    from airssys_wasm.kernel.platform import Platform, Wakeup

log = logging.getLogger(__name__)

GOODBYE = 1.0  # seconds to remove the key at the end
FAILURES = (EngineDown, TimeoutError)

LeaseEvent = Began | Unsafe | Safe | Over | Occupied | News


class Leases:
    """The lease of the node `node`, in its life `life`, and those of all others.

    `told` is what the node says of itself. Whoever listens is called on the loop, in the order in
    which they began to.
    """

    def __init__(
        self,
        node: str,
        life: str,
        engine: Engine,
        platform: Platform,
        times: LeaseTimes,
        told: bytes = b"",
    ) -> None:
        self.own = OwnLease(node, life, times)
        self.others = LeaseWatch(times)
        self.times = times
        self._engine, self._platform = engine, platform
        self._told = told
        self._listeners: list[Callable[[LeaseEvent], None]] = []
        self._tasks = OwnedTasks()
        self._watch: Stoppable | None = None
        self._wakeup: Wakeup | None = None
        self._open = False

    # --- what is known

    @property
    def term(self) -> int | None:
        """The term of this node's lease while it counts, else None."""
        return self.own.term if self.is_valid() else None

    def is_valid(self) -> bool:
        """Whether this node's lease counts just now."""
        return self.own.is_valid(self._platform.now())

    def is_safe(self) -> bool:
        """Whether it counts, and there is time enough to stop in order what needs it."""
        return self.own.safe and self.is_valid()

    def is_over(self, term: tuple[str, str, int]) -> bool:
        """Whether a term has certainly ended, of whichever node."""
        node, life, number = term
        if (node, life) == (self.own.node, self.own.life):
            return number != self.own.term or not self.is_valid()
        return self.others.is_over(term)

    def listen(self, listener: Callable[[LeaseEvent], None]) -> None:
        """Call `listener` with each event from now on."""
        self._listeners.append(listener)

    # --- life

    async def open(self) -> None:
        """Watch the leases, and ask for one. Raises EngineDown."""
        self._open = True
        self._watch = await self._engine.watch(f"{PREFIX}*", self._seen)
        self._act(self.own.open(self._told, self._platform.now()))

    async def close(self) -> None:
        """Give the lease back. What needs it has to have stopped."""
        if not self._open:
            return
        self._open = False
        if self._wakeup is not None:
            self._wakeup.cancel()
        if self._watch is not None:
            self._watch.stop()
        await self._tasks.close()
        for event in self.own.close():
            self._emit(event)
            if self.own.revision is not None:
                with suppress(KeyChanged, *FAILURES):
                    async with asyncio.timeout(GOODBYE):
                        await self._engine.delete(self.own.key, self.own.revision)

    def tell(self, told: bytes) -> None:
        """Say something else of this node to all."""
        self._told = told
        if self._open:
            self._act(self.own.tell(told, self._platform.now()))

    def spoken_of(self, term: tuple[str, str, int], length: float) -> None:
        """Something is held in this term, of a lease of that length."""
        self.others.spoken_of(term, self._platform.now(), length)
        self._plan()

    # --- its own

    def _seen(self, entry: Entry) -> None:
        if not self._open:
            return
        now = self._platform.now()
        self._tell(self.others.seen(entry, now))
        if entry.key == self.own.key:
            self._act(self.own.seen(entry, now))
        self._plan()

    def _tick(self) -> None:
        self._wakeup = None
        if not self._open:
            return
        now = self._platform.now()
        outputs = self.own.tick(now)
        for output in self.others.tick(now):
            match output:
                case Remove(key, revision):
                    self._tasks.start(self._remove(key.removeprefix(PREFIX), revision))
                case Ask(node):
                    self._tasks.start(self._ask(node))
        self._act(outputs)

    def _act(self, outputs: Iterable[OwnOutput]) -> None:
        for output in outputs:
            if isinstance(output, Write):
                self._tasks.start(self._write(output))
            else:
                self._emit(output)
        self._plan()

    def _tell(self, news: Iterable[News]) -> None:
        for each in news:
            self._emit(each)

    def _emit(self, event: LeaseEvent) -> None:
        match event:
            case Over(term, why) if self._open:
                log.warning("node %s: term %d of its lease is over: %s", self.own.node, term, why)
            case Occupied(life):
                log.error("another node is called %s: life %s", self.own.node, life)
            case _:
                log.debug("node %s: %s", self.own.node, event)
        for listener in list(self._listeners):
            listener(event)

    def _plan(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None
        due = [when for when in (self.own.due(), self.others.due()) if when is not None]
        if due and self._open:
            self._wakeup = self._platform.call_at(min(due), self._tick)

    async def _write(self, write: Write) -> None:
        key, value = self.own.key, bytes_of(write.lease)
        try:
            async with asyncio.timeout(self.times.grace):
                if write.revision is None:
                    revision = await self._engine.create(key, value)
                else:
                    revision = await self._engine.update(key, value, write.revision)
            outputs = self.own.granted(revision, self._platform.now())
        except KeyChanged:
            outputs = await self._refused()
        except FAILURES:
            outputs = self.own.failed(self._platform.now())
        self._act(outputs)

    async def _refused(self) -> list[OwnOutput]:
        try:
            async with asyncio.timeout(self.times.grace):
                entry = await self._engine.get(self.own.key)
        except FAILURES:
            return self.own.failed(self._platform.now())
        now = self._platform.now()
        if entry is not None:
            self._tell(self.others.seen(entry, now))
        return self.own.refused(entry, now)

    async def _remove(self, node: str, revision: int) -> None:
        try:
            async with asyncio.timeout(self.times.grace):
                await self._engine.delete(PREFIX + node, revision)
            self._tell(self.others.removed(node, revision))
        except KeyChanged:
            await self._ask(node)
        except FAILURES:
            self.others.tried(node, self._platform.now())
        self._plan()

    async def _ask(self, node: str) -> None:
        try:
            async with asyncio.timeout(self.times.grace):
                entry = await self._engine.get(PREFIX + node)
            self._tell(self.others.answered(node, entry, self._platform.now()))
        except FAILURES:
            self.others.tried(node, self._platform.now())
        self._plan()
