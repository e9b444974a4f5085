"""How Python values become the payload of a message, and payloads become values.

Pure. A codec says so for one component; its content type travels with the message. What a codec
can't express is refused, never altered: JSON has no NaN, raw takes bytes alone (None is no bytes).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from airssys_wasm.components import cbor
from airssys_wasm.kernel.errors import AirssysError

CodecName = Literal["raw", "json", "msgpack", "cbor"]

BYTES = "application/octet-stream"
JSON = "application/json"
MSGPACK = "application/vnd.msgpack"  # as registered with IANA
CBOR = "application/cbor"
MULTICODEC = "application/vnd.airssys.multicodec"  # the payload says by its first bytes what it is
FAILURE = "application/vnd.airssys.error+json"  # of a callback that tells of a failed request
DOWN = "application/vnd.airssys.down+json"  # of one that tells of the end of who is monitored

_UNSUPPORTED = re.compile(r"Encoding objects of type (.+?) is unsupported")


class PayloadError(AirssysError, ValueError):
    """A value that the codec can't express (`type_name` is then what it met), or a payload that it
    can't read (`type_name` is None)."""

    def __init__(self, codec: str, why: str, type_name: str | None = None) -> None:
        super().__init__(f"codec {codec}: {why}")
        self.codec = codec
        self.why = why
        self.type_name = type_name


@dataclass(frozen=True, slots=True)
class Codec:
    """One way between values and payloads. All functions raise PayloadError.

    `accept` looks at a payload that somebody else made, before a component is given it.

    >>> CODECS["json"].encode({"id": 7}), CODECS["json"].decode(b"[1, null]")
    (b'{"id":7}', [1, None])
    """

    name: CodecName
    content_type: str
    encode: Callable[[object], bytes]
    decode: Callable[[bytes], Any]
    accept: Callable[[bytes], object] | None = None


def codec_for(content_type: str | None) -> Codec:
    """The codec that reads payloads of this content type; none given is raw bytes.

    Raises PayloadError for one that is not known.
    """
    if content_type is None:
        return CODECS["raw"]
    if content_type == MULTICODEC:
        from airssys_wasm.components.multicodec import decode_any  # it builds upon this module

        return Codec("raw", MULTICODEC, _encode_raw, decode_any)
    codec = _BY_TYPE.get(content_type)
    if codec is None:
        raise PayloadError("unknown", f"no codec reads {content_type!r}")
    return codec


def failure_payload(error: str, detail: str) -> bytes:
    """What a component is told of a request of its own that failed.

    >>> failure_payload("timeout", "no reply within 1 s")
    b'{"error":"timeout","detail":"no reply within 1 s"}'
    """
    return msgspec.json.encode({"error": error, "detail": detail})


def _encode_raw(value: object) -> bytes:
    if type(value) is bytes:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if value is None:
        return b""
    kind = type(value).__name__
    raise PayloadError("raw", f"takes bytes, not {kind}", kind)


def _decode_raw(payload: bytes) -> bytes:
    return payload


def _encode_json(value: object) -> bytes:
    payload = _encoded("json", msgspec.json.encode, value)
    # msgspec writes a number that JSON can't express as null; look for one only where it may be. To
    # look through 256 bytes takes twice as long as to encode them, and a text has no numbers.
    if value.__class__ is not str and b"null" in payload and _has_odd_number(value):
        raise PayloadError("json", "JSON has no infinite numbers and no NaN", "float")
    return payload


def _encode_msgpack(value: object) -> bytes:
    return _encoded("msgpack", msgspec.msgpack.encode, value)


def _encode_cbor(value: object) -> bytes:
    return _encoded("cbor", cbor.encode, value)


def _encoded(codec: CodecName, encode: Callable[[object], bytes], value: object) -> bytes:
    try:
        return encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        found = _UNSUPPORTED.search(str(error))
        kind = found[1].rpartition(".")[2] if found else type(value).__name__
        why = f"can't express {kind}" if found else f"can't express this {kind}: {error}"
        raise PayloadError(codec, why, kind) from error


def _decode_json(payload: bytes) -> Any:
    return _decoded("json", msgspec.json.decode, payload)


def _decode_msgpack(payload: bytes) -> Any:
    return _decoded("msgpack", msgspec.msgpack.decode, payload)


def _decode_cbor(payload: bytes) -> Any:
    return _decoded("cbor", cbor.decode, payload)


def _decoded(codec: CodecName, decode: Callable[[bytes], Any], payload: bytes) -> Any:
    try:
        return decode(payload)
    except (ValueError, RecursionError) as error:
        raise PayloadError(codec, f"the payload is not {codec}: {error}") from error


def _has_odd_number(value: object) -> bool:
    pending = [msgspec.to_builtins(value)]
    while pending:
        part = pending.pop()
        if isinstance(part, float):
            if not math.isfinite(part):
                return True
        elif isinstance(part, dict):
            pending += [*part.keys(), *part.values()]
        elif isinstance(part, list | tuple):
            pending += part
    return False


CODECS: dict[CodecName, Codec] = {
    "raw": Codec("raw", BYTES, _encode_raw, _decode_raw),
    "json": Codec("json", JSON, _encode_json, _decode_json),
    "msgpack": Codec("msgpack", MSGPACK, _encode_msgpack, _decode_msgpack),
    "cbor": Codec("cbor", CBOR, _encode_cbor, _decode_cbor),
}

_BY_TYPE = {codec.content_type: codec for codec in CODECS.values()} | {
    "application/msgpack": CODECS["msgpack"],
    "application/x-msgpack": CODECS["msgpack"],
    FAILURE: CODECS["json"],
    DOWN: CODECS["json"],
}
