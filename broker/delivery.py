"""What is delivered, and to whom: the message as a subscriber gets it, and the route of a topic.

Pure: a route is looked up once for each publication, and names who gets a copy. Calling `send` is
left to `broker.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Published(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """What a subscriber gets: one object for each publication, shared by all who get it.

    A msgspec struct, since it is made at each publication: a tenth of a frozen dataclass.
    """

    topic: str
    message: Any
    headers: Mapping[str, str] = NO_HEADERS
    retained: bool = False  # it was published before its receiver subscribed


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


class Seat(NamedTuple):
    """A member of a group on another node, which gives what comes for it to one of its own."""

    node: str
    place: int


class Share(NamedTuple):
    """Whom one node is to give a publication: all who subscribed without a group, if `direct`, and
    one member of each of `groups`."""

    direct: bool
    groups: list[str]


class Choice(Generic[R]):
    """Who of a group is next: each in turn, in the order of their subscriptions.

    `turn` says where to begin, so that a group whose members come and go does not begin with the
    same one each time. `wide`: some are on other nodes.
    """

    __slots__ = ("_near", "group", "members", "turn", "wide")

    def __init__(self, group: str, members: tuple[R | Seat, ...], turn: int = 0) -> None:
        self.group = group
        self.members = members
        self.turn = turn % len(members)
        self.wide = any(member.__class__ is Seat for member in members)
        self._near: Choice[R] | None = None

    def next(self) -> Any:
        """The member whose turn it is; then it is the next one's."""
        turn = self.turn
        self.turn = turn + 1 if turn + 1 < len(self.members) else 0
        return self.members[turn]

    def near(self) -> R | None:
        """As `next`, among the members of this node; None when it has none."""
        if self._near is None:
            members = tuple([m for m in self.members if m.__class__ is not Seat])
            if not members:
                return None
            self._near = Choice(self.group, members, self.turn)
        member: R = self._near.next()
        return member


class Route(Generic[R]):
    """Who gets what is published to one topic; never changed.

    `receivers` get a copy each, and are listed once for each pattern of theirs that matches; of
    each of `choices`, one member gets it. The other nodes `far` get it once each, for whoever
    subscribed there. `wide`: other nodes may be among those who get it. `size` is how many places
    it takes, for a bound on what is cached.

    No dataclass, since it is made at each publication to a new topic: a quarter of a frozen one.
    """

    __slots__ = ("choices", "far", "receivers", "size", "wide")

    def __init__(
        self,
        receivers: tuple[R, ...] = (),
        choices: tuple[Choice[R], ...] = (),
        far: tuple[str, ...] = (),
    ) -> None:
        self.receivers = receivers
        self.choices = choices
        self.far = far
        self.wide = bool(far)
        self.size = 1 + len(receivers)
        if far or choices:
            self.size += len(far) + sum([len(choice.members) for choice in choices])
            self.wide = self.wide or any(choice.wide for choice in choices)

    def chosen(self) -> tuple[list[R], dict[str, Share]]:
        """Of each choice the next: those of this node, and what each other node gets it for."""
        near: list[R] = []
        far = {node: Share(True, []) for node in self.far}
        for choice in self.choices:
            member = choice.next()
            if isinstance(member, Seat):
                far.setdefault(member.node, Share(False, [])).groups.append(choice.group)
            else:
                near.append(member)
        return near, far

    def near(self, share: Share) -> list[R]:
        """Those of this node who get what another has sent to it for `share`."""
        receivers = list(self.receivers) if share.direct else []
        if share.groups:
            members = [choice.near() for choice in self.choices if choice.group in share.groups]
            receivers += [member for member in members if member is not None]
        return receivers


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
