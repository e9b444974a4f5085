"""Acts: what is left of killed actors: tasks that go on though nobody hears of them any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger("airssys_wasm.kernel")

REAP_TRIES = 10  # cancellations of what is left of a killed actor
REAP_EVERY = 0.01  # seconds between them


class Reaper:
    """Cancels leftover tasks, and reports those that stay."""

    def reap(self, task: asyncio.Task[Any], ref: ActorRef[Any], tries: int = 0) -> None:
        """Cancel what is left of a killed actor, up to ten times; report what stays."""
        if task.done():
            return
        if tries == REAP_TRIES:
            stack = "".join(f"\n    {f.f_code.co_filename}:{f.f_lineno}" for f in task.get_stack())
            log.error("%s was killed, but its code goes on:%s", ref, stack)
            return
        task.cancel()
        kernel = ref._scheduler.kernel
        timer = kernel.timers.wake_at(
            kernel.platform.now() + REAP_EVERY, lambda _: self.reap(task, ref, tries + 1)
        )
        task.add_done_callback(lambda _: kernel.timers.cancel(timer))
