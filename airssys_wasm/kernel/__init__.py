"""Actors, mailboxes, links, timers and names: the kernel on which everything else stands."""

from airssys_wasm.kernel.address import Address, NamedRef
from airssys_wasm.kernel.behaviour import Actor, Description
from airssys_wasm.kernel.context import ActorContext, MonitorRef, Reply
from airssys_wasm.kernel.crash import Crash, CrashReport
from airssys_wasm.kernel.dead_letters import DeadLetters
from airssys_wasm.kernel.errors import (
    ActorExited,
    ActorStopped,
    AirssysError,
    AlreadyAnswered,
    AlreadyStarted,
    ContextNotReady,
    ExitActor,
    MailboxFull,
    NameTaken,
    NotJoined,
    NotRegistered,
    OpaqueState,
    RequestTimeout,
    SelfRequest,
    StartError,
    StopInit,
    Stopped,
)
from airssys_wasm.kernel.events import Event
from airssys_wasm.kernel.inbox import Inbox
from airssys_wasm.kernel.info import ActorInfo
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.mailbox import Mailbox
from airssys_wasm.kernel.membership import Group, GroupMonitor
from airssys_wasm.kernel.message import (
    DEFERRED_INIT,
    IGNORE,
    Continue,
    DeadLetter,
    Down,
    Exit,
    Failed,
    Idle,
    Ignored,
    Internal,
    Joined,
    Left,
    Started,
    StopRequested,
)
from airssys_wasm.kernel.metering import Meter
from airssys_wasm.kernel.multicall import Replies
from airssys_wasm.kernel.platform import Platform
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.kernel.reasons import Error, Frame, is_orderly
from airssys_wasm.kernel.ref import ActorRef, MailboxRef
from airssys_wasm.kernel.state_machine_actor import StateMachine
from airssys_wasm.kernel.state_table import enter, state
from airssys_wasm.kernel.statistics import KernelStatistics
from airssys_wasm.kernel.telemetry import Attachment, Telemetry
from airssys_wasm.kernel.timers import TimerRef
from airssys_wasm.kernel.tracing import Trace, TraceEvent
from airssys_wasm.kernel.transitions import (
    CancelTimeout,
    EventTimeout,
    KeepState,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    StateTimeout,
    Stop,
    TimedOut,
    Transition,
    UpdateTimeout,
)
from airssys_wasm.kernel.typed import Request

__all__ = [
    "DEFERRED_INIT",
    "IGNORE",
    "Actor",
    "ActorContext",
    "ActorExited",
    "ActorInfo",
    "ActorRef",
    "ActorStopped",
    "Address",
    "AirssysError",
    "AlreadyAnswered",
    "AlreadyStarted",
    "Attachment",
    "CancelTimeout",
    "ContextNotReady",
    "Continue",
    "Crash",
    "CrashReport",
    "DeadLetter",
    "DeadLetters",
    "Description",
    "Down",
    "Error",
    "Event",
    "EventTimeout",
    "Exit",
    "ExitActor",
    "Failed",
    "Frame",
    "Group",
    "GroupMonitor",
    "Idle",
    "Ignored",
    "Inbox",
    "Internal",
    "Joined",
    "KeepState",
    "Kernel",
    "KernelStatistics",
    "Left",
    "Mailbox",
    "MailboxFull",
    "MailboxRef",
    "Meter",
    "MonitorRef",
    "NameTaken",
    "NamedRef",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "NotJoined",
    "NotRegistered",
    "OpaqueState",
    "Platform",
    "Postpone",
    "RealPlatform",
    "RepeatState",
    "Replies",
    "Reply",
    "Request",
    "RequestTimeout",
    "SelfRequest",
    "StartError",
    "Started",
    "StateMachine",
    "StateTimeout",
    "Stop",
    "StopInit",
    "StopRequested",
    "Stopped",
    "Telemetry",
    "TimedOut",
    "TimerRef",
    "Trace",
    "TraceEvent",
    "Transition",
    "UpdateTimeout",
    "enter",
    "is_orderly",
    "state",
]
