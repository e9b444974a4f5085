"""Acts: the refs of actors that look at a message as it is sent, so that who sends what they can't
take is told. Others never pay for it.
"""

from __future__ import annotations

from typing import Any, Protocol

from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD


class _Checked(ActorRef[Any]):
    """Comes before the class of a ref."""

    __slots__ = ()

    def send(self, message: Any, /, **options: Any) -> None:
        check_message(self, message)
        super().send(message, **options)

    async def put(self, message: Any, /, **options: Any) -> None:
        check_message(self, message)
        await super().put(message, **options)

    def _send_stamped(self, message: Any, priority: int, ttl: float | None) -> None:
        check_message(self, message)
        super()._send_stamped(message, priority, ttl)


_kinds: dict[type[Any], type[Any]] = {}


def checked(kind: type[Any]) -> type[Any]:
    """The same kind of ref for an actor that has `check_message`."""
    made = _kinds.get(kind)
    if made is None:
        made = _kinds[kind] = type(kind.__name__, (_Checked, kind), {"__slots__": ()})
    return made


def check_message(ref: ActorRef[Any], message: Any) -> None:
    """Raises what the actor says of a message that it can't take; the dead say nothing."""
    if isinstance(ref, _Checked) and not ref._mode & DEAD:
        ref._receive.__self__.check_message(message)


class Target(Protocol):
    """Whom messages are sent to: a ref, or what else has an address."""

    def send(self, message: Any, /) -> None: ...
    async def put(self, message: Any, /) -> None: ...


def send_unchecked(target: Target, message: Any) -> None:
    """`send` where nobody is to be told: an actor finds out when it takes the message."""
    if isinstance(target, _Checked):
        super(_Checked, target).send(message)
    else:
        target.send(message)


async def put_unchecked(target: Target, message: Any) -> None:
    """`put`, in the same way."""
    if isinstance(target, _Checked):
        await super(_Checked, target).put(message)
    else:
        await target.put(message)
