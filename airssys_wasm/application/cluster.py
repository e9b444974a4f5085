"""Acts: what this system is among several nodes: its lease, its names, what it runs for all.

A node tells the others of itself in the value of its lease, so that each knows of all nodes what
`view` shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from airssys_wasm.application.placement import Host, Subtree, placement
from airssys_wasm.application.placement_table import PlacementTable
from airssys_wasm.broker.leases.global_names import GlobalNames
from airssys_wasm.broker.leases.lease import Lease, Occupied
from airssys_wasm.broker.leases.leases import LeaseEvent, Leases
from airssys_wasm.broker.leases.singletons import Singletons

if TYPE_CHECKING:
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.broker.nodes.node_settings import NodeSettings
    from airssys_wasm.kernel import ActorRef, Kernel

LEADER = "=placement/"  # the singleton of the node that places: this and a digest of the subtrees


class Told(msgspec.Struct, frozen=True):
    """What a node says of itself.

    `tree` is a digest of the subtrees that it knows, "" for none; `running` are places and their
    phases, `failed` those that it could not start lately.
    """

    system: str = ""
    labels: dict[str, str] = {}
    draining: bool = False
    tree: str = ""
    running: dict[str, str] = {}
    failed: tuple[str, ...] = ()


def told_of(lease: Lease) -> Told:
    """What the node of a lease says of itself; nothing where that is not understood."""
    try:
        return msgspec.msgpack.decode(lease.told, type=Told)
    except msgspec.MsgspecError:
        return Told()


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node, as another sees it.

    `state` is `up`, `draining`, or `lost` for one that is not connected though its lease has not
    ended. `lease_left` is how many seconds its lease lasts at least, as far as is known here.
    `subtrees` are places and their phases: `waiting` for the name, `starting`, `running`,
    `stopping`; `failed` those that it could not start lately. `places` says whether it is the one
    that places subtrees.
    """

    name: str
    life: str
    state: str
    here: bool
    labels: Mapping[str, str]
    lease_left: float
    subtrees: Mapping[str, str]
    failed: tuple[str, ...]
    places: bool


@dataclass(frozen=True, slots=True)
class ClusterView:
    """All nodes in the order of their names, and where each place is to be; None: on no node."""

    nodes: tuple[NodeState, ...]
    table: Mapping[str, str | None]


class Cluster:
    """What a system with an engine has beside its node. `fatal(why)` is called when it can't go on.

    Made by ActorSystem; all is there from `open` to `close`.
    """

    def __init__(
        self, kernel: Kernel, node: Node, settings: NodeSettings, fatal: Callable[[str], None]
    ) -> None:
        platform = kernel.platform
        self.node = node
        self.told = Told(kernel.name, dict(settings.labels))
        self.leases = Leases(
            node.name,
            node.life,
            node.engine,
            platform,
            settings.lease,
            msgspec.msgpack.encode(self.told),
        )
        self._published: dict[str, None] = {}
        self.names = GlobalNames(
            kernel, node, self.leases, published=lambda name: name in self._published
        )
        self.singletons = Singletons(self.leases, node.engine, platform)
        self.table: PlacementTable | None = None  # while this node runs what it is given
        self.subtrees: tuple[Subtree, ...] = ()  # those of this node's tree
        self.running: Mapping[str, ActorRef[Any]] = {}  # what runs here: by place, its singleton
        self._platform, self._fatal = platform, fatal
        self._listeners: list[Callable[[], None]] = []
        self._news = asyncio.Event()
        self.leases.listen(self._lease_event)

    async def open(self) -> None:
        """Be one of the nodes that have a lease. Raises EngineDown."""
        await self.leases.open()
        await self.names.open()
        await self.singletons.claims.open()

    async def close(self) -> None:
        """Give all back. What needed it has stopped."""
        if self.table is not None:
            await self.table.close()
        await self.names.close()
        await self.singletons.claims.close()
        await self.leases.close()

    # --- for those who place, and who are placed

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something of nodes, leases or the table has changed."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """Call it no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def publish(self, names: Iterable[str]) -> None:
        """Make known to all nodes who has these names, whenever an actor of this node does."""
        self._published.update(dict.fromkeys(names))

    def tell(self, **changes: object) -> None:
        """Change what this node says of itself: fields of `Told`."""
        told = msgspec.structs.replace(self.told, **changes)
        if told != self.told:
            self.told = told
            self.leases.tell(msgspec.msgpack.encode(told))
            self._moved()

    def hosts(self) -> list[Host]:
        """The nodes that know the same subtrees as this one, by name."""
        hosts = []
        for known in self.leases.others.nodes():
            told = told_of(known.lease)
            if told.tree == self.told.tree:
                failed = frozenset(told.failed)
                hosts.append(Host(known.lease.node, told.labels, told.draining, failed))
        return hosts

    def is_leading(self) -> bool:
        """Whether this node is the one that places, and has seen who else is there."""
        leases = self.leases
        settled = self._platform.now() >= leases.own.began + leases.times.grace
        return self.singletons.has(LEADER + self.told.tree) and leases.is_safe() and settled

    def settles_in(self) -> float | None:
        """Seconds until it has seen who else is there, if it has to wait for that."""
        left = self.leases.own.began + self.leases.times.grace - self._platform.now()
        return left if self.leases.is_valid() and left > 0 else None

    def use_table(self, tree: str, subtrees: Iterable[Subtree]) -> PlacementTable:
        """The table of the nodes that know these subtrees, whose digest is `tree`."""
        self.subtrees = tuple(subtrees)
        self.table = PlacementTable(tree, self.node.engine, self._platform, self._moved)
        self.tell(tree=tree)
        return self.table

    # --- for users

    def view(self) -> ClusterView:
        """All nodes as they are known here, and where each subtree is to be."""
        now = self._platform.now()
        leader = self.singletons.claims.holder(LEADER + self.told.tree)
        connected = {self.node.name, *self.node.nodes()}
        states = []
        for known in self.leases.others.nodes():
            lease, told = known.lease, told_of(known.lease)
            here = lease.node == self.node.name
            left = self.leases.own.until if here else known.seen + lease.length
            there = "draining" if told.draining else "up"
            states.append(
                NodeState(
                    lease.node,
                    lease.life,
                    there if lease.node in connected else "lost",
                    here,
                    told.labels,
                    max(0.0, left - now),
                    told.running,
                    told.failed,
                    leader is not None and leader.node == lease.node,
                )
            )
        table = {} if self.table is None else self.table.places
        places = [place for subtree in self.subtrees for place in subtree.places()]
        return ClusterView(tuple(states), {place: table.get(place) for place in places})

    async def drain(self, timeout: float | None = None) -> tuple[str, ...]:
        """Have this node get no more subtrees, and give those that it has to others, in order.

        Returns when it has none that another node can take, or after `timeout` seconds; the places
        that it still has. Stopping the system stops those, too.
        """
        self.tell(draining=True)
        try:
            async with asyncio.timeout(timeout):
                while self._can_hand_over():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            pass
        return tuple(self.told.running)

    def undrain(self) -> None:
        """Undo `drain`: this node may get subtrees again."""
        self.tell(draining=False)

    # --- its own

    def _can_hand_over(self) -> bool:
        """Whether this node runs what would go elsewhere, if it were drained."""
        if self.table is None or not self.told.running:
            return bool(self.told.running)
        name = self.node.name
        hosts = [
            replace(host, draining=True) if host.name == name else host for host in self.hosts()
        ]
        table = placement(self.subtrees, hosts, self.table.places)
        return any(table.get(place) != name for place in self.told.running)

    def _lease_event(self, event: LeaseEvent) -> None:
        if isinstance(event, Occupied):
            self._fatal(f"another node is called {self.node.name!r}: give each its own name")
        self._moved()

    def _moved(self) -> None:
        self._news.set()
        for listener in list(self._listeners):
            listener()
