"""What only some actors have: allocated on first need, so that an idle actor stays small."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.ref import NOTHING

if TYPE_CHECKING:
    from asyncio import Future, Task
    from collections.abc import Callable
    from contextvars import Context

    from airssys_wasm.kernel.context import MonitorRef, Reply
    from airssys_wasm.kernel.inbox import Inbox
    from airssys_wasm.kernel.message import Envelope
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

TERMINATE_TIME = 5.0  # seconds for terminate without a supervisor: a worker's shutdown time in OTP


class Extension:
    """The rarely used state of one actor."""

    __slots__ = (
        "cancel_due",
        "cause",
        "children",
        "context",
        "deferred",
        "envelope",
        "held",
        "hooks",
        "ignored",
        "inbox",
        "last_message",
        "links",
        "name",
        "process",
        "reason",
        "replies",
        "restarts",
        "shutdown",
        "started",
        "task",
        "timers",
        "waiters",
        "watchers",
        "watching",
    )

    def __init__(self) -> None:
        self.name: str | None = None
        self.children: dict[ActorRef[Any], None] | None = None  # supervised ones, oldest first
        self.held: dict[ActorRef[Any], None] | None = None  # dead children whose mailbox is kept
        self.links: dict[ActorRef[Any], None] | None = None
        self.watchers: dict[MonitorRef, None] | None = None  # who watches this actor
        self.watching: dict[MonitorRef, None] | None = None  # whom this actor watches
        self.timers: dict[TimerRef, None] | None = None
        self.hooks: list[Callable[[ActorRef[Any], ActorRef[Any] | None], None]] | None = None
        self.waiters: list[Future[object]] | None = None  # those in `wait()`
        self.started: Future[None] | None = None  # the one in `start()`
        self.task: Task[Any] | None = None  # runs this actor's handler while it is suspended
        self.context: Context | None = None  # context variables of its own
        self.envelope: Envelope | None = None  # the request under the handler
        self.deferred: Reply | None = None  # taken by the handler that runs now
        self.replies: dict[Reply, None] | None = None  # deferred and not yet given
        self.reason: Any = None  # settled, while terminate runs
        self.cause: object = None
        self.ignored = False  # init answered IGNORE
        self.cancel_due = False  # to be cancelled as soon as its handler suspends
        self.last_message: Any = NOTHING
        self.process: Any = None  # the process function and its arguments, until it runs
        self.inbox: Inbox[Any] | None = None
        self.shutdown: float = TERMINATE_TIME
        self.restarts = 0

    def open_replies(self) -> dict[Reply, None]:
        """The replies that are owed; they fail when the actor ends."""
        if self.replies is None:
            self.replies = {}
        return self.replies
