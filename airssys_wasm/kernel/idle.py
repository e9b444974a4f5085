"""The time without messages that an actor asked to be told of.

Source: Erlang/OTP, gen_server(3), the `Timeout` that callbacks return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.message import Idle
from airssys_wasm.kernel.states import PROCESS
from airssys_wasm.kernel.timer_service import duration
from airssys_wasm.kernel.tracing import watch, watch_no_more

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

IDLE = Idle()


def set_idle_timeout(ref: ActorRef[Any], seconds: float | None) -> None:
    """See `ActorContext.set_idle_timeout`."""
    if ref._mode & PROCESS:
        raise TypeError("a process function has inbox.receive(timeout=…) for that")
    if seconds is not None:
        duration(seconds)
    cancel_idle(ref)
    if seconds is not None:
        timers = ref._scheduler.kernel.timers
        ref._ext().idle = timers.wake_after(ref, seconds, lambda timer: _fire(ref, timer))
        watch(ref)


def cancel_idle(ref: ActorRef[Any]) -> None:
    """A message came first."""
    extension = ref._extension
    if extension is None or extension.idle is None:
        return
    timer, extension.idle = extension.idle, None
    ref._scheduler.kernel.timers.cancel(timer)
    watch_no_more(ref)


def _fire(ref: ActorRef[Any], timer: TimerRef) -> None:
    extension = ref._extension
    if extension is None or extension.idle is not timer:
        return
    extension.idle = None
    watch_no_more(ref)
    if not ref.mailbox_length:  # else what waits was first
        ref._deliver(IDLE)
