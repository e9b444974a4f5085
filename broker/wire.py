"""What nodes say to each other, and how values and refs become bytes.

Pure. Values are plain data: None, booleans, numbers, text, bytes, lists, tuples and mappings of
them, refs, exit reasons, and instances of the dataclasses that a node has registered. Nothing else
is encoded, nothing is ever unpickled, and no name from the network is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from airssys_wasm.broker.errors import NotDecodable, NotEncodable

REF, TUPLE, INSTANCE = 1, 2, 3  # codes of msgpack's extension types
MAX_DEPTH = 100


class Address(msgspec.Struct, frozen=True, array_like=True):
    """An actor anywhere: the number of an incarnation, of an actor, in one life of a node."""

    node: str
    life: str
    serial: int


class Send(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A message."""

    to: Address
    message: msgspec.Raw


class Ask(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A request; its answer bears the same number."""

    to: Address
    number: int
    message: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """The reply to a request, or the error that it was answered with."""

    number: int
    value: msgspec.Raw
    error: bool = False


class Watch(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Say when this actor ends; at once when it has."""

    to: Address


class Gone(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """An actor that was watched has ended."""

    who: Address
    reason: msgspec.Raw


class Signal(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """An exit signal of `source`, a wish that an actor stops, or a kill, which nobody traps."""

    to: Address
    source: Address | None
    reason: msgspec.Raw
    how: str = "exit"


class WhoIs(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """Who has this name on your node? The answer bears the same number."""

    name: str
    number: int


class Said(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """A value for a service of the other node."""

    service: str
    value: msgspec.Raw


Body = Send | Ask | Answer | Watch | Gone | Signal | WhoIs | Said


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
    """Your stream is over: something of it was lost, or I don't know it."""

    stream: str


class Here(msgspec.Struct, frozen=True, array_like=True, tag="n"):
    """To all: I am there. Who does not know me yet says Hello."""


Part = Hello | Welcome | Data | Beat | Reset | Here


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A part, from one life of a node."""

    node: str
    life: str
    part: Part


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Its bytes."""
    return _encoder.encode(envelope)


def decode(data: bytes) -> Envelope | None:
    """The envelope in these bytes; None when they are none."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return None


class Codec:
    """Values to bytes and back. `out` and `into` turn refs into addresses, and addresses into refs.

    `types` are the dataclasses whose instances go over the network, by the names that they have
    there; both sides have to know them.
    """

    def __init__(
        self,
        is_ref: Callable[[Any], bool],
        out: Callable[[Any], Address],
        into: Callable[[Address], Any],
        types: Mapping[str, type],
    ) -> None:
        self._is_ref = is_ref
        self._out = out
        self._into = into
        self._types = dict(types)
        self._names = {made: name for name, made in self._types.items()}
        self._decoder = msgspec.msgpack.Decoder(ext_hook=self._extension)

    def encode(self, value: object) -> msgspec.Raw:
        """The bytes of a value. Raises NotEncodable, which names the type."""
        return msgspec.Raw(_encoder.encode(self._plain(value, 0)))

    def decode(self, data: msgspec.Raw) -> Any:
        """The value in these bytes. Raises NotDecodable when there is none."""
        try:
            return self._decoder.decode(data)
        except (msgspec.DecodeError, RecursionError, TypeError, ValueError) as error:
            raise NotDecodable(f"no value: {error}") from None

    def _plain(self, value: object, depth: int) -> object:
        if value is None or value.__class__ in (bool, int, float, str, bytes):
            if value.__class__ is int and not -(2**63) <= value < 2**64:
                raise NotEncodable("int", "it is beyond 64 bits")
            return value
        if depth == MAX_DEPTH:
            raise NotEncodable(type(value).__name__, f"it is more than {MAX_DEPTH} values deep")
        deeper = depth + 1
        match value:
            case list():
                return [self._plain(item, deeper) for item in value]
            case tuple() if value.__class__ is tuple:
                return self._extend(TUPLE, [self._plain(item, deeper) for item in value])
            case dict():
                return {self._key(key): self._plain(item, deeper) for key, item in value.items()}
            case bytearray() | memoryview():
                return bytes(value)
        if self._is_ref(value):
            return self._extend(REF, self._out(value))
        name = self._names.get(type(value))
        if name is None or not is_dataclass(value):
            raise NotEncodable(type(value).__name__, "its class is not registered")
        given = {f.name: getattr(value, f.name) for f in fields(value) if f.init and f.compare}
        return self._extend(INSTANCE, [name, self._plain(given, deeper)])

    @staticmethod
    def _key(key: object) -> object:
        if key.__class__ not in (str, int, bytes, bool, float):
            raise NotEncodable(type(key).__name__, "it can't be a key")
        return key

    @staticmethod
    def _extend(code: int, value: object) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, _encoder.encode(value))

    def _extension(self, code: int, data: memoryview) -> Any:
        if code == REF:
            return self._into(msgspec.msgpack.decode(data, type=Address))
        items = self._decoder.decode(data)
        if code == TUPLE:
            return tuple(items)
        if code == INSTANCE:
            name, given = items
            made = self._types.get(name)
            if made is None:
                raise ValueError(f"the type {name!r} is not registered here")
            return made(**given)
        raise ValueError(f"unknown extension {code}")
