"""Acts: the supervisors of a storm and their children, which come back in new incarnations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airssys_wasm.kernel import ActorRef, Mailbox
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    DynamicSupervisor,
    HealthCheck,
    Supervisor,
    SupervisorRef,
)
from tests.stress.cast import CAST

if TYPE_CHECKING:
    from tests.stress.storm import Storm

FAMILIES = 3  # top supervisors that live at a time

KEPT = (
    Mailbox(keep_on_restart=True),
    Mailbox(keep_on_restart=True, order="priority"),
    Mailbox(3, "block", keep_on_restart=True),
    Mailbox(3, "drop_old", keep_on_restart=True, order="priority"),
)
MAILBOXES = (None, None, Mailbox(), Mailbox(5, "drop_new"), *KEPT, *KEPT)
STRATEGIES: tuple[Literal["one_for_one", "one_for_all", "rest_for_one"], ...] = (
    "one_for_one", "one_for_all", "rest_for_one",
)  # fmt: skip
RESTARTS: tuple[Literal["permanent", "transient", "temporary"], ...] = (
    "permanent", "permanent", "transient", "temporary",
)  # fmt: skip
WHILE_RESTARTING: tuple[Literal["fail", "queue"], ...] = ("fail", "queue")


class Families:
    """The supervisors of one storm."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        self._made = 0
        self.refs: list[ActorRef[Any]] = []  # of living supervisors
        self.dynamic: dict[ActorRef[Any], None] = {}  # those that start children on demand
        self.supervised: dict[ActorRef[Any], None] = {}
        self.names: dict[str, None] = {}
        self.restarted = 0

    def see_to(self) -> None:
        """Start families until there are enough."""
        self.refs = [ref for ref in self.refs if ref.is_alive]
        while len(self.refs) < FAMILIES:
            if self._storm.chance.random() < 0.7:
                ref = self._storm.kernel.spawn(self._supervisor(nested=2))
            else:
                ref = self._storm.kernel.spawn(self._dynamic())
                self.dynamic[ref] = None
            self._enrol_supervisor(ref)

    def _supervisor(self, nested: int) -> Supervisor:
        chance = self._storm.chance
        children = [self.child() for _ in range(chance.randrange(1, 5))]
        if nested and chance.random() < 0.5:
            self._made += 1
            below = self._supervisor(nested - 1)
            name = f"supervisor-{self._made}"
            children.append(ChildSpec(name, below, attach=self._enrol_supervisor))
        return Supervisor(
            strategy=chance.choice(STRATEGIES),
            intensity=chance.choice([1, 5, 1_000]),
            period=chance.choice([0.001, 1.0]),
            children=children,
        )

    def _dynamic(self) -> DynamicSupervisor:
        chance = self._storm.chance
        return DynamicSupervisor(
            chance.choice(CAST),
            args=(self._storm,),
            max_children=5,
            intensity=1_000,
            restart=chance.choice(RESTARTS),
            shutdown=chance.choice([0.0005, 5.0, "brutal_kill"]),
            mailbox=chance.choice(MAILBOXES),
            attach=self._enrol_child,
        )

    def child(self) -> ChildSpec:
        """A child that no supervisor has yet."""
        chance = self._storm.chance
        kind = chance.choice(CAST)
        checked = isinstance(kind, type) and chance.random() < 0.3  # no process function is
        self._made += 1
        name = f"child-{self._made}" if chance.random() < 0.3 else None
        if name is not None:
            self.names[name] = None
            if len(self.names) > 8:
                del self.names[next(iter(self.names))]
        return ChildSpec(
            f"id-{self._made}",
            kind,
            args=(self._storm,),
            name=name,
            restart=chance.choice(RESTARTS),
            shutdown=chance.choice([0.0005, 5.0, "brutal_kill"]),
            mailbox=chance.choice(MAILBOXES),
            attach=self._enrol_child,
            backoff=chance.choice([None, None, Backoff(0.001, max=0.05)]),
            health=HealthCheck(every=0.01, timeout=0.001) if checked else None,
            while_restarting=chance.choice(WHILE_RESTARTING),
        )

    def _enrol_supervisor(self, ref: ActorRef[Any]) -> None:
        self.refs.append(ref)
        if self._storm.kernel.info(ref).parent is not None:
            self.supervised[ref] = None
        self._storm.news.watch(ref, self._storm.witness)

    def _enrol_child(self, ref: ActorRef[Any], predecessor: ActorRef[Any] | None = None) -> None:
        self.restarted += predecessor is not None
        self.supervised[ref] = None
        self._storm.enrol(ref, predecessor)
        self._storm.kernel.on_exit(ref, self._ended)

    def _ended(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        if successor is not None:  # which has taken over the mailbox
            self._enrol_child(successor, ref)

    async def audit(self) -> None:
        """Nobody is an orphan, and each supervisor knows the children that it has."""
        kernel, broken = self._storm.kernel, self._storm.broken
        for ref in list(self.supervised):
            parent = kernel.info(ref).parent
            if not ref.is_alive:
                del self.supervised[ref]
            elif parent is None or not parent.is_alive:
                broken(f"an orphan: {ref}, whose supervisor was {parent}")
        for ref in [ref for ref in self.refs if ref.is_alive]:
            children = await SupervisorRef.of(ref).which_children(timeout=1.0)
            told = {child.ref for child in children if child.ref is not None}
            has = {*kernel.info(ref).children}
            if told != has or not all(child.is_alive for child in has):
                broken(f"{ref} says that it has {told}, but it is {has}")
