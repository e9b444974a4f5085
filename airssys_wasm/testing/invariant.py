"""What an invariant is told of a run, and how it says that it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.testing.errors import InvariantBroken

if TYPE_CHECKING:
    from airssys_wasm.components.component_actor import ComponentActor
    from airssys_wasm.kernel.context import MonitorRef
    from airssys_wasm.kernel.events import Event
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.message import DeadLetter
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.supervision.dynamic_actor import DynamicActor
    from airssys_wasm.supervision.supervisor_actor import SupervisorActor


class Invariant:
    """One law. A subclass overrides what it wants to be told, and calls `broken`."""

    def broken(self, problem: str) -> None:
        """Say that the law does not hold."""
        raise InvariantBroken(type(self).__name__, problem)

    def adopted(self, kernel: Kernel) -> None:
        """A kernel is there, and nothing has run in it."""

    def quiet(self, kernel: Kernel) -> None:
        """Nothing can run."""

    def ended(self, kernel: Kernel) -> None:
        """The kernel is closed."""

    def event(self, event: Event) -> None:
        """Telemetry."""

    def delivered(self, ref: ActorRef[Any], message: Any) -> None:
        """A signal is about to be put into the mailbox of `ref`."""

    def monitored(self, monitor: MonitorRef) -> None:
        """A monitor was made."""

    def demonitored(self, monitor: MonitorRef, undone: bool) -> None:
        """A monitor was given up."""

    def told_to_end(self, ref: ActorRef[Any], by: ActorRef[Any] | None, reason: object) -> None:
        """`by` is about to tell `ref` to end."""

    def supervised(self, supervisor: SupervisorActor | DynamicActor, event: Any) -> None:
        """A supervisor reports an event."""

    def accepted(self, ref: ActorRef[Any], message: Any) -> None:
        """A message, sent or requested, is about to be put into the mailbox of `ref`."""

    def taken(self, ref: ActorRef[Any], message: Any) -> None:
        """A message has left the mailbox of `ref`, whose handler is about to get it."""

    def dead_lettered(self, letter: DeadLetter) -> None:
        """A message became a dead letter."""

    def handed_over(self, old: ActorRef[Any], new: ActorRef[Any]) -> None:
        """What the dead `old` kept in its mailbox is in that of `new` now."""

    def component_began(self, component: ComponentActor) -> None:
        """An incarnation of a component is about to get its Store."""
