"""What runs on one node at a time, as a description that any supervisor can start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.leases.singletons import SingletonActor, Singletons
from airssys_wasm.kernel.posting import kernel_of

if TYPE_CHECKING:
    from airssys_wasm.application.system import ActorSystem
    from airssys_wasm.kernel import ActorRef


class Singleton:
    """Runs `behaviour` with `args` on one node at a time, of all nodes that start this.

        ChildSpec("mailer", Singleton("mailer", Mailer))

    It starts when its node has `name` under its lease, stops in order within `shutdown` seconds
    (None: no bound of its own) when the lease can't be renewed, and what is left is killed before
    the lease ends. When it ends by itself so does this, for its supervisor to start it again.
    `told` is called with each phase: `waiting`, `starting`, `running`, `stopping`, `ending`.

    Its actor ends with a RuntimeError where the system has no engine.
    """

    def __init__(
        self,
        name: str,
        behaviour: Any,
        *args: Any,
        shutdown: float | None = 5.0,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.name = self.label = name
        self._behaviour, self._args = behaviour, args
        self._shutdown, self._told = shutdown, told

    def incarnate(self) -> SingletonActor:
        """A fresh one."""
        return SingletonActor(
            _singletons, self.name, self._behaviour, self._args, self._shutdown, self._told
        )

    def __repr__(self) -> str:
        return f"Singleton({self.name!r}, {self._behaviour!r})"


def _singletons(ref: ActorRef[Any]) -> Singletons:
    system: ActorSystem = kernel_of(ref).system  # type: ignore[assignment]  # composed so
    return system.cluster.singletons
