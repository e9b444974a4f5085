"""Acts: shows invariants what happens in a kernel, by standing in for a few of its methods.

The kernel pays nothing for it outside of a simulation. What is watched is where messages arrive,
not who sends them, so that a fault in the sender can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from airssys_wasm.kernel import context
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.context import ActorContext, MonitorRef
from airssys_wasm.kernel.dead_letters import DeadLetters
from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.inbox import Inbox
from airssys_wasm.kernel.keeping import Keeping
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.message import SIGNALS, DeadLetter, payload_of
from airssys_wasm.kernel.outside_ref import Onlooker
from airssys_wasm.kernel.priority_ref import PriorityRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.requests import Requests
from airssys_wasm.kernel.scheduler import Scheduler
from airssys_wasm.kernel.spawner import Spawner
from airssys_wasm.kernel.states import GONE
from airssys_wasm.supervision import dynamic_actor, reporting, supervisor_actor
from airssys_wasm.supervision.dynamic_actor import DynamicActor
from airssys_wasm.supervision.supervisor_actor import SupervisorActor
from airssys_wasm.testing.errors import InvariantBroken
from airssys_wasm.testing.invariant import Invariant


class Observer:
    """Tells the invariants of one run; a broken one ends the run by `broken`."""

    def __init__(
        self, invariants: Sequence[Invariant], broken: Callable[[InvariantBroken], None]
    ) -> None:
        self._invariants = invariants
        self._broken = broken
        self._who: dict[str, list[Callable[..., None]]] = {}  # that asked to be told, by fact

    def adopt(self, kernel: Kernel) -> None:
        """A kernel of this run is there."""
        for invariant in self._invariants:
            invariant.adopted(kernel)

    def tell(self, what: str, *facts: Any) -> None:
        """Call that method of every invariant that has one of its own."""
        who = self._who.get(what)
        if who is None:
            nothing = getattr(Invariant, what)
            asked = [i for i in self._invariants if getattr(type(i), what) is not nothing]
            who = self._who[what] = [getattr(invariant, what) for invariant in asked]
        for told in who:
            try:
                told(*facts)
            except InvariantBroken as broken:
                self._broken(broken)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Inside, `observer` is told what happens in every kernel."""
    tell = observer.tell

    def deliver(self: ActorRef[Any], message: Any) -> None:
        tell("delivered", self, message)
        original_deliver(self, message)

    def deliver_outside(self: Onlooker, message: Any) -> None:
        tell("delivered", self, message)
        original_deliver_outside(self, message)

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
        if isinstance(actor, SupervisorActor | DynamicActor):
            tell("supervised", actor, event)
        original_report(supervisor, event, observer)

    original_deliver, original_deliver_outside = ActorRef._deliver, Onlooker._deliver
    original_made, original_demonitor = MonitorRef.__init__, ActorContext.demonitor
    original_exit, original_kill = ActorRef.exit, ActorRef.kill
    original_report = reporting.report
    stand_ins: tuple[tuple[Any, str, Any, Any], ...] = (
        (ActorRef, "_deliver", original_deliver, deliver),
        (Onlooker, "_deliver", original_deliver_outside, deliver_outside),
        (MonitorRef, "__init__", original_made, made),
        (ActorContext, "demonitor", original_demonitor, demonitor),
        (ActorRef, "exit", original_exit, exit),
        (ActorRef, "kill", original_kill, kill),
        (supervisor_actor, "report", original_report, report),
        (dynamic_actor, "report", original_report, report),
    )
    stand_ins += _ways_of_messages(tell)
    for place, name, _, stand_in in stand_ins:
        setattr(place, name, stand_in)
    try:
        yield
    finally:
        for place, name, original, _ in stand_ins:
            setattr(place, name, original)


class Taking:
    """Stands in for the `receive` of an actor, and tells of each message that it gets."""

    __slots__ = ("__self__", "_tell", "receive", "ref")

    def __init__(self, ref: ActorRef[Any], receive: Any, tell: Callable[..., None]) -> None:
        self.ref = ref
        self.receive = receive
        self.__self__ = receive.__self__
        self._tell = tell

    def __call__(self, message: Any) -> Any:
        self.take(message)
        return self.receive(message)

    def take(self, message: Any) -> None:
        """The message has left the mailbox."""
        if message.__class__ not in SIGNALS:
            self._tell("taken", self.ref, message)


def taken_from(receive: Any, message: Any) -> Any:
    """What is behind `receive`, which is told that `message` was taken, if it wants to know."""
    if receive.__class__ is not Taking:
        return receive
    receive.take(message)
    return receive.receive


StandIn = tuple[Any, str, Any, Any]


def _ways_of_messages(tell: Callable[..., None]) -> tuple[StandIn, ...]:
    """Stand-ins that tell how messages come into mailboxes, and how they leave them."""

    def accept(ref: ActorRef[Any], entry: Any) -> None:
        if entry.__class__ not in SIGNALS:
            tell("accepted", ref, payload_of(entry))

    def watch(ref: ActorRef[Any]) -> None:
        receive = ref._receive
        if receive.__class__ is not Taking and hasattr(receive, "__self__"):  # no process function
            ref._receive = Taking(ref, receive, tell)

    def send(self: ActorRef[Any], message: Any, /) -> None:
        accept(self, message)
        original_send(self, message)

    def send_to_each(
        self: Scheduler, refs: Iterable[Any], message: object, refused: Callable[..., object]
    ) -> None:
        for ref in refs:
            try:
                ref.send(message)
            except MailboxFull as full:
                refused(full.target, message)

    def by_priority(self: PriorityRef[Any], message: Any) -> None:
        tell("delivered", self, message)
        if self._queue is not GONE:  # else it comes to `send`
            accept(self, message)
        original_by_priority(self, message)

    def give_up_putters(self: BoundedRef[Any]) -> list[Any]:
        entries = original_give_up(self)
        for entry in entries:
            accept(self, entry)
        return entries

    def inline(self: Requests, ref: ActorRef[Any], message: Any) -> Any:
        accept(ref, message)
        return original_inline(self, ref, message)

    def inline_async(self: Requests, ref: ActorRef[Any], message: Any) -> Any:
        accept(ref, message)
        return original_inline_async(self, ref, message)

    def spawn(self: Spawner, *args: Any, **options: Any) -> ActorRef[Any]:
        ref: ActorRef[Any] = original_spawn(self, *args, **options)
        watch(ref)
        return ref

    def ref_of(self: Spawner, *args: Any, **options: Any) -> ActorRef[Any]:
        ref = original_ref(self, *args, **options)
        watch(ref)
        return ref

    def become(ref: ActorRef[Any], handler: Any) -> None:
        original_become(ref, handler)
        watch(ref)

    def in_hand(self: Inbox[Any], entry: Any) -> None:
        if entry.__class__ not in SIGNALS:
            tell("taken", self._ref, payload_of(entry))
        original_in_hand(self, entry)

    def adopt(self: Keeping, old: ActorRef[Any], new: ActorRef[Any]) -> None:
        original_adopt(self, old, new)
        tell("handed_over", old, new)

    def record(self: DeadLetters, letter: DeadLetter) -> None:
        tell("dead_lettered", letter)
        original_record(self, letter)

    original_send, original_by_priority = ActorRef.send, PriorityRef._deliver
    original_send_to_each = Scheduler.send_to_each
    original_give_up = BoundedRef._give_up_putters
    original_inline, original_inline_async = Requests.inline, Requests.inline_async
    original_spawn, original_ref = Spawner.spawn, Spawner._ref
    original_become, original_in_hand = vars(context)["become"], Inbox._in_hand
    original_adopt, original_record = Keeping.adopt, DeadLetters.record
    return (
        (ActorRef, "send", original_send, send),
        (Scheduler, "send_to_each", original_send_to_each, send_to_each),
        (PriorityRef, "_deliver", original_by_priority, by_priority),
        (BoundedRef, "_give_up_putters", original_give_up, give_up_putters),
        (Requests, "inline", original_inline, inline),
        (Requests, "inline_async", original_inline_async, inline_async),
        (Spawner, "spawn", original_spawn, spawn),
        (Spawner, "_ref", original_ref, ref_of),
        (context, "become", original_become, become),
        (Inbox, "_in_hand", original_in_hand, in_hand),
        (Keeping, "adopt", original_adopt, adopt),
        (DeadLetters, "record", original_record, record),
    )
