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
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextvars import Context, copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.activation import Activation
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.current import CURRENT, unchanged
from airssys_wasm.kernel.errors import ExitActor, MailboxFull, reason_of
from airssys_wasm.kernel.parking import Parking
from airssys_wasm.kernel.reaper import REAP_EVERY, REAP_TRIES, Reaper
from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.requests import CAN_LEND, DEPTH, STREAK, Requests
from airssys_wasm.kernel.states import (
    BUSY,
    DEAD,
    ENDING,
    NOTHING,
    OWN,
    SUSPENDED,
)
from airssys_wasm.kernel.statistics import SchedulerStatistics
from airssys_wasm.kernel.worker import LEAST, SLICE, work

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel

log = logging.getLogger("airssys_wasm.kernel")

GROWTH = 64  # workers made at once, at most
SHARE = 0.005  # seconds without an idle moment after which other threads get a share of the GIL
BREATHS = 3  # turns that asyncio's own ready callbacks get between two slices of a flood


class Scheduler:
    """The run queue of one kernel and the workers that drain it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.loop = asyncio.get_running_loop()
        self.future: Callable[[], asyncio.Future[Any]] = self.loop.create_future
        self.ready = kernel.platform.run_queue()
        self.push = self.ready.append
        self.clock = kernel.platform.slice_clock
        self.armed = False
        self.cur: ActorRef[Any] | None = None  # the actor whose handler runs now, in this turn
        self.stepping: Parking | None = None
        self.slice_end = 0.0
        self._turns = self._slices = 0
        self._breath = 0
        self._busy_since: float | None = None  # by the clock of slices; None: idle, or just made
        self._ways_since = self._last_way = 0.0  # of those that are given one after the other
        # uvloop hides its ready queue, and needs the breath less.
        self._pending: Any = getattr(self.loop, "_ready", None)
        self.parked: list[Parking] = []
        self.lendable = self.parked if CAN_LEND else ()  # workers whose task others may enter
        self._workers: set[asyncio.Task[Any]] = set()
        self.quantum = LEAST
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
        self.left = 0  # messages until the next look at the clock, when plain handlers have run
        self.failing: ActorRef[Any] | None = None  # whose plain handler raised
        self.failed_message: Any = NOTHING
        self.completed = 0  # messages of the batch that were handled before that one

    # --- who runs

    def current(self) -> ActorRef[Any] | None:
        """The actor that runs now, also in its child tasks; None outside of living actors."""
        ref = self.cur if self.cur is not None else CURRENT.get()
        return None if ref is None or ref._mode & DEAD else ref

    def is_running(self, ref: ActorRef[Any]) -> bool:
        """Whether a handler of `ref` is on the stack."""
        return ref is self.cur or ref in self.frames[: self.level]

    def turn_began(self) -> float | None:
        """When the turn began in which a worker runs, by the clock of slices; None outside."""
        return self.slice_end - SLICE if self.stepping is not None else None

    def arm(self) -> None:
        """See to it that a turn comes."""
        if not self.armed:
            self.armed = True
            self.loop.call_soon(self._turn)

    def send_to_each(
        self, refs: Iterable[Any], message: object, refused: Callable[[object, Any], object]
    ) -> None:
        """`send` to each of `refs`; what finds a mailbox full goes to `refused(target, message)`.

        To idle actors, as most of many are, and to those with a backlog, without a call for each:
        that is half of what it costs.
        """
        push = self.push
        for ref in refs:
            if ref.__class__ is ActorRef and ref._queue is None and ref._scheduler is self:
                ref._queue = BUSY
                ref._one = message
                push(ref)
                continue
            if ref.__class__ is ActorRef and ref._queue:
                ref._queue.append(message)
                continue
            try:
                send_unchecked(ref, message)
            except MailboxFull as full:
                refused(full.target, message)
        if self.ready and not self.armed:
            self.arm()

    @coroutine
    def give_way(self) -> Generator[None, None, None]:
        """Let others run for one turn of the loop."""
        now = self.clock()
        if now - self._last_way > SHARE:
            self._ways_since = now
        elif now - self._ways_since > SHARE:  # as in `_share`: no turn may come meanwhile
            self.kernel.platform.let_threads_run()
            self._ways_since = now = self.clock()
        self._last_way = now
        yield

    # --- the turn

    def _turn(self) -> None:
        """Step workers until the run queue is empty or the time is up."""
        if self._breath and self._pending:
            self._breath -= 1
            self.loop.call_soon(self._turn)
            return
        self._turns += 1
        self.handled += STREAK - self.streak
        self.streak = STREAK
        self.level = 1  # below it is the scratch context of the worker that runs
        ready, parked = self.ready, self.parked
        try:
            self.slice_end = self._share() + SLICE
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
                if self.clock() >= self.slice_end:
                    break
        finally:  # also when KeyboardInterrupt leaves a handler, or the wait for threads
            self.stepping = self.cur = None
            self.level = 0
            if ready:
                self._breath = BREATHS
                self.loop.call_soon(self._turn)
            else:
                self.armed = False
                self._busy_since = None

    def _share(self) -> float:
        """Let other threads run, if it is time for that; by the clock of slices, when the turn
        begins."""
        now = self.clock()
        if self._busy_since is None:
            self._busy_since = now
        elif now - self._busy_since > SHARE:
            # The loop gives the GIL back between two turns, too briefly for a thread to wake up,
            # and too often for one to ever demand it, which takes 5 ms in which nobody does.
            self.kernel.platform.let_threads_run()
            self._busy_since = now = self.clock()
        return now

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
            self.own_task(work(self), self.clean.copy())

    def own_task(self, work: Coroutine[Any, Any, None], context: Context) -> asyncio.Task[None]:
        task = self.loop.create_task(work, context=context)
        self._workers.add(task)
        task.add_done_callback(self._workers.discard)
        return task

    # --- between activations

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
        # Where the handler before this one had suspended, nobody else has said who runs.
        previous, self.cur = self.cur, ref
        self.frames[level] = previous
        self.level = level + 1
        try:
            return scratch.run(hook, *args)
        finally:
            self.cur = previous
            self.level = level
            self.frames[level] = None
            if not unchanged(scratch, self.clean):
                self.give_context(ref, scratch)
                self.scratches[level] = self.clean.copy()

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
            queued=len(self.ready),
            workers=len(self._workers),
            resting=resting,
            suspended=len(self._workers) - resting - stepping,
        )

    # --- the end

    async def close(self) -> None:
        """End every worker. Code that will not end is left after the last try, and reported."""
        self.ready.clear()
        for _ in range(REAP_TRIES):
            tasks = [task for task in self._workers if not task.done()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=REAP_EVERY)
        for task in self._workers - set(self.reaper.reported):
            log.error("a task of the system goes on after its end: %r", task)
