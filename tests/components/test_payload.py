"""Codecs: values to payloads and back, and what each of them refuses."""

import math
import sys
from dataclasses import dataclass

import pytest

from airssys_wasm.components import Component, ComponentMessage, MessageMetadata, PayloadError, cbor
from airssys_wasm.components.cbor import CodecUnavailable
from airssys_wasm.components.identity import NOBODY
from airssys_wasm.components.payload import CODECS, CodecName, failure_payload

VALUES = [None, True, 0, -(2**63), 1.5, "é", [], [1, [2]], {"a": {"b": None}}]


@dataclass
class Order:
    cents: int


class Opaque:
    pass


@pytest.mark.parametrize("codec", ["json", "msgpack", "cbor"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_come_back_as_they_went(codec: CodecName, value: object) -> None:
    assert CODECS[codec].decode(CODECS[codec].encode(value)) == value


@pytest.mark.parametrize("value", [b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")])
def test_raw_is_bytes_as_they_are(value: object) -> None:
    assert CODECS["raw"].encode(value) == b"\x00\xff"


def test_raw_takes_none_as_no_bytes() -> None:
    assert CODECS["raw"].encode(None) == b""


def test_a_dataclass_is_a_mapping() -> None:
    assert CODECS["json"].decode(CODECS["json"].encode(Order(250))) == {"cents": 250}


@pytest.mark.parametrize(
    ("codec", "value", "type_name"),
    [
        ("raw", "text", "str"),
        ("json", Opaque(), "Opaque"),
        ("json", [{"a": Opaque()}], "Opaque"),
        ("json", {"a": math.nan}, "float"),
        ("json", [None, [math.inf]], "float"),
        ("json", "\ud800", "str"),
        ("msgpack", {"a": Opaque()}, "Opaque"),
        ("msgpack", 2**70, "int"),
        ("cbor", [Opaque()], "Opaque"),
        ("cbor", "\ud800", "str"),
    ],
)
def test_what_a_codec_cannot_express_is_refused_with_the_name_of_its_type(
    codec: CodecName, value: object, type_name: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        CODECS[codec].encode(value)
    assert (caught.value.codec, caught.value.type_name) == (codec, type_name)


def test_a_value_that_contains_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append(circle)
    with pytest.raises(PayloadError):
        CODECS["json"].encode(circle)


def test_null_in_a_text_is_no_reason_to_refuse() -> None:
    assert CODECS["json"].encode({"null": [1.5, None]}) == b'{"null":[1.5,null]}'


@pytest.mark.parametrize(
    ("codec", "payload"),
    [
        ("json", b"{"),
        ("msgpack", b"\xc1"),
        ("cbor", b""),
        ("cbor", b"\x01\x02"),  # two items
        ("cbor", b"\xa2\x01\x02\x01\x03"),  # a key twice
        ("cbor", b"\xd8\x23\x61a"),  # a regular expression, by a tag
        ("cbor", b"\xd8\x1c\x81\xd8\x1d\x00"),  # a list of itself
        ("cbor", b"\x81" * 1000 + b"\x00"),
    ],
)
def test_a_payload_that_is_not_of_the_codec_is_refused(codec: CodecName, payload: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        CODECS[codec].decode(payload)
    assert caught.value.type_name is None


def message(payload: bytes, content_type: str | None) -> ComponentMessage:
    return ComponentMessage(NOBODY, payload, MessageMetadata(content_type=content_type))


@pytest.mark.parametrize(
    ("payload", "content_type", "value"),
    [
        (b"{}", None, b"{}"),
        (b"{}", "application/octet-stream", b"{}"),
        (b"{}", "application/json", {}),
        (b"\x80", "application/vnd.msgpack", {}),
        (b"\x80", "application/msgpack", {}),
        (b"\xa0", "application/cbor", {}),
    ],
)
def test_a_message_is_decoded_by_its_content_type(
    payload: bytes, content_type: str | None, value: object
) -> None:
    assert message(payload, content_type).decode() == value


def test_cbor_has_big_integers_and_bytes() -> None:
    value = {"n": -(2**70), "b": b"\xff"}
    assert CODECS["cbor"].decode(CODECS["cbor"].encode(value)) == value


def test_without_its_library_a_codec_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cbor.library.cache_clear()
    monkeypatch.setitem(sys.modules, "cbor2", None)
    with pytest.raises(CodecUnavailable, match=r"pip install 'airssys-wasm\[cbor\]'"):
        Component("prices.wasm", codec="cbor")
    monkeypatch.undo()
    assert Component("prices.wasm", codec="cbor").codec == "cbor"


def test_the_payload_of_a_failed_request_can_be_decoded() -> None:
    failed = message(failure_payload("timeout", "late"), "application/vnd.airssys.error+json")
    assert failed.decode() == {"error": "timeout", "detail": "late"}


def test_an_unknown_content_type_is_refused_by_name() -> None:
    with pytest.raises(PayloadError, match="text/html"):
        message(b"", "text/html").decode()
