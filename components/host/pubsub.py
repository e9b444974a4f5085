"""Acts: the functions of `pubsub`: to publish, and to get what others publish."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airssys_wasm.broker.errors import TopicError
from airssys_wasm.broker.topic import parse_pattern, parse_topic
from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.host.messaging_error import (
    DONE,
    delivery_failed,
    invalid_message,
    refused,
)

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller

INTERFACE = "airssys:core/pubsub"

MAX_SUBSCRIPTIONS = 1_000  # of one incarnation: the host remembers each, of up to 4,096 characters

NO_BROKER = delivery_failed("this system has no broker: a bare kernel runs the component")


class Pubsub:
    """`pubsub` for one incarnation."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def publish(self, topic: str, payload: bytes) -> Ok | Err:
        """`publish`: to all who subscribed, at once. Who has no room does not get it."""
        caller = self._caller
        try:
            parse_topic(topic)
        except TopicError as error:
            return invalid_message(shown(str(error)))
        refusal = caller.gate.refusal("pubsub.publish", "publish", topic, size=len(payload))
        if refusal is not None:
            return refused(refusal)
        if caller.broker is None:
            return NO_BROKER
        caller.broker.publish(topic, caller.message(payload))
        return DONE

    def subscribe(self, pattern: str) -> Ok | Err:
        """`subscribe`: until `unsubscribe`, or the end of this incarnation."""
        caller, broker = self._caller, self._caller.broker
        try:
            parse_pattern(pattern)
        except TopicError as error:
            return invalid_message(shown(str(error)))
        there = () if broker is None else broker.subscriptions(caller.ref)
        refusal = caller.gate.refusal(
            "pubsub.subscribe",
            "subscribe",
            pattern,
            within_quota=len(there) < MAX_SUBSCRIPTIONS or (pattern, None) in there,
        )
        if refusal is not None:
            return refused(refusal)
        if broker is None:
            return NO_BROKER
        if (pattern, None) not in there:
            broker.subscribe(pattern, caller.ref)
        return DONE

    def unsubscribe(self, pattern: str) -> Ok | Err:
        """`unsubscribe`: whoever made the subscription."""
        caller, broker = self._caller, self._caller.broker
        there = () if broker is None else broker.subscriptions(caller.ref)
        groups = [group for subscribed, group in there if subscribed == pattern]
        if broker is None or not groups:
            return invalid_message(f"this component has not subscribed to {shown(pattern, 256)!r}")
        for group in groups:
            broker.unsubscribe(pattern, caller.ref, group)
        return DONE

    FUNCTIONS: ClassVar[Functions] = {
        "publish": publish,
        "subscribe": subscribe,
        "unsubscribe": unsubscribe,
    }
