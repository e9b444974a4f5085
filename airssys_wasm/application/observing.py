"""Acts: looks at a running system: who is alive under whom, and what the numbers are.

Supervisors are asked, and answer at once whatever their children do; one that does not is shown as
such after a while. Nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import nlargest
from importlib.metadata import version
from typing import Any

from airssys_wasm.application.system import ActorSystem
from airssys_wasm.application.views import (
    ComponentView,
    MailboxView,
    NodeView,
    StatusView,
    SupervisorView,
    TreeView,
)
from airssys_wasm.config import SupervisorConfig, TreeConfig
from airssys_wasm.config.difference import ChildPath, kind_of
from airssys_wasm.kernel import ActorRef, AirssysError
from airssys_wasm.kernel.info import info_of
from airssys_wasm.supervision import ChildCounts, ChildInfo, SupervisorRef, SupervisorStatistics

ROOT = "root"
_ANSWER = 1.0  # seconds for a supervisor to answer; it takes as long as one handler
_MOST_MAILBOXES = 10
_MOST_COMPONENTS = 20
_MOST_LISTED = 10_000  # children whose supervisor is asked for all of them
_KINDS = {
    "SupervisorActor": "supervisor",
    "DynamicActor": "dynamic",
    "PoolActor": "pool",
    "ComponentActor": "component",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a system beside what it tells: its tree, and when it was started."""

    config: TreeConfig
    file: str
    started: float  # wall-clock
    uptime: float
    applying: str = ""


async def tree_view(system: ActorSystem, known: Known, *, most: int) -> TreeView:
    """The live tree, with `most` children of each supervisor."""
    root = system.root_now
    if root is None:
        return TreeView(system.name, _dead_node("", "supervisor", "starting"))
    observer = _Observer(_by_path(known.config), most)
    top = await observer.node("", (), root, "running", 0)
    if known.config.engine is not None:
        children = await observer.placed(system, known.config, top.children)
        top = replace(top, children=children)
    return TreeView(system.name, top)


async def status_view(system: ActorSystem, known: Known) -> StatusView:
    """The numbers of the whole system."""
    observer = _Observer(_by_path(known.config), 0)
    kernel = system.kernel.statistics()
    if system.root_now is not None:
        await observer.supervisors((), system.root_now)
        if known.config.engine is not None:
            await observer.placed_supervisors(system)
    actors = system.actors()
    lengths = [(ref.mailbox_length, ref) for ref in actors if ref.mailbox_length]
    fullest = nlargest(_MOST_MAILBOXES, lengths, key=lambda pair: pair[0])
    return StatusView(
        name=system.name,
        pid=os.getpid(),
        version=version("airssys-wasm"),
        file=known.file,
        phase=system.phase,
        started=known.started,
        uptime=known.uptime,
        actors=kernel.actors,
        spawned=kernel.spawned,
        restarted=kernel.restarted,
        crashed=kernel.crashed,
        handled=kernel.handled,
        slow=kernel.slow,
        waiting=sum(length for length, _ in lengths),
        dead_letters=kernel.dead_letters,
        dead_letters_by_reason=dict(kernel.letters.by_reason),
        mailboxes=tuple(MailboxView(_label(ref), n, ref.capacity) for n, ref in fullest),
        supervisors=tuple(observer.found),
        applying=known.applying,
        components=_components(actors),
    )


def _components(actors: Iterable[ActorRef[Any]]) -> tuple[ComponentView, ...]:
    """Those that ran most; read in place, since a busy one would take long to answer."""
    views = []
    for ref in actors:
        actor: Any = getattr(ref._receive, "__self__", None)
        if type(actor).__name__ == "ComponentActor" and actor.is_up:  # by name: nothing is loaded
            now = actor.statistics()
            views.append(
                ComponentView(
                    actor=_label(ref),
                    messages=now.messages,
                    errors=now.errors,
                    denials=now.denials,
                    calls=now.calls,
                    seconds=round(now.seconds, 6),
                    fuel=now.fuel,
                    memory=now.memory_used,
                    memory_peak=now.memory_peak,
                    memory_limit=now.memory_limit,
                    traps=now.traps,
                )
            )
    return tuple(nlargest(_MOST_COMPONENTS, views, key=lambda view: view.seconds))


def _by_path(config: TreeConfig) -> dict[ChildPath, Any]:
    found: dict[ChildPath, Any] = {(): config}

    def visit(supervisor: SupervisorConfig, path: ChildPath) -> None:
        for child in supervisor.children:
            here = (*path, child.id)
            found[here] = child
            if kind_of(child) == "supervisor":
                visit(child.supervisor, here)  # type: ignore[union-attr]  # its kind says so

    visit(config, ())
    return found


class _Observer:
    """Asks its way through a tree; `configs` is what the file says of each path."""

    def __init__(self, configs: dict[ChildPath, Any], most: int) -> None:
        self.configs = configs
        self.most = most
        self.found: list[SupervisorView] = []

    # --- the tree

    async def node(
        self, id: str, path: ChildPath, ref: ActorRef[Any], status: str, restarts: int
    ) -> NodeView:
        info = info_of(ref)
        kind = self.kind(path, info.behaviour)
        children: tuple[NodeView, ...] = ()
        more, left, note = 0, None, ""
        if kind not in ("actor", "component"):
            try:
                left = (await _statistics(ref)).restarts_left
                children, more = await self.children(path, ref)
            except AirssysError as error:
                note = _unanswered(error)
        return NodeView(
            id=id,
            kind=kind,
            ref=_label(ref),
            name=info.name,
            status=status,
            state=info.state,
            behaviour=getattr(self.configs.get(path), "actor", info.behaviour),
            restarts=restarts,
            mailbox=info.mailbox_length,
            capacity=info.capacity,
            strategy=self.strategy(path, kind),
            restarts_left=left,
            children=children,
            more=more,
            note=note,
        )

    async def children(
        self, path: ChildPath, ref: ActorRef[Any]
    ) -> tuple[tuple[NodeView, ...], int]:
        """The oldest children, and how many more there are."""
        counts = await _counts(ref)
        number = max(counts.specs, counts.active)
        if number > _MOST_LISTED:
            return (), number
        infos = list(reversed(await _children(ref)))
        nodes = [await self.child(info, (*path, info.id)) for info in infos[: self.most]]
        return tuple(nodes), len(infos) - len(nodes)

    async def child(self, info: ChildInfo, path: ChildPath) -> NodeView:
        if info.ref is not None and info.ref.is_alive:
            return await self.node(info.id, path, info.ref, info.status, info.restarts)
        kind = self.kind(path, "SupervisorActor" if info.type == "supervisor" else "")
        return _dead_node(info.id, kind, info.status, info.restarts)

    async def placed(
        self, system: ActorSystem, config: TreeConfig, own: tuple[NodeView, ...]
    ) -> tuple[NodeView, ...]:
        """The children of the root as the file has them: those of this node, and where others run.

        What a node is given runs apart from its root; it is shown where the file has it.
        """
        found = {child.id: child for child in own}
        for place, ref in system.cluster.running.items():
            for supervisor in info_of(ref).children:
                for info in reversed(await _children(supervisor)):
                    view = await self.child(info, (info.id,))
                    found[info.id] = replace(view, note=view.note or f"placed here as {place}")
        table = system.cluster_view().table
        together = table.get(config.name) if config.strategy != "one_for_one" else None
        nodes = []
        for child in config.children:
            if child.id not in found:
                where = [at for place, at in table.items() if place.partition("#")[0] == child.id]
                names = sorted(at for at in [*where, together] if at is not None)
                status = f"on {', '.join(names)}" if names else "on no node"
                found[child.id] = _dead_node(child.id, kind_of(child), status)
            nodes.append(found[child.id])
        return tuple(nodes)

    # --- supervisors

    async def placed_supervisors(self, system: ActorSystem) -> None:
        """Add those of what this node was given."""
        for ref in list(system.cluster.running.values()):
            for supervisor in info_of(ref).children:
                try:
                    infos = await _children(supervisor)
                except AirssysError:
                    continue
                for info in reversed(infos):
                    if info.type == "supervisor" and info.ref is not None:
                        await self.supervisors((info.id,), info.ref)

    async def supervisors(self, path: ChildPath, ref: ActorRef[Any]) -> None:
        """Add the supervisor and those below it to `found`."""
        kind = self.kind(path, info_of(ref).behaviour)
        try:
            statistics, counts = await _statistics(ref), await _counts(ref)
        except AirssysError:
            self.found.append(self.view(path, kind, None, None))
            return
        self.found.append(self.view(path, kind, statistics, counts))
        if kind != "supervisor" or not counts.supervisors:
            return
        try:
            infos = await _children(ref)
        except AirssysError:
            return
        for info in reversed(infos):
            if info.type == "supervisor" and info.ref is not None:
                await self.supervisors((*path, info.id), info.ref)

    def view(
        self,
        path: ChildPath,
        kind: str,
        statistics: SupervisorStatistics | None,
        counts: ChildCounts | None,
    ) -> SupervisorView:
        settings = self.settings(path, kind)
        return SupervisorView(
            path=path,
            strategy=self.strategy(path, kind),
            intensity=getattr(settings, "intensity", None),
            period=getattr(settings, "period", None),
            restarts=statistics.restarts if statistics is not None else 0,
            restarts_left=statistics.restarts_left if statistics is not None else None,
            children=counts.supervisors + counts.workers if counts is not None else 0,
            active=counts.active if counts is not None else 0,
        )

    # --- what the file says

    def kind(self, path: ChildPath, behaviour: str) -> str:
        config = self.configs.get(path)
        if not path:
            return _KINDS.get(behaviour, "actor")
        return kind_of(config) if config is not None else _KINDS.get(behaviour, "actor")

    def settings(self, path: ChildPath, kind: str) -> Any:
        config = self.configs.get(path)
        return config if not path else getattr(config, kind, None)

    def strategy(self, path: ChildPath, kind: str) -> str:
        if kind == "supervisor":
            return getattr(self.settings(path, kind), "strategy", "")
        return {"pool": "pool", "dynamic": "one_for_one, dynamic"}.get(kind, "")


def _dead_node(id: str, kind: str, status: str, restarts: int = 0) -> NodeView:
    return NodeView(id, kind, "", None, status, "", "", restarts, 0, None)


def _label(ref: ActorRef[Any]) -> str:
    """The ref as people see it, without the name of the system."""
    return repr(ref).partition("/")[2].rstrip(">")


def _unanswered(error: AirssysError) -> str:
    return f"does not answer: {error}"


async def _children(ref: ActorRef[Any]) -> list[ChildInfo]:
    return await SupervisorRef.of(ref).which_children(timeout=_ANSWER)


async def _counts(ref: ActorRef[Any]) -> ChildCounts:
    return await SupervisorRef.of(ref).count_children(timeout=_ANSWER)


async def _statistics(ref: ActorRef[Any]) -> SupervisorStatistics:
    return await SupervisorRef.of(ref).statistics(timeout=_ANSWER)
