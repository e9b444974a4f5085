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
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.activation import Activation
from airssys_wasm.kernel.answers import ANSWERS, odd_answer
from airssys_wasm.kernel.backlog import long_mailbox
from airssys_wasm.kernel.current import CURRENT, unchanged
from airssys_wasm.kernel.errors import ExitActor, reason_of
from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.plain import one_by_one
from airssys_wasm.kernel.reaper import REAP_EVERY, REAP_TRIES, Reaper
from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.requests import DEPTH, STREAK, Requests
from airssys_wasm.kernel.states import (
    ASYNC,
    BUSY,
    DEAD,
    ENDING,
    NOTHING,
    OWN,
    PROCESS,
    SPECIAL,
    SUSPENDED,
)
from airssys_wasm.kernel.statistics import SchedulerStatistics
from airssys_wasm.kernel.worker import Parking

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel

log = logging.getLogger("airssys_wasm.kernel")

SLICE = 0.00025  # seconds of work a turn: a timer behind a flood is late by about this much
LEAST, MOST = 8, 256  # messages between two looks at the clock
MOST_RESTING = 256  # workers kept for handlers that suspend
GROWTH = 64  # workers made at once, at most
BREATHS = 3  # turns that asyncio's own ready callbacks get between two slices of a flood
ALONE = 32  # messages that a suspended handler's worker handles for its actor before it rests


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
        self.cur: ActorRef[Any] | None = None  # the actor whose handler runs now, in this turn
        self.stepping: Parking | None = None
        self._end = 0.0
        self._turns = self._slices = 0
        self._breath = 0
        # uvloop hides its ready queue, and needs the breath less.
        self._pending: Any = getattr(self._loop, "_ready", None)
        self.parked: list[Parking] = []
        self._workers: set[asyncio.Task[Any]] = set()
        self._quantum = LEAST
        self.streak = STREAK
        self.level = 0
        self.frames: list[ActorRef[Any] | None] = [None] * (DEPTH + 2)
        self.clean = copy_context()
        self.scratches = [self.clean.copy() for _ in range(DEPTH + 2)]
        self.handled = 0
        self.reaper = Reaper()
        self.activation = Activation(self)
        self.requests = Requests(self)
        self.long_mailboxes = 0
        self.failed_message: Any = NOTHING
        self.completed = 0  # messages of the batch that were handled before that one

    # --- who runs

    def current(self) -> ActorRef[Any] | None:
        """The actor that runs now, also in its child tasks; None outside of actors."""
        return self.cur if self.cur is not None else CURRENT.get()

    def is_running(self, ref: ActorRef[Any]) -> bool:
        """Whether a handler of `ref` is on the stack."""
        return ref is self.cur or ref in self.frames[: self.level]

    def turn_began(self) -> float | None:
        """When the turn began in which a worker runs, by the clock of slices; None outside."""
        return self._end - SLICE if self.stepping is not None else None

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
        self._turns += 1
        self._end = self._clock() + SLICE
        self.handled += STREAK - self.streak
        self.streak = STREAK
        self.level = 1  # below it is the scratch context of the worker that runs
        ready, parked = self._ready, self.parked
        try:
            while ready:
                if not parked:
                    self._grow(min(GROWTH, 2 + len(self._workers)))
                    break
                self.stepping = parking = parked.pop()
                self._slices += 1
                parking.step()
                self.stepping = None
                if not parking.idle:
                    self._hand_over(parking)
                if self._clock() >= self._end:
                    break
        finally:  # also when KeyboardInterrupt leaves a handler
            self.stepping = self.cur = None
            self.level = 0
            if ready:
                self._breath = BREATHS
                self._loop.call_soon(self._turn)
            else:
                self.armed = False

    def _hand_over(self, parking: Parking) -> None:
        """The worker is inside a handler that suspended: it belongs to that actor now."""
        ref, task = self.cur, parking.task
        if ref is None or task.done():
            return
        if ref._mode & DEAD:
            self.reaper.reap(task, ref)
            return
        extension = ref._ext()
        extension.task = task
        if extension.cancel_due:  # an exit reached the actor while its handler was on the stack
            extension.cancel_due = False
            task.cancel()

    def _grow(self, count: int) -> None:
        for _ in range(count):
            self.own_task(self._work(), self.clean.copy())

    def own_task(self, work: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        task = self._loop.create_task(work, context=context)
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)
        return task

    # --- the worker

    async def _work(self) -> None:
        me = asyncio.current_task()
        assert me is not None
        parked, ready, clean = self.parked, self._ready, self.clean
        take = ready.popleft
        parking = Parking(self._loop, me, parked)
        parking.stamp = clean
        scratch = clean.copy()
        run = scratch.run
        while len(parked) < MOST_RESTING:
            parked.append(parking)
            await parking
            if parking.target is not None:
                if await self.requests.serve(parking) and not me.cancelling():
                    continue
                return
            began = self._clock()
            quantum = left = self._quantum
            mine = True  # False once a handler suspended: the turn has gone on without this worker
            while ready:
                message: Any = NOTHING
                ref = self.cur = take()
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
                                    odd_answer(ref, message, answer)
                        try:
                            same = scratch == clean
                        except Exception:  # the comparison of somebody's values
                            same = False
                        if same and not ref._mode:
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
                            self.enter(parking, ref)
                        if ref._queue:
                            count = await self._async(ref, parking, left)
                        else:
                            ref._queue = BUSY
                            count = 1
                            message = ref._one
                            ref._one = NOTHING
                            if message is not NOTHING:
                                answer = await ref._receive(message)
                                if answer is not None and answer.__class__ in ANSWERS:
                                    odd_answer(ref, message, answer)
                            try:
                                same = parking.context == parking.stamp
                            except Exception:  # the comparison of somebody's values
                                same = False
                            if (
                                same
                                and self.stepping is parking
                                and ref._mode == ASYNC
                                and not me.cancelling()
                            ):  # it did not suspend, and all is as before
                                if not ref._queue:
                                    ref._queue = None
                                else:
                                    self.push(ref)
                                left -= 1
                                if left > 0:
                                    continue
                    elif mode == SPECIAL and ref.__class__ is ActorRef:
                        if ref._queue is None:
                            ref._queue = BUSY
                        count = one_by_one(self, ref, run, left)
                    elif mode & (DEAD | PROCESS | OWN):
                        self.activation.elsewhere(ref, mode)
                        continue
                    else:
                        count = await self.activation.special(ref, parking, left)
                except BaseException as exception:
                    if self.failed_message is NOTHING:
                        self.failed_message = message
                    self.failed(ref, exception, self.failed_message)
                    if not isinstance(exception, Exception | asyncio.CancelledError):
                        self.settle(ref)
                        raise  # KeyboardInterrupt and SystemExit are for the loop
                    count = 1 + self.completed  # what failed takes its time, too
                    self.completed = 0
                    self.handled -= 1
                if left > 0:
                    if self.stepping is not parking:
                        mine = False
                        if ref._extension is not None and ref._extension.task is me:
                            ref._extension.task = None
                    if not unchanged(scratch, clean):
                        self.give_context(ref, scratch)
                        scratch = clean.copy()
                        run = scratch.run
                    changed = not unchanged(parking.context, parking.stamp)
                    if changed:
                        self.give_context(ref, parking.context)
                    self.settle(ref)
                    left -= count
                    retired = changed or me.cancelling() or (ref._mode & DEAD and not mine)
                    if retired or not mine:
                        self.handled += quantum - left
                        if retired:
                            # The context is the actor's, or a cancellation was or may still come
                            # for that actor, for which no other may suffer. A traceback may
                            # lead to this frame, which must not keep the message alive.
                            message = queue = answer = None
                            return
                        left = quantum
                        break
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
            ref = message = queue = answer = None  # a resting worker keeps nothing alive

    @staticmethod
    def _adapt(quantum: int, took: float) -> int:
        """The next quantum, when this one took `took` seconds."""
        if took < SLICE / 8:
            return min(MOST, quantum * 2)
        if took > SLICE / 4:
            return max(1, int(quantum * SLICE / 4 / took))
        return quantum

    def settle(self, ref: ActorRef[Any]) -> None:
        """The activation is over: idle, queued again, or on the way to its end."""
        if not ref._mode & (ENDING | DEAD | SUSPENDED):
            if not ref._queue and ref._one is NOTHING:
                ref._queue = None
            else:
                self.push(ref)
                if not self.armed:
                    self.arm()
        elif ref._mode & ENDING:
            previous, self.cur = self.cur, None
            self.kernel.lifecycle.go_on(ref)
            self.cur = previous
        elif ref._mode & SUSPENDED:
            self.kernel.suspension.rest(ref)

    def enter(self, parking: Parking, ref: ActorRef[Any]) -> None:
        """Let the worker's context, and so every child task, say who runs."""
        CURRENT.set(ref)
        parking.last = ref
        assert parking.context is not None
        parking.stamp = parking.context.copy()

    def give_context(self, ref: ActorRef[Any], context: Context | None) -> None:
        if not ref._mode & DEAD:
            ref._ext().context = context
            ref._mode |= OWN

    # --- plain handlers, bare messages

    def _batch(self, ref: ActorRef[Any], queue: Any, quantum: int) -> int:
        receive = ref._receive
        message = ref._one
        ref._one = NOTHING
        count = len(queue)
        try:
            if count <= quantum or count < LEAST:
                # An end of the actor exhausts the iterator, and so ends this loop.
                ref._batch = rest = iter(queue)
                if message is not NOTHING:
                    count += 1
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        odd_answer(ref, message, answer)
                for message in rest:
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        odd_answer(ref, message, answer)
            else:
                # A long backlog goes on being the mailbox, so that others get their turn.
                if count >= WARN_LENGTH:
                    long_mailbox(ref, count)
                if queue.__class__ is not deque:
                    queue = deque(queue)
                if message is not NOTHING:
                    queue.appendleft(message)
                ref._queue = ref._batch = queue
                take = queue.popleft
                count = 0
                while count < quantum:
                    if not queue:  # the actor ended, and the rest is dead letters
                        break
                    count += 1
                    message = take()
                    answer = receive(message)
                    if answer is not None and answer.__class__ in ANSWERS:
                        odd_answer(ref, message, answer)
            ref._batch = None
            return count
        except BaseException:
            self.failed_message = message
            self.completed = count - 1
            raise

    def end_batch(self, ref: ActorRef[Any]) -> None:
        """Put what a running batch has not handled yet back into the mailbox, and end the batch."""
        batch, ref._batch = ref._batch, None
        if batch is None:
            return
        rest = deque(batch)  # exhausts an iterator
        if batch is ref._queue:
            batch.clear()
        else:
            self.handled -= len(rest)  # the batch counts itself as a whole
            rest.extend(ref._queue or ())
        ref._queue = rest

    def in_scratch(self, ref: ActorRef[Any], hook: Callable[..., Any], *args: Any) -> Any:
        """Run a plain hook in a context that no other actor shares."""
        if ref._mode & OWN:
            return hook(*args)  # in the actor's own task and context already
        level = self.level
        scratch = self.scratches[level]
        self.frames[level] = ref
        self.level = level + 1
        try:
            return scratch.run(hook, *args)
        finally:
            self.level = level
            self.frames[level] = None
            if not unchanged(scratch, self.clean):
                self.give_context(ref, scratch)
                self.scratches[level] = self.clean.copy()

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
                    odd_answer(ref, message, answer)
            elif queue:
                ref._queue = queue
            while ref._mode == ASYNC:
                if count >= limit if self.stepping is parking else count >= ALONE:
                    break
                queue = ref._queue
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = ref._queue = deque(queue)
                if not count and len(queue) >= WARN_LENGTH:
                    long_mailbox(ref, len(queue))
                message = queue.popleft()
                count += 1
                answer = await receive(message)
                if answer is not None and answer.__class__ in ANSWERS:
                    odd_answer(ref, message, answer)
            return count
        except BaseException:
            self.failed_message = message
            self.completed = count - 1
            raise

    def failed(self, ref: ActorRef[Any], exception: BaseException, message: Any) -> None:
        """A handler raised, or was cancelled. The message in hand becomes a dead letter."""
        self.failed_message = NOTHING
        if ref._mode & DEAD:
            if message is not NOTHING:
                self.kernel.reporting.dead_letter(message, ref, ref.exit_reason, crashed=True)
            return
        if not ref._mode & ENDING:
            reason = reason_of(exception)
            ref._ext().last_message = message
            if message is not NOTHING:
                self.kernel.reporting.dead_letter(message, ref, reason, crashed=True)
            report = not (isinstance(exception, ExitActor) and is_orderly(reason))
            self.kernel.lifecycle.end(ref, reason, inside=True, report=report)
        elif message is not NOTHING:
            self.kernel.reporting.dead_letter(message, ref, ref._end.reason, crashed=True)

    def statistics(self) -> SchedulerStatistics:
        """What has run, and what runs now."""
        resting = len(self.parked)
        stepping = self.stepping is not None
        return SchedulerStatistics(
            turns=self._turns,
            slices=self._slices,
            queued=len(self._ready),
            workers=len(self._workers),
            resting=resting,
            suspended=len(self._workers) - resting - stepping,
        )

    # --- the end

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
