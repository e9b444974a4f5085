"""What nodes say to each other: frames as they are sent.

Pure. A frame is msgpack, which names the node that speaks, its life, and parts of the conversation
in their order; each of these, with node and life, is an `Envelope`. A `Data` holds a body. Values
of users are `Packed` in it: the name of a codec, and bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class Packed(msgspec.Struct, frozen=True, array_like=True):
    """A value as bytes, and the name of the codec that reads them."""

    codec: str
    data: bytes


class Address(msgspec.Struct, frozen=True, array_like=True):
    """An actor anywhere: the number of an incarnation, of an actor, in one life of a node.

    A `life` that begins with `@` is the name of an actor on the node, instead: whoever has it when
    something comes (`serial` 0), or whoever had it when it was first watched by that number.
    """

    node: str
    life: str
    serial: int


class Send(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A message."""

    to: Address
    message: Packed
    priority: int = 0
    ttl: float | None = None


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A request; its answer bears the same number."""

    to: Address
    number: int
    message: Packed
    priority: int = 0
    ttl: float | None = None


class Put(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A message whose sender waits for room: the answer says that it is queued."""

    to: Address
    number: int
    message: Packed
    priority: int = 0
    ttl: float | None = None


class GiveUp(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Nobody waits any more for the answer with this number."""

    number: int


class Answer(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """To an Ask, a Put or a WhoIs.

    `value` is the reply, the type and text of an `error`, the exit reason of the one who `exited`,
    or the capacity of the mailbox that is `full`.
    """

    number: int
    how: Literal["value", "error", "exited", "full"]
    value: Packed


class Watch(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Say when this actor ends; at once when it has."""

    to: Address


class Bound(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Who was watched by a name: that is this actor."""

    name: Address
    who: Address


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """An actor that was watched has ended."""

    who: Address
    reason: Packed


class Link(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """`source` has linked itself to `to`, and its end will be told. Each side watches the other."""

    source: Address
    to: Address


class Unlink(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """`source` is no longer linked to `to`; answered with Unlinked."""

    source: Address
    to: Address


class Unlinked(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """The Unlink of `source` and `to` has come: what came before it, came before it."""

    source: Address
    to: Address


class Signal(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """An exit signal of `source`, a wish that an actor stops, or a kill, which nobody traps."""

    to: Address
    source: Address | None
    reason: Packed
    how: Literal["exit", "stop", "kill"] = "exit"


class WhoIs(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """Who has this name on your node? The answer bears the same number."""

    name: str
    number: int


class Said(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """A value for a service of the other node."""

    service: str
    value: Packed


Body = (
    Send
    | Ask
    | Put
    | GiveUp
    | Answer
    | Watch
    | Bound
    | Gone
    | Link
    | Unlink
    | Unlinked
    | Signal
    | WhoIs
    | Said
)


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    """I want to talk; what I say bears `stream`."""

    stream: str


class Welcome(msgspec.Struct, frozen=True, array_like=True, tag="w"):
    """I heard your Hello with the stream `to`; what I say bears `stream`."""

    stream: str
    to: str


class Data(msgspec.Struct, frozen=True, array_like=True, tag="d"):
    """The `number`th body of a stream, from 1."""

    stream: str
    number: int
    body: Body


class Beat(msgspec.Struct, frozen=True, array_like=True, tag="b"):
    """I am there; I have said so many bodies in this stream."""

    stream: str
    said: int


class Reset(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """Your stream is over: something of it was lost, I don't know it, or I am about to close."""

    stream: str
    why: str


class Here(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """To all: I am there. Who does not know me yet says Hello."""


Part = Hello | Welcome | Data | Beat | Reset | Here


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A part, from one life of a node."""

    node: str
    life: str
    part: Part


class _Frame(msgspec.Struct, frozen=True, array_like=True):
    """What goes at a time: parts of one life of a node, in their order."""

    node: str
    life: str
    parts: list[Part]


OVERHEAD = 1024  # bytes of a frame beside the value in it, at most
LONGEST = 255  # characters of a name that goes over the network

HEADER = 2 * LONGEST * 4 + 16  # bytes of a frame beside its parts, at most

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Frame)


def encode_part(part: Part) -> bytes:
    """Its bytes, as they are in a frame."""
    return _encoder.encode(part)


def frame_of(node: str, life: str, parts: Sequence[msgspec.Raw]) -> bytes:
    """The frame of these encoded parts."""
    return _encoder.encode([node, life, parts])


def encode(envelope: Envelope) -> bytes:
    """A frame with one part."""
    return _encoder.encode([envelope.node, envelope.life, [envelope.part]])


def decode(data: bytes) -> list[Envelope] | None:
    """The envelopes of a frame, in their order; None when these bytes are none."""
    try:
        frame = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return [Envelope(frame.node, frame.life, part) for part in frame.parts]
