"""How much one actor does and how long it takes, counted while somebody measures it.

An actor that nobody measures pays nothing; the kernel as a whole is counted always, once a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.tracing import Trace, TraceEvent, start_trace

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


class Meter:
    """What one actor has done since it is measured, until `stop` or the end of the actor.

    `handled` are the messages that its handler is through with, `failed` those of them that it
    raised on. `seconds` is the time in the handler, with what it waited for, and `longest` the
    longest time for one message. Of a process function, from one `receive` to the next.
    """

    __slots__ = ("_began", "_now", "_trace", "failed", "handled", "longest", "ref", "seconds")

    def __init__(self, ref: ActorRef[Any]) -> None:
        self.ref = ref
        self.handled = 0
        self.failed = 0
        self.seconds = 0.0
        self.longest = 0.0
        self._now = ref._scheduler.kernel.platform.now
        self._began: float | None = None
        self._trace: Trace = start_trace(ref, self._see)

    @property
    def is_active(self) -> bool:
        """Whether it goes on counting."""
        return self._trace.is_active

    def stop(self) -> None:
        """Count no more; harmless a second time."""
        self._trace.stop()
        extension = self.ref._extension
        if extension is not None and extension.meter is self:
            extension.meter = None

    def _see(self, event: TraceEvent) -> None:
        now = self._now()
        if event.event == "in":
            self._began = now
            return
        self.handled += 1
        self.failed += event.event == "raised"
        if self._began is not None:  # it is, but for the message in hand as the measuring began
            self.seconds += now - self._began
            self.longest = max(self.longest, now - self._began)

    def __repr__(self) -> str:
        return f"<Meter of {self.ref}: {self.handled} handled in {self.seconds:g} s>"


def measure(ref: ActorRef[Any]) -> Meter:
    """The meter of `ref`: the one that it has, or a new one."""
    extension = ref._ext()
    if extension.meter is None or not extension.meter.is_active:
        extension.meter = Meter(ref)
    return extension.meter
