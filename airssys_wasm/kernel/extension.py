"""What only some actors have: allocated on first need, so that an idle actor stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.states import NOTHING

if TYPE_CHECKING:
    from asyncio import Future, Task
    from collections.abc import Callable
    from contextvars import Context

    from airssys_wasm.kernel.context import MonitorRef, Reply
    from airssys_wasm.kernel.inbox import Inbox
    from airssys_wasm.kernel.message import Envelope
    from airssys_wasm.kernel.metering import Meter
    from airssys_wasm.kernel.own_task import OwnTask
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef
    from airssys_wasm.kernel.tracing import Trace

TERMINATE_TIME = 5.0  # seconds for terminate without a supervisor: a worker's shutdown time in OTP


class Extension:
    """The rarely used state of one actor."""

    # Class attributes are the defaults: an extension costs what its actor really has.
    name: str | None = None
    children: dict[ActorRef[Any], None] | None = None  # supervised ones, oldest first
    held: dict[ActorRef[Any], None] | None = None  # dead children whose mailbox is kept
    links: dict[ActorRef[Any], None] | None = None
    watchers: dict[MonitorRef, None] | None = None  # who watches this actor
    watching: dict[MonitorRef, None] | None = None  # whom this actor watches
    timers: dict[TimerRef, None] | None = None
    hooks: list[Callable[[ActorRef[Any], ActorRef[Any] | None], None]] | None = None
    waiters: list[Future[object]] | None = None  # those in `wait()`
    started: Future[None] | None = None  # the one in `start()`
    task: Task[Any] | None = None  # runs this actor's handler while it is suspended
    context: Context | None = None  # context variables of its own
    envelope: Envelope | None = None  # the request under the handler
    deferred: Reply | None = None  # taken by the handler that runs now
    replies: dict[Reply, None] | None = None  # deferred and not yet given
    cause: object = None
    ignored = False  # init answered IGNORE
    cancel_due = False  # to be cancelled as soon as its handler suspends
    last_message: Any = NOTHING
    behaviour: str | None = None  # the name of a named actor's process function
    process: Any = None  # the process function and its arguments, until it runs
    inbox: Inbox[Any] | None = None
    at_rest = False  # suspended, and no handler runs
    traces: list[Trace] | None = None
    meter: Meter | None = None  # counts what it does, while somebody wants to know
    idle: TimerRef | None = None  # the idle timeout that runs
    home: OwnTask | None = None  # the task in which all hooks run, where that was asked for
    shutdown: float = TERMINATE_TIME
    restarts = 0

    def open_replies(self) -> dict[Reply, None]:
        """The replies that are owed; they fail when the actor ends."""
        if self.replies is None:
            self.replies = {}
        return self.replies
