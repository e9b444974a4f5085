"""Acts: a network between simulated nodes, which loses, doubles, delays, reorders and cuts off.

    hub = SimulatedHub(simulation)
    shop = await simulation.system(tree, engine=hub.engine())
    hub.partition({"a"}, {"b", "c"})

How long a frame takes, and whether a fault comes to it, are choices of the run, so that shrinking
moves towards a network that is quick and whole: the faults are those of the test's `faults` and
`plan`. Frames of one node to another keep their order, as on a real network, unless a `reordered
message` says otherwise. Keys are kept by the hub, and a node that can't reach it gets EngineDown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING

from airssys_wasm.broker.local_engine import LocalEngine, LocalHub
from airssys_wasm.testing.faults import NetworkFault
from airssys_wasm.testing.injector import DELAYS

if TYPE_CHECKING:
    from airssys_wasm.testing.simulation import Simulation

LONG_DELAY = (0.5, 3.0)  # seconds of a delayed message
CUTS = (1.0, 10.0, 60.0)  # seconds of a partition: a node is not missed, is given up, loses leases
AGAIN = 0.1  # seconds after which a watcher that could not be told is told again
RESTARTS = (1.0, 10.0)  # seconds in which a restarting engine carries nothing


class SimulatedHub(LocalHub):
    """What carries frames between the nodes of one simulation.

    `done` are the faults that came: when, what, and where.
    """

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self.done: list[tuple[float, str, str]] = []
        self._simulation = simulation
        self._random = Random(f"{simulation.seed} network")
        self._cuts: set[tuple[str, str]] = set()
        self._alone: set[str] = set()
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

    def cut_off(self, node: str) -> None:
        """From now on nobody hears of this node, nor it of anybody, and it can't reach the keys."""
        self._note("cut off", node)
        self._alone.add(node)
        self._unreached.add(node)

    def cut(self, source: str, target: str) -> None:
        """Lose what `source` sends to `target`, one way."""
        self._note("cut", f"{source} -> {target}")
        self._cuts.add((source, target))

    def heal(self) -> None:
        """End all partitions and cuts."""
        self._note("heal", "")
        self._cuts.clear()
        self._alone.clear()
        self._unreached.clear()

    def restart(self, seconds: float = 1.0) -> None:
        """Engine restart: for `seconds` nothing is carried, what was on its way is lost."""
        self._note("engine restart", f"{seconds:g} s")
        self._down = True
        self._later(seconds, self._up)

    def _up(self) -> None:
        self._down = False

    # --- what a hub does

    def reaches(self, engine: LocalEngine) -> bool:
        return not self._down and engine.node not in self._unreached

    def carry(self, source: LocalEngine, target: LocalEngine, deliver: Callable[[], None]) -> None:
        pair = (source.node, target.node)
        if not self._is_open(pair):
            return
        if source is target:
            target.platform.call_soon(deliver)
            return
        injector = self._simulation.injector
        due = self._simulation.now() + injector.delay(*pair)
        fault = injector.sent(*pair)
        if fault is None:
            self._in_order(pair, due, deliver)
            return
        self.done.append((self._simulation.now(), fault, f"{source.node} -> {target.node}"))
        self._strike(fault, pair, due, deliver)

    def _strike(
        self, fault: NetworkFault, pair: tuple[str, str], due: float, deliver: Callable[[], None]
    ) -> None:
        """A fault comes to a frame, or with it to everybody: then the frame is lost."""
        match fault:
            case "lost message":
                pass
            case "doubled message":
                self._in_order(pair, due, deliver)
                self._in_order(pair, due, deliver)
            case "delayed message":
                self._in_order(pair, due + self._random.uniform(*LONG_DELAY), deliver)
            case "reordered message":
                self._at(due + 2 * DELAYS[-1], pair, deliver)  # those behind it overtake it
            case "partition":
                self.cut_off(pair[0])
                self._later(self._random.choice(CUTS), self.heal)
            case "engine restart":
                self.restart(self._random.choice(RESTARTS))

    def _in_order(self, pair: tuple[str, str], due: float, deliver: Callable[[], None]) -> None:
        due = self._latest[pair] = max(due, self._latest.get(pair, 0.0))
        self._at(due, pair, deliver)

    def _is_open(self, pair: tuple[str, str]) -> bool:
        """Whether anything can go from one node to the other now."""
        if self._down or pair in self._cuts:
            return False
        return pair[0] == pair[1] or self._alone.isdisjoint(pair)

    def changed(self, watcher: LocalEngine, deliver: Callable[[], None]) -> None:
        pair = ("", watcher.node)
        due = self._simulation.now() + self._simulation.injector.delay("keys", watcher.node)
        due = self._latest[pair] = max(due, self._latest.get(pair, 0.0))
        self._when_reached(due, watcher, deliver)

    def _when_reached(self, due: float, watcher: LocalEngine, deliver: Callable[[], None]) -> None:
        """A watch is not lost: who could not be reached is told later, in order."""

        def tell() -> None:
            if self.reaches(watcher):
                deliver()
            else:
                again = self._latest[("", watcher.node)] = self._simulation.now() + AGAIN
                self._when_reached(again, watcher, deliver)

        self._simulation.platform.call_at(due, tell)

    def _at(self, due: float, pair: tuple[str, str], deliver: Callable[[], None]) -> None:
        def arrive() -> None:
            if self._is_open(pair):
                deliver()

        self._simulation.platform.call_at(due, arrive)

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        platform = self._simulation.platform
        platform.call_at(platform.now() + seconds, callback)

    def _note(self, fault: str, where: str) -> None:
        self.done.append((self._simulation.now(), fault, where))
        self._simulation.note(f"{fault} {where}".rstrip())
