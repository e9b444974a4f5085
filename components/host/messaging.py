"""Acts: the functions of `host-messaging`: to send, to ask, to tell many, and who one is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from airssys_wasm.broker.errors import TooLarge
from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.host.messaging_error import (
    DONE,
    QUEUE_FULL,
    WitId,
    invalid_message,
    invalid_target,
    not_found,
    refused,
)
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.payload import PayloadError
from airssys_wasm.kernel.checked_ref import check_message
from airssys_wasm.kernel.errors import ActorExited, MailboxFull
from airssys_wasm.kernel.posting import has_room
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.host.requests import Requests

INTERFACE = "airssys:core/host-messaging"
MAX_TARGETS = 1_000  # of one broadcast


class Messaging:
    """`host-messaging` for one incarnation."""

    __slots__ = ("_caller", "_requests")

    def __init__(self, caller: Caller, requests: Requests) -> None:
        self._caller = caller
        self._requests = requests

    def send(self, target: WitId, payload: bytes) -> Ok | Err:
        """`send`: one message, at once. A full mailbox is `queue-full`."""
        to = ComponentId(*target)
        invalid = invalid_target(to)
        if invalid is not None:
            return invalid
        caller = self._caller
        refusal = caller.gate.refusal("host-messaging.send", "send", to, size=len(payload))
        if refusal is not None:
            return refused(refusal)
        receiver = caller.receiver(to)
        if receiver is None:
            return not_found(to)
        try:
            receiver.send(caller.message(payload))
        except MailboxFull:
            return QUEUE_FULL
        except TooLarge as error:
            return invalid_message(str(error))
        except PayloadError as error:  # of a receiver that declares other codecs
            return invalid_message(shown(str(error)))
        return DONE

    def request(self, target: WitId, payload: bytes, timeout_ms: int) -> Ok | Err:
        """`request`: the id at once, the answer later as a callback."""
        to = ComponentId(*target)
        invalid = invalid_target(to)
        if invalid is not None:
            return invalid
        caller, requests = self._caller, self._requests
        refusal = caller.gate.refusal(
            "host-messaging.request",
            "request",
            to,
            size=len(payload),
            within_quota=requests.has_room,
        )
        if refusal is not None:
            return refused(refusal)
        ref = caller.find(to)
        if ref is None:
            return not_found(to)
        try:
            return Ok(requests.begin(to, ref, payload, timeout_ms / 1000))
        except ActorExited:
            return not_found(to)
        except MailboxFull:
            return QUEUE_FULL

    def cancel_request(self, id: str) -> Ok | Err:
        """`cancel-request`: no callback comes afterwards."""
        if self._requests.cancel(id):
            return DONE
        return invalid_message(f"no request of this component is pending as {shown(id, 64)!r}")

    def broadcast(self, targets: list[WitId], payload: bytes) -> Ok | Err:
        """`broadcast`: to all, or to none when one may not be sent to, is not there or is full."""
        if len(targets) > MAX_TARGETS:
            return invalid_message(f"a broadcast has at most {MAX_TARGETS} targets")
        caller = self._caller
        ids = [ComponentId(*target) for target in targets]
        for to in ids:
            invalid = invalid_target(to)
            if invalid is not None:
                return invalid
        refusal = caller.gate.refusal_of_any(
            "host-messaging.broadcast", "send", ids, size=len(payload)
        )
        if refusal is not None:
            return refused(refusal)
        found = [caller.receiver(to) for to in ids]
        receivers = [receiver for receiver in found if receiver is not None]
        if len(receivers) < len(found):
            return not_found(ids[found.index(None)])
        refs = Counter(ref for ref in receivers if isinstance(ref, ActorRef))
        if not all(has_room(ref, copies) for ref, copies in refs.items()):
            return QUEUE_FULL
        message = caller.message(payload)
        try:
            for ref in refs:
                check_message(ref, message)
        except PayloadError as error:
            return invalid_message(shown(str(error)))
        for receiver in receivers:
            receiver.send(message)
        return DONE

    def self_id(self) -> ComponentId:
        """`self-id`: always allowed."""
        return self._caller.id

    FUNCTIONS: ClassVar[Functions] = {
        "send": send,
        "request": request,
        "cancel-request": cancel_request,
        "broadcast": broadcast,
        "self-id": self_id,
    }
