"""How plain data becomes bytes: msgpack, JSON, CBOR, or bytes as they are.

Pure. The name of a codec goes with its bytes, so that each node may write its own and reads all.
Damaged or hostile bytes are `NotDecodable`, and no more.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Literal, Protocol, get_args

import msgspec

from airssys_wasm.broker.errors import NotDecodable, NotEncodable
from airssys_wasm.broker.nodes.values import Values
from airssys_wasm.broker.nodes.wire import Packed

CodecName = Literal["msgpack", "json", "cbor", "raw"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
CBOR_TAG = 0x41530000  # the first of ours; those of 32 bits are for anybody
MARK = "$"  # of what is tagged in JSON


class Codec(Protocol):
    """Values to bytes and back."""

    def encode(self, value: object) -> bytes:
        """Raises NotEncodable."""
        ...

    def decode(self, data: bytes) -> Any:
        """Raises any error for bytes that are no value."""
        ...


class Codecs:
    """All codecs. What is packed is written by `name`, and by msgpack where that can't do it."""

    def __init__(self, values: Values, name: CodecName = "msgpack") -> None:
        if name not in CODECS:
            raise ValueError(f"codec: {name!r} is not {', '.join(CODECS)}")
        self._values = values
        self._made: dict[str, Codec] = {}
        self._name = name
        self._of_messages = self._codec(name)
        self._of_signals = self._codec("msgpack")

    def message(self, value: object) -> Packed:
        """A value of a user. Raises NotEncodable."""
        return Packed(self._name, self._of_messages.encode(value))

    def signal(self, value: object) -> Packed:
        """A value of the nodes' own: an exit reason, an error, a ref. Raises NotEncodable."""
        return Packed("msgpack", self._of_signals.encode(value))

    def unpacked(self, packed: Packed) -> Any:
        """The value. Raises NotDecodable."""
        try:
            return self._codec(packed.codec).decode(packed.data)
        except NotDecodable:
            raise
        except Exception as error:  # a constructor may raise anything
            raise NotDecodable(f"{packed.codec}: {type(error).__name__}: {error}") from None

    def _codec(self, name: str) -> Codec:
        codec = self._made.get(name)
        if codec is None:
            make: Callable[[Values], Codec]
            match name:
                case "msgpack":
                    make = Msgpack
                case "json":
                    make = Json
                case "cbor":
                    make = Cbor
                case "raw":
                    make = Raw
                case _:
                    raise NotDecodable(f"there is no codec {name[:40]!r}")
            codec = self._made[name] = make(self._values)
        return codec


class Msgpack:
    """Compact and quick; what is tagged is of an extension type."""

    def __init__(self, values: Values) -> None:
        self._plain = values.plain
        self._revive = values.revive
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._extension).decode

    def encode(self, value: object) -> bytes:
        """See `Codec.encode`."""
        try:
            return self._encode(self._plain(value, self._tag))
        except UnicodeEncodeError as error:
            raise NotEncodable("str", str(error)) from None

    def decode(self, data: bytes) -> Any:
        """See `Codec.decode`."""
        return self._decode(data)

    def _tag(self, code: int, content: Any) -> msgspec.msgpack.Ext:
        return msgspec.msgpack.Ext(code, self._encode(content))

    def _extension(self, code: int, data: memoryview) -> Any:
        return self._revive(code, self._decode(data))


class Json:
    """For people, and for programs that know nothing else. What is tagged is `{"$": [tag, …]}`."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._decode = msgspec.json.Decoder().decode

    def encode(self, value: object) -> bytes:
        """See `Codec.encode`."""
        try:
            return msgspec.json.encode(self._guarded(self._values.plain(value, self._tag)))
        except UnicodeEncodeError as error:
            raise NotEncodable("str", str(error)) from None

    def decode(self, data: bytes) -> Any:
        """See `Codec.decode`."""
        return self._revived(self._decode(data))

    @staticmethod
    def _tag(code: int, content: Any) -> Any:
        return _Marked(code, content)

    def _guarded(self, value: Any) -> Any:
        """As JSON has it: bytes in base 64, and numbers that are none as text."""
        match value:
            case _Marked(code=code, content=content):
                return {MARK: [code, self._guarded(content)]}
            case bytes():
                return {MARK: ["b", base64.b64encode(value).decode()]}
            case float() if value != value or value in (float("inf"), float("-inf")):
                return {MARK: ["f", repr(value)]}
            case list():
                return [self._guarded(item) for item in value]
            case dict():
                made = {key: self._guarded(item) for key, item in value.items()}
                return {MARK: ["d", made]} if MARK in made else made
        return value

    def _revived(self, value: Any) -> Any:
        match value:
            case list():
                return [self._revived(item) for item in value]
            case {"$": [code, content], **rest} if not rest:
                match code:
                    case "b":
                        return base64.b64decode(content, validate=True)
                    case "f":
                        return float(content)
                    case "d":
                        return {key: self._revived(item) for key, item in content.items()}
                return self._values.revive(code, self._revived(content))
            case dict():
                return {key: self._revived(item) for key, item in value.items()}
        return value


class _Marked:
    """What is tagged, on its way into JSON."""

    __match_args__ = ("code", "content")

    def __init__(self, code: int, content: Any) -> None:
        self.code = code
        self.content = content


class Cbor:
    """RFC 8949, by the extra `cbor`. What is tagged has a tag of ours."""

    def __init__(self, values: Values) -> None:
        try:
            import cbor2
        except ImportError:
            raise NotDecodable("the codec 'cbor' needs the extra airssys-wasm[cbor]") from None
        self._cbor = cbor2
        self._values = values

    def encode(self, value: object) -> bytes:
        """See `Codec.encode`."""
        try:
            return self._cbor.dumps(self._values.plain(value, self._tag))
        except UnicodeEncodeError as error:
            raise NotEncodable("str", str(error)) from None

    def decode(self, data: bytes) -> Any:
        """See `Codec.decode`."""
        return self._cbor.loads(data, tag_hook=self._untag, semantic_decoders=NO_TAGS)

    # The content is bytes of its own: the library would turn lists in a tag into tuples.

    def _tag(self, code: int, content: Any) -> Any:
        return self._cbor.CBORTag(CBOR_TAG + code, self._cbor.dumps(content))

    def _untag(self, tag: Any, _: object) -> Any:
        return self._values.revive(tag.tag - CBOR_TAG, self.decode(tag.value))


def _refuse(*_: object) -> Any:
    raise ValueError("a tag that is none of ours")


# What the library itself makes of tags: times, regular expressions, mails, cycles.
KNOWN_TAGS = (*range(6), 25, 28, 29, 30, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799)
NO_TAGS = dict.fromkeys(KNOWN_TAGS, _refuse)


class Raw:
    """Bytes, as they are."""

    def __init__(self, _: Values) -> None: ...

    def encode(self, value: object) -> bytes:
        """See `Codec.encode`."""
        if not isinstance(value, bytes | bytearray | memoryview):
            raise NotEncodable(type(value).__name__, "the codec 'raw' carries bytes and no more")
        return bytes(value)

    def decode(self, data: bytes) -> bytes:
        """See `Codec.decode`."""
        return data
