"""Acts: requests: inline where the target is idle and plain, through its mailbox otherwise."""

from __future__ import annotations

import asyncio
from asyncio.tasks import _enter_task, _leave_task
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, checked, give_reply
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.current import unchanged
from airssys_wasm.kernel.errors import ActorExited, RequestTimeout, SelfRequest
from airssys_wasm.kernel.message import Envelope, Failed
from airssys_wasm.kernel.ref import ActorRef, stamped
from airssys_wasm.kernel.states import ASYNC, BUSY, DEAD, ENDING, HeldQueue
from airssys_wasm.kernel.waiting import chain_from

if TYPE_CHECKING:
    from airssys_wasm.kernel.parking import Parking
    from airssys_wasm.kernel.scheduler import Scheduler

ORDINARY = (Exception, asyncio.CancelledError)  # all but KeyboardInterrupt and SystemExit
DEPTH = 8  # requests run inline inside one another
STREAK = 256  # inline requests after which one takes the long way, so that others run


class _Raised:
    """What a worker has instead of an answer when the handler raised: the caller ends the target.

    It is the caller's task that knows who asked.
    """

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


class Requests:
    """The requests of one kernel."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def may_inline(self) -> bool:
        """Whether a request may run its idle target here and now."""
        return self._scheduler.level < DEPTH and self._scheduler.streak > 0

    async def inline(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Run an idle plain target without a task switch."""
        scheduler = self._scheduler
        previous, scheduler.cur = scheduler.cur, ref
        level = scheduler.level
        scratch = scheduler.scratches[level]
        scheduler.frames[level] = previous
        scheduler.level = level + 1
        scheduler.streak -= 1
        ref._queue = BUSY
        if ref._extension is not None:
            ref._extension.deferred = None
        try:
            answer = scratch.run(ref._receive, message)
            if answer is not None and answer.__class__ in ANSWERS:
                answer = checked(ref, answer)
        except BaseException as exception:
            scheduler.cur = previous
            scheduler.level = level
            exited = self._failed_inline(ref, exception, message)
            if not isinstance(exception, ORDINARY):
                raise
            raise exited from exception
        finally:
            scheduler.cur = previous
            scheduler.level = level
            scheduler.frames[level] = None
            if scratch != scheduler.clean:
                scheduler.give_context(ref, scratch)
                scheduler.scratches[level] = scheduler.clean.copy()
        if ref._mode or ref._extension is not None:
            return await self._after_inline(ref, answer, timeout)
        if not ref._queue:
            ref._queue = None
        else:
            scheduler.push(ref)
            if not scheduler.armed:
                scheduler.arm()
        if answer.__class__ is Failed:
            raise answer.error  # pyright: ignore[reportOptionalMemberAccess]  # it is a Failed
        return answer

    async def inline_async(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Step a resting worker with the handler of an idle target, from within the caller's task.

        Where the handler does not suspend, that is all; where it does, the worker is left to it and
        the caller waits.
        """
        scheduler = self._scheduler
        parking = scheduler.parked.pop()
        parking.target, parking.message, parking.nested = ref, message, True
        previous, level = scheduler.cur, scheduler.level
        scheduler.frames[level] = previous
        scheduler.level = level + 1
        scheduler.streak -= 1
        ref._queue = BUSY
        caller = asyncio.current_task()
        if caller is not None:
            _leave_task(parking.loop, caller)
        try:
            parking.step()
        finally:
            if caller is not None:
                _enter_task(parking.loop, caller)
            parking.nested = False
            scheduler.cur = previous
            scheduler.level = level
            scheduler.frames[level] = None
        if parking.target is None:
            answer, parking.answer = parking.answer, None
            if isinstance(answer, _Raised):
                raise self._failed_inline(ref, answer.error, message) from answer.error
            if ref._mode != ASYNC or ref._extension is not None or answer.__class__ is Failed:
                return await self._after_inline(ref, answer, timeout)
            if not ref._queue:
                ref._queue = None
            else:
                scheduler.push(ref)
                if not scheduler.armed:
                    scheduler.arm()
            return answer
        future = scheduler.future()
        if ref._mode & DEAD:  # killed while its handler was on the stack, which has suspended since
            scheduler.reaper.reap(parking.task, ref)
            raise ActorExited(ref, ref.exit_reason)
        extension = ref._ext()
        extension.task = parking.task
        extension.envelope = Envelope(message, future, scheduler.current())
        if extension.cancel_due:
            extension.cancel_due = False
            parking.task.cancel()
        return await self._await_reply(ref, future, timeout)

    async def serve(self, parking: Parking) -> bool:
        """The worker's side of `inline_async`; whether the worker can go on to rest."""
        scheduler, ref = self._scheduler, parking.target
        message, parking.message = parking.message, None
        scheduler.cur = ref
        if parking.last is not ref:
            scheduler.enter(parking, ref)
        if ref._extension is not None:
            ref._extension.deferred = None
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = await ref._receive(message)
            if answer is not None and answer.__class__ in ANSWERS:
                answer = checked(ref, answer)
        except BaseException as exception:
            error = exception
        changed = not unchanged(parking.context, parking.stamp)
        if changed:
            scheduler.give_context(ref, parking.context)
        if parking.nested and (error is None or isinstance(error, ORDINARY)):
            parking.answer = answer if error is None else _Raised(error)
            parking.target = None
            return not changed
        envelope = self._own_envelope(parking, ref, message)
        if error is not None:
            scheduler.handled -= 1
            scheduler.failed(ref, error, envelope)
        if error is None:
            give_reply(ref, envelope.future, answer)
        scheduler.settle(ref)
        parking.target = None
        if error is not None and not isinstance(error, ORDINARY):
            raise error  # KeyboardInterrupt and SystemExit are for the loop
        return not changed and not ref._mode & DEAD

    def _own_envelope(self, parking: Parking, ref: ActorRef[Any], message: Any) -> Envelope:
        """The request in hand: the caller's, when it waits; else one whose future nobody has."""
        extension = ref._extension
        if not parking.nested and extension is not None:
            envelope, extension.envelope = extension.envelope, None
            extension.task = None
            if envelope is not None:
                return envelope
        nobody = self._scheduler.future()
        nobody.cancel()
        return Envelope(message, nobody, None)

    def _failed_inline(
        self, ref: ActorRef[Any], exception: BaseException, message: Any
    ) -> ActorExited:
        """The handler of an inline request raised: its target ends. Gives what the caller gets."""
        scheduler = self._scheduler
        scheduler.handled -= 1
        nobody = scheduler.future()  # the caller gets the exception itself
        nobody.cancel()
        scheduler.failed(ref, exception, Envelope(message, nobody, scheduler.current()))
        reason = ref.exit_reason if ref._mode & DEAD else ref._end.reason
        scheduler.settle(ref)
        return ActorExited(ref, reason)

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

    async def queued(
        self,
        ref: ActorRef[Any],
        message: Any,
        timeout: float | None,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any:
        """Put the request into the mailbox and wait for its reply."""
        source = self._scheduler.current()
        if source is ref:
            raise SelfRequest(ref)
        if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):
            raise ActorExited(ref, "noproc")
        self._scheduler.handled += STREAK - self._scheduler.streak
        self._scheduler.streak = STREAK
        future = self._scheduler.future()
        envelope: Any = Envelope(message, future, source)
        if priority or ttl is not None:
            envelope = stamped(ref, envelope, priority, ttl)
        waiting = ref._offer(envelope, can_wait=True)
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
                future.set_exception(self.timed_out(ref, timeout))

        kernel = self._scheduler.kernel
        timer = kernel.timers.wake_at(kernel.platform.now() + timeout, expire)
        try:
            return await future
        finally:
            kernel.timers.cancel(timer)

    def timed_out(self, ref: ActorRef[Any], timeout: float) -> RequestTimeout:
        """No reply came from `ref` in time: the error says for whom it waits itself."""
        return RequestTimeout(ref, timeout, chain_from(ref, self._await_reply.__code__))
