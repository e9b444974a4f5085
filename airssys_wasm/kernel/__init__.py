"""Actors, mailboxes, links, timers and names: the kernel on which everything else stands."""

from airssys_wasm.kernel.behaviour import Actor, Description
from airssys_wasm.kernel.context import ActorContext, MonitorRef, Reply
from airssys_wasm.kernel.crash import CrashReport
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
    NotRegistered,
    RequestTimeout,
    SelfRequest,
    StartError,
    StopInit,
    Stopped,
)
from airssys_wasm.kernel.inbox import Inbox
from airssys_wasm.kernel.kernel import Kernel, KernelStatistics
from airssys_wasm.kernel.mailbox import Mailbox
from airssys_wasm.kernel.message import (
    DEFERRED_INIT,
    IGNORE,
    DeadLetter,
    Down,
    Exit,
    Failed,
    Ignored,
    Internal,
    Started,
    StopRequested,
)
from airssys_wasm.kernel.platform import Platform
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.kernel.reasons import Error, Frame, is_orderly
from airssys_wasm.kernel.ref import ActorRef, Address, NamedRef
from airssys_wasm.kernel.state_machine_actor import StateMachine
from airssys_wasm.kernel.state_table import enter, state
from airssys_wasm.kernel.timers import TimerRef
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

__all__ = [
    "DEFERRED_INIT",
    "IGNORE",
    "Actor",
    "ActorContext",
    "ActorExited",
    "ActorRef",
    "ActorStopped",
    "Address",
    "AirssysError",
    "AlreadyAnswered",
    "AlreadyStarted",
    "CancelTimeout",
    "ContextNotReady",
    "CrashReport",
    "DeadLetter",
    "DeadLetters",
    "Description",
    "Down",
    "Error",
    "EventTimeout",
    "Exit",
    "ExitActor",
    "Failed",
    "Frame",
    "Ignored",
    "Inbox",
    "Internal",
    "KeepState",
    "Kernel",
    "KernelStatistics",
    "Mailbox",
    "MailboxFull",
    "MonitorRef",
    "NameTaken",
    "NamedRef",
    "NamedTimeout",
    "NextEvent",
    "NextState",
    "NotRegistered",
    "Platform",
    "Postpone",
    "RealPlatform",
    "RepeatState",
    "Reply",
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
    "TimedOut",
    "TimerRef",
    "Transition",
    "UpdateTimeout",
    "enter",
    "is_orderly",
    "state",
]
