"""Acts: lets faults happen in one run, where its choices or a plan place them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD
from airssys_wasm.testing.choices import Choices
from airssys_wasm.testing.faults import (
    ACTOR_FAULTS,
    AT_ONCE,
    INJECT,
    NETWORK_FAULTS,
    ActorFault,
    Fault,
    FaultKind,
    NetworkFault,
    check_kinds,
    fits,
)

if TYPE_CHECKING:
    from airssys_wasm.testing.loop import SimulatedLoop

DELAYS = (0.0005, 0.001, 0.002, 0.005)  # seconds on the way between two nodes; the first is usual


class Injector:
    """Lets faults happen in one run. `done` are those that came: when, what, and to whom.

    `actors` gives the living actors, and `struck` is told of each fault: to whom, and what.

    Raises ValueError for an unknown kind.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        choices: Choices,
        kinds: tuple[FaultKind, ...],
        plan: tuple[Fault, ...],
        spare: tuple[str, ...],
        actors: Callable[[], Iterable[ActorRef[Any]]],
        struck: Callable[[str, str], None],
    ) -> None:
        check_kinds(kinds)
        self._loop = loop
        self._choices = choices
        self._kinds: list[ActorFault] = [kind for kind in ACTOR_FAULTS if kind in kinds]
        self._network: list[NetworkFault] = [kind for kind in NETWORK_FAULTS if kind in kinds]
        self._plan: dict[tuple[str, int], list[Fault]] = {}
        self._timed: dict[str, list[Fault]] = {}  # whose time has come, by actor
        self._planned = any(fault.kind in ACTOR_FAULTS for fault in plan)
        self._actors = actors
        self._struck = struck
        self._unmet = dict.fromkeys(plan)
        self._spare = spare
        self._runs: dict[str, int] = {}
        self.over = False
        self.waits = False  # only planned faults come as yet
        self.done: list[tuple[float, str, str]] = []
        for fault in plan:
            if fault.at is None:
                self._plan.setdefault((fault.actor, fault.nth), []).append(fault)
            else:
                loop.call_at_for_kernel(fault.at, partial(self._come, fault))

    @property
    def is_active(self) -> bool:
        """Whether faults can come to actors."""
        return bool(self._kinds or self._planned) and not self.over

    # --- to actors

    def taken(self, actor: ActorRef[Any]) -> str | None:
        """`actor` is about to run: a fault may come. Gives what it is."""
        if not self.is_active or actor._mode & DEAD:
            return None
        who = self._loop.label(actor)
        kind = self._planned_for(actor, who)
        if kind is None and self._kinds and not self.waits and actor.name not in self._spare:
            fitting: list[ActorFault] = [each for each in self._kinds if fits(each, actor)]
            if fitting:
                picked = self._choices.pick("fault", who, ("nothing", *fitting))
                kind = fitting[picked - 1] if picked else None
        if kind is None:
            return None
        self._strike(kind, actor)
        return kind

    def _strike(self, kind: ActorFault, actor: ActorRef[Any]) -> None:
        who = self._loop.label(actor)
        self.done.append((self._loop.time(), kind, who))
        self._struck(who, kind)
        INJECT[kind](actor, self._loop)

    def _planned_for(self, actor: ActorRef[Any], who: str) -> ActorFault | None:
        for fault in self._due(actor._label, who):
            for kind in ACTOR_FAULTS:
                if kind == fault.kind and fits(kind, actor):
                    self._met(fault)
                    return kind
        return None

    # --- to messages between nodes

    def delay(self, source: str, target: str) -> float:
        """How many seconds a message is on its way from one node to another."""
        return DELAYS[self._choices.pick("delay", f"{source} -> {target}", DELAYS)]

    def sent(self, source: str, target: str) -> NetworkFault | None:
        """A message is about to go from one node to another: a fault may come to it."""
        if self.over:
            return None
        way = f"{source} -> {target}"
        kind: NetworkFault | None = None
        for fault in self._due(way, source):
            if fault.kind in NETWORK_FAULTS:
                self._met(fault)
                kind = fault.kind
        if kind is None and self._network:
            picked = self._choices.pick("fault", way, ("nothing", *self._network))
            kind = self._network[picked - 1] if picked else None
        if kind is not None:
            self.done.append((self._loop.time(), kind, way))
            self._struck(way, kind)
        return kind

    # --- by a plan

    def _due(self, *names: str) -> list[Fault]:
        """The planned faults whose time has come: each of the names counts one more."""
        due: list[Fault] = []
        if self._unmet:
            for name in dict.fromkeys(names):
                due += self._timed.get(name, ())
                nth = self._runs[name] = self._runs.get(name, 0) + 1
                due += self._plan.get((name, nth), ())
        return due

    def _come(self, fault: Fault) -> None:
        """The time of a planned fault has come."""
        if self.over:
            return
        for kind in AT_ONCE:
            if kind == fault.kind and self._come_to_living(fault, kind):
                return
        self._timed.setdefault(fault.actor, []).append(fault)

    def _come_to_living(self, fault: Fault, kind: ActorFault) -> bool:
        for actor in self._actors():
            if fault.actor in (actor._label, self._loop.label(actor)):
                self._met(fault)
                self._strike(kind, actor)
                return True
        return False

    def _met(self, fault: Fault) -> None:
        del self._unmet[fault]
        if fault.at is not None and fault.actor in self._timed:
            self._timed[fault.actor].remove(fault)

    def unmet(self) -> tuple[tuple[Fault, str], ...]:
        """The planned faults that did not come, each with why."""
        return tuple((fault, self._why(fault)) for fault in self._unmet)

    def _why(self, fault: Fault) -> str:
        count = self._runs.get(fault.actor, 0)
        unit = "messages" if fault.kind in NETWORK_FAULTS else "runs"
        if count and fault.at is not None:
            return f"it could not come to {fault.actor} after {fault.at:g} s"
        if count >= fault.nth:
            return f"it can't come to {fault.actor} there"
        if count:
            return f"there were {count} {unit} of {fault.actor}"
        known = [name for name in self._runs if "#" not in name]
        near = get_close_matches(fault.actor, known, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return f"nobody of that name ran{meant}"
