"""Acts: one running system: a kernel, a broker, what runs components, and a root supervisor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import anyio

from airssys_wasm.application.cluster_calls import ClusterCalls
from airssys_wasm.application.durable_calls import DurableCalls
from airssys_wasm.application.errors import SystemFailed
from airssys_wasm.application.reports import Report
from airssys_wasm.application.starting import Starts
from airssys_wasm.broker import Broker
from airssys_wasm.kernel import (
    ActorInfo,
    ActorRef,
    Address,
    DeadLetters,
    Group,
    Kernel,
    KernelStatistics,
    Meter,
    NamedRef,
    Replies,
    Telemetry,
    Trace,
    TraceEvent,
    is_orderly,
)
from airssys_wasm.kernel.kernel import SLOW_AFTER
from airssys_wasm.supervision.events import AutoShutdown, chain_of

if TYPE_CHECKING:
    from airssys_wasm.application.cluster import Cluster
    from airssys_wasm.application.node_admin import NodeAdmin
    from airssys_wasm.broker.engine import Engine
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.broker.nodes.node_settings import NodeSettings
    from airssys_wasm.broker.shared_groups import GroupStatistics, SharedGroups
    from airssys_wasm.components.services import ComponentServices
    from airssys_wasm.kernel import Platform

SHUTDOWN_TIME = 30.0  # seconds for everything to end in order before the rest is killed
ROOT_NAME = "root"


@dataclass(frozen=True, slots=True)
class SystemStatistics:
    """The counts of a system's parts; `broker` are the broker's own, `groups` those of the groups
    over several nodes, None without an engine."""

    kernel: KernelStatistics
    broker: object
    groups: GroupStatistics | None = None


def _is_failure(cause: object) -> bool:
    """Whether an orderly reason hides a failure: a spent budget, a crashed significant child."""
    if isinstance(cause, AutoShutdown):
        return not is_orderly(cause.reason) or _is_failure(cause.cause)
    return cause is not None


class ActorSystem(Starts, ClusterCalls, DurableCalls):
    """A system of actors, alive inside `async with`.

    `root` is the supervisor of everything, or any other behaviour; without one, actors are started
    by hand. Leaving the block stops the root in order, then all other actors, the newest first,
    within `shutdown_timeout` seconds, and kills what is left. An exception of the body comes out
    after that. When the root ends though nobody asked it to, the body is cancelled, and the block
    raises SystemFailed.

    Code of an actor that holds the loop for `slow_after` seconds is logged with its stack, with
    None never.

    With an `engine` the system is one node of several, found by the others through that engine;
    `node` is its name, or NodeSettings (docs/nodes.md).

    Raises RuntimeError when entered outside of asyncio, StartError when the root does not start,
    EngineDown when the engine can't be reached.
    """

    def __init__(
        self,
        name: str = "system",
        *,
        root: Any = None,
        platform: Platform | None = None,
        components: ComponentServices | None = None,
        shutdown_timeout: float = SHUTDOWN_TIME,
        slow_after: float | None = SLOW_AFTER,
        on_progress: Callable[[str], None] | None = None,
        engine: Engine | None = None,
        node: NodeSettings | str | None = None,
    ) -> None:
        if node is not None and engine is None:
            raise TypeError("node: a system without an engine is no node of several")
        self.name = name
        self.reports: tuple[Report, ...] = ()
        self._root = root
        self._platform = platform
        self._components = components
        self._shutdown_timeout = shutdown_timeout
        self._slow_after = slow_after
        self._on_progress = on_progress
        self._engine = engine
        self._node_settings = node
        self._node: Node | None = None
        self._groups: SharedGroups | None = None
        self._cluster: Cluster | None = None
        self.admin: NodeAdmin | None = None  # with an engine: answers operators about all nodes
        self._telemetry = Telemetry()
        self._kernel: Kernel | None = None
        self._broker: Broker | None = None
        self._root_ref: ActorRef[Any] | None = None
        self._scope: anyio.CancelScope | None = None
        self._asked = False
        self._failure: SystemFailed | None = None

    async def __aenter__(self) -> Self:
        if self._kernel is not None:
            raise RuntimeError(f"the system {self.name!r} was entered before; make a new one")
        self._kernel = kernel = Kernel(
            self.name,
            platform=self._platform,
            system=self,
            slow_after=self._slow_after,
            telemetry=self._telemetry,
        )
        self._broker = Broker(kernel)
        self._scope = anyio.CancelScope()
        try:
            if self._engine is not None:
                await self._join(self._engine)
                self.open_declared(self._engine)
            if self._root is not None:
                self._root_ref = await kernel.start(self._root, name=ROOT_NAME)
        except BaseException:
            await self._end()
            raise
        self._scope.__enter__()
        if self._root_ref is not None:
            kernel.on_exit(self._root_ref, self._root_ended)
        return self

    async def _join(self, engine: Engine) -> None:
        """Become one of several nodes."""
        from airssys_wasm.application.cluster import Cluster
        from airssys_wasm.application.component_types import component_types
        from airssys_wasm.application.node_admin import NodeAdmin
        from airssys_wasm.broker.nodes.node import Node
        from airssys_wasm.broker.nodes.node_settings import NodeSettings
        from airssys_wasm.broker.shared_groups import SharedGroups
        from airssys_wasm.broker.shared_topics import SharedTopics

        settings = self._node_settings
        if not isinstance(settings, NodeSettings):
            settings = NodeSettings(settings)
        self._node = node = Node(self.kernel, engine, settings, types=component_types())
        self._groups = SharedGroups(self.kernel, node)
        SharedTopics(self.kernel, self.broker, node)
        await node.open()
        self._cluster = Cluster(self.kernel, node, settings, self._give_up)
        await self._cluster.open()
        self.admin = NodeAdmin(self.kernel, node, self._cluster)

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._scope is not None
        self._asked = True
        swallowed = self._scope.__exit__(exception_type, exception, traceback)
        try:
            with anyio.CancelScope(shield=True):
                await self._end()
        finally:
            if self._failure is not None and (exception is None or swallowed):
                raise self._failure

    async def _end(self) -> None:
        """The root first, then the rest; what runs components goes last."""
        kernel = self.kernel
        self._asked = True
        if self._root_ref is not None and self._root_ref.is_alive:
            self.stop()
            with anyio.move_on_after(self._shutdown_timeout):
                await self._root_ref.wait()
        try:
            if self._broker is not None:
                self._broker.close()
            await kernel.close(self._shutdown_timeout)
        finally:
            await self.close_mailboxes()
            if self.admin is not None:
                await self.admin.close()
            if self._cluster is not None:
                await self._cluster.close()
            if self._node is not None:
                await self._node.close()
            if self._components is not None:
                await self._components.close()

    def _root_ended(self, ref: ActorRef[Any], _: ActorRef[Any] | None) -> None:
        end = ref._end
        assert end is not None
        if self._asked or (is_orderly(end.reason) and not _is_failure(end.cause)):
            return
        chain = tuple(chain_of(end.cause)) if end.cause is not None else ()
        self._failure = SystemFailed(self.name, end.reason, chain)
        if self._scope is not None:
            self._scope.cancel()

    def _give_up(self, why: str) -> None:
        """This can't be a node any more: stop in order, and have the block raise SystemFailed."""
        if not self._asked:
            self._failure = SystemFailed(self.name, why, ())
            if self._scope is not None:
                self._scope.cancel()

    # --- its parts

    @property
    def kernel(self) -> Kernel:
        """The kernel of the running system."""
        if self._kernel is None:
            raise RuntimeError(f"the system {self.name!r} runs inside 'async with' only")
        return self._kernel

    @property
    def broker(self) -> Broker:
        """Publish and subscribe."""
        if self._broker is None:
            raise RuntimeError(f"the system {self.name!r} runs inside 'async with' only")
        return self._broker

    @property
    def node(self) -> Node:
        """This system as one of several nodes. Raises RuntimeError when it has no engine."""
        if self._node is None:
            raise RuntimeError(f"the system {self.name!r} has no engine: it is no node of several")
        return self._node

    @property
    def cluster(self) -> Cluster:
        """What this system is among several nodes. Raises RuntimeError when it has no engine."""
        if self._cluster is None:
            raise RuntimeError(f"the system {self.name!r} has no engine: it is no node of several")
        return self._cluster

    def nodes(self) -> list[str]:
        """The other nodes that this one is connected with, sorted; none without an engine."""
        return self._node.nodes() if self._node is not None else []

    @property
    def components(self) -> ComponentServices:
        """What components share: engine, storage, audit. Made when first asked for."""
        if self._components is None:
            from airssys_wasm.components.services import ComponentServices

            self._components = ComponentServices()
        return self._components

    @property
    def root(self) -> ActorRef[Any] | None:
        """The root supervisor."""
        return self._root_ref

    @property
    def root_now(self) -> ActorRef[Any] | None:
        """The root while it is alive, also before its init is done."""
        return self._kernel.whereis(ROOT_NAME) if self._kernel is not None else None

    @property
    def phase(self) -> Literal["starting", "running", "stopping"]:
        """Where the system is between its start and its end."""
        if self._asked:
            return "stopping"
        waits = self._kernel is None or (self._root is not None and self._root_ref is None)
        return "starting" if waits else "running"

    @property
    def telemetry(self) -> Telemetry:
        """Events of the kernel, for handlers that are attached: docs/events.md.

        A handler that is attached before the system is entered sees how the root starts.
        """
        return self._telemetry

    @property
    def dead_letters(self) -> DeadLetters:
        """The messages that no handler completed."""
        return self.kernel.dead_letters

    # --- actors

    def whereis(self, name: str) -> ActorRef[Any] | None:
        """The living actor of that name."""
        return self.kernel.whereis(name)

    def named(self, name: str) -> NamedRef:
        """An address that follows the name over restarts."""
        return self.kernel.named(name)

    def register(self, name: str, ref: ActorRef[Any]) -> None:
        """Give an actor a name. See `Kernel.register`."""
        self.kernel.register(name, ref)

    def unregister(self, name: str) -> None:
        """Free a name. See `Kernel.unregister`."""
        self.kernel.unregister(name)

    def group(self, name: str) -> Group:
        """The group of that name. See `Kernel.group`."""
        return self.kernel.group(name)

    async def multicall(
        self, addresses: Iterable[Address], message: object, timeout: float | None = 5.0
    ) -> Replies:
        """Request `message` of all at once. See `Kernel.multicall`."""
        return await self.kernel.multicall(addresses, message, timeout)

    # --- looking into living actors

    def suspend(self, address: Address) -> None:
        """Have an actor handle nothing until `resume`. See `Kernel.suspend`."""
        self.kernel.suspend(address)

    def resume(self, address: Address) -> None:
        """Undo `suspend`. See `Kernel.resume`."""
        self.kernel.resume(address)

    async def get_state(self, address: Address, timeout: float | None = 5.0) -> Any:
        """The state of an actor. See `Kernel.get_state`."""
        return await self.kernel.get_state(address, timeout)

    async def replace_state(
        self, address: Address, function: Callable[[Any], object], timeout: float | None = 5.0
    ) -> Any:
        """Give an actor what `function` makes of its state. See `Kernel.replace_state`."""
        return await self.kernel.replace_state(address, function, timeout)

    def trace(self, address: Address, callback: Callable[[TraceEvent], object]) -> Trace:
        """Call back before and after each message of an actor. See `Kernel.trace`."""
        return self.kernel.trace(address, callback)

    def measure(self, address: Address) -> Meter:
        """Count an actor's messages and their time. See `Kernel.measure`."""
        return self.kernel.measure(address)

    def info(self, ref: ActorRef[Any]) -> ActorInfo:
        """What an actor looks like now. See `Kernel.info`."""
        return self.kernel.info(ref)

    def actors(self) -> list[ActorRef[Any]]:
        """All living actors, the oldest first."""
        return self.kernel.actors()

    # --- its end

    def stop(self) -> None:
        """Ask the root to stop everything in order. `wait` tells when that is done.

        While the root is still starting, its start is given up, and entering the block raises
        StartError.
        """
        self._asked = True
        root = self._root_ref if self._root_ref is not None else self.root_now
        if root is not None:
            root.stop("shutdown")

    def kill(self) -> None:
        """End every actor at once, without any clean-up of theirs."""
        self._asked = True
        for ref in reversed(self.kernel.actors()):
            ref.kill()

    async def wait(self) -> object:
        """The exit reason of the root, once it has ended in order.

        Without a root: waits for ever. When the root fails, the caller is cancelled, as all of
        the block's body is.
        """
        if self._root_ref is None:
            await anyio.sleep_forever()
        assert self._root_ref is not None
        reason = await self._root_ref.wait()
        if self._failure is not None:
            await anyio.sleep_forever()  # the cancellation is on its way
        return reason

    # --- what it tells

    def report(self, title: str, rows: Mapping[str, object], details: Iterable[str] = ()) -> None:
        """Leave a table for the person who ran the system; `airssys-wasm run` prints it last."""
        self.reports = (*self.reports, Report.of(title, rows, details))

    def progress(self, text: str) -> None:
        """Say how far the work is; shown on a terminal while the system runs."""
        if self._on_progress is not None:
            self._on_progress(text)

    def statistics(self) -> SystemStatistics:
        """The counts of all parts, as of now."""
        groups = self._groups.statistics() if self._groups is not None else None
        return SystemStatistics(self.kernel.statistics(), self.broker.statistics(), groups)

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name}>"
