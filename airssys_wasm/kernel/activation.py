"""Acts: the activations of actors that need more than a loop over bare messages.

Beginnings and ends, requests, stops and bounded mailboxes, process functions, and actors that have
context variables of their own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, checked, continue_with, give_reply, odd_answer
from airssys_wasm.kernel.backlog import long_mailbox
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.current import CURRENT
from airssys_wasm.kernel.errors import ExitActor, StopInit, Stopped, reason_of
from airssys_wasm.kernel.idle import cancel_idle
from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.message import (
    SIGNALS,
    Answer,
    Continue,
    Envelope,
    InTurn,
    Next,
    Stamped,
    StopEntry,
    SystemCall,
)
from airssys_wasm.kernel.own_task import OwnTask
from airssys_wasm.kernel.reasons import Error, is_orderly
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import (
    ASYNC,
    DEAD,
    DEFERRED,
    ENDING,
    ENTRIES,
    NEW,
    NOTHING,
    OWN,
    OWN_TASK,
    SPECIAL,
    SUSPENDED,
    WATCHED,
    Ended,
)
from airssys_wasm.kernel.tracing import TraceEvent, tell

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextvars import Context

    from airssys_wasm.kernel.parking import Parking
    from airssys_wasm.kernel.scheduler import Scheduler

OTHERS = frozenset({StopEntry, SystemCall, Next, InTurn})  # entries that are no messages
LOOKED_AT = OTHERS | {Envelope}  # entries that are not given to the handler as they are
ALONE_AT_MOST = 256  # messages in one activation of an actor with a context of its own


class Activation:
    """What workers do for actors that are not simple."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def special(self, ref: ActorRef[Any], parking: Parking, left: int) -> Coroutine[Any, Any, int]:
        """One activation: gives how many messages it took, at least 1."""
        if parking.last is not ref:
            self._scheduler.enter(parking, ref)
        if ref._mode & (NEW | ENDING):
            return self._begin_or_end(ref)
        return self._one_by_one(ref, left)

    async def _begin_or_end(self, ref: ActorRef[Any]) -> int:
        if not ref._mode & NEW:
            await self._terminate(ref)
        elif ref._mode & ENDING:
            self._scheduler.kernel.lifecycle.die(ref)
        else:
            await self._init(ref)
        self._scheduler.handled -= 1  # an activation, but no message
        return 1

    async def _one_by_one(self, ref: ActorRef[Any], left: int) -> int:
        """Requests, stops and bounded mailboxes: a look at each message."""
        bounded = isinstance(ref, BoundedRef)
        count = 0
        if ref._queue and len(ref._queue) >= WARN_LENGTH:
            long_mailbox(ref, len(ref._queue))
        # A worker's context is not the one that the actor got for its own just now.
        over = ENDING | DEAD | SUSPENDED | (OWN & ~ref._mode)
        while count < left and not ref._mode & over:
            entry = ref._one
            if entry is not NOTHING:
                ref._one = NOTHING
            else:
                queue = ref._queue
                if not queue:
                    break
                if queue.__class__ is list:
                    queue = ref._queue = deque(queue)
                entry = queue.popleft()
            count += 1
            if bounded and entry.__class__ not in SIGNALS:
                ref._taken()  # type: ignore[attr-defined]
            if entry.__class__ is Stamped:
                entry = self._scheduler.kernel.reporting.unexpired(ref, entry)
                if entry is NOTHING:
                    self._scheduler.handled -= 1
                    continue
            try:
                # Most messages of async handlers are taken here: what is below takes two more
                # coroutines, which are time, and memory of an actor that is suspended.
                if ref._mode & (ASYNC | WATCHED) == ASYNC and entry.__class__ not in LOOKED_AT:
                    answer = await ref._receive(entry)
                    if answer is not None and answer.__class__ in ANSWERS:
                        odd_answer(ref, entry, answer)
                else:
                    await self._handle(ref, entry)
            except BaseException:
                self._scheduler.failed_message = entry
                self._scheduler.completed = count - 1
                raise
        if count == 0:
            self._scheduler.handled -= 1
        if not ref._queue and ref._one is NOTHING:
            ref._mode &= ~ENTRIES if bounded else ~(ENTRIES | SPECIAL)
        return max(count, 1)

    async def _handle(self, ref: ActorRef[Any], entry: Any) -> None:
        """One message of any kind; a request gets its reply."""
        if entry.__class__ is not Envelope:
            if entry.__class__ in OTHERS:
                self._scheduler.handled -= 1  # no message
                await self._handle_other(ref, entry)
                return
            answer = await self._receive_one(ref, entry)
            if answer is not None and answer.__class__ in ANSWERS:
                odd_answer(ref, entry, answer)
            return
        extension = ref._ext()
        extension.envelope = entry
        extension.deferred = None
        try:
            answer = await self._receive_one(ref, entry.message)
            if answer.__class__ in ANSWERS:
                answer = checked(ref, answer)
        finally:
            extension.envelope = None
        give_reply(ref, entry.future, answer)

    async def _handle_other(self, ref: ActorRef[Any], entry: Any) -> None:
        """What is in the mailbox, and no message."""
        if entry.__class__ is StopEntry:
            report = not is_orderly(entry.reason)
            self._scheduler.kernel.lifecycle.end(ref, entry.reason, inside=True, report=report)
        elif entry.__class__ is SystemCall:
            entry.answer(ref._receive.__self__)
        else:
            try:
                actor = ref._receive.__self__
                if entry.__class__ is InTurn:
                    answer = self._scheduler.in_scratch(ref, entry.function, actor)
                else:
                    answer = self._scheduler.in_scratch(ref, actor.handle_continue, entry.value)
                if inspect.isawaitable(answer):
                    answer = await answer
            except BaseException:
                self._scheduler.handled += 1  # what fails is taken for a message, and taken off
                raise
            if answer.__class__ is Continue:
                continue_with(ref, answer)

    async def _receive_one(self, ref: ActorRef[Any], message: Any) -> Any:
        mode = ref._mode
        if mode & WATCHED:
            return await self._watched(ref, message)
        if mode & ASYNC:
            return await ref._receive(message)
        return self._scheduler.in_scratch(ref, ref._receive, message)

    async def _watched(self, ref: ActorRef[Any], message: Any) -> Any:
        """A message of an actor that is traced, or that waits for an idle time."""
        cancel_idle(ref)
        tell(TraceEvent(ref, "in", message))
        try:
            if ref._mode & ASYNC:
                answer = await ref._receive(message)
            else:
                answer = self._scheduler.in_scratch(ref, ref._receive, message)
        except BaseException as exception:
            tell(TraceEvent(ref, "raised", message, exception))
            raise
        tell(TraceEvent(ref, "out", message, answer))
        return answer

    # --- beginnings and ends

    async def _init(self, ref: ActorRef[Any]) -> None:
        actor = ref._receive.__self__
        try:
            answer = self._scheduler.in_scratch(ref, actor.init)
            if inspect.isawaitable(answer):
                answer = await answer
        except BaseException as exception:
            if not ref._mode & (ENDING | DEAD):
                refused = isinstance(exception, StopInit)
                reason = (
                    exception.reason if isinstance(exception, StopInit) else reason_of(exception)
                )
                self._scheduler.kernel.lifecycle.end(ref, reason, inside=True, report=not refused)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
            return
        if ref._mode & (ENDING | DEAD):
            return
        if answer is Answer.IGNORE:
            self._scheduler.kernel.spawner.ignored(ref)
        elif answer is Answer.DEFERRED_INIT:
            ref._traits |= DEFERRED
            ref._mode &= ~NEW
        elif answer is None or answer.__class__ is Continue:
            ref._mode &= ~NEW
            self._scheduler.kernel.spawner.started(ref)
            if answer is not None:
                continue_with(ref, answer)
        else:
            reason = ("bad_return_value", answer)
            self._scheduler.kernel.lifecycle.end(ref, reason, inside=True, report=True)

    async def _terminate(self, ref: ActorRef[Any]) -> None:
        """Run the terminate hook, for as long as the shutdown time allows."""
        extension = ref._ext()
        actor, kernel = ref._receive.__self__, self._scheduler.kernel
        extension.cancel_due = False  # that was for the handler, which has returned
        timer = None
        if extension.shutdown != inf:
            due = kernel.platform.now() + extension.shutdown
            timer = kernel.timers.wake_at(due, lambda _: ref.kill())
        try:
            answer = self._scheduler.in_scratch(ref, actor.terminate, ref._end.reason)
            if inspect.isawaitable(answer):
                await answer
        except BaseException as exception:
            if not ref._mode & DEAD:
                reason = reason_of(exception)
                ref._end = Ended(reason)
                if not (isinstance(exception, ExitActor) and is_orderly(reason)):
                    kernel.reporting.crashed(ref, reason)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        finally:
            if timer is not None:
                kernel.timers.cancel(timer)
            kernel.lifecycle.die(ref)

    def elsewhere(self, ref: ActorRef[Any], mode: int) -> None:
        """The actor is dead, or runs in tasks of its own: this worker only wakes it."""
        if mode & DEAD:
            return
        extension = ref._ext()
        if ref._traits & OWN_TASK:
            if extension.home is None:
                extension.home = OwnTask(self._scheduler, ref)
            extension.home.wake()
        elif mode & OWN:
            assert extension.context is not None
            self._own_task(ref, self.alone(ref), extension.context)
        elif extension.process is not None:
            self._own_task(ref, self._process(ref), self._scheduler.clean.copy())
        elif extension.inbox is not None:
            extension.inbox._turn()

    def _own_task(
        self, ref: ActorRef[Any], work: Coroutine[Any, Any, None], context: Context
    ) -> None:
        task = self._scheduler.own_task(work, context)
        ref._ext().task = task
        task.add_done_callback(lambda _: self._never_ran(ref, task))

    def _never_ran(self, ref: ActorRef[Any], task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first line runs no `finally`: its actor ends here."""
        extension = ref._extension
        if ref._mode & DEAD or extension is None or extension.task is not task:
            return
        extension.task = None
        cancelled = Error.of(asyncio.CancelledError())
        self._scheduler.kernel.lifecycle.end(ref, cancelled, inside=True, report=True)
        self._scheduler.settle(ref)

    async def _process(self, ref: ActorRef[Any]) -> None:
        CURRENT.set(ref)
        extension, lifecycle = ref._ext(), self._scheduler.kernel.lifecycle
        (function, arguments), extension.process = extension.process, None
        self._scheduler.kernel.spawner.started(ref)
        inbox = extension.inbox
        reason: Any = "normal"
        report = False
        try:
            await function(inbox, *arguments)
        except Stopped as stopped:
            reason = stopped.reason
        except BaseException as exception:
            if not ref._mode & (ENDING | DEAD):
                reason = reason_of(exception)
                report = not (isinstance(exception, ExitActor) and is_orderly(reason))
            if inbox is not None:
                inbox._crashed(ref._end.reason if ref._mode & (ENDING | DEAD) else reason)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        else:
            if inbox is not None:
                inbox._completed()
                if inbox._stop is not None:
                    reason = inbox._stop.reason
        finally:
            lifecycle.end(ref, reason, inside=True, report=report)
            lifecycle.die(ref)

    async def alone(self, ref: ActorRef[Any]) -> None:
        """One activation of an actor outside of the workers."""
        CURRENT.set(ref)
        try:
            if ref._mode & NEW:
                if not ref._mode & ENDING:
                    await self._init(ref)
            elif ref._mode & ENDING:
                await self._terminate(ref)
            else:
                count = await self._one_by_one(ref, ALONE_AT_MOST)
                self._scheduler.handled += count  # not at once: it has changed meanwhile
        except BaseException as exception:
            self._scheduler.handled += self._scheduler.completed
            self._scheduler.completed = 0
            self._scheduler.failed(ref, exception, self._scheduler.failed_message)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        finally:
            if ref._extension is not None:
                ref._extension.task = None
            self._scheduler.settle(ref)
