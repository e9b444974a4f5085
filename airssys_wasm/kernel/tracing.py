"""What an actor does, told message by message to those who trace it, while they do.

An actor that nobody traces pays nothing: a traced one takes another path through the scheduler.

Source: Erlang/OTP, sys(3), `trace`, `log` and `install`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airssys_wasm.kernel.states import WATCHED

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """A handler is about to get `message` (`"in"`), or is through with it.

    `result` is what it returned (`"out"`), or the exception that left it (`"raised"`). A process
    function is through with a message when it asks for the next; its result is None.
    """

    ref: ActorRef[Any]
    event: Literal["in", "out", "raised"]
    message: object
    result: object = None


class Trace:
    """One trace of one actor, until `stop` or the end of the actor."""

    __slots__ = ("_callback", "ref")

    def __init__(self, ref: ActorRef[Any], callback: Callable[[TraceEvent], object]) -> None:
        self.ref = ref
        self._callback = callback

    @property
    def is_active(self) -> bool:
        """Whether it is told of messages still."""
        extension = self.ref._extension
        return extension is not None and self in (extension.traces or ())

    def stop(self) -> None:
        """No more events; harmless a second time. Other traces of the actor go on."""
        extension = self.ref._extension
        if extension is None or extension.traces is None or self not in extension.traces:
            return
        # A new list: the old one may be walked through just now.
        extension.traces = [trace for trace in extension.traces if trace is not self] or None
        watch_no_more(self.ref)


def start_trace(ref: ActorRef[Any], callback: Callable[[TraceEvent], object]) -> Trace:
    """Call `callback` with each TraceEvent of `ref` from its next message on."""
    trace = Trace(ref, callback)
    extension = ref._ext()
    extension.traces = [*(extension.traces or ()), trace]
    watch(ref)
    return trace


def tell(event: TraceEvent) -> None:
    """Tell those who trace. A trace whose callback raises is stopped, and that is reported."""
    extension = event.ref._extension
    for trace in (extension.traces if extension is not None else None) or ():
        try:
            trace._callback(event)
        except Exception:
            trace.stop()
            event.ref._scheduler.kernel.reporting.callback_raised(f"of a trace of {event.ref}")


def watch(ref: ActorRef[Any]) -> None:
    """Have each message of `ref` looked at, from the next one on."""
    ref._scheduler.end_batch(ref)
    ref._mode |= WATCHED


def watch_no_more(ref: ActorRef[Any]) -> None:
    """Unless there is another reason to."""
    extension = ref._extension
    if extension is None or (extension.traces is None and extension.idle is None):
        ref._mode &= ~WATCHED
