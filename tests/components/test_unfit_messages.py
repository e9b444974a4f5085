"""Messages of Python actors that no component can be given are refused, and end no component."""

from typing import Any

import pytest

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components import (
    Capabilities,
    ComponentMessage,
    MessageMetadata,
    MessagingGrant,
    PayloadError,
    StatisticsRequest,
)
from airssys_wasm.components.identity import ComponentId
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

ASKER = ComponentId("", "asker", "")
NO_TEXT = "\udc80"  # a lone surrogate, which is no Unicode text
UNFIT: dict[str, Any] = {
    "a content type that is no text": ComponentMessage(
        ASKER, b"", MessageMetadata(content_type=NO_TEXT)
    ),
    "a correlation id that is no text": ComponentMessage(
        ASKER, b"", MessageMetadata(correlation_id=NO_TEXT)
    ),
    "a sender that is no text": ComponentMessage(ComponentId("", NO_TEXT, ""), b""),
    "a sender of numbers": ComponentMessage((1, 2, 3), b""),  # type: ignore[arg-type]
    "a sender in two parts": ComponentMessage(("a", "b"), b""),  # type: ignore[arg-type]
    "a payload that is text": ComponentMessage(ASKER, "text"),  # type: ignore[arg-type]
    "no metadata": ComponentMessage(ASKER, b"", None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("message", UNFIT.values(), ids=UNFIT)
async def test_a_message_that_no_component_can_be_given_is_refused_and_the_component_lives(
    stage: Stage, message: Any
) -> None:
    guest = await stage.start(guests.echo())
    with pytest.raises(PayloadError):
        await guest.request(message)
    with pytest.raises(PayloadError):
        guest.send(message)
    guest.send(Published("orders", message))
    assert await guest.request(b"ok") == b"1:ok"
    reasons = [letter.reason for letter in stage.kernel.dead_letters.recent()]
    assert reasons == [("unencodable", "ComponentMessage")]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
async def test_a_payload_may_be_anything_like_bytes(stage: Stage, kind: Any) -> None:
    guest = await stage.start(guests.echo())
    assert await guest.request(kind(b"hey")) == b"1:hey"
    reply = await guest.request(ComponentMessage(ASKER, kind(b"hey")))
    assert reply.payload == b"2:hey"


async def test_an_answer_that_is_no_text_is_a_request_that_failed(stage: Stage) -> None:
    stage.record("peer", answer=ComponentMessage(ASKER, b"", MessageMetadata(content_type=NO_TEXT)))
    grant = Capabilities(MessagingGrant(request=["peer"]))
    guest = await stage.start(guests.every_function(), capabilities=grant)
    await guest.request(b"request:peer:60000:ping")
    while not (await guest.request(StatisticsRequest())).callbacks:
        await stage.until(lambda: True)
    told = await guest.request(b"callbacks")
    assert b'application/vnd.airssys.error+json {"error":"failed"' in told
