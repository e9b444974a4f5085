"""Acts: asks a supervisor, at whatever address it has, and waits for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.supervision import protocol
from airssys_wasm.supervision.child_spec import ChildSpec, ChildType
from airssys_wasm.supervision.children import ChildCounts, Status
from airssys_wasm.supervision.health import HealthStatus

if TYPE_CHECKING:
    from airssys_wasm.kernel.address import Address
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.supervision.reconfiguration import Reconfigured
    from airssys_wasm.supervision.supervisor import Supervisor

REQUEST_TIME = 5.0  # seconds for a read; as for any request


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child as it is now; `ref` is its incarnation, None while none is alive.

    `restarts` is how often its supervisor has started it anew. `due_in` is the seconds until its
    next start while it waits for that (see `Backoff`), `health` what it answered last while it is
    asked for it (see `HealthCheck`); otherwise None.
    """

    id: str
    ref: ActorRef[Any] | None
    status: Status
    type: ChildType
    restarts: int
    due_in: float | None = None
    health: HealthStatus | None = None


@dataclass(frozen=True, slots=True)
class SupervisorStatistics:
    """How many restarts a supervisor has made, and how many more it may make just now."""

    restarts: int
    restarts_left: int


@dataclass(frozen=True, slots=True)
class SupervisorRef:
    """A supervisor, asked through requests. Two of one address are equal.

    Reads are answered at once. Changes are made one after the other and wait for what the
    supervisor is doing; `timeout` bounds the wait (None: as long as it takes), not the change.
    Each method raises ActorExited when there is no such supervisor or it ends first, and
    RequestTimeout.
    """

    address: Address

    @classmethod
    def of(cls, address: Address) -> SupervisorRef:
        """The supervisor at `address`, a ref or a name."""
        return cls(address)

    async def which_children(self, *, timeout: float | None = REQUEST_TIME) -> list[ChildInfo]:
        """All children, newest first."""
        return await self._ask(protocol.WhichChildren(), timeout)  # type: ignore[no-any-return]

    async def count_children(self, *, timeout: float | None = REQUEST_TIME) -> ChildCounts:
        """How many children there are, of which type, and how many of them run."""
        return await self._ask(protocol.CountChildren(), timeout)  # type: ignore[no-any-return]

    async def child_spec(self, child: str, *, timeout: float | None = REQUEST_TIME) -> ChildSpec:
        """The spec of `child`, defaults filled in. Raises ChildNotFound."""
        return await self._ask(protocol.GetChildSpec(child), timeout)  # type: ignore[no-any-return]

    async def statistics(self, *, timeout: float | None = REQUEST_TIME) -> SupervisorStatistics:
        """The numbers that the supervisor keeps."""
        return await self._ask(protocol.GetStatistics(), timeout)  # type: ignore[no-any-return]

    async def start_child(
        self, spec: ChildSpec, *, timeout: float | None = None
    ) -> ActorRef[Any] | None:
        """The ref of a new child, once its init is done; None when its init answered IGNORE.

        Raises AlreadyStarted when a child with this id runs, ChildPresent when one is stopped or
        being restarted, InvalidSpec when it does not go with this supervisor, and StartError when
        it does not start; the spec is then forgotten.
        """
        return await self._ask(protocol.Start(spec), timeout)  # type: ignore[no-any-return]

    async def terminate_child(self, child: str, *, timeout: float | None = None) -> None:
        """Stop `child`, as its `shutdown` says. Nothing restarts it; its spec stays.

        The spec of a temporary child is forgotten. Fine for a child that isn't running; gives up a
        start or a restart that is on its way. Raises ChildNotFound.
        """
        await self._ask(protocol.Terminate(child), timeout)

    async def restart_child(
        self, child: str, *, timeout: float | None = None
    ) -> ActorRef[Any] | None:
        """Start a child that isn't running; its ref, or None when its init answered IGNORE.

        Raises ChildNotFound, ChildRunning, ChildRestarting, and StartError when it does not start;
        it is then stopped as before.
        """
        return await self._ask(protocol.Restart(child), timeout)  # type: ignore[no-any-return]

    async def delete_child(self, child: str, *, timeout: float | None = None) -> None:
        """Forget a child that isn't running.

        Raises ChildNotFound, ChildRunning and ChildRestarting.
        """
        await self._ask(protocol.Delete(child), timeout)

    async def reconfigure(
        self, description: Supervisor, *, timeout: float | None = None
    ) -> Reconfigured:
        """Go on with another description; what it changed, by the ids of the children.

        No child is started or stopped: a changed one keeps its ref and goes on with its new spec,
        an added one is known and not started (`restart_child` starts it), and one that is gone
        from the description stays, until it is terminated and deleted. A new strategy, intensity
        or `auto_shutdown` holds from the next failure on.

        Raises InvalidSpec, and everything goes on as before, when `description` isn't one of a
        supervisor of this kind.
        """
        return await self._ask(  # type: ignore[no-any-return]
            protocol.Reconfigure(description), timeout
        )

    async def _ask(self, message: object, timeout: float | None) -> Any:
        return await self.address.request(message, timeout=timeout)
