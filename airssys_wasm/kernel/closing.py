"""Acts: ends a whole system: all actors in order, within a time, and then what is left of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airssys_wasm.kernel.states import HANDLES_STOP, SUPERVISED

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.kernel import Kernel

log = logging.getLogger("airssys_wasm.kernel")

ENDED_A_TURN = 200  # actors told to end, after which the loop gets its turn


class Closing:
    """The end of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._emptied: Future[None] | None = None

    async def close(self, timeout: float) -> None:
        """See `Kernel.close`."""
        kernel, spawner = self._kernel, self._kernel.spawner
        spawner.ending = True
        if kernel.telemetry.active:
            actors = {"actors": len(spawner.actors)}
            kernel.telemetry.emit("system.closing", actors, {"system": kernel.name})
        if spawner.actors:
            self._emptied = kernel.scheduler.future()
            timer = kernel.timers.wake_at(kernel.platform.now() + timeout, lambda _: self.emptied())
            try:
                await self._end_all()
                if spawner.actors:
                    await self._emptied
            finally:
                kernel.timers.cancel(timer)
                spawner.ended = True
        spawner.ended = True
        left = kernel.actors()
        for ref in reversed(left):
            log.error("%s did not end within %g s and is killed", ref, timeout)
            ref.kill()
        while kernel.remains.letters:
            kernel.remains.letters.go()
            await kernel.scheduler.give_way()
        await kernel.scheduler.close()
        kernel.timers.close()
        if kernel.telemetry.active:
            kernel.telemetry.emit("system.closed", {"killed": len(left)}, {"system": kernel.name})

    async def _end_all(self) -> None:
        """The newest first; the loop gets its turn now and then."""
        kernel = self._kernel
        for number, ref in enumerate(reversed(kernel.actors()), 1):
            if ref._traits & HANDLES_STOP and not ref._traits & SUPERVISED:
                ref.stop("shutdown")
            elif not ref._traits & SUPERVISED:
                kernel.lifecycle.end(ref, "shutdown")
            if not number % ENDED_A_TURN:
                await kernel.scheduler.give_way()

    def emptied(self) -> None:
        """No actor is left, or the time is up."""
        if self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)
