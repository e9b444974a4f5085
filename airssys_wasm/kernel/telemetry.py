"""Acts: hands the events of one kernel to the handlers that were attached, as they happen.

Whoever emits asks `active` first, so that nothing is made of an event that nobody wants:

    if telemetry.active:
        telemetry.emit("actor.ended", {"restarts": 0}, {"ref": ref, ...})

Invariants: a handler gets no event that its own work caused (or it would never end); one that
raises is detached and reported, and hurts neither the kernel nor other handlers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from airssys_wasm.kernel.events import EVENTS, Event, matching

log = logging.getLogger("airssys_wasm.kernel")

EventHandler = Callable[[Event], object]


class Attachment:
    """One handler at some events. `detach` ends it; harmless a second time."""

    def __init__(self, telemetry: Telemetry, pattern: str, handler: EventHandler) -> None:
        self._telemetry = telemetry
        self.pattern = pattern
        self.handler = handler
        self.active = True
        self._busy = False

    def detach(self) -> None:
        """The handler gets no more events."""
        self.active = False
        self._telemetry._forget(self)

    def _handle(self, event: Event) -> None:
        if self._busy or not self.active:
            return
        self._busy = True
        try:
            self.handler(event)
        except Exception as error:
            log.exception("a handler of %s raised and is detached", self.pattern)
            self.detach()
            metadata = {"pattern": self.pattern, "handler": self.handler, "error": error}
            self._telemetry.emit("telemetry.detached", {}, metadata)
        finally:
            self._busy = False

    def __repr__(self) -> str:
        return f"<Attachment {self.pattern} -> {self.handler!r}>"


class Telemetry:
    """The attached handlers of one kernel. `active` is False while there are none.

    A kernel has one; give it yours, `Kernel(telemetry=Telemetry())`, to attach handlers before the
    first actor starts.
    """

    def __init__(self) -> None:
        self.active = False
        self.now: Callable[[], float] = float  # 0.0 until the clock of a kernel takes its place
        self._attached: dict[str, tuple[Attachment, ...]] = {}

    def attach(self, pattern: str, handler: EventHandler) -> Attachment:
        """Call `handler(event)` with each event whose name matches: `actor.ended`, `actor.*`, `*`.

        The call comes at once, on the loop, in the middle of what the kernel does: a handler is a
        plain function, keeps it short, and sends to an actor whatever takes longer. Raises
        ValueError when no event has such a name.
        """
        if not callable(handler):
            raise TypeError(f"{handler!r} can't be called with an event")
        names = tuple(matching(pattern))
        if not names:
            raise ValueError(f"no event is called {pattern!r}; they are {_known()}")
        attachment = Attachment(self, pattern, handler)
        for name in names:
            self._attached[name] = (*self._attached.get(name, ()), attachment)
        self.active = True
        return attachment

    def emit(
        self, name: str, measurements: Mapping[str, float], metadata: Mapping[str, object]
    ) -> None:
        """Tell those who want to know. Never raises what a handler does."""
        attached = self._attached.get(name)
        if attached is None:
            return
        event = Event(name, self.now(), measurements, metadata)
        for attachment in attached:
            attachment._handle(event)

    def _forget(self, attachment: Attachment) -> None:
        for name, attached in list(self._attached.items()):
            left = tuple(other for other in attached if other is not attachment)
            if left:
                self._attached[name] = left
            else:
                del self._attached[name]
        self.active = bool(self._attached)


def _known() -> str:
    return ", ".join(spec.name for spec in EVENTS)
