"""Another handler for an actor's messages, while it runs.

Source: Hewitt's actors, "become"; Akka, "Become/Unbecome". Here one handler replaces the other,
and `unbecome` goes back to `receive`: there is no stack to lose count of.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.states import ASYNC, ENVELOPES, PROCESS, SPECIAL

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


def become(ref: ActorRef[Any], handler: Callable[[Any], object] | None) -> None:
    """Handle messages with `handler` from the next one on; None: with `receive`."""
    if ref._mode & PROCESS:
        raise TypeError("a process function takes its messages itself; it can't become")
    if ref._mode & ENVELOPES:
        raise TypeError("a state machine has states; it can't become")
    actor = ref._receive.__self__
    if handler is None:
        handler = actor.receive
    if getattr(handler, "__self__", None) is not actor:
        raise TypeError(f"{handler!r} is not a method of {actor!r}")
    ref._scheduler.end_batch(ref)
    ref._receive = handler
    # SPECIAL takes it out of the loop that it may run in, which knows the old handler only.
    ref._mode = ref._mode & ~ASYNC | SPECIAL | (ASYNC if iscoroutinefunction(handler) else 0)
