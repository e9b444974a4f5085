"""What telemetry is told of a component: what it was refused, and quotas nearly used up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.components.security.audit import AuditRecord, Listener

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef


def refusals_of(kernel: Kernel, ref: ActorRef[Any]) -> Listener:
    """Makes events of the records of the component `ref`; grants are none."""

    def tell(record: AuditRecord) -> None:
        telemetry = kernel.telemetry
        if not telemetry.active or record.outcome == "granted":
            return
        nearly = record.outcome in ("warning", "critical")
        name = "component.quota" if nearly else "component.refused"
        what = {"ref": ref, "function": record.function, "detail": record.detail}
        if nearly:
            telemetry.emit(name, {}, {**what, "level": record.outcome})
        else:
            telemetry.emit(name, {}, {**what, "outcome": record.outcome, "target": record.target})

    return tell
