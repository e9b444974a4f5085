"""Acts: what a handler returned, and what that means. Decides only; asyncio is for its classes."""

from __future__ import annotations

from asyncio import Future, Task
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from airssys_wasm.kernel.errors import ExitActor, NotHandled
from airssys_wasm.kernel.message import KEPT, Continue, Failed, Next, Unhandled
from airssys_wasm.kernel.states import DEAD, ENDING, ENTRIES

if TYPE_CHECKING:
    from airssys_wasm.kernel.message import Envelope
    from airssys_wasm.kernel.ref import ActorRef

ANSWERS: Final = frozenset(
    {CoroutineType, Future, Task, Continue, Failed, Unhandled}
)  # returned values with a meaning


class Pending:
    """Instead of an answer: the reply was deferred, or the handler has suspended."""

    __slots__ = ("future",)

    def __init__(self, future: Future[Any]) -> None:
        self.future = future


def refuse_awaitable(answer: Any) -> None:
    """A plain receive returned an awaitable: it was written without `async`."""
    if answer.__class__ is CoroutineType:
        answer.close()
    problem = f"receive returned {answer!r}; make it async, and await that"
    raise ExitActor(("bad_return_value", problem))


def odd_answer(ref: ActorRef[Any], message: Any, answer: Any) -> None:
    """A returned value that means something, to a message that wanted no reply."""
    if answer.__class__ is Unhandled:
        ref._scheduler.kernel.reporting.unhandled(ref, message)
    elif answer.__class__ is Continue:
        continue_with(ref, answer)
    elif answer.__class__ is not Failed:
        refuse_awaitable(answer)


def continue_with(ref: ActorRef[Any], answer: Continue) -> None:
    """`handle_continue` is next, before all that is in the mailbox."""
    if not ref._mode & (ENDING | DEAD):
        ref._scheduler.end_batch(ref)
        ref._one = Next(answer.value)  # it is free: the actor runs, so what woke it is taken
        ref._mode |= ENTRIES


def checked(ref: ActorRef[Any], answer: Any) -> Any:
    """The answer to a request, where it is of the odd kind; raises what ends the actor."""
    if answer.__class__ is Continue:
        continue_with(ref, answer)
        return answer.reply
    if answer.__class__ is Unhandled:
        return unhandled(ref, answer.message, ref._ext().envelope)
    if answer.__class__ is not Failed:
        refuse_awaitable(answer)
    return answer


def unhandled(ref: ActorRef[Any], message: Any, envelope: Envelope | None) -> Any:
    """A request that the actor does not know ends it; a message that somebody keeps has failed."""
    if envelope is None or envelope.source is not KEPT:
        raise ExitActor(("unhandled_request", message))
    ref._scheduler.kernel.reporting.unhandled(ref, message)
    return Failed(NotHandled(ref, message))


def give_reply(ref: ActorRef[Any], future: Future[Any], answer: Any) -> None:
    """Answer a request, or leave it to the reply that the handler took."""
    extension = ref._extension
    if extension is not None and extension.deferred is not None:
        reply, extension.deferred = extension.deferred, None
        reply._bind(future, extension.open_replies())
    elif not future.done():
        if answer.__class__ is Failed:
            future.set_exception(answer.error)
        else:
            future.set_result(answer)
