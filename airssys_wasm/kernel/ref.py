"""Acts: addresses of actors, and the state that the kernel keeps for each, in one object.

The mailbox of an idle actor is no object at all. It grows with need: `_queue` is None (idle), BUSY
(running or about to, nothing queued), a list, then a deque; the message that woke the actor waits
in `_one`. A restarting child with `keep_on_restart` has a `HeldQueue`. That of a dead actor is
GONE, which is false like BUSY: so the one hot call, `send`, asks last whether the actor is alive.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from airssys_wasm.kernel.answers import Pending
from airssys_wasm.kernel.mailbox import check_stamp
from airssys_wasm.kernel.message import Stamped
from airssys_wasm.kernel.states import (
    ASYNC,
    BUSY,
    DEAD,
    ENTRIES,
    GONE,
    NOTHING,
    PROCESS,
    SPECIAL,
    Ended,
)

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterable

    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.scheduler import Scheduler
    from airssys_wasm.kernel.typed import Request

M = TypeVar("M", contravariant=True)
R = TypeVar("R")


class ActorRef(Generic[M]):
    """The address of one incarnation of an actor.

    Two refs to one actor are equal; a restarted child has a new ref. It stays valid as an address
    after death: what is sent to it becomes a dead letter.
    """

    _by_priority = False  # whether the mailbox is in order of priority

    _end: Ended  # once the reason is settled

    __slots__ = (
        "__weakref__",
        "_batch",
        "_end",
        "_extension",
        "_label",
        "_mode",
        "_one",
        "_parent",
        "_queue",
        "_receive",
        "_scheduler",
        "_serial",
        "_traits",
    )

    def __init__(
        self,
        scheduler: Scheduler,
        receive: Callable[[Any], Any],
        mode: int,
        traits: int,
        parent: ActorRef[Any] | None,
        label: str,
        serial: int,
    ) -> None:
        # `Spawner.spawn` sets the same attributes by itself.
        self._scheduler = scheduler
        self._queue: Any = None
        self._one: Any = NOTHING
        self._receive: Any = receive
        self._mode = mode
        self._traits = traits
        self._batch: Any = None
        self._parent = parent
        self._label = label
        self._serial = serial
        self._extension: Extension | None = None

    # Keywords would make every send a tenth dearer, for a use that is rare: see MailboxRef.
    def send(self, message: M, /) -> None:
        """Deliver `message` and forget it. Never waits; a dead actor's becomes a dead letter.

        The ref of an actor that was spawned with a `Mailbox` takes the keywords of `put`, too; for
        others use `put`, which never waits there. Raises MailboxFull when the mailbox is bounded
        and full and its policy is `block` (use `put`) or `reject`.
        """
        queue = self._queue
        if queue:
            queue.append(message)
        elif queue is None:
            self._queue = BUSY
            self._one = message
            scheduler = self._scheduler
            scheduler.push(self)
            if not scheduler.armed:
                scheduler.arm()
        elif queue is not GONE:
            self._queue = [message]
        else:
            self._scheduler.kernel.reporting.dead_letter(message, self, "noproc")

    async def put(self, message: M, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """`send` that waits for room in a bounded mailbox.

        Returns when the message is queued, or when the actor died meanwhile: the message is then a
        dead letter. It becomes one, too, when it is not taken within `ttl` seconds of the call.
        Raises MailboxFull when the policy is `reject`; ValueError for a `priority` where the
        mailbox is not in order of priority.
        """
        self._send_stamped(message, priority, ttl)

    @overload
    async def request(
        self,
        message: Request[R],
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> R: ...
    @overload
    async def request(
        self,
        message: M,
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any: ...
    async def request(
        self,
        message: Any,
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any:
        """The reply to `message`, within `timeout` seconds (None: no limit).

        Raises RequestTimeout, also when the request was not taken within `ttl` seconds; ActorExited
        at once when the actor ends first, is dead or is not known; MailboxFull; SelfRequest; or the
        error that the handler answered with `Failed`.
        """
        scheduler = self._scheduler
        if priority or ttl is not None:
            return await scheduler.requests.queued(self, message, timeout, priority, ttl)
        requests = scheduler.requests
        if (
            self._queue is None
            and self._mode <= ASYNC
            and (requests.may_inline() or await requests.breathe(self))
        ):
            if not self._mode:
                answer = requests.inline(self, message)
            elif scheduler.lendable:
                answer = requests.inline_async(self, message)
            else:
                return await requests.queued(self, message, timeout)
            if answer.__class__ is Pending:
                return await requests._await_reply(self, answer.future, timeout)
            return answer
        return await requests.queued(self, message, timeout)

    def stop(self, reason: object = "normal") -> None:
        """Ask the actor to end with `reason` after what is already in its mailbox."""
        self._scheduler.kernel.stop(self, reason)

    def exit(self, reason: object) -> None:
        """Send an exit signal; its source is the actor that runs now, if one does."""
        self._scheduler.kernel.exit(self, reason)

    def kill(self) -> None:
        """End the actor at once, whatever it does; others see the reason `"killed"`."""
        self._scheduler.kernel.kill(self)

    async def wait(self) -> object:
        """The exit reason, once the actor is dead."""
        return await self._scheduler.kernel.wait(self)

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended yet; one that is ending is alive."""
        return not self._mode & DEAD

    @property
    def exit_reason(self) -> object | None:
        """Why it ended; None while it lives."""
        return self._end.reason if self._mode & DEAD else None

    @property
    def cause(self) -> object | None:
        """What lies behind the exit reason, where a supervisor said so (`GaveUp`)."""
        return self._end.cause if self._mode & DEAD else None

    @property
    def name(self) -> str | None:
        """The registered name, while it has one."""
        return self._extension.name if self._extension is not None else None

    @property
    def mailbox_length(self) -> int:
        """How many messages wait, not counting the one under the handler."""
        batch = self._batch
        running = batch.__length_hint__() if hasattr(batch, "__length_hint__") else 0
        waiting = len(self._queue) if self._queue else 0
        inbox = self._extension.inbox if self._extension is not None else None
        saved = len(inbox) if inbox is not None else 0
        return running + waiting + saved + (self._one is not NOTHING)

    @property
    def capacity(self) -> int | None:
        """How many messages the mailbox holds; None: any number."""
        return None

    def __repr__(self) -> str:
        return f"<ActorRef {self._scheduler.kernel.name}/{self._label}#{self._serial}>"

    # What the ref of an actor outside has to pass on.

    def _linked(self, source: ActorRef[Any]) -> None:
        """`source` has linked itself to this actor."""

    def _unlinked(self, source: ActorRef[Any]) -> None:
        """`source` is no longer linked to this actor."""

    # The system lane: what no policy may drop and no capacity counts.

    def _deliver(self, message: Any) -> None:
        ActorRef.send(self, message)

    def _deliver_special(self, message: Any) -> None:
        self._mode |= SPECIAL
        ActorRef.send(self, message)

    def _offer(self, message: Any, *, can_wait: bool) -> Future[None] | None:
        """Queue `message`, or do what the policy says; a future when it has to wait for room."""
        if not self._mode & (PROCESS | DEAD):
            self._mode |= SPECIAL | ENTRIES if message.__class__ is Stamped else SPECIAL
        ActorRef.send(self, message)
        return None

    def _send_stamped(self, message: Any, priority: int, ttl: float | None) -> None:
        """`send`, with the options that a plain one does not pay for."""
        if priority or ttl is not None:
            self._offer(stamped(self, message, priority, ttl), can_wait=False)
        else:
            self.send(message)

    def _queue_of(self, entries: Iterable[Any]) -> Any:
        """The mailbox that holds `entries`, which are in order."""
        return deque(entries)

    def _ext(self) -> Extension:
        extension = self._extension
        if extension is None:
            from airssys_wasm.kernel.extension import Extension

            extension = self._extension = Extension()
        return extension


class MailboxRef(ActorRef[M]):
    """The ref of an actor that was spawned with a `Mailbox`: `send` takes options."""

    __slots__ = ()

    def send(self, message: M, /, *, priority: int = 0, ttl: float | None = None) -> None:
        if priority or ttl is not None:
            self._offer(stamped(self, message, priority, ttl), can_wait=False)
        else:
            ActorRef.send(self, message)


def stamped(ref: ActorRef[Any], message: Any, priority: int, ttl: float | None) -> Any:
    """`message` as a mailbox keeps it when it was sent with a priority or a time to live."""
    check_stamp(priority, ttl)
    if priority and not ref._by_priority:
        raise ValueError(
            f"priority: {ref} takes its messages in the order of their arrival; "
            'spawn it with Mailbox(order="priority")'
        )
    deadline = inf if ttl is None else ref._scheduler.kernel.platform.now() + ttl
    return Stamped(message, priority, deadline, ttl)
