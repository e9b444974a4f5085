"""Acts: on whose behalf a host function acts: one incarnation of a component, which may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.components.message import ComponentMessage, MessageMetadata

if TYPE_CHECKING:
    from airssys_wasm.broker.broker import Broker
    from airssys_wasm.components.engine.limits import Limits
    from airssys_wasm.components.host.gate import Gate
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.components.payload import Codec
    from airssys_wasm.kernel.address import Entrance
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Caller:
    """What the functions of all interfaces need to know of their caller."""

    id: ComponentId
    ref: ActorRef[Any]
    kernel: Kernel
    gate: Gate
    codec: Codec
    limits: Limits
    broker: Broker | None = None  # a bare kernel has none

    def find(self, target: ComponentId) -> ActorRef[Any] | None:
        """Who has the target's name now, also while it restarts with its mailbox kept."""
        return self.kernel.registry.lookup(str(target))

    def receiver(self, target: ComponentId) -> ActorRef[Any] | Entrance | None:
        """Who takes what is sent to the target: its durable mailbox, or who has the name."""
        entrance = self.kernel.entrances.get(str(target))
        return entrance if entrance is not None else self.find(target)

    def message(self, payload: bytes, correlation_id: str | None = None) -> ComponentMessage:
        """A message of the caller's; one with a correlation id is a request."""
        return ComponentMessage(
            self.id,
            payload,
            MessageMetadata(
                correlation_id,
                None if correlation_id is None else self.id,
                self.kernel.platform.timestamp(),
                self.codec.content_type,
            ),
        )

    async def sleep_until(self, when: float) -> None:
        """Wait until `when` by the platform's clock, others run; at once if that is over."""
        kernel = self.kernel
        if when <= kernel.platform.now():
            return
        woken = kernel.scheduler.future()

        def wake(_: object) -> None:
            if not woken.done():
                woken.set_result(None)

        timer = kernel.timers.wake_at(when, wake)
        try:
            await woken
        finally:
            kernel.timers.cancel(timer)
