"""Acts: what is left of killed actors: tasks that go on though nobody hears of them any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

log = logging.getLogger("airssys_wasm.kernel")

REAP_TRIES = 10  # cancellations of what is left of a killed actor
REAP_EVERY = 0.01  # seconds between them


class Reaper:
    """Cancels leftover tasks, and reports those that stay."""

    def reap(self, task: asyncio.Task[Any], ref: ActorRef[Any]) -> None:
        """Cancel what is left of a killed actor, up to ten times; report what stays."""
        timers, now = ref._scheduler.kernel.timers, ref._scheduler.kernel.platform.now
        tries = 0
        timer: TimerRef | None = None

        def again(_: object) -> None:
            nonlocal tries, timer
            if task.done():
                return
            if tries == REAP_TRIES:
                stack = "".join(
                    f"\n    {f.f_code.co_filename}:{f.f_lineno}" for f in task.get_stack()
                )
                log.error("%s was killed, but its code goes on:%s", ref, stack)
                return
            tries += 1
            task.cancel()
            timer = timers.wake_at(now() + REAP_EVERY, again)

        again(None)
        task.add_done_callback(lambda _: timer and timers.cancel(timer))
