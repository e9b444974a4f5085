"""What comes back to a component that has asked: a message, whoever answered and with what.

Pure, but for the clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.components.engine.limits import payload_limit
from airssys_wasm.components.errors import PayloadTooLarge
from airssys_wasm.components.message import ComponentMessage, MessageMetadata, sendable

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId


def reply_message(caller: Caller, target: ComponentId, reply: Any) -> ComponentMessage:
    """The reply of `target` as `caller` can be given it.

    Raises PayloadError for what its codec can't express, PayloadTooLarge for what it does not take.
    """
    if isinstance(reply, ComponentMessage):
        message = sendable(ComponentMessage(target, reply.payload, reply.metadata))
        nothing = not message.payload and message.metadata.content_type is None
        if caller.codec.accept is not None and not nothing:
            caller.codec.accept(message.payload)
    else:
        metadata = MessageMetadata(content_type=caller.codec.content_type)
        message = ComponentMessage(target, caller.codec.encode(reply), metadata)
    limit = payload_limit(caller.limits, len(message.payload))
    if limit is not None:
        raise PayloadTooLarge(len(message.payload), caller.limits.payload)
    return message
