"""A simulated hub whose keys take time: what was asked for may be done late, or its answer lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.broker.local_engine import LocalEngine
from airssys_wasm.testing.simulated_engine import SimulatedHub

USUAL = (0.0, 0.05)  # seconds on each way
LONG = (0.0, 6.0)
LONG_RATE = 0.03


class SlowHub(SimulatedHub):
    """Hands out engines whose keys are slow."""

    def engine(self) -> LocalEngine:
        return SlowEngine(self)

    def delay(self) -> float:
        """Seconds on one way."""
        late = self._random.random() < LONG_RATE and not self._simulation.injector.over
        return self._random.uniform(*(LONG if late else USUAL))


class SlowEngine(LocalEngine):
    """An engine for keys at a SlowHub."""

    hub: SlowHub

    async def get(self, key: str) -> Entry | None:
        found: Entry | None = await self._asked_for(lambda: self.hub.store.get(key))
        return found

    async def create(self, key: str, value: bytes) -> int:
        return await self._changed(lambda: self.hub.store.create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int:
        return await self._changed(lambda: self.hub.store.update(key, value, revision))

    async def delete(self, key: str, revision: int) -> None:
        await self._changed(lambda: self.hub.store.delete(key, revision))

    async def _changed(self, change: Callable[[], Entry]) -> int:
        def do() -> int:
            entry = change()
            self.hub.tell(entry)
            return entry.revision

        revision: int = await self._asked_for(do)
        return revision

    async def _asked_for(self, do: Callable[[], Any]) -> Any:
        """Done at the hub though nobody waits any more, as at a server."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        lost = EngineDown("the hub can't be reached")

        def answer(result: Any) -> None:
            if future.done():
                return
            if not self.hub.reaches(self):
                result = lost
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        def at_hub() -> None:
            if not self.hub.reaches(self):
                result: Any = lost
            else:
                try:
                    result = do()
                except Exception as error:
                    result = error
            self._after(lambda: answer(result))

        self._after(at_hub)
        return await future

    def _after(self, call: Callable[[], None]) -> None:
        self.platform.call_at(self.platform.now() + self.hub.delay(), call)
