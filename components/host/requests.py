"""Acts: the requests of one incarnation that have no callback yet.

Always:
  - each request gets exactly one callback, or none because it was cancelled or the incarnation
    ended; it takes its place in the component's own mailbox when the answer is there;
  - a request is in the target's mailbox when `begin` returns, after what was sent before it;
  - nothing is left of an incarnation: its timers are gone, and late answers are dropped.
"""

from __future__ import annotations

from asyncio import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.errors import PayloadTooLarge
from airssys_wasm.components.host.replies import reply_message
from airssys_wasm.components.message import ComponentMessage, MessageMetadata
from airssys_wasm.components.payload import FAILURE, PayloadError, failure_payload
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.kernel.posting import deliver_to_self, post_request
from airssys_wasm.kernel.reasons import says

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

MAX_PENDING = 10_000  # requests without a callback; what a component can make the host remember

FailureKind = Literal["timeout", "target-not-found", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Callback:
    """An entry of the component's mailbox: the answer to the request `id`."""

    id: str
    message: ComponentMessage


@dataclass(slots=True)
class _Pending:
    target: ComponentId
    future: Future[Any]
    timer: TimerRef | None = None


class Requests:
    """What is pending. Made for one incarnation, closed at its end."""

    __slots__ = ("_caller", "_pending")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._pending: dict[str, _Pending] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def has_room(self) -> bool:
        """Whether one more may be pending."""
        return len(self._pending) < MAX_PENDING

    def begin(self, target: ComponentId, ref: ActorRef[Any], payload: bytes, timeout: float) -> str:
        """Ask, and return the id of the request, which is its correlation id.

        Raises ActorExited when `ref` is dead, MailboxFull when it has no room.
        """
        kernel = self._caller.kernel
        id = kernel.platform.new_id()
        future = post_request(ref, self._caller.message(payload, id))
        pending = self._pending[id] = _Pending(target, future)

        def expired(_: TimerRef) -> None:
            self._answered(id, self._failure(target, "timeout", f"no reply within {timeout:g} s"))

        def settled(future: Future[Any]) -> None:
            error = None if future.cancelled() else future.exception()
            if id in self._pending:
                self._answered(id, self._answer(pending, future, error))

        pending.timer = kernel.timers.wake_at(kernel.platform.now() + timeout, expired)
        future.add_done_callback(settled)
        return id

    def cancel(self, id: str) -> bool:
        """No callback will come. False when there is no such request, or its callback came."""
        pending = self._pending.pop(id, None)
        if pending is None:
            return False
        self._drop(pending)
        return True

    def take(self, callback: Callback) -> bool:
        """Whether this callback is due: of this incarnation, and not cancelled meanwhile."""
        return self._pending.pop(callback.id, None) is not None

    def close(self) -> int:
        """Forget all; how many callbacks will therefore never come."""
        count = len(self._pending)
        for pending in self._pending.values():
            self._drop(pending)
        self._pending.clear()
        return count

    def _drop(self, pending: _Pending) -> None:
        if pending.timer is not None:
            self._caller.kernel.timers.cancel(pending.timer)
            pending.timer = None
        pending.future.cancel()

    def _answered(self, id: str, message: ComponentMessage) -> None:
        pending = self._pending[id]
        if pending.timer is None:
            return  # answered before; the callback is in the mailbox
        self._drop(pending)
        deliver_to_self(self._caller.ref, Callback(id, self._with_id(message, id)))

    def _answer(
        self, pending: _Pending, future: Future[Any], error: BaseException | None
    ) -> ComponentMessage:
        """The reply of the target as a message, or what became of the request."""
        target = pending.target
        if future.cancelled():
            return self._failure(target, "cancelled", "the request was cancelled")
        if isinstance(error, ActorExited):
            kind: FailureKind = "target-not-found" if says(error.reason, "noproc") else "failed"
            return self._failure(target, kind, f"{target} ended: {error.reason}")
        if error is not None:
            return self._failure(target, "failed", f"{type(error).__name__}: {error}")
        try:
            return reply_message(self._caller, target, future.result())
        except (PayloadError, PayloadTooLarge) as unfit:
            return self._failure(target, "failed", str(unfit))

    def _failure(self, target: ComponentId, kind: FailureKind, detail: str) -> ComponentMessage:
        payload = failure_payload(kind, shown(detail))
        return ComponentMessage(target, payload, MessageMetadata(content_type=FAILURE))

    def _with_id(self, message: ComponentMessage, id: str) -> ComponentMessage:
        metadata = MessageMetadata(
            id, None, self._caller.kernel.platform.timestamp(), message.metadata.content_type
        )
        return ComponentMessage(message.sender, message.payload, metadata)
