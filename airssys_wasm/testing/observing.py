"""Acts: shows invariants what happens in a kernel, by standing in for a few of its methods.

The kernel pays nothing for it outside of a simulation. What is watched is where messages arrive,
not who sends them, so that a fault in the sender can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.context import ActorContext, MonitorRef
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.priority_ref import PriorityRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.supervision import reporting, supervisor_actor
from airssys_wasm.supervision.supervisor_actor import SupervisorActor
from airssys_wasm.testing.errors import InvariantBroken

if TYPE_CHECKING:
    from airssys_wasm.testing.invariants import Invariant


class Observer:
    """Tells the invariants of one run; a broken one ends the run by `broken`."""

    def __init__(
        self, invariants: Sequence[Invariant], broken: Callable[[InvariantBroken], None]
    ) -> None:
        self._invariants = invariants
        self._broken = broken

    def adopt(self, kernel: Kernel) -> None:
        """A kernel of this run is there."""
        for invariant in self._invariants:
            invariant.adopted(kernel)

    def tell(self, what: str, *facts: Any) -> None:
        """Call that method of every invariant."""
        for invariant in self._invariants:
            try:
                getattr(invariant, what)(*facts)
            except InvariantBroken as broken:
                self._broken(broken)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Inside, `observer` is told what happens in every kernel."""
    tell = observer.tell

    def deliver(self: ActorRef[Any], message: Any) -> None:
        tell("delivered", self, message)
        original_deliver(self, message)

    def deliver_by_priority(self: PriorityRef[Any], message: Any) -> None:
        tell("delivered", self, message)
        original_by_priority(self, message)

    def made(self: MonitorRef, *args: Any, **options: Any) -> None:
        original_made(self, *args, **options)
        tell("monitored", self)

    def demonitor(self: ActorContext, monitor: MonitorRef, *, flush: bool = False) -> bool:
        undone = original_demonitor(self, monitor, flush=flush)
        tell("demonitored", monitor, undone)
        return undone

    def exit(self: ActorRef[Any], reason: object) -> None:
        tell("told_to_end", self, self._scheduler.current(), reason)
        original_exit(self, reason)

    def kill(self: ActorRef[Any]) -> None:
        tell("told_to_end", self, self._scheduler.current(), "kill")
        original_kill(self)

    def report(supervisor: ActorRef[Any], event: Any, observer: Any) -> None:
        actor = getattr(supervisor._receive, "__self__", None)
        if isinstance(actor, SupervisorActor):
            tell("supervised", actor, event)
        original_report(supervisor, event, observer)

    original_deliver, original_by_priority = ActorRef._deliver, PriorityRef._deliver
    original_made, original_demonitor = MonitorRef.__init__, ActorContext.demonitor
    original_exit, original_kill = ActorRef.exit, ActorRef.kill
    original_report = reporting.report
    stand_ins: tuple[tuple[Any, str, Any, Any], ...] = (
        (ActorRef, "_deliver", original_deliver, deliver),
        (PriorityRef, "_deliver", original_by_priority, deliver_by_priority),
        (MonitorRef, "__init__", original_made, made),
        (ActorContext, "demonitor", original_demonitor, demonitor),
        (ActorRef, "exit", original_exit, exit),
        (ActorRef, "kill", original_kill, kill),
        (supervisor_actor, "report", original_report, report),
    )
    for place, name, _, stand_in in stand_ins:
        setattr(place, name, stand_in)
    try:
        yield
    finally:
        for place, name, original, _ in stand_ins:
            setattr(place, name, original)
