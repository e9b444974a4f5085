"""Puts the parts together: kernel, broker, components and the root supervisor, as one system.

The names are resolved when they are first used, so that a program that only asks a running system
loads neither a kernel nor WebAssembly.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airssys_wasm.application.building import supervisor_of
    from airssys_wasm.application.errors import ControlUnavailable, SystemFailed
    from airssys_wasm.application.examining import examine_component
    from airssys_wasm.application.reports import Report
    from airssys_wasm.application.running import Control, Outcome, run_application
    from airssys_wasm.application.singleton import Singleton
    from airssys_wasm.application.system import ActorSystem, SystemStatistics

__all__ = [
    "ActorSystem",
    "Control",
    "ControlUnavailable",
    "Outcome",
    "Report",
    "Singleton",
    "SystemFailed",
    "SystemStatistics",
    "examine_component",
    "run_application",
    "supervisor_of",
]

_MODULES = {
    "ActorSystem": "system",
    "Control": "running",
    "ControlUnavailable": "errors",
    "Outcome": "running",
    "Report": "reports",
    "Singleton": "singleton",
    "SystemFailed": "errors",
    "SystemStatistics": "system",
    "examine_component": "examining",
    "run_application": "running",
    "supervisor_of": "building",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
