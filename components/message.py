"""A message as components send it and get it: a sender, bytes, and what the host knows of them.

Pure. Always: sender and metadata are set by the host, never by a guest. A correlation id is there
only in requests and callbacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.payload import PayloadError, codec_for

# The records component-message, text-message and text-messages, as the engine takes them.
WitTimestamp = tuple[int, int]
WitMetadata = tuple[str | None, ComponentId | None, WitTimestamp, str | None]
WitMessage = tuple[ComponentId, bytes, WitMetadata]
WitText = tuple[ComponentId, str, WitMetadata]
WitTexts = tuple[ComponentId, str, list[int], WitMetadata]

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class MessageMetadata:
    """`timestamp` is wall-clock seconds since 1970-01-01 UTC. `reply_to` is who asks."""

    correlation_id: str | None = None
    reply_to: ComponentId | None = None
    timestamp: float = 0.0
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ComponentMessage:
    """What an actor gets from a component, and what a component answers to one.

    Sent on to another component it keeps its sender and its bytes.
    """

    sender: ComponentId
    payload: bytes
    metadata: MessageMetadata = MessageMetadata()

    def decode(self) -> Any:
        """The payload as a value, by its content type; bytes where that is none.

        Raises PayloadError for a content type that is not known, or a payload that is not of it.

        >>> sender = ComponentId("", "prices", "")
        >>> metadata = MessageMetadata(content_type="application/json")
        >>> ComponentMessage(sender, b'{"cents": 250}', metadata).decode()
        {'cents': 250}
        """
        return codec_for(self.metadata.content_type).decode(self.payload)


def sendable(message: ComponentMessage) -> ComponentMessage:
    """The message, its payload as bytes. Raises PayloadError for what no component can be given.

    Whoever makes a ComponentMessage in Python can put anything into it, text that is no Unicode
    too; it must not end the component that gets it.

    >>> sendable(ComponentMessage(ComponentId("", "desk", ""), bytearray(b"hey"))).payload
    b'hey'
    """
    metadata, payload = message.metadata, message.payload
    try:
        namespace, name, instance = ComponentId(*message.sender)
        for text in (namespace, name, instance):
            text.encode()
        for optional in (metadata.correlation_id, metadata.content_type):
            if optional is not None:
                optional.encode()
    except (TypeError, ValueError, AttributeError) as error:
        raise _unfit(f"this message can't be sent: {error}") from error
    if payload.__class__ is bytes:
        return message
    if isinstance(payload, bytes | bytearray | memoryview):
        return replace(message, payload=bytes(payload))
    raise _unfit(f"the payload of a message is bytes, not {type(payload).__name__}")


def _unfit(why: str) -> PayloadError:
    return PayloadError("raw", why, ComponentMessage.__name__)


def wit_timestamp(seconds: float) -> WitTimestamp:
    """A time as the record `timestamp`.

    >>> wit_timestamp(2.5)
    (2, 500000000)
    """
    whole = int(seconds)
    return whole, min(int((seconds - whole) * NANO), NANO - 1)


def wit_message(
    sender: ComponentId,
    payload: bytes,
    now: float,
    content_type: str | None,
    correlation_id: str | None = None,
    reply_to: ComponentId | None = None,
) -> WitMessage:
    """The record `component-message` for the guest, delivered at `now`."""
    seconds = int(now)  # `wit_timestamp`, without the call: this is for every message
    nanoseconds = int((now - seconds) * NANO)
    if nanoseconds >= NANO:
        nanoseconds = NANO - 1
    return sender, payload, (correlation_id, reply_to, (seconds, nanoseconds), content_type)
