"""Acts: the ref of an actor that lives outside of this kernel, and can be treated as one inside.

Links, monitors and its end are the kernel's own; messages, requests and signals go to an `Outside`,
at once and in the order of the calls. Who stands behind it tells of the end with `end`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.message import Envelope, Exit, Stamped, StopRequested
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, HANDLES_STOP, TRAP

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.kernel import Kernel

M = TypeVar("M", contravariant=True)
How = Literal["exit", "stop", "kill"]


class Outside(Protocol):
    """What carries messages to actors elsewhere. Its methods never wait."""

    def tell(self, ref: ActorRef[Any], message: Any) -> None:
        """A message was sent to `ref`. May raise what is wrong with the message."""
        ...

    def ask(self, ref: ActorRef[Any], message: Any, future: Future[Any]) -> None:
        """A request was sent to `ref`: `future` waits for the reply. May raise as `tell`."""
        ...

    def signal(
        self, ref: ActorRef[Any], how: How, reason: object, source: ActorRef[Any] | None
    ) -> None:
        """`source`, which is linked to `ref`, has ended with `reason`, or somebody wants its end."""
        ...


class Absent(Actor[Any]):
    """The behaviour of an actor that is not here; it gets nothing."""

    def receive(self, message: Any) -> None: ...


class OutsideRef(ActorRef[M]):
    """The ref of an actor elsewhere."""

    __slots__ = ("_outside",)

    _outside: Outside

    def send(self, message: M, /) -> None:
        """As `ActorRef.send`; raises what can't leave this process."""
        if self._mode & DEAD:
            ActorRef.send(self, message)
        else:
            self._outside.tell(self, message)

    async def request(
        self,
        message: Any,
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any:
        return await self._scheduler.requests.queued(self, message, timeout)

    def exit(self, reason: object) -> None:
        if reason == "kill":
            self.kill()
        else:
            ActorRef.exit(self, reason)

    def kill(self) -> None:
        if not self._mode & DEAD:
            self._outside.signal(self, "kill", "killed", None)

    def _offer(self, message: Any, *, can_wait: bool) -> None:
        if message.__class__ is Stamped:
            message = message.message  # it does not wait here
        if message.__class__ is Envelope:
            self._outside.ask(self, message.message, message.future)
        else:
            self.send(message)

    def _deliver(self, message: Any) -> None:
        kernel = self._scheduler.kernel
        if kernel.spawner.ending:  # who is outside goes on
            kernel.lifecycle.end(self, "noconnection")
        elif isinstance(message, Exit):
            source = message.ref if isinstance(message.ref, ActorRef) else None
            self._outside.signal(self, "exit", message.reason, source)
        elif isinstance(message, StopRequested):
            self._outside.signal(self, "stop", message.reason, None)


def enrol(kernel: Kernel, outside: Outside, label: str) -> OutsideRef[Any]:
    """A ref for an actor outside, until `end` is called with it."""
    spawner = kernel.spawner
    spawner.spawned += 1
    absent = Absent()
    ref: OutsideRef[Any] = OutsideRef(
        kernel.scheduler, absent.receive, 0, TRAP | HANDLES_STOP, None, label, spawner.spawned
    )
    ref._outside = outside
    absent._ref = ref
    absent._context = None
    spawner.actors[ref._serial] = ref
    return ref


def end(ref: OutsideRef[Any], reason: object) -> None:
    """The actor outside has ended, or is not reached any more: links and watchers are told."""
    ref._scheduler.kernel.lifecycle.end(ref, reason)
