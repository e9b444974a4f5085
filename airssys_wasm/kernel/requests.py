"""Acts: requests: inline where the target is idle and plain, through its mailbox otherwise."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, checked, give_reply
from airssys_wasm.kernel.errors import ActorExited, RequestTimeout, SelfRequest
from airssys_wasm.kernel.message import Envelope, Failed
from airssys_wasm.kernel.ref import ActorRef, BoundedRef
from airssys_wasm.kernel.states import BUSY, DEAD, ENDING, PROCESS, SPECIAL, HeldQueue

if TYPE_CHECKING:
    from airssys_wasm.kernel.scheduler import Scheduler

DEPTH = 8  # requests run inline inside one another
STREAK = 256  # inline requests after which one takes the long way, so that others run


class Requests:
    """The requests of one kernel."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def may_inline(self) -> bool:
        """Whether a request may run its idle target here and now."""
        return self._scheduler.level < DEPTH and self._scheduler.streak > 0

    async def inline(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Run an idle plain target without a task switch."""
        previous, self._scheduler.cur = self._scheduler.cur, ref
        level = self._scheduler.level
        scratch = self._scheduler.scratches[level]
        self._scheduler.frames[level] = previous
        self._scheduler.level = level + 1
        self._scheduler.streak -= 1
        ref._queue = BUSY
        if ref._extension is not None:
            ref._extension.deferred = None
        try:
            answer = scratch.run(ref._receive, message)
            if answer is not None and answer.__class__ in ANSWERS:
                answer = checked(answer)
        except BaseException as exception:
            self._scheduler.cur = previous
            self._scheduler.level = level
            self._scheduler.handled -= 1
            nobody = self._scheduler.future()  # the caller gets the exception itself
            nobody.cancel()
            self._scheduler.failed(ref, exception, Envelope(message, nobody, None))
            reason = ref.exit_reason if ref._mode & DEAD else ref._end.reason
            self._scheduler.settle(ref)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
            raise ActorExited(ref, reason) from exception
        finally:
            self._scheduler.cur = previous
            self._scheduler.level = level
            self._scheduler.frames[level] = None
            if scratch != self._scheduler.clean:
                self._scheduler.give_context(ref, scratch)
                self._scheduler.scratches[level] = self._scheduler.clean.copy()
        if ref._mode or ref._extension is not None:
            return await self._after_inline(ref, answer, timeout)
        if not ref._queue:
            ref._queue = None
        else:
            self._scheduler.push(ref)
            if not self._scheduler.armed:
                self._scheduler.arm()
        if isinstance(answer, Failed):
            raise answer.error
        return answer

    async def _after_inline(self, ref: ActorRef[Any], answer: Any, timeout: float | None) -> Any:
        extension = ref._extension
        killed = ref._mode & DEAD
        deferred = extension is not None and extension.deferred is not None
        future = self._scheduler.future() if deferred else None
        if future is not None and not killed:
            give_reply(ref, future, answer)
        self._scheduler.settle(ref)
        if killed:
            raise ActorExited(ref, ref.exit_reason)
        if future is not None:
            return await self._await_reply(ref, future, timeout)
        if answer.__class__ is Failed:
            raise answer.error
        return answer

    async def queued(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Put the request into the mailbox and wait for its reply."""
        source = self._scheduler.current()
        if source is ref:
            raise SelfRequest(ref)
        if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):
            raise ActorExited(ref, "noproc")
        self._scheduler.handled += STREAK - self._scheduler.streak
        self._scheduler.streak = STREAK
        future = self._scheduler.future()
        envelope = Envelope(message, future, source)
        if isinstance(ref, BoundedRef):
            waiting = ref._offer(envelope, can_wait=True)
        else:
            waiting = None
            if not ref._mode & PROCESS:
                ref._mode |= SPECIAL
            ActorRef.send(ref, envelope)
        try:
            return await self._await_reply(ref, future, timeout)
        finally:
            if waiting is not None and isinstance(ref, BoundedRef):
                ref._give_up_waiting(waiting)  # unless there was room in time

    async def _await_reply(
        self, ref: ActorRef[Any], future: asyncio.Future[Any], timeout: float | None
    ) -> Any:
        if timeout is None:
            return await future

        def expire(_: Any) -> None:
            if not future.done():
                future.set_exception(RequestTimeout(ref, timeout))

        kernel = self._scheduler.kernel
        timer = kernel.timers.wake_at(kernel.platform.now() + timeout, expire)
        try:
            return await future
        finally:
            kernel.timers.cancel(timer)
