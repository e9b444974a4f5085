"""Acts: asks a dynamic supervisor, at whatever address it has, and waits for the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.supervision import dynamic_protocol, protocol
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import ChildCounts
from airssys_wasm.supervision.supervisor_ref import (
    REQUEST_TIME,
    ChildInfo,
    SupervisorStatistics,
)

if TYPE_CHECKING:
    from airssys_wasm.kernel.address import Address
    from airssys_wasm.supervision.dynamic_supervisor import DynamicSupervisor
    from airssys_wasm.supervision.reconfiguration import Reconfigured


@dataclass(frozen=True, slots=True)
class DynamicSupervisorRef:
    """A dynamic supervisor, asked through requests. Two of one address are equal.

    It answers at once, whatever its children do; `timeout` bounds the wait (None: as long as it
    takes), not the change. Each method raises ActorExited when there is no such supervisor or it
    ends first, and RequestTimeout.
    """

    address: Address

    @classmethod
    def of(cls, address: Address) -> DynamicSupervisorRef:
        """The dynamic supervisor at `address`, a ref or a name."""
        return cls(address)

    async def start_child(self, *args: Any, timeout: float | None = None) -> ActorRef[Any] | None:
        """The ref of a new child, once its init is done; None when its init answered IGNORE.

        It gets `args` after the arguments of the template, and so do its restarts. Starts do not
        wait for one another. Raises MaxChildren, and StartError when it does not start; nothing is
        kept of it then.
        """
        return await self._ask(dynamic_protocol.StartInstance(args), timeout)  # type: ignore[no-any-return]

    async def terminate_child(self, child: ActorRef[Any], *, timeout: float | None = None) -> None:
        """Stop `child`, as the template's `shutdown` says, and forget it.

        Fine for a ref whose actor is dead; gives up a start or a restart that is on its way. Raises
        NotAChild for a living stranger, which is left alone.
        """
        if not isinstance(child, ActorRef):
            raise TypeError(f"dynamic children are found by their ActorRef, not by {child!r}")
        await self._ask(dynamic_protocol.TerminateInstance(child), timeout)

    async def reconfigure(
        self, description: DynamicSupervisor, *, timeout: float | None = None
    ) -> Reconfigured:
        """Go on with another description; whether its template, by its id, is changed or kept.

        No child is started or stopped: each runs on, and is made from the new template, with its
        own arguments, when it is restarted. All else holds at once. Raises InvalidSpec.
        """
        return await self._ask(protocol.Reconfigure(description), timeout)  # type: ignore[no-any-return]

    async def which_children(self, *, timeout: float | None = REQUEST_TIME) -> list[ChildInfo]:
        """All children, newest first. Their ids are made up, and say which came before which."""
        return await self._ask(protocol.WhichChildren(), timeout)  # type: ignore[no-any-return]

    async def count_children(self, *, timeout: float | None = REQUEST_TIME) -> ChildCounts:
        """How many children there are, and how many of them run. The one spec is the template."""
        return await self._ask(protocol.CountChildren(), timeout)  # type: ignore[no-any-return]

    async def template(self, *, timeout: float | None = REQUEST_TIME) -> ChildSpec:
        """The spec that children are made from."""
        return await self._ask(dynamic_protocol.GetTemplate(), timeout)  # type: ignore[no-any-return]

    async def statistics(self, *, timeout: float | None = REQUEST_TIME) -> SupervisorStatistics:
        """The numbers that the supervisor keeps."""
        return await self._ask(protocol.GetStatistics(), timeout)  # type: ignore[no-any-return]

    async def _ask(self, message: object, timeout: float | None) -> Any:
        return await self.address.request(message, timeout=timeout)
