"""Erlang-style actors for asyncio, in which a WebAssembly component is one kind of actor.

The public names are resolved when they are first used, so that a program that needs no
WebAssembly never loads it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from airssys_wasm.application import ActorSystem, SystemFailed
    from airssys_wasm.broker import Broker, Published, TopicError
    from airssys_wasm.components import Component, ComponentInvalid, ComponentMessage
    from airssys_wasm.components.engine.limits import Limits
    from airssys_wasm.components.engine.traps import Limit, Trap
    from airssys_wasm.kernel import (
        IGNORE,
        Actor,
        ActorExited,
        ActorRef,
        ActorStopped,
        AirssysError,
        AlreadyStarted,
        CancelTimeout,
        Continue,
        Crash,
        CrashReport,
        DeadLetter,
        Down,
        Error,
        EventTimeout,
        Exit,
        ExitActor,
        Failed,
        Idle,
        Inbox,
        Internal,
        Joined,
        KeepState,
        Left,
        Mailbox,
        MailboxFull,
        NamedRef,
        NamedTimeout,
        NameTaken,
        NextEvent,
        NextState,
        NotJoined,
        OpaqueState,
        Postpone,
        RepeatState,
        RequestTimeout,
        StartError,
        StateMachine,
        StateTimeout,
        Stop,
        StopInit,
        Stopped,
        TimedOut,
        TraceEvent,
        Transition,
        UpdateTimeout,
        enter,
        state,
    )
    from airssys_wasm.supervision import (
        Backoff,
        ChildSpec,
        DynamicSupervisor,
        DynamicSupervisorRef,
        GaveUp,
        Health,
        HealthCheck,
        MaxChildren,
        Pool,
        Supervisor,
        SupervisorRef,
    )

_HOMES = {
    "airssys_wasm.application": ("ActorSystem", "SystemFailed"),
    "airssys_wasm.broker": ("Broker", "Published", "TopicError"),
    "airssys_wasm.components": ("Component", "ComponentInvalid", "ComponentMessage"),
    "airssys_wasm.components.engine.limits": ("Limits",),
    "airssys_wasm.components.engine.traps": ("Limit", "Trap"),
    "airssys_wasm.kernel": (
        "Actor",
        "ActorExited",
        "ActorRef",
        "ActorStopped",
        "AirssysError",
        "AlreadyStarted",
        "CancelTimeout",
        "Continue",
        "Crash",
        "CrashReport",
        "DeadLetter",
        "Down",
        "Error",
        "EventTimeout",
        "Exit",
        "ExitActor",
        "Failed",
        "IGNORE",
        "Idle",
        "Inbox",
        "Internal",
        "Joined",
        "KeepState",
        "Left",
        "Mailbox",
        "MailboxFull",
        "NameTaken",
        "NamedRef",
        "NamedTimeout",
        "NextEvent",
        "NextState",
        "NotJoined",
        "OpaqueState",
        "Postpone",
        "RepeatState",
        "RequestTimeout",
        "StartError",
        "StateMachine",
        "StateTimeout",
        "Stop",
        "StopInit",
        "Stopped",
        "TimedOut",
        "TraceEvent",
        "Transition",
        "UpdateTimeout",
        "enter",
        "state",
    ),
    "airssys_wasm.supervision": (
        "Backoff",
        "ChildSpec",
        "DynamicSupervisor",
        "DynamicSupervisorRef",
        "GaveUp",
        "Health",
        "HealthCheck",
        "MaxChildren",
        "Pool",
        "Supervisor",
        "SupervisorRef",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "IGNORE",
    "Actor",
    "ActorExited",
    "ActorRef",
    "ActorStopped",
    "ActorSystem",
    "AirssysError",
    "AlreadyStarted",
    "Backoff",
    "Broker",
    "CancelTimeout",
    "ChildSpec",
    "Component",
    "ComponentInvalid",
    "ComponentMessage",
    "Continue",
    "Crash",
    "CrashReport",
    "DeadLetter",
    "Down",
    "DynamicSupervisor",
    "DynamicSupervisorRef",
    "Error",
    "EventTimeout",
    "Exit",
    "ExitActor",
    "Failed",
    "GaveUp",
    "Health",
    "HealthCheck",
    "Idle",
    "Inbox",
    "Internal",
    "Joined",
    "KeepState",
    "Left",
    "Limit",
    "Limits",
    "Mailbox",
    "MailboxFull",
    "MaxChildren",
    "NameTaken",
    "NamedRef",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "NotJoined",
    "OpaqueState",
    "Pool",
    "Postpone",
    "Published",
    "RepeatState",
    "RequestTimeout",
    "StartError",
    "StateMachine",
    "StateTimeout",
    "Stop",
    "StopInit",
    "Stopped",
    "Supervisor",
    "SupervisorRef",
    "SystemFailed",
    "TimedOut",
    "TopicError",
    "TraceEvent",
    "Transition",
    "Trap",
    "UpdateTimeout",
    "__version__",
    "enter",
    "state",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # slow to load, and seldom asked for

        return version("airssys-wasm")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
