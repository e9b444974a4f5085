"""Acts: the placement actor of a node, which runs the subtrees that the node is given.

One of these actors, elected by a lease, decides who is given what (`placement.py`), and writes it
into the table that all read. A subtree starts when the node has its name in the cluster, so that it
never runs twice, whatever the table says. It ends, with its supervisor, when its budget of restarts
is spent: then it is started again later, or elsewhere.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from airssys_wasm.application.cluster import LEADER, Cluster
from airssys_wasm.application.placement import Subtree, placement
from airssys_wasm.application.singleton import Singleton
from airssys_wasm.kernel import Actor
from airssys_wasm.kernel.message import Down, Exit, StopRequested
from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision import Backoff

if TYPE_CHECKING:
    from airssys_wasm.application.system import ActorSystem
    from airssys_wasm.kernel import ActorRef

log = logging.getLogger(__name__)

WAITS = Backoff(1.0)  # before what failed is started again
FAILED = 60.0  # seconds for which others know that it has failed here


@dataclass(frozen=True, slots=True)
class Placed:
    """A subtree, the supervisor that runs it, and the names that count on all nodes."""

    subtree: Subtree
    supervisor: Any
    names: tuple[str, ...] = ()


class _Look:
    """To itself: something has changed."""


@dataclass(frozen=True, slots=True)
class _Phase:
    """To itself: a place is in another phase."""

    place: str
    phase: str


class _Failures:
    """How often a place has failed here, and since when it runs."""

    def __init__(self) -> None:
        self.attempts = 0
        self.again_at = 0.0
        self.until = 0.0
        self.up_since: float | None = None


class PlacementActor(Actor[Any]):
    """Runs what its node is given of the subtrees `placed`, in their order."""

    handles_parent_exit = True

    def __init__(self, placed: Sequence[Placed]) -> None:
        self._placed = {name: each for each in placed for name in each.subtree.places()}
        self._subtrees = [each.subtree for each in placed]
        self._running: dict[str, ActorRef[Any]] = {}  # by place, in the order of their start
        self._phases: dict[str, str] = {}
        self._failures: dict[str, _Failures] = {}
        self._stopping: str | None = None  # the place that is being given away
        self._waits = False
        self._stands = False
        self._reason: object | None = None  # it is to end

    def init(self) -> None:
        self.context.trap_exit = True
        ref = self.context.ref
        system: ActorSystem = kernel_of(ref).system  # type: ignore[assignment]  # composed so
        self._cluster: Cluster = system.cluster
        self._cluster.publish(
            name
            for each in self._placed.values()
            if each.subtree.copies == 1
            for name in each.names
        )
        self._system = system.name
        self._leader = LEADER + digest(system.name, self._subtrees)
        self._table = self._cluster.use_table(digest(system.name, self._subtrees), self._subtrees)
        self._cluster.running = self._running
        self._cluster.listen(self._wake)
        kernel_of(ref).on_exit(ref, lambda gone, _: self._gone())
        self._look()

    def receive(self, message: Any) -> None:
        match message:
            case _Look():
                self._waits = False
                self._look()
            case _Phase(place, phase):
                if place in self._running:
                    self._phases[place] = phase
                    if phase == "running" and place in self._failures:
                        self._failures[place].up_since = self.context.now()
                self._look()
            case Down(ref, reason, None):
                self._ended(ref, reason)
            case Exit(ref, reason):
                if ref is self.context.parent:
                    self._end(reason)
            case StopRequested(reason):
                self._end(reason)

    # --- what happens

    def _wake(self) -> None:
        if not self._waits:
            self._waits = True
            self.context.ref.send(_Look())

    def _look_in(self, seconds: float) -> None:
        self.context.send_after(seconds, self.context.ref, _Look())

    def _look(self) -> None:
        if self._reason is not None:
            self._stop_next(list(self._running))
            return
        self._lead()
        table = self._table.places
        mine = [place for place in self._placed if table.get(place) == self._node_name()]
        self._stop_next([place for place in self._running if place not in mine])
        self._start_next(mine)
        self._tell()

    def _node_name(self) -> str:
        return self._cluster.node.name

    def _lead(self) -> None:
        cluster = self._cluster
        self._stand(wanted=not cluster.told.draining)
        if cluster.is_leading():
            places = placement(self._subtrees, cluster.hosts(), self._table.places)
            if places != self._table.places:
                log.info("node %s places: %s", self._node_name(), places)
                self._table.write(places)
        elif (left := cluster.settles_in()) is not None:
            self._look_in(left)

    def _stand(self, *, wanted: bool) -> None:
        """Stand for election, or do so no more."""
        if wanted and not self._stands:
            self._cluster.singletons.want(self._leader, self._wake, lambda: None)
        elif not wanted and self._stands:
            self._cluster.singletons.release(self._leader)
        self._stands = wanted

    def _stop_next(self, places: list[str]) -> None:
        """Stop one after the other, the last that was started first."""
        if self._stopping is None and places:
            self._stopping = places[-1]
            self._running[self._stopping].exit("shutdown")
        elif not places and self._stopping is None and self._reason is not None:
            self.context.stop(self._reason)

    def _start_next(self, mine: list[str]) -> None:
        """Start in order; what is behind one that starts waits for it."""
        now = self.context.now()
        for place in mine:
            if place in self._running:
                if self._is_about_to_run(place):
                    return
                continue
            failures = self._failures.get(place)
            if failures is not None and now < failures.again_at:
                continue
            self._start(place)
            return  # its first phase brings us back here

    def _claim(self, place: str) -> str:
        return f"{self._system}/{place}"

    def _is_about_to_run(self, place: str) -> bool:
        if self._phases[place] != "waiting":
            return self._phases[place] == "starting"
        holder = self._cluster.singletons.claims.holder(self._claim(place))
        return holder is None or holder.node == self._node_name()

    def _start(self, place: str) -> None:
        ref = self.context.ref

        def told(phase: str) -> None:
            ref.send(_Phase(place, phase))

        self._phases[place] = "waiting"
        supervisor = self._placed[place].supervisor
        singleton = Singleton(self._claim(place), supervisor, shutdown=None, told=told)
        self._running[place] = self.context.spawn_child(singleton)
        ref.send(_Phase(place, "waiting"))

    def _ended(self, ref: object, reason: object) -> None:
        place = next((place for place, each in self._running.items() if each is ref), None)
        if place is None:
            return
        del self._running[place]
        self._phases.pop(place, None)
        if place == self._stopping:
            self._stopping = None
        elif self._reason is None:
            self._failed(place, reason)
        self._look()

    def _failed(self, place: str, reason: object) -> None:
        log.warning("node %s: %r has ended: %s", self._node_name(), place, reason)
        failures = self._failures.setdefault(place, _Failures())
        since, failures.up_since = failures.up_since, None
        if since is not None and self.context.now() - since >= WAITS.healthy_after:
            failures.attempts = 0
        failures.attempts += 1
        wait = WAITS.delay(failures.attempts, self.context.random.random())
        failures.again_at = self.context.now() + wait
        failures.until = self.context.now() + FAILED
        self._look_in(wait)
        self._look_in(FAILED)

    def _end(self, reason: object) -> None:
        if self._reason is None:
            self._reason = reason
            self._look()

    def _tell(self) -> None:
        now = self.context.now()
        failed = [
            place
            for place, each in self._failures.items()
            if now < each.until and each.up_since is None
        ]
        phases = {place: self._phases[place] for place in self._running}
        self._cluster.tell(running=phases, failed=tuple(failed))

    def _gone(self) -> None:
        self._cluster.unlisten(self._wake)
        self._cluster.running = {}
        self._stand(wanted=False)
        self._cluster.tell(tree="", running={}, failed=())


def digest(system: str, subtrees: Sequence[Subtree]) -> str:
    """What nodes compare to know whether they run the same subtrees of the same system."""
    what = [(each.id, sorted(each.labels.items()), each.copies) for each in subtrees]
    return hashlib.sha256(msgspec.json.encode([system, what])).hexdigest()[:16]
