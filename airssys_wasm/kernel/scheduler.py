"""Acts: runs actors. No task per actor: worker tasks drain one run queue in slices.

A turn (one callback of the loop) steps resting workers; a worker drains the run queue. A handler
always runs inside a real task. When it suspends, its worker is left to it, and the turn goes on
with the next worker. A slice ends by messages (a quantum that adapts to what handlers cost) and by
time, so that a flood of messages starves neither I/O nor timers.

Context variables: plain handlers run in a scratch context, async ones in their worker's. A context
that a handler changed becomes that actor's own; the actor then runs in tasks of its own with it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any, Final

from airssys_wasm.kernel.errors import (
    ActorExited,
    ExitActor,
    RequestTimeout,
    SelfRequest,
    StopInit,
    Stopped,
)
from airssys_wasm.kernel.message import SIGNALS, Answer, Envelope, Failed, StopEntry, Unhandled
from airssys_wasm.kernel.reasons import Error, is_orderly
from airssys_wasm.kernel.ref import (
    ASYNC,
    BUSY,
    DEAD,
    DEFERRED,
    ENDING,
    NEW,
    NOTHING,
    OWN,
    PROCESS,
    SPECIAL,
    ActorRef,
    BoundedRef,
    HeldQueue,
)
from airssys_wasm.kernel.worker import Parking

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel

log = logging.getLogger("airssys_wasm.kernel")

SLICE = 0.00025  # seconds of work a turn: a timer behind a flood is late by about this much
LEAST, MOST = 8, 256  # messages between two looks at the clock
MOST_RESTING = 256  # workers kept for handlers that suspend
GROWTH = 64  # workers made at once, at most
DEPTH = 8  # requests run inline inside one another
STREAK = 256  # inline requests after which one takes the long way, so that others run
BREATHS = 3  # turns that asyncio's own ready callbacks get between two slices of a flood
ALONE = 32  # messages that a suspended handler's worker handles for its actor before it rests
REAP_TRIES = 10  # cancellations of what is left of a killed actor
REAP_EVERY = 0.01  # seconds between them

CURRENT: ContextVar[ActorRef[Any] | None] = ContextVar("airssys_wasm_current_actor", default=None)
ANSWERS: Final = frozenset({CoroutineType, Failed, Unhandled})  # returned values with a meaning


class Scheduler:
    """The run queue of one kernel and the workers that drain it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._loop = asyncio.get_running_loop()
        self.future: Callable[[], asyncio.Future[Any]] = self._loop.create_future
        self._ready = kernel.platform.run_queue()
        self.push = self._ready.append
        self._clock = kernel.platform.slice_clock
        self.armed = False
        self._cur: ActorRef[Any] | None = None  # the actor whose handler runs now, in this turn
        self._running: Parking | None = None
        self._end = 0.0
        self._breath = 0
        # uvloop hides its ready queue, and needs the breath less.
        self._pending: Any = getattr(self._loop, "_ready", None)
        self._parked: list[Parking] = []
        self._workers: set[asyncio.Task[Any]] = set()
        self._quantum = LEAST
        self._streak = STREAK
        self._level = 0
        self._frames: list[ActorRef[Any] | None] = [None] * (DEPTH + 2)
        self._clean = copy_context()
        self._scratch = [self._clean.copy() for _ in range(DEPTH + 2)]
        self.handled = 0
        self.failed_message: Any = NOTHING

    # --- who runs

    def current(self) -> ActorRef[Any] | None:
        """The actor that runs now, also in its child tasks; None outside of actors."""
        return self._cur if self._cur is not None else CURRENT.get()

    def is_running(self, ref: ActorRef[Any]) -> bool:
        """Whether a handler of `ref` is on the stack."""
        return ref is self._cur or ref in self._frames[: self._level]

    def arm(self) -> None:
        """See to it that a turn comes."""
        if not self.armed:
            self.armed = True
            self._loop.call_soon(self._turn)

    @coroutine
    def give_way(self) -> Generator[None, None, None]:
        """Let others run for one turn of the loop."""
        yield

    # --- the turn

    def _turn(self) -> None:
        """Step workers until the run queue is empty or the time is up."""
        if self._breath and self._pending:
            self._breath -= 1
            self._loop.call_soon(self._turn)
            return
        self._end = self._clock() + SLICE
        self._streak = STREAK
        self._level = 1  # below it is the scratch context of the worker that runs
        ready, parked = self._ready, self._parked
        try:
            while ready:
                if not parked:
                    self._grow(min(GROWTH, 2 + len(self._workers)))
                    break
                self._running = parking = parked.pop()
                parking.step()
                self._running = None
                if not parking.idle:
                    self._hand_over(parking)
                if self._clock() >= self._end:
                    break
        finally:  # also when KeyboardInterrupt leaves a handler
            self._running = self._cur = None
            self._level = 0
            if ready:
                self._breath = BREATHS
                self._loop.call_soon(self._turn)
            else:
                self.armed = False

    def _hand_over(self, parking: Parking) -> None:
        """The worker is inside a handler that suspended: it belongs to that actor now."""
        ref, task = self._cur, parking.task
        if ref is None or task.done():
            return
        if ref._mode & DEAD:
            self.reap(task, ref)
            return
        extension = ref._ext()
        extension.task = task
        if extension.cancel_due:  # an exit reached the actor while its handler was on the stack
            extension.cancel_due = False
            task.cancel()

    def _grow(self, count: int) -> None:
        for _ in range(count):
            self._own(self._work(), self._clean.copy())

    def _own(self, work: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        task = self._loop.create_task(work, context=context)
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)
        return task

    # --- the worker

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        parked, ready, clean = self._parked, self._ready, self._clean
        take = ready.popleft
        parking = Parking(self._loop, me, parked)
        parking.stamp = clean
        scratch = clean.copy()
        run = scratch.run
        while len(parked) < MOST_RESTING:
            parked.append(parking)
            await parking
            began = self._clock()
            quantum = left = self._quantum
            mine = True  # False once a handler suspended: the turn has gone on without this worker
            while ready:
                ref = self._cur = take()
                mode = ref._mode
                try:
                    if not mode:
                        queue = ref._queue
                        ref._queue = BUSY
                        if queue:
                            count = run(self._batch, ref, queue, quantum)
                        else:
                            count = 1
                            message = ref._one
                            ref._one = NOTHING
                            if message is not NOTHING:
                                answer = run(ref._receive, message)
                                if answer is not None and answer.__class__ in ANSWERS:
                                    self._odd_answer(ref, message, answer)
                        if scratch == clean and not ref._mode:
                            # Most activations end here: a plain handler never suspends.
                            if not ref._queue:
                                ref._queue = None
                            else:
                                self.push(ref)
                            left -= count
                            if left > 0:
                                continue
                    elif mode == ASYNC:
                        if parking.last is not ref:
                            self._enter(parking, ref)
                        count = await self._async(ref, parking, left)
                    elif mode & (DEAD | PROCESS | OWN):
                        self._elsewhere(ref, mode)
                        continue
                    else:
                        count = await self._special(ref, parking, left)
                except BaseException as exception:
                    if not mode and self.failed_message is NOTHING:
                        self.failed_message = message
                    self._failed(ref, exception, self.failed_message)
                    if not isinstance(exception, Exception | asyncio.CancelledError):
                        self._settle(ref)
                        raise  # KeyboardInterrupt and SystemExit are for the loop
                    count = 1
                if left > 0:
                    if self._running is not parking:
                        mine = False
                        if ref._extension is not None and ref._extension.task is me:
                            ref._extension.task = None
                    if scratch != clean:
                        self._give_context(ref, scratch)
                        scratch = clean.copy()
                        run = scratch.run
                    changed = parking.context != parking.stamp
                    if changed:
                        self._give_context(ref, parking.context)
                    self._settle(ref)
                    if changed or me.cancelling():
                        return  # the context is the actor's; a cancelled worker is never reused
                    if not mine:
                        break
                    left -= count
                if left <= 0:
                    self.handled += quantum - left
                    now = self._clock()
                    took, began = now - began, now
                    quantum = left = self._adapt(quantum, took)
                    if now >= self._end:
                        break
            self.handled += quantum - left
            if mine:
                self._quantum = quantum

    @staticmethod
    def _adapt(quantum: int, took: float) -> int:
        """The next quantum, when this one took `took` seconds."""
        if took < SLICE / 8:
            return min(MOST, quantum * 2)
        if took > SLICE / 4:
            return max(1, int(quantum * SLICE / 4 / took))
        return quantum

    def _settle(self, ref: ActorRef[Any]) -> None:
        """The activation is over: idle, queued again, or on the way to its end."""
        if not ref._mode & (ENDING | DEAD):
            if not ref._queue and ref._one is NOTHING:
                ref._queue = None
            else:
                self.push(ref)
                if not self.armed:
                    self.arm()
        elif ref._mode & ENDING:
            previous, self._cur = self._cur, None
            self.kernel.lifecycle.go_on(ref)
            self._cur = previous

    def _enter(self, parking: Parking, ref: ActorRef[Any]) -> None:
        """Let the worker's context, and so every child task, say who runs."""
        CURRENT.set(ref)
        parking.last = ref
        assert parking.context is not None
        parking.stamp = parking.context.copy()

    def _give_context(self, ref: ActorRef[Any], context: Context | None) -> None:
        if not ref._mode & DEAD:
            ref._ext().context = context
            ref._mode |= OWN

    # --- plain handlers, bare messages

    def _batch(self, ref: ActorRef[Any], queue: Any, quantum: int) -> int:
        receive = ref._receive
        message = ref._one
        ref._one = NOTHING
        try:
            if not queue:
                if message is not NOTHING:
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        self._odd_answer(ref, message, answer)
                return 1
            count = len(queue)
            if count <= quantum or count < LEAST:
                # An end of the actor exhausts the iterator, and so ends this loop.
                ref._batch = rest = iter(queue)
                if message is not NOTHING:
                    count += 1
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        self._odd_answer(ref, message, answer)
                for message in rest:
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        self._odd_answer(ref, message, answer)
            else:
                # A long backlog goes on being the mailbox, so that others get their turn.
                if queue.__class__ is not deque:
                    queue = deque(queue)
                if message is not NOTHING:
                    queue.appendleft(message)
                ref._queue = ref._batch = queue
                take = queue.popleft
                count = 0
                while count < quantum:
                    count += 1
                    if not queue:  # the actor ended, and the rest is dead letters
                        break
                    message = take()
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        self._odd_answer(ref, message, answer)
            ref._batch = None
            return count
        except BaseException:
            self.failed_message = message
            raise

    def _odd_answer(self, ref: ActorRef[Any], message: Any, answer: Any) -> None:
        """A returned value that means something, to a message that wanted no reply."""
        if answer.__class__ is Unhandled:
            self.kernel.unhandled(ref, message)
        elif answer.__class__ is not Failed:
            self._refuse_awaitable(answer)

    @staticmethod
    def _refuse_awaitable(answer: Any) -> None:
        answer.close()
        raise ExitActor(("bad_return_value", f"a plain receive returned {answer!r}; make it async"))

    # --- async handlers, bare messages

    async def _async(self, ref: ActorRef[Any], parking: Parking, limit: int) -> int:
        queue = ref._queue
        ref._queue = BUSY
        message = ref._one
        receive = ref._receive
        count = 0
        try:
            if message is not NOTHING:
                ref._one = NOTHING
                if queue:
                    ref._queue = queue
                count = 1
                answer = await receive(message)
                if answer is not None and answer.__class__ in ANSWERS:
                    self._odd_answer(ref, message, answer)
            elif queue:
                ref._queue = queue
            while ref._mode == ASYNC:
                if count >= limit if self._running is parking else count >= ALONE:
                    break
                queue = ref._queue
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = ref._queue = deque(queue)
                message = queue.popleft()
                count += 1
                answer = await receive(message)
                if answer is not None and answer.__class__ in ANSWERS:
                    self._odd_answer(ref, message, answer)
            return count
        except BaseException:
            self.failed_message = message
            raise

    # --- everything else

    async def _special(self, ref: ActorRef[Any], parking: Parking, left: int) -> int:
        if parking.last is not ref:
            self._enter(parking, ref)
        if ref._mode & ENDING:
            await self._terminate(ref)
            return 1
        if ref._mode & NEW:
            await self._init(ref)
            return 1
        return await self._one_by_one(ref, left)

    async def _one_by_one(self, ref: ActorRef[Any], left: int) -> int:
        """Requests, stops and bounded mailboxes: a look at each message."""
        bounded = isinstance(ref, BoundedRef)
        count = 0
        while count < left and not ref._mode & (ENDING | DEAD):
            entry = ref._one
            if entry is not NOTHING:
                ref._one = NOTHING
            else:
                queue = ref._queue
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = ref._queue = deque(queue)
                entry = queue.popleft()
            count += 1
            if bounded and entry.__class__ not in SIGNALS:
                ref._taken()  # type: ignore[attr-defined]
            await self._handle(ref, entry)
        if not bounded and not ref._queue and ref._one is NOTHING:
            ref._mode &= ~SPECIAL
        return max(count, 1)

    async def _handle(self, ref: ActorRef[Any], entry: Any) -> None:
        """One message of any kind; a request gets its reply."""
        if entry.__class__ is StopEntry:
            report = not is_orderly(entry.reason)
            self.kernel.lifecycle.end(ref, entry.reason, inside=True, report=report)
            return
        if entry.__class__ is not Envelope:
            try:
                answer = await self._receive_one(ref, entry)
                if answer is not None and answer.__class__ in ANSWERS:
                    self._odd_answer(ref, entry, answer)
            except BaseException:
                self.failed_message = entry
                raise
            return
        extension = ref._ext()
        extension.envelope = entry
        extension.deferred = None
        try:
            answer = await self._receive_one(ref, entry.message)
            if answer.__class__ in ANSWERS:
                answer = self._checked(answer)
        except BaseException:
            self.failed_message = entry
            raise
        finally:
            extension.envelope = None
        self._reply(ref, entry.future, answer)

    async def _receive_one(self, ref: ActorRef[Any], message: Any) -> Any:
        if ref._mode & ASYNC:
            return await ref._receive(message)
        return self._in_scratch(ref, ref._receive, message)

    def _in_scratch(self, ref: ActorRef[Any], hook: Callable[..., Any], *args: Any) -> Any:
        """Run a plain hook in a context that no other actor shares."""
        if ref._mode & OWN:
            return hook(*args)  # in the actor's own task and context already
        level = self._level
        scratch = self._scratch[level]
        self._frames[level] = ref
        self._level = level + 1
        try:
            return scratch.run(hook, *args)
        finally:
            self._level = level
            if scratch != self._clean:
                self._give_context(ref, scratch)
                self._scratch[level] = self._clean.copy()

    def _checked(self, answer: Any) -> Any:
        """The answer to a request, where it is of the odd kind."""
        if answer.__class__ is Unhandled:
            raise ExitActor(("unhandled_request", answer.message))
        if answer.__class__ is not Failed:
            self._refuse_awaitable(answer)
        return answer

    def _reply(self, ref: ActorRef[Any], future: asyncio.Future[Any], answer: Any) -> None:
        extension = ref._extension
        if extension is not None and extension.deferred is not None:
            reply, extension.deferred = extension.deferred, None
            reply._bind(future, extension.open_replies())
        elif not future.done():
            if answer.__class__ is Failed:
                future.set_exception(answer.error)
            else:
                future.set_result(answer)

    # --- beginnings and ends

    async def _init(self, ref: ActorRef[Any]) -> None:
        actor = ref._receive.__self__
        try:
            answer = self._in_scratch(ref, actor.init)
            if inspect.isawaitable(answer):
                answer = await answer
        except BaseException as exception:
            if not ref._mode & (ENDING | DEAD):
                refused = isinstance(exception, StopInit)
                reason = exception.reason if isinstance(exception, StopInit) else _reason(exception)
                self.kernel.lifecycle.end(ref, reason, inside=True, report=not refused)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
            return
        if ref._mode & (ENDING | DEAD):
            return
        if answer is Answer.IGNORE:
            self.kernel.ignored(ref)
        elif answer is Answer.DEFERRED_INIT:
            ref._traits |= DEFERRED
            ref._mode &= ~NEW
        elif answer is None:
            ref._mode &= ~NEW
            self.kernel.started(ref)
        else:
            reason = ("bad_return_value", answer)
            self.kernel.lifecycle.end(ref, reason, inside=True, report=True)

    async def _terminate(self, ref: ActorRef[Any]) -> None:
        """Run the terminate hook, for as long as the shutdown time allows."""
        extension = ref._ext()
        actor, kernel = ref._receive.__self__, self.kernel
        timer = kernel.wake_at(kernel.platform.now() + extension.shutdown, lambda _: ref.kill())
        try:
            answer = self._in_scratch(ref, actor.terminate, ref._end.reason)
            if inspect.isawaitable(answer):
                await answer
        except BaseException as exception:
            if not ref._mode & DEAD:
                ref._end.reason = reason = _reason(exception)
                kernel.crashed(ref, reason)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        finally:
            kernel.cancel_timer(timer)
            kernel.lifecycle.die(ref)

    def _failed(self, ref: ActorRef[Any], exception: BaseException, message: Any) -> None:
        """A handler raised, or was cancelled. The message in hand becomes a dead letter."""
        self.failed_message = NOTHING
        if ref._mode & DEAD:
            if message is not NOTHING:
                self.kernel.dead_letter(message, ref, ref.exit_reason, crashed=True)
            return
        if not ref._mode & ENDING:
            reason = _reason(exception)
            ref._ext().last_message = message
            if message is not NOTHING:
                self.kernel.dead_letter(message, ref, reason, crashed=True)
            report = not (isinstance(exception, ExitActor) and is_orderly(reason))
            self.kernel.lifecycle.end(ref, reason, inside=True, report=report)
        elif message is not NOTHING:
            self.kernel.dead_letter(message, ref, ref._end.reason, crashed=True)

    # --- actors with tasks of their own

    def _elsewhere(self, ref: ActorRef[Any], mode: int) -> None:
        """The actor is dead, or runs in tasks of its own: this worker only wakes it."""
        if mode & DEAD:
            return
        extension = ref._ext()
        if mode & OWN:
            assert extension.context is not None
            extension.task = self._own(self._alone(ref), extension.context)
        elif extension.process is not None:
            extension.task = self._own(self._process(ref), self._clean.copy())
        elif extension.inbox is not None:
            extension.inbox._wake()

    async def _process(self, ref: ActorRef[Any]) -> None:
        CURRENT.set(ref)
        extension, lifecycle = ref._ext(), self.kernel.lifecycle
        (function, arguments), extension.process = extension.process, None
        self.kernel.started(ref)
        inbox = extension.inbox
        reason: Any = "normal"
        report = False
        try:
            await function(inbox, *arguments)
        except Stopped as stopped:
            reason = stopped.reason
        except BaseException as exception:
            if not ref._mode & (ENDING | DEAD):
                reason = _reason(exception)
                report = not (isinstance(exception, ExitActor) and is_orderly(reason))
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        else:
            if inbox is not None and inbox._stop is not None:
                reason = inbox._stop.reason
        finally:
            lifecycle.end(ref, reason, inside=True, report=report)
            lifecycle.die(ref)

    async def _alone(self, ref: ActorRef[Any]) -> None:
        """One activation of an actor that has context variables of its own."""
        CURRENT.set(ref)
        try:
            if ref._mode & ENDING:
                await self._terminate(ref)
            else:
                await self._one_by_one(ref, MOST)
        except BaseException as exception:
            self._failed(ref, exception, self.failed_message)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
        finally:
            if ref._extension is not None:
                ref._extension.task = None
            self._settle(ref)

    # --- requests

    def may_inline(self) -> bool:
        """Whether a request may run its idle target here and now."""
        return self._level < DEPTH and self._streak > 0

    async def request_inline(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Run an idle plain target without a task switch."""
        previous, self._cur = self._cur, ref
        level = self._level
        scratch = self._scratch[level]
        self._frames[level] = previous
        self._level = level + 1
        self._streak -= 1
        ref._queue = BUSY
        if ref._extension is not None:
            ref._extension.deferred = None
        try:
            answer = scratch.run(ref._receive, message)
            if answer is not None and answer.__class__ in ANSWERS:
                answer = self._checked(answer)
        except BaseException as exception:
            self._cur = previous
            self._level = level
            nobody = self.future()  # the caller gets the exception itself
            nobody.cancel()
            self._failed(ref, exception, Envelope(message, nobody, None))
            reason = ref.exit_reason if ref._mode & DEAD else ref._end.reason
            self._settle(ref)
            if not isinstance(exception, Exception | asyncio.CancelledError):
                raise
            raise ActorExited(ref, reason) from exception
        finally:
            self._cur = previous
            self._level = level
            if scratch != self._clean:
                self._give_context(ref, scratch)
                self._scratch[level] = self._clean.copy()
        if ref._mode or ref._extension is not None:
            return await self._after_inline(ref, answer, timeout)
        if not ref._queue:
            ref._queue = None
        else:
            self.push(ref)
            if not self.armed:
                self.arm()
        if answer.__class__ is Failed:
            raise answer.error
        return answer

    async def _after_inline(self, ref: ActorRef[Any], answer: Any, timeout: float | None) -> Any:
        extension = ref._extension
        killed = ref._mode & DEAD
        deferred = extension is not None and extension.deferred is not None
        future = self.future() if deferred else None
        if future is not None and not killed:
            self._reply(ref, future, answer)
        self._settle(ref)
        if killed:
            raise ActorExited(ref, ref.exit_reason)
        if future is not None:
            return await self._await_reply(ref, future, timeout)
        if answer.__class__ is Failed:
            raise answer.error
        return answer

    async def request_queued(self, ref: ActorRef[Any], message: Any, timeout: float | None) -> Any:
        """Put the request into the mailbox and wait for its reply."""
        source = self.current()
        if source is ref:
            raise SelfRequest(ref)
        if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):
            raise ActorExited(ref, "noproc")
        self._streak = STREAK
        future = self.future()
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
            if waiting is not None and not waiting.done():
                waiting.cancel()  # it gave up before there was room

    async def _await_reply(
        self, ref: ActorRef[Any], future: asyncio.Future[Any], timeout: float | None
    ) -> Any:
        if timeout is None:
            return await future

        def expire(_: Any) -> None:
            if not future.done():
                future.set_exception(RequestTimeout(ref, timeout))

        kernel = self.kernel
        timer = kernel.wake_at(kernel.platform.now() + timeout, expire)
        try:
            return await future
        finally:
            kernel.cancel_timer(timer)

    # --- what is left

    def reap(self, task: asyncio.Task[Any], ref: ActorRef[Any]) -> None:
        """Cancel what is left of a killed actor, up to ten times; report what stays."""
        tries = 0

        def again() -> None:
            nonlocal tries
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
            platform = self.kernel.platform
            platform.call_at(platform.now() + REAP_EVERY, again)

        again()

    async def close(self) -> None:
        """End every worker. Code that will not end is left after the last try, and reported."""
        self._ready.clear()
        for _ in range(REAP_TRIES):
            tasks = [task for task in self._workers if not task.done()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=REAP_EVERY)
        for task in self._workers:
            log.error("a task of the system goes on after its end: %r", task)


def _reason(exception: BaseException) -> Any:
    if isinstance(exception, ExitActor):
        return exception.reason
    return Error.of(exception)
