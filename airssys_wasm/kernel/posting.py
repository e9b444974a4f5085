"""What a behaviour that runs foreign code needs of mailboxes beyond what an actor's author does.

A component asks others without waiting in its handler: its request is posted at once, so that it
keeps its place among the component's other messages, and the reply comes to its own mailbox. And
it may take several of its messages in one push.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.errors import ActorExited, reason_of
from airssys_wasm.kernel.message import SIGNALS, Envelope, Failed, Internal, Stamped
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import (
    DEAD,
    ENDING,
    ENVELOPES,
    NOTHING,
    OWN,
    SUSPENDED,
    WATCHED,
    HeldQueue,
    is_idle,
)

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


def next_waiting(ref: ActorRef[Any]) -> Any:
    """What a handler can take together with the message it handles: the next one in the mailbox.

    NOTHING when there is none, and when what comes next is for the kernel to look at: a signal, a
    stop, a message with a deadline or a priority. For an actor that asked to `see_requests`.
    """
    if ref._mode & (ENDING | DEAD | SUSPENDED | WATCHED | OWN):
        return NOTHING
    entry = ref._one
    if entry is NOTHING:
        queue = ref._queue
        if not queue or queue.__class__ not in (list, deque):
            return NOTHING
        entry = queue[0]
    return NOTHING if entry.__class__ in SIGNALS or entry.__class__ is Stamped else entry


def take_waiting(ref: ActorRef[Any]) -> Any:
    """Take off what `next_waiting` has shown, a message or the `Envelope` of a request.

    Whoever takes it has handled it, and answers the request with `answer_taken`, or says with
    `fail_taken` that it has not.
    """
    entry: Any = ref._one
    if entry is not NOTHING:
        ref._one = NOTHING
    else:
        queue: Any = ref._queue
        if queue.__class__ is list:
            queue = ref._queue = deque(queue)
        entry = queue.popleft()
    if isinstance(ref, BoundedRef):
        ref._taken()
    ref._scheduler.handled += 1
    return entry


def answer_taken(envelope: Envelope, answer: object) -> None:
    """Answer a request that was taken with others, as a handler that returns `answer` does."""
    if envelope.future.done():
        return
    if isinstance(answer, Failed):
        envelope.future.set_exception(answer.error)
    else:
        envelope.future.set_result(answer)


def fail_taken(ref: ActorRef[Any], entries: Sequence[Any], error: BaseException) -> None:
    """`error` ends the actor: what it had taken becomes dead letters, as the message in hand."""
    reason = ref._end.reason if ref._mode & (DEAD | ENDING) else reason_of(error)
    kernel = ref._scheduler.kernel
    ref._scheduler.handled -= len(entries)
    for entry in entries:
        kernel.reporting.dead_letter(entry, ref, reason, crashed=True)


def waits_for(ref: ActorRef[Any]) -> ActorRef[Any] | None:
    """Of whom the handler of `ref` has requested something that it waits for; None: of nobody."""

    chain = ref._scheduler.requests.timed_out(ref, 0.0).chain
    asked = chain[0] if chain else None
    return asked if isinstance(asked, ActorRef) else None
