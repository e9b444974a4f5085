"""Acts: what is left of killed actors: tasks that go on though nobody hears of them any more."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from airssys_wasm.kernel.reasons import Frame

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger("airssys_wasm.kernel")

REAP_TRIES = 10  # cancellations of what is left of a killed actor
REAP_EVERY = 0.01  # seconds between them


class Reaper:
    """Cancels leftover tasks, and reports those that stay."""

    def __init__(self) -> None:
        self.reported: WeakSet[asyncio.Task[Any]] = WeakSet()

    def reap(self, task: asyncio.Task[Any], ref: ActorRef[Any], tries: int = 0) -> None:
        """Cancel what is left of a killed actor, up to ten times; report what stays."""
        if task.done():
            return
        if tries == REAP_TRIES:
            self.reported.add(task)
            stack = stack_of(task)
            where = "".join(f"\n    {frame}" for frame in stack)
            log.error("%s was killed, but its code goes on:%s", ref, where)
            telemetry = ref._scheduler.kernel.telemetry
            if telemetry.active:
                metadata = {"ref": ref, "stack": stack}
                telemetry.emit("leftover.reported", {"cancellations": tries}, metadata)
            return
        task.cancel()
        kernel = ref._scheduler.kernel
        timer = kernel.timers.wake_at(
            kernel.platform.now() + REAP_EVERY, lambda _: self.reap(task, ref, tries + 1)
        )
        task.add_done_callback(lambda _: kernel.timers.cancel(timer))


def stack_of(task: asyncio.Task[Any]) -> tuple[Frame, ...]:
    """Where a suspended task is: what it runs first, the place where it waits last.

    `Task.get_stack` gives the outermost frame alone, which is the kernel's own.
    """
    stack = []
    awaited: Any = task.get_coro()
    while awaited is not None:
        kind = next((k for k in ("cr", "gi", "ag") if hasattr(awaited, f"{k}_frame")), None)
        if kind is None:
            break
        frame = getattr(awaited, f"{kind}_frame")
        if frame is not None:
            code = frame.f_code
            stack.append(Frame(code.co_filename, frame.f_lineno, code.co_name))
        awaited = getattr(awaited, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
    return tuple(stack)
