"""What an actor acts through: its own ref, its relations, its timers, and the platform's clock.

After the actor's death the context refuses everything with ActorStopped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from airssys_wasm.kernel.becoming import become
from airssys_wasm.kernel.errors import ActorStopped, AlreadyAnswered
from airssys_wasm.kernel.idle import set_idle_timeout
from airssys_wasm.kernel.states import AFRESH, DEAD, KEEP, TRAP

if TYPE_CHECKING:
    from asyncio import Future
    from random import Random

    from airssys_wasm.kernel.address import Address
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.mailbox import Mailbox
    from airssys_wasm.kernel.ref import ActorRef, MailboxRef
    from airssys_wasm.kernel.timers import TimerRef

P = ParamSpec("P")
R = TypeVar("R")


class MonitorRef:
    """One monitor: `watcher` gets one `Down` when `target` ends. Pass it to `demonitor`."""

    __slots__ = ("active", "tag", "target", "watcher")

    def __init__(
        self, watcher: ActorRef[Any], target: ActorRef[Any] | str, tag: object = None
    ) -> None:
        self.watcher = watcher
        self.target = target
        self.tag = tag
        self.active = True

    def __repr__(self) -> str:
        return f"<MonitorRef {self.watcher} -> {self.target}>"


class Reply:
    """A reply to be given later, once. Outlives the handler; fails when the actor ends first."""

    __slots__ = ("_answer", "_future", "_owner", "_replies", "given")

    def __init__(self, owner: ActorRef[Any]) -> None:
        self._owner = owner
        self._future: Future[Any] | None = None
        self._replies: dict[Reply, None] | None = None
        self._answer: tuple[object, BaseException | None] | None = None
        self.given = False

    def send(self, value: object = None) -> None:
        """Answer the request with `value`. Raises AlreadyAnswered for a second answer."""
        self._give(value, None)

    def fail(self, error: BaseException) -> None:
        """Let the request raise `error`. Raises AlreadyAnswered for a second answer."""
        if not isinstance(error, BaseException):
            raise TypeError(f"fail() takes an exception, not {error!r}")
        if isinstance(error, StopIteration):
            raise TypeError("StopIteration can't be raised out of a request")
        self._give(None, error)

    def _give(self, value: object, error: BaseException | None) -> None:
        if self.given:
            raise AlreadyAnswered
        self.given = True
        self._answer = (value, error)
        self._settle()

    def _bind(self, future: Future[Any], replies: dict[Reply, None]) -> None:
        """The handler returned: `future` is what the caller waits for."""
        self._future = future
        self._replies = replies
        replies[self] = None
        self._settle()

    def _settle(self) -> None:
        if self._future is None or self._answer is None:
            return
        if self._replies is not None:
            self._replies.pop(self, None)
        value, error = self._answer
        if not self._future.done():
            if error is None:
                self._future.set_result(value)
            else:
                self._future.set_exception(error)


class ActorContext:
    """The actor's side of the kernel. `ref` is the actor itself, `parent` who spawned it."""

    __slots__ = ("_kernel", "ref")

    def __init__(self, ref: ActorRef[Any]) -> None:
        self.ref = ref
        self._kernel = ref._scheduler.kernel

    def _living(self) -> Kernel:
        if self.ref._mode & DEAD:
            raise ActorStopped(self.ref)
        return self._kernel

    @property
    def parent(self) -> ActorRef[Any] | None:
        """Who spawned this actor through its context; None when no actor did."""
        return self.ref._parent

    @property
    def name(self) -> str | None:
        """The registered name of this actor."""
        return self.ref.name

    @property
    def system(self) -> Any:
        """The system that runs this actor: an `ActorSystem`, or a bare `Kernel`."""
        return self._living().system

    @property
    def restarts(self) -> int:
        """How often the supervisor started this child anew before this incarnation."""
        extension = self.ref._extension
        return extension.restarts if extension is not None else 0

    @overload
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox,
        link: bool = False,
        monitor: bool = False,
    ) -> MailboxRef[Any]: ...
    @overload
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        link: bool = False,
        monitor: bool = False,
    ) -> ActorRef[Any]: ...
    def spawn(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        link: bool = False,
        monitor: bool = False,
    ) -> ActorRef[Any]:
        """A new actor whose parent is this one, linked to it or monitored by it from the start."""
        kernel = self._living()
        ref = kernel.spawn(behaviour, *args, name=name, mailbox=mailbox, parent=self.ref)
        if link:
            kernel.link(self.ref, ref)
        if monitor:
            kernel.monitor(self.ref, ref)
        return ref

    def spawn_child(
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        adopt: ActorRef[Any] | None = None,
        restarts: int = 0,
        shutdown: float = 5.0,
        queue: bool = False,
    ) -> ActorRef[Any]:
        """A supervised child. This actor gets `Started`, `Ignored` or `Down` for its init, and
        `Down` for its end.

        `adopt` is the dead incarnation whose kept mailbox, name and lasting subscriptions the new
        one takes over. `shutdown` bounds its `terminate`, in seconds. `queue` keeps name and
        mailbox too, but of the messages only those that come after its end.
        """
        ref = self._living().spawner.spawn_child(
            self.ref,
            behaviour,
            *args,
            name=name,
            mailbox=mailbox,
            adopt=adopt,
            restarts=restarts,
            shutdown=shutdown,
        )
        if queue and not ref._traits & KEEP:
            ref._traits |= KEEP | AFRESH
        return ref

    def release(self, ref: ActorRef[Any]) -> None:
        """Give up what a dead child kept: its messages become dead letters, its name is free."""
        self._living().release(ref)

    def set_shutdown(self, ref: ActorRef[Any], seconds: float) -> None:
        """From now on the end of the child `ref` leaves its `terminate` that long."""
        self._living()
        if not ref._mode & DEAD:
            ref._ext().shutdown = seconds

    def set_cause(self, cause: object) -> None:
        """What lies behind the exit reason; others find it as `ref.cause` after the end."""
        self._living()
        self.ref._ext().cause = cause

    def init_done(self) -> None:
        """The init that answered DEFERRED_INIT has succeeded."""
        self._living().spawner.init_done(self.ref)

    def init_failed(self, reason: object) -> None:
        """The init that answered DEFERRED_INIT has failed: the actor ends with `reason`."""
        self._living().spawner.init_failed(self.ref, reason)

    @property
    def trap_exit(self) -> bool:
        """Whether exit signals, except those of the parent, arrive as `Exit` messages."""
        return bool(self.ref._traits & TRAP)

    @trap_exit.setter
    def trap_exit(self, trap: bool) -> None:
        self._living()
        self.ref._traits = self.ref._traits | TRAP if trap else self.ref._traits & ~TRAP

    def link(self, target: Address) -> None:
        """Tie this actor and `target`: an abnormal end of one ends the other.

        A dead target is an `Exit(ref, "noproc")` message for an actor that traps, and raises
        ActorExited for one that doesn't.
        """
        self._living().link(self.ref, target)

    def unlink(self, target: Address) -> None:
        """Undo `link`. No exit of `target` arrives afterwards."""
        self._living().unlink(self.ref, target)

    def monitor(self, target: Address, *, tag: object = None) -> MonitorRef:
        """Watch `target`: one `Down` at its end, at once with `"noproc"` when it is dead.

        The `Down` carries `tag`: `case Down(tag="store")`.
        """
        return self._living().monitor(self.ref, target, tag)

    def demonitor(self, monitor: MonitorRef, *, flush: bool = False) -> bool:
        """Stop watching. True when the monitor was active, so that no `Down` will come.

        False when its `Down` was delivered; `flush` takes that out of the mailbox. Raises
        ValueError for another actor's monitor.
        """
        return self._living().demonitor(self.ref, monitor, flush=flush)

    def send_after(self, delay: float, to: Address, message: Any) -> TimerRef:
        """Send `message` to `to` in `delay` seconds, never earlier; a name is resolved then."""
        return self._living().timers.send_after(self.ref, delay, to, message)

    def send_every(self, interval: float, to: Address, message: Any) -> TimerRef:
        """Send `message` to `to` every `interval` seconds, from one interval on."""
        return self._living().timers.send_every(self.ref, interval, to, message)

    def cancel_timer(self, timer: TimerRef) -> float | None:
        """The seconds that were left; None when it had fired. It never fires afterwards."""
        return self._living().timers.cancel(timer)

    def defer_reply(self) -> Reply:
        """Answer the request in hand later: the value that the handler returns is ignored."""
        self._living()
        return self._kernel.defer_reply(self.ref)

    def become(self, handler: Callable[[Any], object]) -> None:
        """Handle messages with `handler` from the next one on, until `unbecome` or the end.

        It is another method of the same actor, plain or async.
        """
        self._living()
        become(self.ref, handler)

    def unbecome(self) -> None:
        """Handle messages with `receive` again, from the next one on."""
        self._living()
        become(self.ref, None)

    def set_idle_timeout(self, seconds: float | None) -> None:
        """Get `Idle()` in `seconds`, unless any message comes first. Once; set it again for more.

        None takes it back. In a process function `inbox.receive(timeout=…)` does this.
        """
        self._living()
        set_idle_timeout(self.ref, seconds)

    def stop(self, reason: object = "normal") -> None:
        """End this actor with `reason` after the current handler."""
        if self.ref._mode & DEAD:
            raise ActorStopped(self.ref)
        self._kernel.lifecycle.stop_self(self.ref, reason)

    def now(self) -> float:
        """Monotonic seconds."""
        return self._living().platform.now()

    def timestamp(self) -> float:
        """Wall-clock seconds since 1970-01-01 UTC."""
        return self._living().platform.timestamp()

    @property
    def random(self) -> Random:
        """The source of chance; a simulation seeds it."""
        return self._living().platform.random

    def new_id(self) -> str:
        """A fresh id of 32 hexadecimal digits."""
        return self._living().platform.new_id()

    def offload(
        self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]:
        """Run blocking code aside (a thread; inline in simulation) and wait for its result."""
        return self._living().platform.offload(function, *args, **kwargs)
