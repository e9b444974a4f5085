"""Nodes that are given subtrees, and a record of what runs where."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.application.placement import Subtree
from airssys_wasm.application.placing import Placed, PlacementActor
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.kernel import ActorRef
from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision import ChildSpec, Supervisor


class Record:
    """Which actors have been started for which place, and whether two ever ran at once."""

    def __init__(self) -> None:
        self.refs: dict[str, list[tuple[str, ActorRef[Any]]]] = {}
        self.twice: list[str] = []

    def started(self, place: str, node: str, ref: ActorRef[Any]) -> None:
        """`ref` runs on `node` from now on."""
        self.refs.setdefault(place, []).append((node, ref))
        self.look()

    def running(self, place: str) -> list[str]:
        """The nodes on which it runs."""
        return [node for node, ref in self.refs.get(place, []) if ref.is_alive]

    def look(self) -> None:
        """Note what runs twice just now."""
        for place in self.refs:
            where = self.running(place)
            if len(where) > 1:
                self.twice.append(f"{place} on {where}")
            self.refs[place] = [each for each in self.refs[place] if each[1].is_alive]


class Worker(Actor[Any]):
    """Says where it runs."""

    def __init__(self, record: Record, place: str) -> None:
        self.record, self.place = record, place

    def init(self) -> None:
        system: Any = kernel_of(self.context.ref).system
        self.record.started(self.place, system.node.name, self.context.ref)

    def receive(self, message: Any) -> object:
        if isinstance(message, Exception):
            raise message
        system: Any = kernel_of(self.context.ref).system
        return system.node.name


def root_of(record: Record, *subtrees: Subtree) -> Supervisor:
    """The root of a node that runs what it is given of these."""
    placed = [
        Placed(
            subtree,
            Supervisor(
                children=[
                    ChildSpec(subtree.id, partial(Worker, record, subtree.id), name=subtree.id)
                ],
                label=subtree.id,
            ),
            (subtree.id,),
        )
        for subtree in subtrees
    ]
    placing = ChildSpec("(placement)", partial(PlacementActor, placed), shutdown="infinity")
    return Supervisor(children=[placing])


class Nodes:
    """Systems on engines of one hub."""

    def __init__(
        self, stack: AsyncExitStack, hub: Any, platform: Any, times: LeaseTimes, **settings: Any
    ) -> None:
        self.stack, self.hub, self.platform, self.times = stack, hub, platform, times
        self.settings = settings

    async def node(
        self, name: str, root: Supervisor | None = None, labels: dict[str, str] | None = None
    ) -> ActorSystem:
        """A running one, which ends with the test."""
        system = ActorSystem(
            "shop",
            root=root,
            engine=self.hub.engine(),
            node=NodeSettings(name, labels=labels or {}, lease=self.times, **self.settings),
            platform=self.platform,
            slow_after=None,
        )
        return await self.stack.enter_async_context(system)
