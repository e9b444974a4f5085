"""Requests and stops in the mailbox of a plain handler: a look at each message, no coroutine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.answers import ANSWERS, checked, give_reply, odd_answer
from airssys_wasm.kernel.backlog import long_mailbox
from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.message import Envelope, StopEntry
from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.kernel.states import NOTHING, SPECIAL

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.scheduler import Scheduler

Run = Callable[..., Any]


def one_by_one(scheduler: Scheduler, ref: ActorRef[Any], run: Run, left: int) -> int:
    """Handle up to `left` messages of an unbounded mailbox, each through `run` (a context's).

    Gives how many it took, at least 1.
    """
    count = 0
    if ref._queue and len(ref._queue) >= WARN_LENGTH:
        long_mailbox(ref, len(ref._queue))
    entry: Any = NOTHING
    try:
        while count < left and ref._mode == SPECIAL:  # else it ends, or this is not the path for it
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
            kind = entry.__class__
            if kind is StopEntry:
                report = not is_orderly(entry.reason)
                scheduler.kernel.lifecycle.end(ref, entry.reason, inside=True, report=report)
                scheduler.handled -= 1  # no message
            elif kind is Envelope:
                _answer(ref, entry, run)
            else:
                answer = run(ref._receive, entry)
                if answer is not None and answer.__class__ in ANSWERS:
                    odd_answer(ref, entry, answer)
    except BaseException:
        scheduler.failed_message = entry
        scheduler.completed = count - 1
        raise
    if count == 0:
        scheduler.handled -= 1
    if not ref._queue and ref._one is NOTHING:
        ref._mode &= ~SPECIAL
    return max(count, 1)


def _answer(ref: ActorRef[Any], envelope: Envelope, run: Run) -> None:
    extension = ref._ext()
    extension.envelope = envelope
    extension.deferred = None
    try:
        answer = run(ref._receive, envelope.message)
        if answer.__class__ in ANSWERS:
            answer = checked(ref, answer)
    finally:
        extension.envelope = None
    give_reply(ref, envelope.future, answer)
