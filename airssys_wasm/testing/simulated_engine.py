"""Acts: a network between simulated nodes, which loses, doubles, delays, reorders and cuts off.

    hub = SimulatedHub(simulation)
    shop = await simulation.system(tree, engine=hub.engine())
    hub.partition({"a"}, {"b", "c"})

Everything comes from the seed. Frames of one node to another keep their order, as on a real
network, unless a `reorder` says otherwise. Keys are kept by the hub, and a node that can't reach it
gets EngineDown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, Literal

from airssys_wasm.broker.local_engine import LocalEngine, LocalHub

if TYPE_CHECKING:
    from airssys_wasm.testing.simulation import Simulation

NetworkFault = Literal["loss", "duplicate", "delay", "reorder"]

DELAY = (0.0005, 0.005)  # seconds on the way, as a rule
LONG_DELAY = (0.5, 3.0)  # seconds of a `delay`: around the time after which a node counts as lost


class SimulatedHub(LocalHub):
    """What carries frames between the nodes of one simulation.

    `rates` is how likely each fault is for one frame, 0.0 unless given.
    """

    def __init__(
        self, simulation: Simulation, rates: dict[NetworkFault, float] | None = None
    ) -> None:
        super().__init__()
        self.rates: dict[NetworkFault, float] = dict(rates or {})
        self.done: list[tuple[float, str, str]] = []
        self._simulation = simulation
        self._random = Random(f"{simulation.seed} network")
        self._cuts: set[tuple[str, str]] = set()
        self._unreached: set[str] = set()
        self._down = False
        self._latest: dict[tuple[str, str], float] = {}

    # --- faults

    def partition(self, *sides: Iterable[str]) -> None:
        """From now on nodes of different sides hear nothing of each other; the first has the hub.

        The nodes of the other sides can't reach the keys.
        """
        parts = [sorted(side) for side in sides]
        self._note("partition", " | ".join(",".join(part) for part in parts))
        for place, part in enumerate(parts):
            for other in parts[place + 1 :]:
                self._cuts.update((a, b) for a in part for b in other)
                self._cuts.update((b, a) for a in part for b in other)
                self._unreached.update(other)

    def cut(self, source: str, target: str) -> None:
        """Lose what `source` sends to `target`, one way."""
        self._note("cut", f"{source} -> {target}")
        self._cuts.add((source, target))

    def heal(self) -> None:
        """End all partitions and cuts."""
        self._note("heal", "")
        self._cuts.clear()
        self._unreached.clear()

    def restart(self, seconds: float = 1.0) -> None:
        """Engine restart: for `seconds` nothing is carried, what was on its way is lost."""
        self._note("engine restart", f"{seconds:g} s")
        self._down = True
        platform = self._simulation.platform
        platform.call_at(platform.now() + seconds, self._up)

    def _up(self) -> None:
        self._down = False

    # --- what a hub does

    def reaches(self, engine: LocalEngine) -> bool:
        return not self._down and engine.node not in self._unreached

    def carry(self, source: LocalEngine, target: LocalEngine, deliver: Callable[[], None]) -> None:
        pair = (source.node, target.node)
        if self._down or pair in self._cuts:
            return
        if source is target:
            target.platform.call_soon(deliver)
            return
        now = self._simulation.now()
        due = now + self._random.uniform(*DELAY)
        fault = self._fault(f"{source.node} -> {target.node}")
        if fault == "loss":
            return
        if fault == "delay":
            due += self._random.uniform(*LONG_DELAY)
        if fault == "reorder":
            due += 2 * DELAY[1]  # those behind it overtake it
        else:
            due = self._latest[pair] = max(due, self._latest.get(pair, 0.0))
        self._at(due, pair, deliver)
        if fault == "duplicate":
            self._at(due, pair, deliver)

    def changed(self, watcher: LocalEngine, deliver: Callable[[], None]) -> None:
        pair = ("", watcher.node)
        due = self._simulation.now() + self._random.uniform(*DELAY)
        due = self._latest[pair] = max(due, self._latest.get(pair, 0.0))
        self._when_reached(due, watcher, deliver)

    def _when_reached(self, due: float, watcher: LocalEngine, deliver: Callable[[], None]) -> None:
        """A watch is not lost: who could not be reached is told later, in order."""

        def tell() -> None:
            if self.reaches(watcher):
                deliver()
            else:
                self._latest[("", watcher.node)] = self._simulation.now() + DELAY[1]
                self._when_reached(self._simulation.now() + DELAY[1], watcher, deliver)

        self._simulation.platform.call_at(due, tell)

    def _at(self, due: float, pair: tuple[str, str], deliver: Callable[[], None]) -> None:
        def arrive() -> None:
            if not self._down and pair not in self._cuts:
                deliver()

        self._simulation.platform.call_at(due, arrive)

    def _fault(self, where: str) -> NetworkFault | None:
        if not self.rates or self._simulation.injector.over:
            return None
        for fault, rate in self.rates.items():
            if self._random.random() < rate:
                self._note(fault, where)
                return fault
        return None

    def _note(self, fault: str, where: str) -> None:
        self.done.append((self._simulation.now(), fault, where))
        self._simulation.note(f"{fault} {where}".rstrip())
