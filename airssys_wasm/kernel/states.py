"""The states of an actor, as the numbers and queues that its ref holds.

Pure.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

NOTHING: Final[Any] = object()  # an empty `_one`; None is a message like any other
BUSY: Final[Any] = ()  # the queue of who is not idle; falsy, yet not None
GONE: Final[Any] = ""  # the queue of the dead: what is sent becomes a dead letter; falsy, too

# What the scheduler has to know before it runs an actor. 0: a plain handler and bare messages.
ASYNC: Final = 1  # the handler is a coroutine function
SPECIAL: Final = 2  # the mailbox may hold envelopes or stop entries, or is bounded
NEW: Final = 4  # init has not been run
ENDING: Final = 8  # the exit reason is settled; terminate has still to run
PROCESS: Final = 16  # a process function: it takes its messages itself
OWN: Final = 32  # has context variables of its own, and so runs in tasks of its own
DEAD: Final = 64
ENVELOPES: Final = 128  # needs to see each request as one: none is run inline
SUSPENDED: Final = 256  # handles nothing until it is resumed
ENTRIES: Final = 512  # the mailbox may hold what only the full path knows: `Next`, `SystemCall`
WATCHED: Final = 1024  # traced, or waits for an idle time: each message is looked at

# What the rest of the kernel has to know.
TRAP: Final = 1  # exit signals arrive as messages
SUPERVISED: Final = 2  # linked to its parent and monitored by it
TERMINATE: Final = 4  # has a terminate hook, and init succeeded
HANDLES_STOP: Final = 8  # gets its parent's exits and stop requests as messages
KEEP: Final = 16  # the mailbox outlives the incarnation
AFRESH: Final = 128  # it keeps what comes after the incarnation's end, not what was in it before
DEFERRED: Final = 32  # init answered DEFERRED_INIT and is not done
WARNED: Final = 64  # its mailbox was reported as too long
OWN_TASK: Final = 256  # all hooks of the incarnation run in one task


class HeldQueue(deque[Any]):
    """What is kept for the next incarnation of a child; true even when empty."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


class Ended:
    """What is left of an actor: its exit reason, and the cause that a supervisor may have given."""

    __slots__ = ("cause", "reason")

    def __init__(self, reason: object, cause: object = None) -> None:
        self.reason = reason
        self.cause = cause


NORMAL: Final = Ended("normal")  # that of most actors


def is_idle(ref: ActorRef[Any]) -> bool:
    """No handler of `ref` runs and none is about to, as things are."""
    if ref._mode & SUSPENDED:
        return ref._ext().at_rest
    return ref._queue is None
