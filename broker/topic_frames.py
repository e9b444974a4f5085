"""What nodes say to each other of topics.

Pure. The message of a publication is bytes already: encoded once, however many nodes it goes to.
"""

from __future__ import annotations

from typing import Any

import msgspec

from airssys_wasm.broker.delivery import NO_HEADERS, Published, Share, frozen_headers
from airssys_wasm.broker.errors import NotDecodable
from airssys_wasm.broker.retained import Stamp

Interest = tuple[str, str | None]  # pattern and group


class Wants(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """How many of mine subscribed to a pattern with that group, or none; None: nobody any more."""

    said: list[tuple[Interest, int | None]]


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """A publication on its way. `direct`: for all who subscribed without a group; and one member of
    each of `groups` is to get it."""

    topic: str
    headers: dict[str, str] | None
    message: bytes
    direct: bool = True
    groups: list[str] = []


class Publish(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A publication; with a stamp it is retained, too."""

    parcel: Parcel
    stamp: Stamp | None = None


class Put(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A publication; say Done with its number when all have taken it."""

    number: int
    parcel: Parcel


class Done(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """What was put has been taken."""

    number: int


class Question(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """A request to one who subscribed: a member of `group`, or without one any actor."""

    number: int
    parcel: Parcel
    group: str | None


class Reply(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """The answer to a question: `value` is the reply, the exit reason of who was asked, or type
    and text of an error; nothing when there was nobody to ask."""

    number: int
    how: str  # "reply", "exited", "error" or "nobody"
    value: bytes


class GiveUp(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Nobody waits any more for what has this number: don't put it, don't answer it."""

    number: int


class Holds(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """What is retained for a topic; without headers and message it was forgotten."""

    topic: str
    stamp: Stamp
    headers: dict[str, str] | None
    message: bytes | None


Frame = Wants | Publish | Put | Done | Question | Reply | GiveUp | Holds

_decoder = msgspec.msgpack.Decoder(Frame)
encode = msgspec.msgpack.encode


def decode(value: Any) -> Frame:
    """The frame in these bytes. Raises NotDecodable."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, TypeError) as error:
        raise NotDecodable(f"nothing of topics: {error}") from None


def parcel(published: Published, message: bytes, share: Share) -> Parcel:
    """A publication as it goes to a node."""
    headers = dict(published.headers) if published.headers else None
    return Parcel(published.topic, headers, message, share.direct, share.groups)


def published(topic: str, headers: dict[str, str] | None, message: Any) -> Published:
    """A publication as it comes out again."""
    return Published(topic, message, frozen_headers(headers) if headers else NO_HEADERS)
