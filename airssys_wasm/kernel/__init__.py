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
    Started,
    StopRequested,
)
from airssys_wasm.kernel.platform import Platform
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.kernel.reasons import Error, Frame, is_orderly
from airssys_wasm.kernel.ref import ActorRef, Address, NamedRef
from airssys_wasm.kernel.timers import TimerRef

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
    "ContextNotReady",
    "CrashReport",
    "DeadLetter",
    "DeadLetters",
    "Description",
    "Down",
    "Error",
    "Exit",
    "ExitActor",
    "Failed",
    "Frame",
    "Ignored",
    "Inbox",
    "Kernel",
    "KernelStatistics",
    "Mailbox",
    "MailboxFull",
    "MonitorRef",
    "NameTaken",
    "NamedRef",
    "NotRegistered",
    "Platform",
    "RealPlatform",
    "Reply",
    "RequestTimeout",
    "SelfRequest",
    "StartError",
    "Started",
    "StopInit",
    "StopRequested",
    "Stopped",
    "TimerRef",
    "is_orderly",
]
