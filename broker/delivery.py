"""What is delivered, and to whom: the message as a subscriber gets it, and the route of a topic.

Pure: a route is looked up once for each publication, and names who gets a copy. Calling `send` is
left to `broker.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

import msgspec

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Published(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """What a subscriber gets: one object for each publication, shared by all who get it.

    A msgspec struct, since it is made at each publication: a tenth of a frozen dataclass.
    """

    topic: str
    message: Any
    headers: Mapping[str, str] = NO_HEADERS


class Receiver(Protocol):
    """Who can subscribe: an `ActorRef`, or the entrance of a stream."""

    @property
    def capacity(self) -> int | None:
        """How many messages it holds; None: any number."""

    def send(self, message: Any, /) -> None:
        """Take the message at once, or raise MailboxFull."""

    async def put(self, message: Any, /) -> None:
        """Take the message once there is room; raise MailboxFull when waiting is refused."""


R = TypeVar("R", bound=Receiver)


class Choice(Generic[R]):
    """Who of a group is next: each in turn, in the order of their subscriptions.

    `turn` says where to begin, so that a group whose members come and go does not begin with the
    same one each time.
    """

    __slots__ = ("members", "turn")

    def __init__(self, members: tuple[R, ...], turn: int = 0) -> None:
        self.members = members
        self.turn = turn % len(members)

    def next(self) -> R:
        """The member whose turn it is; then it is the next one's."""
        turn = self.turn
        self.turn = turn + 1 if turn + 1 < len(self.members) else 0
        return self.members[turn]


class Route(Generic[R]):
    """Who gets what is published to one topic; never changed.

    `receivers` get a copy each, and are listed once for each pattern of theirs that matches; of
    each of `choices`, one member gets it. `sends` are the `send` methods of `receivers`. `size` is
    how many places it takes, for a bound on what is cached.

    No dataclass, since it is made at each publication to a new topic: a quarter of a frozen one.
    """

    __slots__ = ("choices", "receivers", "sends", "size")

    def __init__(self, receivers: tuple[R, ...] = (), choices: tuple[Choice[R], ...] = ()) -> None:
        self.receivers = receivers
        self.choices = choices
        self.sends: tuple[Callable[[Any], None], ...]
        if len(receivers) == 1:
            self.sends = (receivers[0].send,)
        else:
            self.sends = tuple([receiver.send for receiver in receivers])
        self.size = 1 + len(receivers)
        if choices:
            self.size += sum(len(choice.members) for choice in choices)


def frozen_headers(headers: Mapping[str, str] | None) -> Mapping[str, str]:
    """A copy that nobody can change. Raises TypeError when a name or value is no string.

    >>> dict(frozen_headers({"trace": "7"}))
    {'trace': '7'}
    """
    if not headers:
        return NO_HEADERS
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"headers are strings, not {name!r}: {value!r}")
    return MappingProxyType(dict(headers))
