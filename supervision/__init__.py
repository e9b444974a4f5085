"""What happens when an actor dies."""

from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import ChildCounts
from airssys_wasm.supervision.dynamic_supervisor import DynamicSupervisor
from airssys_wasm.supervision.dynamic_supervisor_ref import DynamicSupervisorRef
from airssys_wasm.supervision.errors import (
    ChildNotFound,
    ChildPresent,
    ChildRestarting,
    ChildRunning,
    InvalidSpec,
    MaxChildren,
    NotAChild,
)
from airssys_wasm.supervision.events import (
    AutoShutdown,
    ChildEnded,
    ChildStarted,
    ChildStopped,
    FailedToStart,
    GaveUp,
    HealthChanged,
    RestartDelayed,
    StartFailed,
    StartTimedOut,
    SupervisionEvent,
    chain_of,
)
from airssys_wasm.supervision.health import Health, HealthCheck
from airssys_wasm.supervision.pool import Pool
from airssys_wasm.supervision.reconfiguration import Reconfigured
from airssys_wasm.supervision.supervisor import Supervisor
from airssys_wasm.supervision.supervisor_ref import ChildInfo, SupervisorRef, SupervisorStatistics
from airssys_wasm.supervision.task import Raised, Returned, Task
from airssys_wasm.supervision.task_supervisor import TaskSupervisor
from airssys_wasm.supervision.task_supervisor_ref import TaskSupervisorRef

__all__ = [
    "AutoShutdown",
    "Backoff",
    "ChildCounts",
    "ChildEnded",
    "ChildInfo",
    "ChildNotFound",
    "ChildPresent",
    "ChildRestarting",
    "ChildRunning",
    "ChildSpec",
    "ChildStarted",
    "ChildStopped",
    "DynamicSupervisor",
    "DynamicSupervisorRef",
    "FailedToStart",
    "GaveUp",
    "Health",
    "HealthChanged",
    "HealthCheck",
    "InvalidSpec",
    "MaxChildren",
    "NotAChild",
    "Pool",
    "Raised",
    "Reconfigured",
    "RestartDelayed",
    "Returned",
    "StartFailed",
    "StartTimedOut",
    "SupervisionEvent",
    "Supervisor",
    "SupervisorRef",
    "SupervisorStatistics",
    "Task",
    "TaskSupervisor",
    "TaskSupervisorRef",
    "chain_of",
]
