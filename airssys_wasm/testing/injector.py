"""Acts: lets faults happen in one run, where its choices or a plan place them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD
from airssys_wasm.testing.choices import Choices
from airssys_wasm.testing.faults import (
    ACTOR_FAULTS,
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

    Raises ValueError for an unknown kind.
    """

    def __init__(
        self,
        loop: SimulatedLoop,
        choices: Choices,
        kinds: tuple[FaultKind, ...],
        plan: tuple[Fault, ...],
        spare: tuple[str, ...],
    ) -> None:
        check_kinds(kinds)
        self._loop = loop
        self._choices = choices
        self._kinds = [kind for kind in ACTOR_FAULTS if kind in kinds]
        self._network = [kind for kind in NETWORK_FAULTS if kind in kinds]
        self._plan = {(fault.actor, fault.nth): fault for fault in plan}
        self._unmet = dict.fromkeys(plan)
        self._spare = spare
        self._runs: dict[str, int] = {}
        self.over = False
        self.done: list[tuple[float, str, str]] = []

    @property
    def is_active(self) -> bool:
        """Whether faults can come to actors."""
        return bool(self._kinds or self._plan) and not self.over

    # --- to actors

    def taken(self, actor: ActorRef[Any]) -> str | None:
        """`actor` is about to run: a fault may come. Gives what it is."""
        if not self.is_active or actor._mode & DEAD:
            return None
        who = self._loop.label(actor)
        kind = self._planned(actor, who)
        if kind is None and self._kinds and actor.name not in self._spare:
            fitting = [each for each in self._kinds if fits(each, actor)]
            if fitting:
                picked = self._choices.pick("fault", who, ("nothing", *fitting))
                kind = fitting[picked - 1] if picked else None
        if kind is None:
            return None
        self.done.append((self._loop.time(), kind, who))
        INJECT[kind](actor, self._loop)
        return kind

    def _planned(self, actor: ActorRef[Any], who: str) -> ActorFault | None:
        for fault in self._due(actor._label, who):
            for kind in ACTOR_FAULTS:
                if kind == fault.kind and fits(kind, actor):
                    del self._unmet[fault]
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
                del self._unmet[fault]
                kind = fault.kind
        if kind is None and self._network:
            picked = self._choices.pick("fault", way, ("nothing", *self._network))
            kind = self._network[picked - 1] if picked else None
        if kind is not None:
            self.done.append((self._loop.time(), kind, way))
        return kind

    # --- by a plan

    def _due(self, *names: str) -> list[Fault]:
        """The planned faults whose time has come: each of the names counts one more."""
        due: list[Fault] = []
        if self._plan:
            for name in dict.fromkeys(names):
                nth = self._runs[name] = self._runs.get(name, 0) + 1
                fault = self._plan.get((name, nth))
                if fault is not None:
                    due.append(fault)
        return due

    def unmet(self) -> tuple[tuple[Fault, str], ...]:
        """The planned faults that did not come, each with why."""
        return tuple((fault, self._why(fault)) for fault in self._unmet)

    def _why(self, fault: Fault) -> str:
        count = self._runs.get(fault.actor, 0)
        unit = "messages" if fault.kind in NETWORK_FAULTS else "runs"
        if count >= fault.nth:
            return f"it can't come to {fault.actor} there"
        if count:
            return f"there were {count} {unit} of {fault.actor}"
        known = [name for name in self._runs if "#" not in name]
        near = get_close_matches(fault.actor, known, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return f"nobody of that name ran{meant}"
