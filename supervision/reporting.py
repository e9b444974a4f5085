"""Acts: tells those who watch what a supervisor reports: the log, its observer, telemetry."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision.events import ChildStarted, GaveUp, StartFailed, SupervisionEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger(__name__)


def report(
    supervisor: ActorRef[Any],
    event: SupervisionEvent,
    observer: Callable[[SupervisionEvent], None] | None,
) -> None:
    """`event` happened at `supervisor`."""
    match event:
        case GaveUp():
            log.error("%s", event)
        case ChildStarted(child, restarts) if restarts:
            log.info("%s restarted child %r", supervisor, child)
        case StartFailed(child, why):
            log.warning("%s could not start child %r: %s", supervisor, child, why)
    if observer is not None:
        observer(event)
    telemetry = kernel_of(supervisor).telemetry
    if not telemetry.active:
        return
    match event:
        case ChildStarted(child, restarts) if restarts:
            metadata = {"ref": supervisor, "child": child}
            telemetry.emit("supervisor.restarted", {"restarts": restarts}, metadata)
        case GaveUp():
            budget = {"intensity": event.intensity, "period": event.period}
            telemetry.emit("supervisor.gave_up", budget, {"ref": supervisor, "cause": event})
