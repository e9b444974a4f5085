"""Acts: tells about failures: dead letters, crash reports, requests without an answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.crash import Crash, CrashReport, Note, brief, without_contents
from airssys_wasm.kernel.dead_letters import DeadLetters
from airssys_wasm.kernel.errors import ActorExited, MailboxFull, NotTaken, RequestTimeout
from airssys_wasm.kernel.info import behaviour_of
from airssys_wasm.kernel.message import KEPT, SIGNALS, DeadLetter, Envelope, Stamped, SystemCall
from airssys_wasm.kernel.reasons import exception_of, says
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import NOTHING

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.telemetry import Telemetry

log = logging.getLogger("airssys_wasm.kernel")


class Reporting:
    """The reports of one kernel, counted."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.dead_letters = DeadLetters()
        self._telemetry = telemetry
        self.crashes = 0
        self._crash_hooks: list[Callable[[CrashReport], None]] = []

    def dead_letter(
        self,
        message: Any,
        to: ActorRef[Any] | str,
        reason: object,
        *,
        crashed: bool = False,
    ) -> None:
        """Record a message that no handler completed. A request fails; a signal is dropped."""
        kind = message.__class__
        if kind in SIGNALS:
            if kind is SystemCall:
                self.fail_request(message.future, to, reason)
            return
        if kind is Stamped:
            message = message.message
            kind = message.__class__
        request = kind is Envelope
        if request and message.source is KEPT:
            self._return(message.future, to, reason, crashed=crashed)
            return
        if request:
            if says(reason, "full") and isinstance(to, BoundedRef):
                if not message.future.done():
                    full = MailboxFull(to, to.capacity or 0, message.message)
                    message.future.set_exception(full)
            else:
                self.fail_request(message.future, to, reason)
            message = message.message
        letter = DeadLetter(message, to, reason, request, crashed)
        self.dead_letters.record(letter)
        if self._telemetry.active:
            total = {"total": self.dead_letters.count}
            self._telemetry.emit("message.dead_lettered", total, {"letter": letter})

    def _return(
        self, future: Future[Any], to: ActorRef[Any] | str, reason: object, *, crashed: bool
    ) -> None:
        """Who keeps a message is told that no handler completed it."""
        if crashed:
            self.fail_request(future, to, reason)
        elif not future.done():
            future.set_exception(NotTaken(to, reason))

    def unexpired(self, ref: ActorRef[Any], entry: Stamped) -> Any:
        """The message or request in `entry`; NOTHING, and a dead letter, when it came too late."""
        message: Any = entry.message
        if ref._scheduler.kernel.platform.now() < entry.deadline:
            return message
        if message.__class__ is Envelope and not message.future.done():
            message.future.set_exception(RequestTimeout(ref, entry.ttl or 0.0))
        self.dead_letter(message, ref, "expired")
        return NOTHING

    def unhandled(self, ref: ActorRef[Any], message: object) -> None:
        """A sent message that the actor does not know: a warning, no more."""
        log.warning("%s does not handle %s", ref, brief(message))
        if self._telemetry.active:
            self._telemetry.emit("message.unhandled", {}, {"ref": ref, "message": message})

    def on_crash(self, callback: Callable[[CrashReport], None]) -> None:
        """Call back with each crash report; the log gets it too."""
        self._crash_hooks.append(callback)

    def crashed(self, ref: ActorRef[Any], reason: object) -> None:
        """Report an abnormal end, once."""
        self.crashes += 1
        extension = ref._ext()
        last: Any = extension.last_message
        client: ActorRef[Any] | None = None
        if last.__class__ is Envelope:
            last, client = last.message, None if last.source is KEPT else last.source
        crash = Crash(reason, None if last is NOTHING else last, None)
        crash = _described(getattr(ref._receive, "__self__", None), crash)
        report = CrashReport(
            ref=ref,
            behaviour=behaviour_of(ref),
            reason=crash.reason,
            last_message=None if last is NOTHING else brief(crash.message),
            state=brief(crash.state),
            restarts=extension.restarts,
            client=client,
        )
        log.error("%s", report, extra={"crash_report": report})
        if self._telemetry.active:
            metadata = {"ref": ref, "reason": reason, "report": report}
            self._telemetry.emit("actor.crashed", {"restarts": report.restarts}, metadata)
        for callback in self._crash_hooks:
            try:
                callback(report)
            except Exception:  # the end of an actor must not depend on who reads of it
                self.callback_raised("for crash reports")

    def callback_raised(self, which: str) -> None:
        """Somebody else's callback raised the exception that is being handled."""
        log.exception("a callback %s raised", which)

    def fail_request(self, future: Future[Any], target: object, reason: object) -> None:
        """Whoever waits for `future` learns that its target ended."""
        if not future.done():
            error = ActorExited(target, reason)
            error.__cause__ = exception_of(reason)
            future.set_exception(error)


def _described(actor: Any, crash: Crash) -> Crash:
    """`crash` with the state of `actor`, as its hook shows it."""
    if actor is None:
        return replace(crash, state=Note("none kept by the kernel (a process function)"))
    try:
        state = dict(vars(actor)) if hasattr(actor, "__dict__") else {}
        crash = replace(crash, state=state)
        described = actor.describe_crash(crash)
        if not isinstance(described, Crash):
            raise TypeError(f"describe_crash() returned {type(described).__name__}, not a Crash")
    except Exception as broken:
        return without_contents(crash, broken)
    return described
