"""Laws that hold for every system of actors, whatever it is for.

A run looks at them whenever nothing can run, before virtual time moves, and at its end. Each class
says in its first line what always holds; `InvariantBroken.invariant` is the name of the class.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.message import Down, Exit, Ignored, Started
from airssys_wasm.kernel.outside_ref import Onlooker, OutsideRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, ENDING, KEEP, SUPERVISED, HeldQueue
from airssys_wasm.supervision.dynamic_actor import DynamicActor
from airssys_wasm.supervision.events import ChildEnded, GaveUp, StartFailed
from airssys_wasm.supervision.supervisor_actor import SupervisorActor
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.message_invariants import MailboxesRun, MessagesConserved

if TYPE_CHECKING:
    from airssys_wasm.components.component_actor import ComponentActor
    from airssys_wasm.kernel.context import MonitorRef
    from airssys_wasm.kernel.events import Event
    from airssys_wasm.kernel.kernel import Kernel

AnySupervisor = SupervisorActor | DynamicActor

LATE = 0.01  # seconds that timers and the kernel may take beyond a limit


class NothingOrphaned(Invariant):
    """A supervised actor does not outlive its supervisor.

    Once all is quiet after the end of a supervisor, its children are dead or on the way to it.
    """

    def quiet(self, kernel: Kernel) -> None:
        for ref in kernel.actors():
            parent = ref._parent
            if (
                ref._traits & SUPERVISED
                and parent is not None
                and parent._mode & DEAD
                and not ref._mode & ENDING
            ):
                self.broken(f"{ref} is alive, and its supervisor {parent} is dead")

    def ended(self, kernel: Kernel) -> None:
        left = kernel.actors()
        if left:
            self.broken(f"the system has ended, and {left[0]} is alive")


class EachDeathToldOnce(Invariant):
    """Each watcher learns of each death exactly once, and never of a living actor's.

    Watchers are actors with a monitor, and supervisors for their children.
    """

    def __init__(self) -> None:
        self._monitors: dict[MonitorRef, int] = {}
        self._children: dict[ActorRef[Any], int] = {}  # supervised: how often told

    def monitored(self, monitor: MonitorRef) -> None:
        self._monitors[monitor] = 0

    def demonitored(self, monitor: MonitorRef, undone: bool) -> None:
        if undone and self._monitors.get(monitor):
            self.broken(f"{monitor} was undone after its Down had come")
        self._monitors.pop(monitor, None)

    def event(self, event: Event) -> None:
        ref = event.metadata.get("ref")
        spawned = event.name == "actor.spawned"
        if spawned and isinstance(ref, ActorRef) and ref._traits & SUPERVISED:
            self._children.setdefault(ref, 0)

    def delivered(self, ref: ActorRef[Any], message: Any) -> None:
        if not isinstance(message, Down | Ignored) or not isinstance(message.ref, ActorRef):
            return
        target = message.ref
        lost = isinstance(target, OutsideRef) and getattr(message, "reason", None) == "noconnection"
        if not target._mode & DEAD and not lost:
            self.broken(f"{ref} is told that {target} is dead, and it is not")
        monitor = message.monitor if isinstance(message, Down) else None
        if monitor is None:
            told = self._children[target] = self._children.get(target, 0) + 1
        elif monitor in self._monitors:
            told = self._monitors[monitor] = self._monitors[monitor] + 1
        else:
            return
        if told > 1:
            self.broken(f"{ref} is told {told} times that {target} is dead")

    def quiet(self, kernel: Kernel) -> None:
        for monitor, told in list(self._monitors.items()):
            target, watcher = monitor.target, monitor.watcher
            if watcher._scheduler.kernel is not kernel:
                continue
            if watcher._mode & (DEAD | ENDING):
                del self._monitors[monitor]
            elif isinstance(watcher, Onlooker) and not monitor.active:
                del self._monitors[monitor]  # the connection that it watched for is over
            elif isinstance(target, ActorRef) and target._mode & DEAD:
                del self._monitors[monitor]
                if not told:
                    self.broken(f"{target} is dead, and {watcher} was not told")
        for child, told in list(self._children.items()):
            parent = child._parent
            if child._scheduler.kernel is not kernel or not child._mode & DEAD:
                continue
            del self._children[child]
            if not told and parent is not None and not parent._mode & (DEAD | ENDING):
                self.broken(f"{child} is dead, and its supervisor {parent} was not told")


class NamesAreFree(Invariant):
    """A name has one living holder at most, and is free before anyone learns of his death."""

    def delivered(self, ref: ActorRef[Any], message: Any) -> None:
        if not isinstance(message, Down | Exit | Ignored):
            return
        dead = message.ref
        if not isinstance(dead, ActorRef) or not dead._mode & DEAD or dead._traits & KEEP:
            return
        registry = dead._scheduler.kernel.registry
        for name in {dead._label: None, dead.name or dead._label: None}:
            if registry.find(name) is dead:
                self.broken(f"{ref} learns of the death of {dead}, which has its name {name!r}")

    def quiet(self, kernel: Kernel) -> None:
        holders: dict[str, ActorRef[Any]] = {}
        for ref in kernel.actors():
            name = ref.name
            if name is None:
                continue
            if name in holders:
                self.broken(f"{holders[name]} and {ref} both have the name {name!r}")
            holders[name] = ref
            if kernel.registry.find(name) is not ref:
                self.broken(f"{ref} has the name {name!r}, and the registry does not know it")

    def ended(self, kernel: Kernel) -> None:
        for name in kernel.registry:
            self.broken(f"the system has ended, and the name {name!r} is taken")


class BudgetExact(Invariant):
    """A supervisor restarts while its budget allows it, and gives up when it is spent.

    At most `intensity` failures are answered with a restart in any window of `period` seconds; the
    next one in such a window, and no other, makes the supervisor give up. After a restart that
    failed, each further attempt costs as much, and only the first half is looked at.
    """

    def __init__(self) -> None:
        self._failures: dict[AnySupervisor, list[float]] = {}
        self._due: dict[AnySupervisor, bool] = {}  # whether it has to give up now
        self._unsure: set[AnySupervisor] = set()

    def supervised(self, supervisor: AnySupervisor, event: Any) -> None:
        description = supervisor._description
        match event:
            case StartFailed():
                self._unsure.add(supervisor)
            case ChildEnded(_, _, True):
                now = supervisor.context.now()
                period = round(description.period * 1000)
                failures = self._failures.setdefault(supervisor, [])
                failures[:] = [at for at in failures if round(now * 1000) - at <= period]
                full = len(failures) >= description.intensity
                self._settle(supervisor)
                self._due[supervisor] = full
                if not full:
                    failures.append(round(now * 1000))
            case GaveUp():
                due = self._due.pop(supervisor, False)
                if not due and supervisor not in self._unsure:
                    used = len(self._failures.get(supervisor, ()))
                    self.broken(
                        f"{supervisor.context.ref} gave up with {used} of "
                        f"{event.intensity} restarts used in {event.period:g} s"
                    )
            case _:
                self._settle(supervisor)

    def _settle(self, supervisor: AnySupervisor) -> None:
        if self._due.pop(supervisor, False):
            self.broken(
                f"{supervisor.context.ref} restarted more than "
                f"{supervisor._description.intensity} times in {supervisor._description.period:g} s"
            )

    def quiet(self, kernel: Kernel) -> None:
        for supervisor in list(self._due):
            self._settle(supervisor)


class StopOrder(Invariant):
    """A supervisor stops its children one by one, the last started first, and waits for each.

    What is stopped by hand, one child at a time, has the order of who asked for it.
    """

    def __init__(self) -> None:
        self._stopping: dict[ActorRef[Any], ActorRef[Any]] = {}

    def told_to_end(self, ref: ActorRef[Any], by: ActorRef[Any] | None, reason: object) -> None:
        if by is None or ref._parent is not by or ref._mode & DEAD or not _is_static(by):
            return
        before = self._stopping.get(by)
        if before is not None and before is not ref and not before._mode & DEAD:
            self.broken(f"{by} stops {ref}, and {before} has not ended")
        self._stopping[by] = ref
        supervisor = _supervisor(by)
        if supervisor is None or supervisor._machine.phase != "stopping":
            return
        places = _places(supervisor)
        later = [r for r, place in places.items() if place > places.get(ref, place)]
        if later:
            self.broken(f"{by} stops {ref} before {later[0]}, which it started later")


class StopTimeBounded(Invariant):
    """A child that its supervisor told to end is dead after its shutdown time, and not later."""

    def __init__(self) -> None:
        self._due: dict[ActorRef[Any], float] = {}

    def told_to_end(self, ref: ActorRef[Any], by: ActorRef[Any] | None, reason: object) -> None:
        if by is None or ref._parent is not by or not ref._traits & SUPERVISED:
            return
        if ref._mode & DEAD or ref in self._due:
            return
        supervisor = _supervisor(by)
        number = supervisor._numbers.get(ref) if supervisor is not None else None
        if supervisor is None or number is None:
            return
        living = supervisor._machine._tree.living.get(number[0])
        shutdown = living.spec.shutdown if living is not None else None
        if shutdown == "brutal_kill":
            shutdown = 0.0
        if isinstance(shutdown, int | float):
            self._due[ref] = _unhurried(ref._scheduler.kernel) + shutdown

    def event(self, event: Event) -> None:
        ref = event.metadata.get("ref")
        if event.name == "actor.ended" and isinstance(ref, ActorRef):
            due = self._due.pop(ref, None)
            now = _unhurried(ref._scheduler.kernel)
            if due is not None and now > due + LATE:
                self.broken(f"{ref} took {now - due:g} s more than its shutdown time")

    def quiet(self, kernel: Kernel) -> None:
        now = _unhurried(kernel)
        for ref, due in list(self._due.items()):
            if ref._mode & DEAD:
                del self._due[ref]
            elif ref._scheduler.kernel is kernel and now > due + LATE:
                self.broken(f"{ref} is alive {now - due:g} s after its shutdown time")


class BeginningsTold(Invariant):
    """A supervisor learns once of each child whether it has started, and of none that is dead."""

    def __init__(self) -> None:
        self._started: Counter[ActorRef[Any]] = Counter()

    def delivered(self, ref: ActorRef[Any], message: Any) -> None:
        if isinstance(message, Started):
            self._started[message.ref] += 1
            if message.ref._mode & DEAD:
                self.broken(f"{ref} is told that {message.ref} has started, and it is dead")
            if self._started[message.ref] > 1:
                self.broken(f"{ref} is told twice that {message.ref} has started")


class NothingLeaked(Invariant):
    """What is over holds nothing: no name, no timer, no file, and no Store of a component.

    Once all is quiet after its end, a component's Store is gone, and the name of an actor is free
    or kept for its next incarnation. At the end of the system no timer is pending, and no file or
    socket is open that was not open before. (Files are looked at where there is a `/proc`.)
    """

    def __init__(self) -> None:
        self._files = _open_files()
        self._components: list[ComponentActor] = []

    def component_began(self, component: ComponentActor) -> None:
        self._components.append(component)

    def quiet(self, kernel: Kernel) -> None:
        for name in kernel.registry:
            ref = kernel.registry.find(name)
            if ref is not None and ref._mode & DEAD and not isinstance(ref._queue, HeldQueue):
                self.broken(f"{ref} is dead, and still has the name {name!r}")
        ended = [c for c in self._components if c.context.ref._mode & DEAD]
        for component in ended:
            if component._instance is not None and component._instance.is_alive:
                self.broken(f"{component.context.ref} is dead, and its Store is not closed")
            self._components.remove(component)

    def ended(self, kernel: Kernel) -> None:
        timers = kernel.timers.pending
        if timers:
            self.broken(f"the system has ended, and {timers} timers are pending")
        if _open_files() - self._files:
            gc.collect()  # what was killed may be a cycle that only the collector finds
        left = sorted(_open_files() - self._files)
        if left:
            self.broken(f"the system has ended, and {left[0][1]} is open")


def _open_files() -> set[tuple[int, str]]:
    """The open files of this process, by number; none where the system does not say."""
    files = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            files.add((int(descriptor.name), str(descriptor.readlink())))
        except OSError:  # it was the one that listed them
            continue
    return files


def _unhurried(kernel: Kernel) -> float:
    platform = kernel.platform
    unhurried = getattr(platform, "unhurried", platform.now)
    return float(unhurried())


def _supervisor(ref: ActorRef[Any]) -> SupervisorActor | None:
    if ref._receive is None:
        return None
    actor = getattr(ref._receive, "__self__", None)
    return actor if type(actor) is SupervisorActor else None


def _is_static(ref: ActorRef[Any]) -> bool:
    return _supervisor(ref) is not None


def _places(supervisor: SupervisorActor) -> dict[ActorRef[Any], int]:
    """The living children, and the place of each in the order in which they are started."""
    tree = supervisor._machine._tree
    order = {id: place for place, id in enumerate(tree.children.specs)}
    found = {}
    for ref, (number, _) in supervisor._numbers.items():
        child = tree.living.get(number)
        if child is not None and not ref._mode & (DEAD | ENDING):
            found[ref] = order.get(child.id, -1)
    return found


ALL: tuple[Callable[[], Invariant], ...] = (
    NothingOrphaned,
    EachDeathToldOnce,
    NamesAreFree,
    BudgetExact,
    StopOrder,
    StopTimeBounded,
    BeginningsTold,
    MailboxesRun,
    MessagesConserved,
    NothingLeaked,
)
