"""Acts: changes a running tree, one step at a time, by asking its supervisors.

The steps and their order come from `config/transition.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, assert_never

from airssys_wasm.application.system import ActorSystem
from airssys_wasm.config.difference import ChildPath, Difference
from airssys_wasm.config.transition import Step
from airssys_wasm.kernel import ActorRef
from airssys_wasm.supervision import ChildNotFound, Supervisor, SupervisorRef

log = logging.getLogger(__name__)


class Change:
    """Does the steps of one change. `refs` are the children that it has started."""

    def __init__(self, system: ActorSystem, root: Supervisor) -> None:
        self.system = system
        self.root = root
        self.refs: dict[str, str] = {}
        self.addresses: dict[ChildPath, ActorRef[Any] | None] = {(): system.root}

    async def do(self, step: Step) -> None:
        path = step.path
        if step.do == "reconfigure":
            address = await self.address(path)
            if address is not None:  # else it will start with its new description
                await SupervisorRef.of(address).reconfigure(self.description(path))
            return
        supervisor = await self.supervisor(path[:-1])
        match step.do:
            case "stop":
                try:
                    await supervisor.terminate_child(path[-1])
                except ChildNotFound:  # a temporary one that has ended
                    return
            case "forget":
                try:
                    await supervisor.delete_child(path[-1])
                except ChildNotFound:
                    return
            case "start":
                await self.start(supervisor, path)
            case never:
                assert_never(never)

    async def start(self, supervisor: SupervisorRef, path: ChildPath) -> None:
        try:
            ref = await supervisor.restart_child(path[-1])
        except ChildNotFound:  # a temporary one, forgotten when it was stopped
            await supervisor.reconfigure(self.description(path[:-1]))
            ref = await supervisor.restart_child(path[-1])
        if ref is not None:
            self.refs["/".join(path)] = repr(ref).partition("/")[2].rstrip(">")

    async def forget_unstarted(self, found: Difference, done: Sequence[Step]) -> None:
        """Have no supervisor keep a spec of a child that was to be added and was not."""
        for change in found.walk():
            path = change.path
            known = Step("reconfigure", path[:-1]) in done
            if change.action != "added" or not known or Step("start", path) in done:
                continue
            try:
                supervisor = await self.supervisor(path[:-1])
                await supervisor.delete_child(path[-1])
            except Exception as error:
                log.warning("child %r stays known: %s", "/".join(path), error)

    async def supervisor(self, path: ChildPath) -> SupervisorRef:
        address = await self.address(path)
        if address is None:
            raise LookupError(f"the supervisor {'/'.join(path)!r} is not running")
        return SupervisorRef.of(address)

    async def address(self, path: ChildPath) -> ActorRef[Any] | None:
        """The supervisor at `path`, None while it is not running."""
        if path not in self.addresses:
            above = await self.address(path[:-1])
            infos = [] if above is None else await SupervisorRef.of(above).which_children()
            for info in infos:
                self.addresses[(*path[:-1], info.id)] = info.ref
        return self.addresses.get(path)

    def description(self, path: ChildPath) -> Any:
        """What the supervisor at `path` is to be: a Supervisor or a DynamicSupervisor."""
        description: Any = self.root
        for id in path:
            description = next(spec.start for spec in description.children if spec.id == id)
        return description
