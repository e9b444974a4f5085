"""What a behaviour that runs foreign code needs of mailboxes beyond what an actor's author does.

A component asks others without waiting in its handler: its request is posted at once, so that it
keeps its place among the component's other messages, and the reply comes to its own mailbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.kernel.message import Envelope, Internal
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, ENDING, ENVELOPES, HeldQueue, is_idle

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.kernel import Kernel


def kernel_of(ref: ActorRef[Any]) -> Kernel:
    """The kernel that runs this actor."""
    return ref._scheduler.kernel


def post_request(ref: ActorRef[Any], message: Any) -> Future[Any]:
    """Put a request into the mailbox now; the future gets its reply, or the error.

    Nobody has to wait for it: cancel it, and the reply is dropped. Raises ActorExited when the
    actor is dead or about to be, MailboxFull when there is no room, whatever the policy.
    """
    if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):
        raise ActorExited(ref, "noproc")
    future: Future[Any] = ref._scheduler.future()
    envelope = Envelope(message, future, None)
    ref._offer(envelope, can_wait=False)
    if future.done():  # dropped by the overflow policy
        future.result()
    return future


def has_room(ref: ActorRef[Any], count: int = 1) -> bool:
    """Whether `count` messages can be sent now without MailboxFull."""
    if not isinstance(ref, BoundedRef) or ref._mailbox.overflow in ("drop_new", "drop_old"):
        return True
    return ref._load + count <= ref._room


def pass_on(ref: ActorRef[Any], message: Any, target: ActorRef[Any]) -> None:
    """Give what `ref` handles now to `target`, a request with the right to answer it.

    Its reply goes from `target` straight to who asked, and what the handler returns is for nobody.
    For an actor that asked to `see_requests`. Raises MailboxFull when there is no room.
    """
    envelope = request_in_hand(ref)
    if envelope is None:
        target._offer(message, can_wait=False)
        return
    passed = Envelope(message, envelope.future, envelope.source)
    target._offer(passed, can_wait=False)
    envelope.future = ref._scheduler.future()
    envelope.future.cancel()


def work_of(ref: ActorRef[Any]) -> int:
    """How much an actor has to do: what waits in its mailbox, and what it has not answered yet."""
    extension = ref._extension
    owed = len(extension.replies) if extension is not None and extension.replies else 0
    return ref.mailbox_length + max(owed, not is_idle(ref))


def is_open(ref: ActorRef[Any]) -> bool:
    """Whether the actor still takes messages: one that is ending does not."""
    return not ref._mode & (DEAD | ENDING)


def is_held(ref: ActorRef[Any]) -> bool:
    """Whether the actor has ended and its mailbox waits for the next incarnation, with messages."""
    return isinstance(ref._queue, HeldQueue)


def deliver_to_self(ref: ActorRef[Any], payload: object) -> None:
    """Queue `Internal(payload)` for the actor: in order of arrival, whatever its mailbox holds."""
    ref._deliver(Internal(payload))


def see_requests(ref: ActorRef[Any]) -> None:
    """Have each request come through the mailbox, so that `request_in_hand` knows of it."""
    ref._mode |= ENVELOPES


def request_in_hand(ref: ActorRef[Any]) -> Envelope | None:
    """The request under the handler of an actor that asked to `see_requests`; None for a send."""
    extension = ref._extension
    return extension.envelope if extension is not None else None
