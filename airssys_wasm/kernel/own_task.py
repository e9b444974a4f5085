"""Acts: the one task in which all hooks of an actor run that asked for it (`own_task = True`).

The task begins with the actor's first activation and waits between two of them; a worker that takes
the actor from the run queue only wakes it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.reasons import Error
from airssys_wasm.kernel.states import DEAD, ENDING

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.scheduler import Scheduler


class OwnTask:
    """The task of one incarnation."""

    __slots__ = ("_due", "_ref", "_scheduler", "_task", "_waiter")

    def __init__(self, scheduler: Scheduler, ref: ActorRef[Any]) -> None:
        self._scheduler = scheduler
        self._ref = ref
        self._waiter: Future[None] | None = None
        self._due = True
        self._task = scheduler.own_task(self._live(), scheduler.clean.copy())
        self._task.add_done_callback(self._over)

    def wake(self) -> None:
        """The actor has something to do, or is dead."""
        self._due = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _live(self) -> None:
        ref = self._ref
        while not ref._mode & DEAD:
            try:
                await self._wait()
            except asyncio.CancelledError as cancelled:
                self._cancelled(cancelled)
            if ref._mode & DEAD:
                return
            self._due = False
            cancellations = self._task.cancelling()
            ref._ext().task = self._task
            await self._scheduler.activation.alone(ref)
            if ref._mode & (ENDING | DEAD):
                await self._absorb(cancellations)

    async def _wait(self) -> None:
        if self._due:
            return
        self._waiter = self._scheduler.future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _cancelled(self, cancelled: asyncio.CancelledError) -> None:
        """A scope that a handler left open was cancelled, as when a task of its group failed."""
        reason = Error.of(cancelled)
        self._scheduler.kernel.lifecycle.end(self._ref, reason, inside=True, report=True)

    async def _absorb(self, cancellations: int) -> None:
        """An exit has cancelled the handler; `terminate` must not meet that cancellation."""
        while self._task.cancelling() > cancellations:
            with contextlib.suppress(asyncio.CancelledError):
                await self._scheduler.give_way()
            self._task.uncancel()

    def _over(self, _: object) -> None:
        """A task that is cancelled before its first line: another one ends the actor."""
        ref = self._ref
        if ref._mode & DEAD or ref._extension is None or ref._extension.home is not self:
            return
        ref._extension.home = ref._extension.task = None
        self._cancelled(asyncio.CancelledError())
        self._scheduler.settle(ref)
