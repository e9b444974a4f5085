"""What a guest is given of a message of its mailbox, and what its answer is to who asked.

Pure, but for the clock and the ids of the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.limits import payload_limit
from airssys_wasm.components.engine.values import Err, Variant
from airssys_wasm.components.errors import ComponentError, PayloadTooLarge
from airssys_wasm.components.identity import NOBODY, publication_id, sender_id
from airssys_wasm.components.message import (
    ComponentMessage,
    MessageMetadata,
    WitMessage,
    WitText,
    sendable,
    wit_message,
)
from airssys_wasm.components.payload import JSON, PayloadError
from airssys_wasm.kernel.message import Failed

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.components.payload import Codec
    from airssys_wasm.kernel.errors import AirssysError
    from airssys_wasm.kernel.message import Envelope

# Sender, payload and content type.
Content = tuple["ComponentId", bytes, str | None]


class Refused(NamedTuple):
    """A message that the guest is not told of: the error for who asked, the reason for others."""

    message: Any
    request: Envelope | None
    reason: object
    error: AirssysError


def incoming(caller: Caller, message: Any, request: Envelope | None) -> WitMessage | Refused:
    """What `caller` is given of `message`; refused if its codec can't express it, or it is large.

    `request` is the request that it is, None if it was sent.
    """
    content = contents(caller, message, request)
    if isinstance(content, Refused):
        return content
    sender, payload, content_type = content
    correlation = reply_to = None
    platform = caller.kernel.platform
    if request is not None:
        forwarded = message.__class__ is ComponentMessage
        asked = message.metadata.correlation_id if forwarded else None
        correlation = asked or platform.new_id()
        reply_to = None if sender == NOBODY else sender
    now = platform.timestamp()
    return wit_message(sender, payload, now, content_type, correlation, reply_to)


def contents(caller: Caller, message: Any, request: Envelope | None) -> Content | Refused:
    """Sender, payload and content type of a message, as for `incoming`."""
    codec, kind = caller.codec, message.__class__
    try:
        if kind is Published or kind is ComponentMessage:
            content = _forwarded(codec, message)
        else:
            sender = NOBODY if request is None else _source(request)
            content = sender, codec.encode(message), codec.content_type
    except PayloadError as error:
        return Refused(message, request, ("unencodable", error.type_name), error)
    size = len(content[1])
    if size > caller.limits.payload:
        limit = payload_limit(caller.limits, size)
        return Refused(message, request, limit, PayloadTooLarge(size, caller.limits.payload))
    return content


def as_text(given: WitMessage) -> WitText | None:
    """The record for `handle-text`; None for what is not said to be text, or is no UTF-8.

    >>> nobody, metadata = NOBODY, (None, None, (0, 0), "text/plain; charset=utf-8")
    >>> as_text((nobody, b"hey", metadata))[1], as_text((nobody, bytes([255]), metadata))
    ('hey', None)
    """
    sender, payload, metadata = given
    content_type = metadata[3]
    if content_type is None or not (content_type == JSON or content_type.startswith("text/")):
        return None
    try:
        return sender, payload.decode(), metadata
    except UnicodeDecodeError:
        return None


def reply_of(caller: Caller, message: Any, payload: bytes | None) -> object:
    """What the guest returned, as the answer to the request `message`; Failed if it is none."""
    if message.__class__ is ComponentMessage:
        content_type = None if payload is None else caller.codec.content_type
        return ComponentMessage(
            caller.id, payload or b"", MessageMetadata(content_type=content_type)
        )
    if payload is None:
        return None
    try:
        return caller.codec.decode(payload)
    except PayloadError as error:
        return Failed(error)


def error_of(function: str, result: object) -> ComponentError | None:
    """The error that the guest answered with; None for `ok`."""
    if not isinstance(result, Err):
        return None
    error = result.value
    assert isinstance(error, Variant)
    detail = "" if error.payload is None else shown(str(error.payload))
    return ComponentError(function, error.case, detail)


def _source(request: Envelope) -> ComponentId:
    return NOBODY if request.source is None else sender_id(request.source.name)


def encoded(codec: Codec, content: Any) -> tuple[bytes, str | None]:
    """Payload and content type of a message, whoever made it. Raises PayloadError."""
    if content.__class__ is not ComponentMessage:
        return codec.encode(content), codec.content_type
    message = sendable(content)
    if codec.accept is not None:
        codec.accept(message.payload)
    return message.payload, message.metadata.content_type


def _forwarded(codec: Codec, message: Published | ComponentMessage) -> Content:
    """Sender, payload and content type of what has them, or was published. Raises PayloadError."""
    content = message.message if isinstance(message, Published) else message
    payload, content_type = encoded(codec, content)
    if isinstance(message, Published):
        return publication_id(message.topic), payload, content_type
    return message.sender, payload, content_type
