"""Payloads that say by their first bytes which codec they are of.

Pure. A payload begins with the unsigned varint of its codec. The host compares that with what the
receiver declares, names both when they differ, and never translates.

Source: multiformats, "multicodec" and "unsigned-varint", for all but the last two, which the
original of this host has reserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from airssys_wasm.components.payload import CODECS, MULTICODEC, Codec, CodecName, PayloadError

MulticodecName = Literal["raw", "protobuf", "cbor", "json", "msgpack", "borsh", "bincode"]

CODES: dict[MulticodecName, int] = {
    "protobuf": 0x50,
    "cbor": 0x51,
    "raw": 0x55,
    "json": 0x0200,
    "msgpack": 0x0201,
    "borsh": 0x0701,
    "bincode": 0x0702,
}

_NAMES: dict[int, MulticodecName] = {number: name for name, number in CODES.items()}

_LONGEST = 9  # bytes of a varint, by its specification


def varint(number: int) -> bytes:
    """An unsigned varint: seven bits a byte, the lowest first.

    >>> varint(0x0200).hex()
    '8004'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def split(payload: bytes) -> tuple[int, bytes]:
    """The code that a payload begins with, and what comes after it.

    Raises PayloadError for one without, or with a varint that is longer than it has to be.

    >>> split(bytes.fromhex("80047b7d"))
    (512, b'{}')
    """
    number = 0
    for at, byte in enumerate(payload[:_LONGEST]):
        number |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            if at and not byte:
                break
            return number, payload[at + 1 :]
    raise PayloadError("multicodec", "the payload does not begin with the code of a codec")


def check(payload: bytes, declared: Sequence[MulticodecName]) -> tuple[MulticodecName, bytes]:
    """The codec of a payload, one of `declared`, and what comes after its code.

    Raises PayloadError, which names both, when it is none of them.
    """
    code, rest = split(payload)
    name = _NAMES.get(code)
    if name is None or name not in declared:
        given = f"0x{code:02x}" if name is None else f"{name} (0x{code:02x})"
        takes = ", ".join(f"{one} (0x{CODES[one]:02x})" for one in declared)
        raise PayloadError("multicodec", f"the payload is {given}, the receiver takes {takes}")
    return name, rest


def multicodec(codec: CodecName, declared: Sequence[MulticodecName]) -> Codec:
    """The codec of a component whose payloads say what they are, of one of `declared`.

    Python values become payloads by `codec`. What the component answers becomes a value by what it
    says it is; bytes where Python has no codec for that.
    """
    own = CODECS[codec]

    def encode(value: object) -> bytes:
        return varint(CODES[codec]) + own.encode(value)

    def decode(payload: bytes) -> Any:
        name, rest = check(payload, declared)
        return CODECS[name].decode(rest) if name in CODECS else rest

    def accept(payload: bytes) -> None:
        check(payload, declared)

    return Codec(codec, MULTICODEC, encode, decode, accept)


def decode_any(payload: bytes) -> Any:
    """The value of a payload of any codec that Python has; else the bytes after the code."""
    name, rest = check(payload, tuple(CODES))
    return CODECS[name].decode(rest) if name in CODECS else rest
