"""Acts: what a message can be sent to: an actor, or whoever has a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.kernel.mailbox import check_stamp
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.typed import Request

M = TypeVar("M", contravariant=True)
R = TypeVar("R")


class Entrance(Protocol):
    """Who takes what is sent to a name, to keep it until the actor has handled it."""

    def send(self, message: Any, /) -> None:
        """Take it at once, or raise why not."""
        ...

    async def put(self, message: Any, /) -> None:
        """Return when it is safe."""
        ...


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
        return self._kernel.registry.lookup(self.name)

    def _linked_to(self, ref: ActorRef[Any]) -> ActorRef[Any] | None:
        """Of those who have or had the name, the one that `ref` may be linked to."""
        return self.resolve()

    def send(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """As `ActorRef.send`, with the options of `put` whatever the mailbox."""
        if (entrance := self._kernel.entrances.get(self.name)) is not None:
            _check_plain(self.name, priority, ttl)
            entrance.send(message)
            return
        ref = self.resolve()
        if ref is None:
            self._nobody(message, priority, ttl)
        else:
            ref._send_stamped(message, priority, ttl)

    def _send_unchecked(self, message: Any) -> None:
        """`send` where nobody is to be told: see `checked_ref.py`."""
        ref = None if self.name in self._kernel.entrances else self.resolve()
        if ref is None:
            self.send(message)
        else:
            send_unchecked(ref, message)

    async def put(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """As `ActorRef.put`."""
        if (entrance := self._kernel.entrances.get(self.name)) is not None:
            _check_plain(self.name, priority, ttl)
            await entrance.put(message)
            return
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


def _check_plain(name: str, priority: int, ttl: float | None) -> None:
    check_stamp(priority, ttl)
    if priority or ttl is not None:
        option = "priority" if priority else "ttl"
        raise ValueError(f"{option}: {name!r} has a durable mailbox, which knows only one order")


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
