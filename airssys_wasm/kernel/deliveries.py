"""Messages that somebody keeps until they were handled, and so wants to know what became of them.

Pure. A durable mailbox is such a keeper: it delivers one message after the other, and delivers one
again that no handler completed. Therefore none of them becomes a dead letter here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.errors import NotTaken
from airssys_wasm.kernel.message import KEPT, Envelope
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, ENDING, NEW

if TYPE_CHECKING:
    from asyncio import Future


def has_begun(ref: ActorRef[Any]) -> bool:
    """Whether the actor takes messages: its init is done, and it is not about to end."""
    return not ref._mode & (NEW | DEAD | ENDING)


def deliver(ref: ActorRef[Any], message: Any) -> Future[Any]:
    """Put a message into the mailbox; the future is done when its handler has returned.

    A handler that took `defer_reply()` has handled it with the reply; a process function, when it
    asks for the next one. The future raises ActorExited when the actor ended over the message,
    NotTaken when it ended before it came to it, and the error of a handler that returned `Failed`.
    """
    future: Future[Any] = ref._scheduler.future()
    if ref._mode & (DEAD | ENDING):
        future.set_exception(NotTaken(ref, "noproc"))
    else:
        ref._offer(Envelope(message, future, KEPT), can_wait=False)
    return future
