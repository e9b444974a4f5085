"""What travels between actors beside the messages of users, and what a handler may return.

Signals (`Down`, `Exit`, `Started`, `Ignored`, `StopRequested`, `Joined`, `Left`, `Idle`,
`Internal`) are delivered to `receive` like messages, in their order of arrival; no capacity counts
them and no overflow policy drops them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import inf
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable

    from airssys_wasm.kernel.context import MonitorRef
    from airssys_wasm.kernel.membership import GroupMonitor
    from airssys_wasm.kernel.ref import ActorRef


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored actor ended, or a supervised child did (`monitor` is then None).

    `reason` is `"noproc"` when there was no such actor at the time of monitoring; `ref` is then the
    ref or the name that was asked for.
    """

    ref: ActorRef[Any] | str
    reason: object
    monitor: MonitorRef | None = None

    @property
    def tag(self) -> object:
        """What was given as `tag` to `monitor`; None when nothing was."""
        return self.monitor.tag if self.monitor is not None else None


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit signal, to an actor that traps them; `ref` is None when no actor sent it."""

    ref: ActorRef[Any] | None
    reason: object


@dataclass(frozen=True, slots=True)
class Started:
    """To a supervisor: the `init` of a child succeeded."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class Ignored:
    """To a supervisor: the `init` of a child answered IGNORE, and the child is gone."""

    ref: ActorRef[Any]


@dataclass(frozen=True, slots=True)
class StopRequested:
    """To an actor that handles its own stop (a supervisor): `stop(reason)` was called on it."""

    reason: object


@dataclass(frozen=True, slots=True)
class Joined:
    """To who watches a group: `ref` is in it, once more if it was before."""

    group: str
    ref: ActorRef[Any]
    monitor: GroupMonitor


@dataclass(frozen=True, slots=True)
class Left:
    """To who watches a group: `ref` is in it once less; it left or it ended."""

    group: str
    ref: ActorRef[Any]
    monitor: GroupMonitor


@dataclass(frozen=True, slots=True)
class Idle:
    """The time that `context.set_idle_timeout` set has passed, and nothing else came first."""


@dataclass(frozen=True, slots=True)
class Internal:
    """To an actor from its own machinery, such as a reply that a component waits for."""

    payload: object


@dataclass(frozen=True, slots=True)
class Failed:
    """Returned from a handler: the request raises `error` in the caller, and the actor lives."""

    error: BaseException

    def __post_init__(self) -> None:
        if not isinstance(self.error, BaseException):
            raise TypeError(f"Failed() takes an exception, not {self.error!r}")
        if isinstance(self.error, StopIteration):
            raise TypeError("StopIteration can't be raised out of a request")


@dataclass(frozen=True, slots=True)
class Continue:
    """Returned from `init` or a handler: `handle_continue(value)` runs before any other message.

    `reply` answers the request in hand, if there is one. `handle_continue` may return one again.
    """

    value: object
    reply: object = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that no handler completed.

    `to` is the actor, or the name or topic that nobody had. `reason` says why: `"noproc"` (dead or
    unknown), `"full"` (dropped by the overflow policy), `"expired"` (not taken within its `ttl`),
    `"unsent"` (it can't be sent to another node) or the exit reason of the actor: of the one that
    crashed on this very message (`crashed` is True), or that ended with it still queued.
    """

    message: object
    to: ActorRef[Any] | str
    reason: object
    request: bool = False
    crashed: bool = False


class Answer(Enum):
    """What `init` may answer beside None."""

    IGNORE = "ignore"
    DEFERRED_INIT = "deferred init"


IGNORE: Final = Answer.IGNORE
"""`init` answers it to say: not needed here. The actor ends `normal`, and nobody restarts it."""

DEFERRED_INIT: Final = Answer.DEFERRED_INIT
"""`init` answers it when starting takes several messages; `context.init_done()` then ends it."""


@dataclass(frozen=True, slots=True)
class Unhandled:
    """What `Actor.unhandled` returns; the kernel warns, or ends the actor if it was a request."""

    message: object


class Envelope:
    """A request on its way: the message and the future of its reply. Only requests pay for one."""

    __slots__ = ("future", "message", "source")

    def __init__(self, message: object, future: Future[Any], source: ActorRef[Any] | None) -> None:
        self.message = message
        self.future = future
        self.source = source


class Keeper:
    """Somebody who keeps messages until they were handled; no actor."""

    __slots__ = ()

    name = None


KEPT: Final[Any] = Keeper()
"""The source of an `Envelope` that is no request: who keeps the message wants to know its fate."""


class Stamped:
    """A message or request that was sent with a priority or a time to live.

    `deadline` is by the kernel's clock; at that time it is dead. Only such messages pay for one.
    """

    __slots__ = ("deadline", "message", "priority", "ttl")

    def __init__(
        self,
        message: object,
        priority: int = 0,
        deadline: float = inf,
        ttl: float | None = None,
    ) -> None:
        self.message = message
        self.priority = priority
        self.deadline = deadline
        self.ttl = ttl


def payload_of(entry: Any) -> Any:
    """What was sent, of an entry of a mailbox."""
    if entry.__class__ is Stamped:
        entry = entry.message
    return entry.message if entry.__class__ is Envelope else entry


class StopEntry:
    """A `stop` at its place in the mailbox: what was sent before it is handled first."""

    __slots__ = ("reason",)

    def __init__(self, reason: object) -> None:
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Next:
    """A continuation, ahead of all that is in the mailbox."""

    value: object


class InTurn:
    """Code of the actor's own machinery, to run between two messages as a handler does."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[Any], object]) -> None:
        self.function = function


class SystemCall:
    """A look at an actor between two messages, also at one that is suspended.

    `function` gets the behaviour; what it returns or raises is for the caller alone.
    """

    __slots__ = ("function", "future")

    def __init__(self, function: Callable[[Any], object], future: Future[Any]) -> None:
        self.function = function
        self.future = future

    def answer(self, actor: object) -> None:
        """Do it now."""
        if self.future.done():
            return
        try:
            value = self.function(actor)
        except StopIteration:  # no future takes one
            self.future.set_exception(RuntimeError("the function raised StopIteration"))
        except Exception as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


SIGNALS: Final = frozenset(
    {
        Down,
        Exit,
        Started,
        Ignored,
        StopRequested,
        StopEntry,
        Joined,
        Left,
        Idle,
        Internal,
        Next,
        SystemCall,
        InTurn,
    }
)
