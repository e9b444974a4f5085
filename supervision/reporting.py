"""Acts: tells those who watch what a supervisor reports: the log, its observer, telemetry."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision.events import (
    ChildEnded,
    ChildStarted,
    ChildStopped,
    GaveUp,
    HealthChanged,
    StartFailed,
    SupervisionEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.telemetry import Telemetry

log = logging.getLogger(__name__)


def report(
    supervisor: ActorRef[Any],
    event: SupervisionEvent,
    observer: Callable[[SupervisionEvent], None] | None,
) -> None:
    """`event` happened at `supervisor`."""
    _log(supervisor, event)
    if observer is not None:
        observer(event)
    telemetry = kernel_of(supervisor).telemetry
    if telemetry.active:
        _emit(telemetry, supervisor, event)


def _log(supervisor: ActorRef[Any], event: SupervisionEvent) -> None:
    match event:
        case ChildStarted(child, restarts):
            if restarts and log.isEnabledFor(logging.INFO):
                log.info("%s restarted child %r", supervisor, child)
        case ChildEnded() | ChildStopped():
            pass
        case StartFailed(child, why):
            log.warning("%s could not start child %r: %s", supervisor, child, why)
        case HealthChanged(child, status, detail):
            level = logging.INFO if status == "healthy" else logging.WARNING
            log.log(level, "%s: child %r is %s: %s", supervisor, child, status, detail)
        case GaveUp():
            log.error("%s", event)


def _emit(telemetry: Telemetry, supervisor: ActorRef[Any], event: SupervisionEvent) -> None:
    match event:
        case ChildStarted(child, restarts) if restarts:
            metadata = {"ref": supervisor, "child": child}
            telemetry.emit("supervisor.restarted", {"restarts": restarts}, metadata)
        case GaveUp():
            budget = {"intensity": event.intensity, "period": event.period}
            telemetry.emit("supervisor.gave_up", budget, {"ref": supervisor, "cause": event})
