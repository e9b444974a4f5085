"""A supervisor of one-off functions, as a value that users write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from airssys_wasm.supervision.child_spec import Shutdown
from airssys_wasm.supervision.dynamic_actor import DynamicActor
from airssys_wasm.supervision.dynamic_supervisor import DynamicSupervisor
from airssys_wasm.supervision.supervisor import Observer
from airssys_wasm.supervision.task import task


@dataclass(frozen=True, slots=True)
class TaskSupervisor:
    """A supervisor under which functions run once, each as an actor of its own.

    What one of them raises ends that one alone, and is told to who waits for its result; nothing is
    restarted. More than `max_children` at a time are refused (None: any number). When it ends, all
    are cancelled at once, and killed after `shutdown`.

    Ask it through `TaskSupervisorRef.of(address)`. It is a DynamicSupervisor of temporary children,
    and can be asked as one. Raises InvalidSpec, which names the field and the value.
    """

    max_children: int | None = None
    shutdown: Shutdown = 5.0
    label: str | None = None
    observer: Observer | None = field(default=None, compare=False, repr=False)

    child_type: ClassVar[str] = "supervisor"

    def __post_init__(self) -> None:
        self.supervisor()

    def supervisor(self) -> DynamicSupervisor:
        """The dynamic supervisor that it is."""
        return DynamicSupervisor(
            task,
            restart="temporary",
            shutdown=self.shutdown,
            max_children=self.max_children,
            label=self.label,
            observer=self.observer,
        )

    def incarnate(self) -> DynamicActor:
        """A fresh supervisor with this description."""
        return self.supervisor().incarnate()
