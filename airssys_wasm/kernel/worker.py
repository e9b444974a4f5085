"""Acts: a worker: a task that drains the run queue, one slice a turn.

Most activations are of plain handlers with bare messages, and most others of async handlers that
do not suspend; their code is here, in one long loop, because a call costs as much as a message.
When a handler suspends, the worker is left to it, and the scheduler goes on with the next one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, odd_answer
from airssys_wasm.kernel.backlog import long_mailbox
from airssys_wasm.kernel.current import CURRENT, unchanged
from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.parking import Parking
from airssys_wasm.kernel.plain import one_by_one
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import ASYNC, BUSY, DEAD, ENDING, NOTHING, OWN, PROCESS, SPECIAL

if TYPE_CHECKING:
    from airssys_wasm.kernel.scheduler import Scheduler

SLICE = 0.00025  # seconds of work a turn: a timer behind a flood is late by about this much
LEAST, MOST = 8, 256  # messages between two looks at the clock
MOST_RESTING = 256  # workers kept for handlers that suspend
ALONE = 32  # messages that a suspended handler's worker handles for its actor before it rests


async def work(scheduler: Scheduler) -> None:
    me = asyncio.current_task()
    assert me is not None
    parked, ready, clean = scheduler.parked, scheduler.ready, scheduler.clean
    take = ready.popleft
    parking = Parking(scheduler.loop, me, parked)
    parking.stamp = clean
    scratch = clean.copy()
    run = scratch.run
    set_current = CURRENT.set
    while len(parked) < MOST_RESTING:
        parked.append(parking)
        await parking
        if parking.target is not None:
            if await scheduler.requests.serve(parking) and not me.cancelling():
                continue
            return
        began = scheduler.clock()
        quantum = left = scheduler.quantum
        mine = True  # False once a handler suspended: the turn has gone on without this worker
        while ready:
            message: Any = NOTHING
            ref = scheduler.cur = take()
            mode = ref._mode
            try:
                if not mode:
                    begun, count = run(_plain, scheduler, ref, scratch, quantum, left)
                    left = scheduler.left
                    if begun is None:
                        if left > 0:
                            break  # nobody is left
                    else:
                        ref = begun
                        if not count:
                            mode = ref._mode  # somebody else comes next
                if not mode:
                    pass
                elif mode == ASYNC:
                    if parking.last is not ref:  # `scheduler.enter`, without the call
                        set_current(ref)
                        parking.last = ref
                        parking.stamp = copy_context()
                    if ref._queue:
                        count = await _async(scheduler, ref, parking, left)
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
                            and scheduler.stepping is parking
                            and ref._mode == ASYNC
                            and not me.cancelling()
                        ):  # it did not suspend, and all is as before
                            if not ref._queue:
                                ref._queue = None
                            else:
                                scheduler.push(ref)
                            left -= 1
                            if left > 0:
                                continue
                elif mode == SPECIAL and ref.__class__ is ActorRef:
                    if ref._queue is None:
                        ref._queue = BUSY
                    count = one_by_one(scheduler, ref, run, left)
                elif mode & (DEAD | PROCESS | OWN):
                    scheduler.activation.elsewhere(ref, mode)
                    continue
                else:
                    count = await scheduler.activation.special(ref, parking, left)
            except BaseException as exception:
                if scheduler.failing is not None:
                    ref, scheduler.failing = scheduler.failing, None
                    left = scheduler.left
                if scheduler.failed_message is NOTHING:
                    scheduler.failed_message = message
                scheduler.failed(ref, exception, scheduler.failed_message)
                if not isinstance(exception, Exception | asyncio.CancelledError):
                    scheduler.settle(ref)
                    raise  # KeyboardInterrupt and SystemExit are for the loop
                count = 1 + scheduler.completed  # what failed takes its time, too
                scheduler.completed = 0
                scheduler.handled -= 1
            if left > 0:
                if scheduler.stepping is not parking:
                    mine = False
                    if ref._extension is not None and ref._extension.task is me:
                        ref._extension.task = None
                if not unchanged(scratch, clean):
                    scheduler.give_context(ref, scratch)
                    scratch = clean.copy()
                    run = scratch.run
                changed = not unchanged(parking.context, parking.stamp)
                if changed:
                    scheduler.give_context(ref, parking.context)
                scheduler.settle(ref)
                left -= count  # pyright: ignore[reportPossiblyUnboundVariable]  # 1 or set above
                retired = changed or me.cancelling() or (ref._mode & DEAD and not mine)
                if retired or not mine:
                    scheduler.handled += quantum - left
                    if retired:
                        # The context is the actor's, or a cancellation was or may still come
                        # for that actor, for which no other may suffer. A traceback may
                        # lead to this frame, which must not keep the message alive.
                        message = answer = None
                        return
                    left = quantum
                    break
            if left <= 0:
                scheduler.handled += quantum - left
                now = scheduler.clock()
                took, began = now - began, now
                quantum = left = _adapt(quantum, took)
                if now >= scheduler.slice_end:
                    break
        scheduler.handled += quantum - left
        if mine:
            scheduler.quantum = quantum
        ref = message = answer = None  # a resting worker keeps nothing alive


def _adapt(quantum: int, took: float) -> int:
    """The next quantum, when this one took `took` seconds."""
    if took < SLICE / 8:
        return min(MOST, quantum * 2)
    if took > SLICE / 4:
        return max(1, int(quantum * SLICE / 4 / took))
    return quantum


def _plain(
    scheduler: Scheduler, ref: ActorRef[Any], scratch: Context, quantum: int, left: int
) -> tuple[ActorRef[Any] | None, int]:
    """Run plain handlers, one actor after the other, all in one scratch context.

    Gives whom it took and did not run, and 0; or whose activation is to be settled with care, and
    how many messages it had; or None when `scheduler.left` messages or nobody are left.
    """
    ready, clean = scheduler.ready, scheduler.clean
    take, push = ready.popleft, scheduler.push
    message: Any = NOTHING
    try:
        while True:
            queue = ref._queue
            ref._queue = BUSY
            if queue:
                message = NOTHING
                count = _batch(scheduler, ref, queue, quantum)
            else:
                count = 1
                message = ref._one
                ref._one = NOTHING
                if message is not NOTHING:
                    answer = ref._receive(message)
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
                    push(ref)
            elif same and ref._mode == ENDING and ref._extension is None and not ref._traits:
                scheduler.cur = None
                scheduler.kernel.lifecycle.go_on(ref)
            else:
                scheduler.left = left
                return ref, count
            left -= count
            if left <= 0 or not ready:
                scheduler.left = left
                return None, 0
            ref = scheduler.cur = take()
            if ref._mode:
                scheduler.left = left
                return ref, 0
    except BaseException:
        scheduler.failing = ref
        scheduler.left = left
        if scheduler.failed_message is NOTHING:
            scheduler.failed_message = message
        raise


def _batch(scheduler: Scheduler, ref: ActorRef[Any], queue: Any, quantum: int) -> int:
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
        scheduler.failed_message = message
        scheduler.completed = count - 1
        raise


async def _async(scheduler: Scheduler, ref: ActorRef[Any], parking: Parking, limit: int) -> int:
    queue = ref._queue
    if queue.__class__ is not deque:
        queue = deque(queue)
    message = ref._one
    if message is not NOTHING:
        ref._one = NOTHING
        queue.appendleft(message)
    ref._queue = queue
    if len(queue) >= WARN_LENGTH:
        long_mailbox(ref, len(queue))
    receive = ref._receive
    take = queue.popleft
    count = 0
    look = min(limit, ALONE)  # how many until it is seen whether a handler has suspended
    try:
        while True:
            message = take()
            count += 1
            answer = await receive(message)
            if answer is not None and answer.__class__ in ANSWERS:
                odd_answer(ref, message, answer)
            if ref._mode != ASYNC:
                break
            if not queue:
                queue = ref._queue  # another one, where something came after the last
                if not queue:
                    break
                if queue.__class__ is not deque:
                    queue = ref._queue = deque(queue)
                take = queue.popleft
            if count >= look:
                at_most = limit if scheduler.stepping is parking else ALONE
                if count >= at_most:
                    break
                look = min(at_most, count + ALONE)
        return count
    except BaseException:
        scheduler.failed_message = message
        scheduler.completed = count - 1
        raise
