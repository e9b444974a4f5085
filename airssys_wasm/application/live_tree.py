"""Acts: the tree of a running application: compares it with a file, and makes it like that.

A change is made in steps, which `config/transition.py` puts in order. The file is read, checked and
built as a whole before the first. When a step fails, the rest is left undone, and the tree is what
the steps so far have made of it: the next plan starts from there. One change is made at a time.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from pathlib import Path
from typing import assert_never

import anyio.to_thread
import msgspec

from airssys_wasm.application.building import supervisor_of
from airssys_wasm.application.changing import Change
from airssys_wasm.application.control_protocol import Failure, FailureKind, Request
from airssys_wasm.application.control_server import RequestFailed, Tell
from airssys_wasm.application.node_admin import NodeAdmin, NodeLost, UnknownNode
from airssys_wasm.application.node_views import DrainedView
from airssys_wasm.application.observing import Known, status_view, tree_view
from airssys_wasm.application.plans import plan_view
from airssys_wasm.application.system import ActorSystem
from airssys_wasm.application.views import AppliedView, PlanView, StatusView, TreeView
from airssys_wasm.application.wanted import Wanted, digests_of, read_wanted, with_whole_paths
from airssys_wasm.config import TreeConfig
from airssys_wasm.config.difference import Difference, Tree, difference
from airssys_wasm.config.transition import Step, after, steps
from airssys_wasm.supervision import Supervisor

log = logging.getLogger(__name__)


class LiveTree:
    """What can be asked of a running application, and told to it.

    `config` is what it is started with, from `file`. Reads the binaries of its components once, so
    that a later change of one is seen.
    """

    def __init__(self, system: ActorSystem, config: TreeConfig, file: Path) -> None:
        whole = with_whole_paths(config)
        self._system = system
        self._tree = Tree(whole, digests_of(whole))
        self._file = str(file.absolute())
        self._started = time.time()
        self._began = time.monotonic()
        self._applying = ""

    async def handle(self, request: Request, tell: Tell) -> object:
        """The answer to a request. Raises RequestFailed with the reason for none."""
        match request.do:
            case "status":
                return await self.status()
            case "tree":
                return await self.tree(most=request.most)
            case "plan":
                return await self.plan(Path(request.file), request.sets)
            case "apply":
                file = Path(request.file)
                return await self.apply(file, request.sets, tell=tell, expect=request.expect)
            case "nodes":
                return await self._admin().nodes()
            case "drain":
                return await self._drained(request.node, request.timeout)
            case never:
                assert_never(never)

    # --- several nodes

    def _admin(self) -> NodeAdmin:
        admin = self._system.admin
        if admin is None and self._system.phase == "starting":
            raise RequestFailed(Failure("busy", "the system is just being started"))
        if admin is None:
            message = f"{self._system.name!r} has no engine: it is no node of several"
            raise RequestFailed(Failure("refused", message))
        return admin

    async def _drained(self, node: str, timeout: float | None) -> DrainedView:
        try:
            return await self._admin().drain(node, timeout)
        except (UnknownNode, NodeLost) as error:
            raise RequestFailed(Failure("refused", str(error))) from error

    # --- looking

    async def status(self) -> StatusView:
        """The numbers of the system."""
        return await status_view(self._system, self._known())

    async def tree(self, *, most: int) -> TreeView:
        """Who is alive under whom."""
        return await tree_view(self._system, self._known(), most=most)

    def _known(self) -> Known:
        uptime = time.monotonic() - self._began
        return Known(self._tree.config, self._file, self._started, uptime, self._applying)

    # --- comparing

    async def plan(self, file: Path, sets: tuple[str, ...] = ()) -> PlanView:
        """What `apply` would do, just now. Imports nothing of the application."""
        return (await self._compare(file, sets, import_actors=False))[2]

    async def _compare(
        self, file: Path, sets: tuple[str, ...], *, import_actors: bool
    ) -> tuple[Tree, Difference, PlanView]:
        def read() -> Wanted:
            return read_wanted(file, sets, import_actors=import_actors)

        wanted = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        problems = tuple(dataclasses.asdict(problem) for problem in wanted.problems)
        if wanted.tree is None:
            raise _refusal("file", f"{file} has errors", problems)
        found = difference(self._tree, wanted.tree)
        return wanted.tree, found, plan_view(found, str(file), problems)

    # --- changing

    async def apply(
        self, file: Path, sets: tuple[str, ...] = (), *, tell: Tell, expect: str = ""
    ) -> AppliedView:
        """Make the tree what the file says, if the plan is the one whose digest is expected."""
        if self._applying:
            raise _refusal("busy", f"another change is being made: {self._applying}")
        if self._system.phase != "running":
            raise _refusal("refused", f"the system is {self._system.phase}")
        self._applying = f"reading {file}"
        try:
            new, found, plan = await self._compare(file, sets, import_actors=True)
            if plan.refused:
                raise _refusal("refused", "the running system cannot become this", plan)
            if expect and expect != plan.digest:
                raise _refusal("refused", f"the plan is not {expect} any more", plan)
            root = await _built(new.config, file.parent)
            return await self._carry_out(found, new, plan, root, tell)
        finally:
            self._applying = ""

    async def _carry_out(
        self, found: Difference, new: Tree, plan: PlanView, root: Supervisor, tell: Tell
    ) -> AppliedView:
        change = Change(self._system, root)
        todo = steps(found)
        done: list[Step] = []
        reason = ""
        old = self._tree
        try:
            for step in todo:
                self._applying = str(step)
                try:
                    await change.do(step)
                except Exception as error:
                    log.warning("the change of the tree ends at %r: %s", str(step), error)
                    reason = _reason(error)
                    await change.forget_unstarted(found, done)
                    break
                done.append(step)
                await tell(str(step))
        finally:
            self._tree = after(old, new, found, done)
        left = todo[len(done) :]
        return AppliedView(
            plan=plan,
            done=tuple(map(str, done)),
            failed=str(left[0]) if left else "",
            reason=reason,
            not_done=tuple(map(str, left[1:])),
            refs=change.refs,
        )


async def _built(config: TreeConfig, directory: Path) -> Supervisor:
    """What the configuration describes. Whatever is wrong with it shows here."""
    try:
        return await anyio.to_thread.run_sync(supervisor_of, config, directory)
    except Exception as error:
        raise _refusal("refused", f"the tree cannot be built: {_reason(error)}") from error


def _refusal(kind: FailureKind, message: str, details: object = None) -> RequestFailed:
    return RequestFailed(Failure(kind, message, msgspec.to_builtins(details)))


def _reason(error: Exception) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
