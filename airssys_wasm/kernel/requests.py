"""Acts: requests: inline where the target is idle and plain, through its mailbox otherwise."""

from __future__ import annotations

import asyncio
import sys
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, Pending, checked, give_reply
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.current import unchanged
from airssys_wasm.kernel.errors import ActorExited, RequestTimeout, SelfRequest
from airssys_wasm.kernel.message import Envelope, Failed
from airssys_wasm.kernel.parking import Begun
from airssys_wasm.kernel.ref import ActorRef, stamped
from airssys_wasm.kernel.states import ASYNC, BUSY, DEAD, ENDING, HeldQueue
from airssys_wasm.kernel.waiting import chain_from

if TYPE_CHECKING:
    from airssys_wasm.kernel.parking import Parking
    from airssys_wasm.kernel.scheduler import Scheduler

# Internals of CPython. Without them a request to an async actor goes through its mailbox.
_enter_task: Any = getattr(asyncio.tasks, "_enter_task", None)
_leave_task: Any = getattr(asyncio.tasks, "_leave_task", None)
CAN_LEND = _enter_task is not None and _leave_task is not None
UNCANCELS = sys.version_info >= (3, 13)  # `uncancel` takes back what is not yet raised

ORDINARY = (Exception, asyncio.CancelledError)  # all but KeyboardInterrupt and SystemExit
DEPTH = 8  # requests run inline inside one another
STREAK = 256  # inline requests after which one waits for a turn of the loop, so that others run


class Requests:
    """The requests of one kernel."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def may_inline(self) -> bool:
        """Whether a request may run its idle target here and now."""
        return self._scheduler.level < DEPTH and self._scheduler.streak > 0

    async def breathe(self, ref: ActorRef[Any]) -> bool:
        """Let others run after a streak; whether a request may run `ref` here and now, then."""
        scheduler = self._scheduler
        if scheduler.streak > 0:
            return False  # that was not why
        self._new_streak()
        await scheduler.give_way()
        return ref._queue is None and ref._mode <= ASYNC and self.may_inline()

    def _new_streak(self) -> None:
        self._scheduler.handled += STREAK - self._scheduler.streak
        self._scheduler.streak = STREAK

    def inline(self, ref: ActorRef[Any], message: Any) -> Any:
        """The answer of an idle plain target, run without a task switch; or a `Pending`."""
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
            raise self._failed_inline(ref, exception, message) from exception
        finally:
            scheduler.cur = previous
            scheduler.level = level
            scheduler.frames[level] = None
            try:
                same = scratch == scheduler.clean
            except Exception:  # the comparison of somebody's values
                same = False
            if not same:
                scheduler.give_context(ref, scratch)
                scheduler.scratches[level] = scheduler.clean.copy()
        if ref._mode or ref._extension is not None or answer.__class__ is Failed:
            return self._after_inline(ref, answer)
        if not ref._queue:
            ref._queue = None
        else:
            scheduler.push(ref)
            if not scheduler.armed:
                scheduler.arm()
        return answer

    def inline_async(self, ref: ActorRef[Any], message: Any) -> Any:
        """The answer of an idle async target whose handler does not suspend; else a `Pending`.

        The caller's task takes the first step of the handler, in the name and in the context of a
        resting worker. If that was not all, the worker goes on with the handler.
        """
        scheduler = self._scheduler
        parking = scheduler.parked.pop()
        context, task = parking.context, parking.task
        assert context is not None
        previous, level = scheduler.cur, scheduler.level
        scheduler.frames[level] = previous
        scheduler.level = level + 1
        scheduler.streak -= 1
        scheduler.cur = ref
        ref._queue = BUSY
        if ref._extension is not None:
            ref._extension.deferred = None
        caller = asyncio.current_task()
        if caller is not None:
            _leave_task(parking.loop, caller)
        _enter_task(parking.loop, task)
        parking.lent = True
        try:
            try:
                answer = context.run(self._begin, parking, ref, message)
            finally:
                _leave_task(parking.loop, task)
                if caller is not None:
                    _enter_task(parking.loop, caller)
                parking.lent = False
                scheduler.cur = previous
                scheduler.level = level
                scheduler.frames[level] = None
                if parking.begun is None:
                    self._take_back(parking, ref)
        except BaseException as exception:
            raise self._failed_inline(ref, exception, message) from exception
        if parking.begun is not None:
            return self._go_on(parking, ref, message)
        if ref._mode != ASYNC or ref._extension is not None or answer.__class__ is Failed:
            return self._after_inline(ref, answer)
        if not ref._queue:
            ref._queue = None
        else:
            scheduler.push(ref)
            if not scheduler.armed:
                scheduler.arm()
        return answer

    def _begin(self, parking: Parking, ref: ActorRef[Any], message: Any) -> Any:
        """The first step of an async handler: its answer, if it does not suspend."""
        if parking.last is not ref:
            self._scheduler.enter(parking, ref)
        coroutine = ref._receive(message)
        if coroutine.__class__ is not CoroutineType:
            coroutine = _awaited(coroutine)
        try:
            waits = coroutine.send(None)
        except StopIteration as done:
            answer = done.value
            if answer is not None and answer.__class__ in ANSWERS:
                answer = checked(ref, answer)
            return answer
        parking.begun = Begun(coroutine, waits)
        return None

    def _take_back(self, parking: Parking, ref: ActorRef[Any]) -> None:
        """The worker whose task and context were lent rests again, if they are as they were."""
        if not unchanged(parking.context, parking.stamp):
            self._scheduler.give_context(ref, parking.context)
            parking.cancel()
        elif parking.cancelled:
            parking.cancel()
        else:
            self._scheduler.parked.append(parking)

    def _go_on(self, parking: Parking, ref: ActorRef[Any], message: Any) -> Pending:
        """The handler has suspended: its worker takes it over, and the caller has to wait."""
        scheduler, task = self._scheduler, parking.task
        parking.target, parking.message = ref, message
        caller = asyncio.current_task()
        if caller is not None:
            _leave_task(parking.loop, caller)
        try:
            parking.step()  # as far as what the handler waits for
        finally:
            if caller is not None:
                _enter_task(parking.loop, caller)
        if parking.cancelled:  # by the handler itself: due as soon as it waits
            parking.cancelled = False
            if task.cancelling() or not UNCANCELS:
                task.cancel(parking.cancel_message)
                task.uncancel()  # it was counted already
        if ref._mode & DEAD:  # killed while its handler was on the stack, which has suspended since
            scheduler.reaper.reap(task, ref)
            raise ActorExited(ref, ref.exit_reason)
        extension = ref._ext()
        extension.task = task
        future = scheduler.future()
        extension.envelope = Envelope(message, future, scheduler.current())
        if extension.cancel_due:
            extension.cancel_due = False
            task.cancel()
        return Pending(future)

    async def serve(self, parking: Parking) -> bool:
        """The worker's side of `_go_on`; whether the worker can go on to rest."""
        scheduler, ref = self._scheduler, parking.target
        begun, parking.begun = parking.begun, None
        message, parking.message = parking.message, None
        assert begun is not None
        answer: Any = None
        error: BaseException | None = None
        try:
            answer = await begun
            if answer is not None and answer.__class__ in ANSWERS:
                answer = checked(ref, answer)
        except BaseException as exception:
            error = exception
        changed = not unchanged(parking.context, parking.stamp)
        if changed:
            scheduler.give_context(ref, parking.context)
        envelope = self._own_envelope(ref, message)
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

    def _own_envelope(self, ref: ActorRef[Any], message: Any) -> Envelope:
        """The request in hand: the caller's, when it waits; else one whose future nobody has."""
        extension = ref._extension
        if extension is not None:
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
        """The handler of an inline request raised: its target ends. Gives what the caller gets.

        Raises KeyboardInterrupt and SystemExit again, which are for the loop.
        """
        scheduler = self._scheduler
        scheduler.handled -= 1
        nobody = scheduler.future()  # the caller gets the exception itself
        nobody.cancel()
        scheduler.failed(ref, exception, Envelope(message, nobody, scheduler.current()))
        reason = ref.exit_reason if ref._mode & DEAD else ref._end.reason
        scheduler.settle(ref)
        if not isinstance(exception, ORDINARY):
            raise exception
        return ActorExited(ref, reason)

    def _after_inline(self, ref: ActorRef[Any], answer: Any) -> Any:
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
            return Pending(future)
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
        self._new_streak()
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


async def _awaited(awaitable: Any) -> Any:
    return await awaitable
