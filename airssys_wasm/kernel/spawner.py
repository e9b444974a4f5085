"""Acts: how actors begin: made, named, queued for their init, and told of when it succeeded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from airssys_wasm.kernel.behaviour import (
    KINDS,
    STARTS_IDLE,
    Process,
    incarnate,
    kind_of,
    label_of,
)
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.checked_ref import checked
from airssys_wasm.kernel.errors import AlreadyStarted, StartError
from airssys_wasm.kernel.extension import TERMINATE_TIME
from airssys_wasm.kernel.inbox import Inbox
from airssys_wasm.kernel.info import behaviour_of
from airssys_wasm.kernel.message import Started
from airssys_wasm.kernel.reasons import exception_of
from airssys_wasm.kernel.ref import ActorRef, MailboxRef
from airssys_wasm.kernel.registry import check_name
from airssys_wasm.kernel.states import (
    BUSY,
    DEAD,
    DEFERRED,
    ENTRIES,
    KEEP,
    NEW,
    NOTHING,
    PROCESS,
    SPECIAL,
    SUPERVISED,
    TERMINATE,
    is_idle,
)

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.mailbox import Mailbox

new = object.__new__


class Spawner:
    """The beginnings of the actors of one kernel, and the table of those that live."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._scheduler = kernel.scheduler
        self._telemetry = kernel.telemetry
        self.actors: dict[int, ActorRef[Any]] = {}  # by serial number: the oldest first
        self.spawned = 0
        self.restarted = 0
        self.ending = False  # children of supervisors only
        self.ended = False  # no more actors at all

    @overload
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox,
        parent: ActorRef[Any] | None = None,
    ) -> MailboxRef[Any]: ...
    @overload
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        parent: ActorRef[Any] | None = None,
    ) -> ActorRef[Any]: ...
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        parent: ActorRef[Any] | None = None,
    ) -> ActorRef[Any]:
        """A new actor; its init runs later. `args` are the behaviour's.

        Raises what the behaviour's `__init__` raises, TypeError for what is no behaviour, and
        AlreadyStarted when a living actor has the name.
        """
        if self.ending:
            self._refuse()
        made: Any = None
        if name is not None:
            self._check_free(check_name(name), None)
        elif (
            behaviour.__class__ is type
            and (kind := STARTS_IDLE.get(behaviour)) is not None
            and mailbox is None
        ):
            made = behaviour(*args)
            simple = made.__class__ is behaviour and not self._telemetry.active
            if simple:  # as most are
                mode, traits, label = kind
                # `ActorRef.__init__`, without the call: that costs as much as a message.
                ref: ActorRef[Any] = new(ActorRef)
                ref._scheduler = self._scheduler
                ref._queue = None
                ref._one = NOTHING
                ref._receive = made.receive
                ref._mode = mode
                ref._traits = traits
                ref._batch = None
                ref._parent = parent
                ref._label = label
                ref._serial = self.spawned = serial = self.spawned + 1
                ref._extension = None
                made._ref = ref
                made._context = None
                self.actors[serial] = ref
                return ref
        if made is None:
            made = incarnate(behaviour, args)
        if name is not None:  # once more: the constructor may have given it away
            self._check_free(name, None)
        ref = self._ref(made, behaviour, name, mailbox, parent, 0)
        self._begin(ref, name)
        if self._telemetry.active:
            self._tell_spawned(ref, 0)
            if not ref._mode & (NEW | PROCESS):
                self.started(ref)
        return ref

    def spawn_child(
        self,
        parent: ActorRef[Any],
        behaviour: Any,
        /,
        *args: Any,
        name: str | None,
        mailbox: Mailbox | None,
        adopt: ActorRef[Any] | None,
        restarts: int,
        shutdown: float,
    ) -> ActorRef[Any]:
        """A supervised child of `parent`; see `ActorContext.spawn_child`."""
        if self.ended:
            self._refuse()
        if name is not None:
            self._check_free(check_name(name), adopt)
        made = incarnate(behaviour, args)
        if name is not None:
            self._check_free(name, adopt)
        ref = self._ref(made, behaviour, name, mailbox, parent, SUPERVISED)
        if restarts:
            ref._ext().restarts = restarts
            self.restarted += 1
        if shutdown != TERMINATE_TIME:
            ref._ext().shutdown = shutdown
        relation = parent._ext()
        if relation.children is None:
            relation.children = {}
        relation.children[ref] = None
        if adopt is not None:
            if relation.held is not None:
                relation.held.pop(adopt, None)
            ref._mode |= SPECIAL | ENTRIES if not ref._mode & PROCESS else 0
            self._kernel.keeping.adopt(adopt, ref)
        self._begin(ref, name)
        if self._telemetry.active:
            self._tell_spawned(ref, restarts)
        if not ref._mode & (NEW | PROCESS):
            self.started(ref)
        return ref

    def _refuse(self) -> None:
        problem = f"the system {self._kernel.name!r} is ending; it starts no more actors"
        raise RuntimeError(problem)

    def _check_free(self, name: str, adopt: ActorRef[Any] | None) -> None:
        holder = self._kernel.registry.find(name)
        if holder is not None and holder is not adopt:
            raise AlreadyStarted(name, holder)

    def _ref(
        self,
        made: Any,
        behaviour: Any,
        name: str | None,
        mailbox: Mailbox | None,
        parent: ActorRef[Any] | None,
        traits: int,
    ) -> ActorRef[Any]:
        self.spawned += 1
        serial = self.spawned
        if made.__class__ is Process:
            mode, receive, checks = PROCESS, _no_receive, False
            label = label_of(behaviour) if name is None else name
        else:
            kind = KINDS.get(made.__class__) or kind_of(made.__class__)
            mode = kind.mode | NEW if kind.has_init else kind.mode
            traits |= kind.traits
            receive, checks = made.receive, kind.checks
            if name is not None:
                label = name
            else:
                label = kind.label if behaviour is made.__class__ else label_of(behaviour)
        if mailbox is not None and mailbox.keep_on_restart and traits & SUPERVISED:
            traits |= KEEP
        ref: ActorRef[Any]
        kind_of_ref: type[Any]
        if mailbox is not None and (mailbox.capacity is not None or mailbox.order != "fifo"):
            mode |= SPECIAL
            kind_of_ref = BoundedRef if mailbox.order == "fifo" else _priority_ref()
            ref = (checked(kind_of_ref) if checks else kind_of_ref)(
                self._scheduler, receive, mode, traits, parent, label, serial, mailbox=mailbox
            )
        else:
            kind_of_ref = ActorRef if mailbox is None else MailboxRef
            if checks:
                kind_of_ref = checked(kind_of_ref)
            ref = kind_of_ref(self._scheduler, receive, mode, traits, parent, label, serial)
        if mode & PROCESS:
            extension = ref._ext()
            extension.process = made
            extension.inbox = Inbox(ref)
            extension.behaviour = label_of(behaviour) if name is not None else None
        else:
            made._ref = ref
            made._context = None
        self.actors[serial] = ref
        return ref

    def _begin(self, ref: ActorRef[Any], name: str | None) -> None:
        """Name it, and let it run if it has anything to do."""
        if name is not None and ref.name is None:
            self._kernel.registry.register(name, ref)
            ref._ext().name = name
        if ref._mode & (NEW | PROCESS) or ref._queue:
            if ref._queue is None:
                ref._queue = BUSY
            self._scheduler.push(ref)
            self._scheduler.arm()

    def _tell_spawned(self, ref: ActorRef[Any], restarts: int) -> None:
        metadata = _who(ref) | {"parent": ref._parent}
        self._telemetry.emit("actor.spawned", {"restarts": restarts}, metadata)

    @overload
    async def start(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox,
        timeout: float | None = None,
    ) -> MailboxRef[Any]: ...
    @overload
    async def start(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[Any]: ...
    async def start(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[Any]:
        """`spawn`, and wait until init has succeeded.

        Raises StartError with the reason when it did not, or not within `timeout` seconds (reason
        `"timeout"`): nothing of the actor is left then. AlreadyStarted when the name is taken.
        """
        ref = self.spawn(behaviour, *args, name=name, mailbox=mailbox)
        if not ref._mode & (NEW | PROCESS):
            return ref
        kernel = self._kernel
        extension = ref._ext()
        extension.started = started = self._scheduler.future()
        timer = None
        if timeout is not None:
            timer = kernel.timers.wake_at(kernel.platform.now() + timeout, lambda _: ref.kill())
        try:
            await started
        except BaseException:
            ref.kill()
            raise
        finally:
            late = timer is not None and not timer.is_active
            if timer is not None:
                kernel.timers.cancel(timer)
        # When init has succeeded before the end, `started` is cleared.
        if not ref.is_alive and (late or extension.started is not None):
            reason = "timeout" if late else ref.exit_reason
            if extension.ignored:
                reason = "ignore"
            raise StartError(repr(ref), reason) from exception_of(reason)
        return ref

    # --- how an init went

    def started(self, ref: ActorRef[Any]) -> None:
        """The init of `ref` succeeded: whoever waits for that is told."""
        extension = ref._extension
        if self._telemetry.active:
            restarts = {"restarts": extension.restarts if extension is not None else 0}
            self._telemetry.emit("actor.started", restarts, _who(ref))
        if extension is not None and extension.started is not None:
            if not extension.started.done():
                extension.started.set_result(None)
            extension.started = None
        parent = ref._parent
        if ref._traits & SUPERVISED and parent is not None and not parent._mode & DEAD:
            parent._deliver(Started(ref))

    def ignored(self, ref: ActorRef[Any]) -> None:
        """The init of `ref` answered IGNORE."""
        ref._ext().ignored = True
        self._kernel.lifecycle.end(ref, "normal", inside=True)

    def init_done(self, ref: ActorRef[Any]) -> None:
        """The deferred init of `ref` succeeded."""
        if ref._traits & DEFERRED:
            ref._traits &= ~DEFERRED
            self.started(ref)

    def init_failed(self, ref: ActorRef[Any], reason: object) -> None:
        """The deferred init of `ref` failed."""
        if ref._traits & DEFERRED:
            ref._traits &= ~TERMINATE
            self._kernel.lifecycle.end(ref, reason, inside=not is_idle(ref))


def _who(ref: ActorRef[Any]) -> dict[str, object]:
    return {"ref": ref, "behaviour": behaviour_of(ref), "name": ref.name}


def _priority_ref() -> type[BoundedRef[Any]]:
    """PriorityRef, imported when an actor needs it: sortedcontainers is not free."""
    from airssys_wasm.kernel.priority_ref import PriorityRef

    return PriorityRef


def _no_receive(_message: Any) -> None:
    """A process function takes its messages itself."""
