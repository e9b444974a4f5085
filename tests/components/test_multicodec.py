"""Payloads that begin with the code of their codec: checked against what the receiver declares."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.components import (
    Component,
    ComponentId,
    ComponentMessage,
    MessageMetadata,
    PayloadError,
)
from airssys_wasm.components.multicodec import CODES, check, multicodec, split, varint
from airssys_wasm.components.payload import MULTICODEC
from airssys_wasm.kernel import ActorRef
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

DESK = ComponentId("", "desk", "")
JSON = bytes.fromhex("8004")  # 0x0200
PROTOBUF = b"\x50"


@given(st.integers(min_value=0, max_value=2**63 - 1), st.binary())
def test_a_varint_is_read_as_it_was_written(number: int, rest: bytes) -> None:
    assert split(varint(number) + rest) == (number, rest)


@pytest.mark.parametrize(
    "payload",
    [b"", b"\x80", b"\xff" * 9 + b"\x01", b"\x80\x00", b"\xd5\x80\x00"],
    ids=["nothing", "cut short", "too long", "longer than it has to be", "so, too"],
)
def test_what_begins_with_no_code_is_refused(payload: bytes) -> None:
    with pytest.raises(PayloadError, match="does not begin with the code"):
        split(payload)


def test_the_codes_are_those_of_the_table() -> None:
    assert {name: hex(code) for name, code in CODES.items()} == {
        "protobuf": "0x50",
        "cbor": "0x51",
        "raw": "0x55",
        "json": "0x200",
        "msgpack": "0x201",
        "borsh": "0x701",
        "bincode": "0x702",
    }


def test_a_codec_that_was_not_declared_is_named_with_those_that_were() -> None:
    with pytest.raises(PayloadError) as caught:
        check(PROTOBUF + b"x", ("json", "cbor"))
    told = "the payload is protobuf (0x50), the receiver takes json (0x200), cbor (0x51)"
    assert caught.value.why == told
    with pytest.raises(PayloadError, match=r"the payload is 0x7b, the receiver takes raw \(0x55\)"):
        check(b"{}", ("raw",))


@pytest.mark.parametrize("codec", ["raw", "json", "msgpack", "cbor"])
def test_values_come_back_as_they_went(codec: Any) -> None:
    both = multicodec(codec, (codec,))
    value = b"value" if codec == "raw" else {"a": [1, None]}
    assert both.decode(both.encode(value)) == value


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"multicodec": ["xml"]}, "'xml' is not one of"),
        ({"multicodec": ["json"]}, "'raw', its own codec, is not in it"),
        ({"multicodec": "json"}, "write a list of codecs"),
    ],
)
def test_what_can_never_be_right_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        Component("prices.wasm", **options)


async def desk(stage: Stage, **options: Any) -> ActorRef[Any]:
    """It answers with what it got, and how."""
    options = {"codec": "json", "multicodec": ["json", "protobuf"], **options}
    return await stage.start(guests.takes_batches(), **options)


async def test_a_value_is_given_with_the_code_of_its_codec(stage: Stage) -> None:
    guest = await stage.start(guests.every_function(), codec="json", multicodec=["json"])
    with pytest.raises(PayloadError, match=r"does not begin|the payload is"):
        await guest.request("content-type")  # it answers with text that has no code


async def test_a_message_of_a_codec_that_it_declares_is_given_as_it_is(stage: Stage) -> None:
    guest = await desk(stage)
    message = ComponentMessage(DESK, PROTOBUF + b"\x08\x01", MessageMetadata())
    answer = await guest.request(message)
    assert answer.payload == b"message:" + PROTOBUF + b"\x08\x01"
    assert answer.metadata.content_type == MULTICODEC


@pytest.mark.parametrize("payload", [b"\x51\xf6", b"plain text", b""])
async def test_a_message_of_another_is_refused_and_hurts_nobody(
    stage: Stage, payload: bytes
) -> None:
    guest = await desk(stage)
    with pytest.raises(PayloadError):
        await guest.request(ComponentMessage(DESK, payload, MessageMetadata()))
    with pytest.raises(PayloadError):
        guest.send(ComponentMessage(DESK, payload, MessageMetadata()))
    assert stage.kernel.dead_letters.count == 0
    assert guest.is_alive


def test_a_python_actor_decodes_by_the_code() -> None:
    metadata = MessageMetadata(content_type=MULTICODEC)
    assert ComponentMessage(DESK, JSON + b'{"a":1}', metadata).decode() == {"a": 1}
    assert ComponentMessage(DESK, PROTOBUF + b"\x08\x01", metadata).decode() == b"\x08\x01"
