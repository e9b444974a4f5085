"""CBOR as a codec of payloads, with the library of the extra `cbor`.

Pure. A payload is one item of plain values: tags are refused, since what they stand for (regular
expressions, references, dates) is more than a guest may make the host build; but big integers.

Source: RFC 8949, sections 3.1 and 3.4.
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any

import msgspec

from airssys_wasm.kernel.errors import AirssysError

# What cbor2 knows by itself, but bignums (2 and 3).
_TAGS = (
    *(0, 1, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54),
    *(100, 256, 258, 260, 261, 1004, 43000, 55799),
)
_DEEPEST = 400  # containers in one another


class CodecUnavailable(AirssysError):
    """The codec needs a library that is not installed."""

    def __init__(self, codec: str) -> None:
        super().__init__(
            f"the codec {codec} needs cbor2: python -m pip install 'airssys-wasm[{codec}]'"
        )
        self.codec = codec


@cache
def library() -> Any:
    """The module cbor2. Raises CodecUnavailable."""
    try:
        import cbor2
    except ImportError as error:
        raise CodecUnavailable("cbor") from error
    return cbor2


def encode(value: object) -> bytes:
    """One item. Raises TypeError or ValueError, as msgspec does, for what CBOR can't express."""
    cbor2 = library()
    plain = msgspec.to_builtins(value, builtin_types=(bytes, bytearray))
    try:
        encoded: bytes = cbor2.dumps(plain)
    except cbor2.CBOREncodeError as error:
        raise ValueError(str(error)) from error
    return encoded


def decode(payload: bytes) -> Any:
    """The value of one item. Raises ValueError for anything else."""
    cbor2 = library()
    source = BytesIO(payload)
    try:
        decoder = cbor2.CBORDecoder(
            source,
            tag_hook=_refuse,
            semantic_decoders=dict.fromkeys(_TAGS, _refuse),
            max_depth=_DEEPEST,
            allow_duplicate_keys=False,
        )
        value = decoder.decode()
    except cbor2.CBORDecodeError as error:
        why = error.__cause__ or error
        raise ValueError(str(why)) from error
    if source.tell() != len(payload):
        raise ValueError("something comes after the item")
    return value


def _refuse(*_: object) -> None:
    raise ValueError("it has a tag: only plain values are read")
