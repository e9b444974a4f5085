"""Acts: addresses of actors, and the state that the kernel keeps for each, in one object.

The mailbox of an idle actor is no object at all. It grows with need: `_queue` is None (idle), BUSY
(running or about to, nothing queued), a list, then a deque; the message that woke the actor waits
in `_one`. A dead actor has a `DeadQueue`, a restarting child with `keep_on_restart` a `HeldQueue`.
So the one hot call, `send`, asks a single question and never whether the actor is alive.
"""

from __future__ import annotations

from collections import deque
from math import inf
from sys import maxsize
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from airssys_wasm.kernel.errors import ActorExited, MailboxFull
from airssys_wasm.kernel.mailbox import Mailbox, check_stamp, verdict
from airssys_wasm.kernel.message import SIGNALS, Stamped, payload_of
from airssys_wasm.kernel.states import (
    ASYNC,
    BUSY,
    DEAD,
    ENDING,
    ENTRIES,
    NOTHING,
    PROCESS,
    SPECIAL,
    UNENDED,
    Ended,
    HeldQueue,
)

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Callable, Iterable

    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.kernel import Kernel
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
        self._end: Ended = UNENDED

    if TYPE_CHECKING:

        def send(self, message: M, /, *, priority: int = 0, ttl: float | None = None) -> None:
            """See below; the keywords are for actors that were spawned with a `Mailbox`."""
    else:
        # Parameters with defaults would make every send a tenth dearer, for a use that is rare.
        def send(self, message, /):
            """Deliver `message` and forget it. Never waits; a dead actor's becomes a dead letter.

            An actor that was spawned with a `Mailbox` takes the keywords of `put`, too. Raises
            MailboxFull when the mailbox is bounded and full and its policy is `block` (use `put`)
            or `reject`.
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
            else:
                self._queue = [message]

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
        if self._queue is None and self._mode <= ASYNC and scheduler.requests.may_inline():
            if not self._mode:
                return await scheduler.requests.inline(self, message, timeout)
            if scheduler.parked:
                return await scheduler.requests.inline_async(self, message, timeout)
        return await scheduler.requests.queued(self, message, timeout)

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


class BoundedRef(MailboxRef[M]):
    """The ref of an actor with a bounded mailbox. A class of its own: others never pay for it."""

    __slots__ = ("_load", "_mailbox", "_putters", "_room", "dropped")

    def __init__(self, *args: Any, mailbox: Mailbox) -> None:
        super().__init__(*args)
        self._mailbox = mailbox
        self._room = mailbox.capacity if mailbox.capacity is not None else maxsize
        self._load = 0
        self._putters: deque[tuple[Future[None], Any]] = deque()
        self.dropped = 0

    @property
    def capacity(self) -> int | None:
        return self._mailbox.capacity

    def send(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        if priority or ttl is not None:
            message = stamped(self, message, priority, ttl)
        self._offer(message, can_wait=False)

    async def put(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        if priority or ttl is not None:
            message = stamped(self, message, priority, ttl)
        waiting = self._offer(message, can_wait=True)
        if waiting is not None:
            await self._wait_for_room(waiting)

    def _offer(self, message: Any, *, can_wait: bool) -> Future[None] | None:
        if self._mode & (DEAD | ENDING) and not isinstance(self._queue, HeldQueue):
            self._deliver(message)
            return None
        capacity = self._room
        decision = verdict(self._mailbox.overflow, self._load, capacity, can_wait=can_wait)
        match decision:
            case "accept":
                self._accept(message)
            case "wait":
                future = self._scheduler.future()
                self._line_up((future, message))
                self._tell_full("waits")
                return future
            case "refuse":
                self._tell_full("refused")
                raise MailboxFull(self, self._room, payload_of(message))
            case "drop_new":
                self._drop(message)
            case "drop_old":
                self._make_room(message)
        return None

    def _accept(self, message: Any) -> None:
        self._load += 1
        self._deliver(message)

    def _line_up(self, putter: tuple[Future[None], Any]) -> None:
        self._putters.append(putter)

    def _make_room(self, message: Any) -> None:
        """Drop a message for `message`, or that itself."""
        oldest = self._take_oldest()
        self._load -= 1
        self._drop(oldest)
        self._accept(message)

    def _drop(self, message: Any) -> None:
        self.dropped += 1
        kernel = self._scheduler.kernel
        kernel.reporting.dead_letter(message, self, "full")
        if kernel.telemetry.active:
            counts = {"capacity": self._room, "dropped": self.dropped}
            metadata = {"ref": self, "overflow": self._mailbox.overflow}
            kernel.telemetry.emit("mailbox.dropped", counts, metadata)

    def _tell_full(self, outcome: str) -> None:
        telemetry = self._scheduler.kernel.telemetry
        if telemetry.active:
            counts = {"capacity": self._room, "length": self._load}
            telemetry.emit("mailbox.full", counts, {"ref": self, "outcome": outcome})

    def _take_oldest(self) -> Any:
        inbox = self._extension.inbox if self._extension is not None else None
        if inbox is not None and (oldest := inbox._take_oldest()) is not NOTHING:
            pass  # a process has collected it
        elif self._one is not NOTHING and self._one.__class__ not in SIGNALS:
            oldest, self._one = self._one, NOTHING
        else:
            place = next(i for i, m in enumerate(self._queue) if m.__class__ not in SIGNALS)
            oldest = self._queue[place]
            del self._queue[place]
        return oldest

    async def _wait_for_room(self, waiting: Future[None]) -> None:
        try:
            await waiting
        finally:
            self._give_up_waiting(waiting)

    def _give_up_waiting(self, waiting: Future[None]) -> None:
        if not waiting.done() or waiting.cancelled():
            waiting.cancel()
            self._putters = deque(p for p in self._putters if p[0] is not waiting)

    def _taken(self) -> None:
        """A message left the mailbox: whoever has waited longest for room gets it."""
        self._load -= 1
        while self._putters and self._load < self._room:
            future, message = self._putters.popleft()
            if not future.done():
                self._accept(message)
                future.set_result(None)

    def _give_up_putters(self) -> list[Any]:
        """Let all who wait for room go on; gives the messages that they did not place."""
        waiting, self._putters = self._putters, deque()
        self._load = 0
        messages = []
        for future, message in waiting:
            if not future.done():
                future.set_result(None)
                messages.append(message)
        return messages


class NamedRef:
    """The address of whoever has a name: resolved at each call, so it survives restarts.

    Never equal to an ActorRef. `send` to a name that nobody has is a dead letter.
    """

    __slots__ = ("_kernel", "name")

    def __init__(self, kernel: Kernel, name: str) -> None:
        self._kernel = kernel
        self.name = name

    def resolve(self) -> ActorRef[Any] | None:
        """Who has the name now; None when nobody has."""
        return self._kernel.registry.find(self.name)

    def send(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """As `ActorRef.send`, with the options of `put` whatever the mailbox."""
        ref = self.resolve()
        if ref is None:
            self._nobody(message, priority, ttl)
        else:
            ref._send_stamped(message, priority, ttl)

    async def put(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """As `ActorRef.put`."""
        ref = self.resolve()
        if ref is None:
            self._nobody(message, priority, ttl)
        else:
            await ref.put(message, priority=priority, ttl=ttl)

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
        message: object,
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
        """As `ActorRef.request`; `ActorExited(name, "noproc")` when nobody has the name."""
        ref = self.resolve()
        if ref is None:
            raise ActorExited(self.name, "noproc")
        return await ref.request(message, timeout, priority, ttl)

    def _nobody(self, message: Any, priority: int, ttl: float | None) -> None:
        check_stamp(priority, ttl)
        self._kernel.reporting.dead_letter(message, self.name, "noproc")

    def stop(self, reason: object = "normal") -> None:
        """As `ActorRef.stop`; nothing when nobody has the name."""
        if (ref := self.resolve()) is not None:
            ref.stop(reason)

    def exit(self, reason: object) -> None:
        """As `ActorRef.exit`; nothing when nobody has the name."""
        if (ref := self.resolve()) is not None:
            ref.exit(reason)

    def kill(self) -> None:
        """As `ActorRef.kill`; nothing when nobody has the name."""
        if (ref := self.resolve()) is not None:
            ref.kill()

    async def wait(self) -> object:
        """The exit reason of who has the name now; `"noproc"` when nobody has."""
        ref = self.resolve()
        return await ref.wait() if ref is not None else "noproc"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NamedRef)
            and other.name == self.name
            and other._kernel is self._kernel
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<NamedRef {self._kernel.name}/{self.name}>"


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


Address = ActorRef[Any] | NamedRef


@overload
def resolve(address: ActorRef[M]) -> ActorRef[M]: ...
@overload
def resolve(address: NamedRef) -> ActorRef[Any] | None: ...
def resolve(address: Address) -> ActorRef[Any] | None:
    """The actor behind an address; None for a name that nobody has. Raises TypeError for others."""
    if isinstance(address, ActorRef):
        return address
    if isinstance(address, NamedRef):
        return address.resolve()
    raise TypeError(f"{address!r} is not an address: pass an ActorRef or system.named(name)")
