"""Acts: the functions of `actors`: to start what is installed, and to learn of the end of others.

Installed is what the tree has as a dynamic supervisor of components. What is started there has its
limits, grants and restarts from the tree; its namespace and name are those of the supervisor, and
its instance is its own. So nobody can take the name, or the storage, of somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airssys_wasm.components.component import Component, Spawned
from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.host.messaging_error import (
    DONE,
    WitId,
    invalid_message,
    invalid_target,
    refused,
    target_problem,
)
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.kernel.errors import ActorExited, NameTaken, RequestTimeout, StartError
from airssys_wasm.supervision.dynamic_actor import installed_at
from airssys_wasm.supervision.dynamic_supervisor_ref import DynamicSupervisorRef
from airssys_wasm.supervision.errors import MaxChildren

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.host.monitors import Monitors

INTERFACE = "airssys:core/actors"

MOST_OF_HOST_CALL = 0.9  # of the limit `host_call`, so that a slow start ends no incarnation


class Actors:
    """`actors` for one incarnation."""

    __slots__ = ("_caller", "_monitors")

    def __init__(self, caller: Caller, monitors: Monitors) -> None:
        self._caller = caller
        self._monitors = monitors

    async def spawn(self, installed: WitId, name: WitId, config: bytes | None) -> Ok | Err:
        """`spawn`: the id of what was started, once it has started."""
        of, new = ComponentId(*installed), ComponentId(*name)
        problem = target_problem(of) or target_problem(new) or _kinship_problem(of, new)
        if problem is not None:
            return _invalid_state(problem)
        caller = self._caller
        size = 0 if config is None else len(config)
        refusal = caller.gate.refusal("actors.spawn", "spawn", of, size=size)
        if refusal is not None:
            return _invalid_state(refusal.text)
        ref = caller.find(of)
        template = None if ref is None else installed_at(ref)
        if ref is None or template is None or not isinstance(template.start, Component):
            return _invalid_state(f"nothing is installed as {of}")
        if caller.find(new) is not None:
            return Err(Variant("already-initialized"))
        timeout = caller.limits.host_call * MOST_OF_HOST_CALL
        try:
            await DynamicSupervisorRef.of(ref).start_child(Spawned(new, config), timeout=timeout)
        except StartError as error:
            if isinstance(error.__cause__, NameTaken):
                return Err(Variant("already-initialized"))
            return _failed(f"{new} did not start: {error.reason}")
        except RequestTimeout:
            return _failed(f"{new} has not started within {timeout:g} s; it may do so later")
        except (MaxChildren, ActorExited) as error:
            return _failed(str(error))
        return Ok(new)

    def monitor(self, target: WitId) -> Ok | Err:
        """`monitor`: the id that its one callback has."""
        to = ComponentId(*target)
        invalid = invalid_target(to)
        if invalid is not None:
            return invalid
        refusal = self._caller.gate.refusal_to_know(
            "actors.monitor", to, within_quota=self._monitors.has_room
        )
        if refusal is not None:
            return refused(refusal)
        return Ok(self._monitors.begin(to))

    def demonitor(self, monitor: str) -> Ok | Err:
        """`demonitor`: no callback comes afterwards."""
        if self._monitors.end(monitor):
            return DONE
        return invalid_message(f"no monitor of this component is {shown(monitor, 64)!r}")

    FUNCTIONS: ClassVar[Functions] = {
        "spawn": spawn,
        "monitor": monitor,
        "demonitor": demonitor,
    }


def _kinship_problem(installed: ComponentId, name: ComponentId) -> str | None:
    """Why what is started from `installed` can't be called `name`."""
    if installed.instance:
        return f"{installed} has an instance: nothing can be installed under such a name"
    if name[:2] == installed[:2] and name.instance:
        return None
    made = ComponentId(installed.namespace, installed.name, "INSTANCE")
    return f"what is started from {installed} is called {made}, not {name}"


def _invalid_state(text: str) -> Err:
    return Err(Variant("invalid-state", text))


def _failed(text: str) -> Err:
    return Err(Variant("initialization-failed", shown(text)))
