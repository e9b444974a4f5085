"""Acts: what an operator asks of the nodes of a cluster, on whichever of them.

A node that is asked about others asks them; what one does not say in time is shown as unknown.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from airssys_wasm.application.node_views import DrainedView, NodesView, NodeView
from airssys_wasm.kernel.errors import AirssysError

if TYPE_CHECKING:
    from airssys_wasm.application.cluster import Cluster, NodeState
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.kernel import Kernel

SERVICE = "admin"
PATIENCE = 2.0  # seconds for another node to say how it is

Figures = tuple[tuple[str, ...], int, int]  # who it is connected with, messages in and out


class UnknownNode(AirssysError):
    """There is no node of this name, as far as is known where it was asked for."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no node {name!r}; there are: {', '.join(known)}")
        self.name = name
        self.known = known


class NodeLost(AirssysError):
    """The node was lost before it answered."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"the node {name!r} was lost before it answered: {why}")
        self.name = name


class NodeAdmin:
    """Answers for one node, and asks the others."""

    def __init__(self, kernel: Kernel, node: Node, cluster: Cluster) -> None:
        self._kernel = kernel
        self._node = node
        self._cluster = cluster
        self._asked: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        node.serve(SERVICE, self._said)
        self._watching = node.watch(lambda _: None, self._lost)

    async def nodes(self) -> NodesView:
        """All nodes."""
        view = self._cluster.view()
        others = [state.name for state in view.nodes if not state.here and state.state != "lost"]
        answers = await asyncio.gather(
            *(self._ask(name, "figures", PATIENCE) for name in others), return_exceptions=True
        )
        figures: dict[str, Figures | None] = {
            name: None if isinstance(answer, BaseException) else _figures(answer)
            for name, answer in zip(others, answers, strict=True)
        }
        figures[self._node.name] = self._own_figures()
        nodes = tuple(_view(state, figures.get(state.name)) for state in view.nodes)
        return NodesView(self._kernel.name, self._node.name, nodes, dict(view.table))

    async def drain(self, name: str, timeout: float | None) -> DrainedView:
        """Have a node hand over its subtrees, in order; returns when it has none that others could
        take, or after `timeout` seconds. Raises UnknownNode, NodeLost."""
        states = {state.name: state for state in self._cluster.view().nodes}
        if name not in states:
            raise UnknownNode(name, sorted(states))
        if name == self._node.name:
            return DrainedView(name, await self._cluster.drain(timeout))
        if states[name].state == "lost":
            raise NodeLost(name, "it is not connected")
        left = await self._ask(name, "drain", None, timeout)
        return DrainedView(name, tuple(left))

    async def close(self) -> None:
        """Answer nobody any more."""
        self._watching.stop()
        for name, future in list(self._asked.values()):
            if not future.done():
                future.set_exception(NodeLost(name, "this node ends"))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- between nodes

    async def _ask(
        self, name: str, do: str, patience: float | None, argument: float | None = None
    ) -> Any:
        self._numbers += 1
        number = self._numbers
        future: asyncio.Future[Any] = self._kernel.scheduler.future()
        self._asked[number] = name, future
        try:
            self._node.say(name, SERVICE, ["ask", number, do, argument])
            async with asyncio.timeout(patience):
                return await future
        finally:
            del self._asked[number]

    def _said(self, node: str, value: Any) -> None:
        match value:
            case ["ask", int(number), "figures", _]:
                self._answer(node, number, list(self._own_figures()))
            case ["ask", int(number), "drain", timeout]:
                task = asyncio.get_running_loop().create_task(self._drain(node, number, timeout))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case ["answer", int(number), answer]:
                asked, future = self._asked.get(number, ("", None))
                if asked == node and future is not None and not future.done():
                    future.set_result(answer)

    async def _drain(self, node: str, number: int, timeout: float | None) -> None:
        self._answer(node, number, list(await self._cluster.drain(timeout)))

    def _answer(self, node: str, number: int, answer: Any) -> None:
        self._node.say(node, SERVICE, ["answer", number, answer])

    def _lost(self, node: str, why: str) -> None:
        for name, future in list(self._asked.values()):
            if name == node and not future.done():
                future.set_exception(NodeLost(name, why))

    def _own_figures(self) -> Figures:
        node = self._node
        return tuple(node.nodes()), node.messages_in, node.messages_out


def _figures(answer: Any) -> Figures | None:
    match answer:
        case [[*names], int(came), int(went)]:
            return tuple(map(str, names)), came, went
        case (names, int(came), int(went)) if isinstance(names, tuple):
            return tuple(map(str, names)), came, went
    return None


def _view(state: NodeState, figures: Figures | None) -> NodeView:
    connected, came, went = figures if figures is not None else (None, None, None)
    return NodeView(
        name=state.name,
        life=state.life,
        state=state.state,
        here=state.here,
        labels=dict(state.labels),
        lease_left=round(state.lease_left, 3),
        subtrees=dict(state.subtrees),
        failed=state.failed,
        places=state.places,
        connected=connected,
        messages_in=came,
        messages_out=went,
    )
