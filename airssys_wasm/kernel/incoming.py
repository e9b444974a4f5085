"""Acts: what comes from outside of the kernel for its actors: messages and requests, posted now.

Nobody here waits: who is outside may, and is told by the futures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import ActorExited, MailboxFull
from airssys_wasm.kernel.message import Envelope
from airssys_wasm.kernel.ref import ActorRef, stamped
from airssys_wasm.kernel.states import DEAD, ENDING, HeldQueue

if TYPE_CHECKING:
    from asyncio import Future


def send_in(ref: ActorRef[Any], message: Any, priority: int, ttl: float | None) -> None:
    """As `send`, but nobody is told: what finds no room is a dead letter, and a priority that the
    mailbox knows nothing of is none."""
    try:
        if priority or ttl is not None:
            priority = priority if ref._by_priority else 0
            ref._offer(stamped(ref, message, priority, ttl), can_wait=False)
        else:
            send_unchecked(ref, message)
    except MailboxFull:
        ref._scheduler.kernel.reporting.dead_letter(message, ref, "full")


def put_in(ref: ActorRef[Any], message: Any, priority: int, ttl: float | None) -> Future[None]:
    """As `put`: the future is done when the message is queued, or the actor has ended.

    Cancel it, and the message waits for room no longer. Raises MailboxFull, ValueError.
    """
    if priority or ttl is not None:
        message = stamped(ref, message, priority, ttl)
    waiting = ref._offer(message, can_wait=True)
    if waiting is None:
        waiting = ref._scheduler.future()
        waiting.set_result(None)
    elif isinstance(ref, BoundedRef):
        waiting.add_done_callback(ref._give_up_waiting)
    return waiting


def ask_in(ref: ActorRef[Any], message: Any, priority: int, ttl: float | None) -> Future[Any]:
    """As `request`: the future gets the reply, or the error. It waits for room in a full mailbox.

    Cancel it, and the reply is dropped. Raises ActorExited for the dead, MailboxFull, ValueError.
    """
    if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):
        raise ActorExited(ref, "noproc")
    future: Future[Any] = ref._scheduler.future()
    entry: Any = Envelope(message, future, None)
    if priority or ttl is not None:
        entry = stamped(ref, entry, priority, ttl)
    waiting = ref._offer(entry, can_wait=True)
    if waiting is not None and isinstance(ref, BoundedRef):
        future.add_done_callback(lambda _: ref._give_up_waiting(waiting))
    return future
