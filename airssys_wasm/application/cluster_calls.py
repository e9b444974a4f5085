"""Acts: what a system with an engine can be asked about all nodes: names, placement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.application.cluster import Cluster, ClusterView
    from airssys_wasm.broker.leases.global_names import Resolve
    from airssys_wasm.kernel import ActorRef


class ClusterCalls:
    """The part of a system that concerns all nodes. Needs an engine: else RuntimeError."""

    @property
    def cluster(self) -> Cluster:
        """What this system is among several nodes."""
        raise NotImplementedError

    async def register_global(
        self,
        name: str,
        ref: ActorRef[Any],
        *,
        resolve: Resolve | None = None,
        replace: bool = False,
        timeout: float = 5.0,
    ) -> int:
        """Give an actor of this node a name on all nodes; its fencing token.

        See `GlobalNames.register`.
        """
        return await self.cluster.names.register(
            name, ref, resolve=resolve, replace=replace, timeout=timeout
        )

    async def unregister_global(self, name: str, *, timeout: float = 5.0) -> None:
        """Free a name on all nodes. See `GlobalNames.unregister`."""
        await self.cluster.names.unregister(name, timeout=timeout)

    def whereis_global(self, name: str) -> ActorRef[Any] | None:
        """The living actor that has a name on all nodes. `whereis` asks this node first."""
        return self.cluster.names.whereis(name)

    def global_names(self) -> list[str]:
        """The names on all nodes that somebody has, sorted."""
        return self.cluster.names.names()

    def global_token(self, name: str) -> int | None:
        """The fencing token of a name on all nodes that an actor of this node has just now.

        None when it has it no more, or when this node's lease is over: ask at the moment at which
        it matters, and send it along to what is to refuse older ones.
        """
        return self.cluster.names.token(name)

    def cluster_view(self) -> ClusterView:
        """All nodes, as they are known here: state, labels, leases, subtrees. Never waits."""
        return self.cluster.view()

    async def drain(self, timeout: float | None = None) -> tuple[str, ...]:
        """Have this node hand over the subtrees that it runs. See `Cluster.drain`."""
        return await self.cluster.drain(timeout)
