"""Puts the parts together: kernel, broker, components and the root supervisor, as one system."""

from airssys_wasm.application.building import supervisor_of
from airssys_wasm.application.errors import SystemFailed
from airssys_wasm.application.examining import examine_component
from airssys_wasm.application.reports import Report
from airssys_wasm.application.running import Control, Outcome, run_application
from airssys_wasm.application.system import ActorSystem, SystemStatistics

__all__ = [
    "ActorSystem",
    "Control",
    "Outcome",
    "Report",
    "SystemFailed",
    "SystemStatistics",
    "examine_component",
    "run_application",
    "supervisor_of",
]
