"""Acts: the function of `calls`: to ask and wait. The guest is suspended, others run.

Always: of components that call one another none waits for itself. The call that would close the
circle fails at once; so does one to an actor in Python whose handler waits for the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.host.messaging_error import (
    QUEUE_FULL,
    WitId,
    delivery_failed,
    invalid_target,
    not_found,
    refused,
)
from airssys_wasm.components.host.replies import reply_message
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.message import ComponentMessage
from airssys_wasm.kernel.errors import ActorExited, MailboxFull, RequestTimeout
from airssys_wasm.kernel.posting import post_request, waits_for
from airssys_wasm.kernel.reasons import says

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.kernel.ref import ActorRef

INTERFACE = "airssys:core/calls"

DEFAULT_TIMEOUT = 5_000  # milliseconds, as for a request of an actor
MOST_OF_HOST_CALL = 0.9  # of the limit `host_call`, so that a late reply ends no incarnation

CYCLE = delivery_failed("busy: call cycle")

Waits = dict["ActorRef[Any]", "ActorRef[Any]"]  # whom each component waits for that has called


class Calls:
    """`calls` for one incarnation; `waits` are those of all components of the system."""

    __slots__ = ("_caller", "_waits")

    def __init__(self, caller: Caller, waits: Waits) -> None:
        self._caller = caller
        self._waits = waits

    async def call(self, target: WitId, payload: bytes, timeout_ms: int | None) -> Ok | Err:
        """`call`: the reply, or why there is none."""
        to = ComponentId(*target)
        invalid = invalid_target(to)
        if invalid is not None:
            return invalid
        caller = self._caller
        refusal = caller.gate.refusal("calls.call", "request", to, size=len(payload))
        if refusal is not None:
            return refused(refusal)
        ref = caller.find(to)
        if ref is None:
            return not_found(to)
        if self._closes_a_circle(ref):
            return CYCLE
        asked = DEFAULT_TIMEOUT if timeout_ms is None else timeout_ms
        timeout = min(asked / 1000, caller.limits.host_call * MOST_OF_HOST_CALL)
        id = caller.kernel.platform.new_id()
        self._waits[caller.ref] = ref
        try:
            reply = await self._reply(ref, payload, id, timeout)
            return Ok(_payload(reply_message(caller, to, reply)) if reply is not None else None)
        except MailboxFull:
            return QUEUE_FULL
        except RequestTimeout:
            return Err(Variant("correlation-timeout", id))
        except ActorExited as ended:
            if says(ended.reason, "noproc"):
                return not_found(to)
            return delivery_failed(shown(f"{to} ended: {ended.reason}"))
        except Exception as error:  # what the target answered with, or an answer that can't be told
            return delivery_failed(shown(f"{type(error).__name__}: {error}"))
        finally:
            del self._waits[caller.ref]

    async def _reply(self, ref: ActorRef[Any], payload: bytes, id: str, timeout: float) -> Any:
        """What the target answers to the request `id`. Raises RequestTimeout."""
        kernel = self._caller.kernel
        future = post_request(ref, self._caller.message(payload, id))

        def expired(_: object) -> None:
            if not future.done():
                future.set_exception(RequestTimeout(ref, timeout))

        timer = kernel.timers.wake_at(kernel.platform.now() + timeout, expired)
        try:
            return await future
        finally:
            kernel.timers.cancel(timer)

    def _closes_a_circle(self, target: ActorRef[Any]) -> bool:
        """Whether `target` waits for the caller, itself or through those that it waits for."""
        seen: set[ActorRef[Any]] = set()
        at: ActorRef[Any] | None = target
        while at is not None and at not in seen:
            if at is self._caller.ref:
                return True
            seen.add(at)
            at = self._waits.get(at) or waits_for(at)
        return False

    FUNCTIONS: ClassVar[Functions] = {
        "call": call,
    }


def _payload(message: ComponentMessage) -> bytes | None:
    """A component that answers with nothing sends an empty message of no type."""
    nothing = not message.payload and message.metadata.content_type is None
    return None if nothing else message.payload
