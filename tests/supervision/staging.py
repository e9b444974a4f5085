"""A supervisor over real actors that do as the test says, and write down what happens to them."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from typing import Any

import anyio.lowlevel

from airssys_wasm.kernel import Actor, ActorExited, ActorRef, Kernel
from airssys_wasm.supervision import ChildSpec, Supervisor, SupervisorRef

MOVING = ("starting", "restarting", "stopping")


class Player(Actor[Any]):
    """Starts as the stage says for it, and ends as it is told."""

    def __init__(self, id: str, stage: Stage, *arguments: object) -> None:
        self.id = id
        self.stage = stage
        self.arguments = arguments

    def init(self) -> object:
        self.stage.log.append(f"start {self.id}")
        planned = self.stage.inits[self.id]
        outcome = planned.popleft() if planned else None
        if isinstance(outcome, Exception):
            raise outcome
        if self.id in self.stage.broken:
            raise OSError("no disk")
        return outcome

    def receive(self, message: Any) -> object:
        match message:
            case ("end", reason):
                self.context.stop(reason)
            case "read":
                return self.arguments
        return None

    async def terminate(self, reason: object) -> None:
        self.stage.log.append(f"stop {self.id}" if reason == "shutdown" else f"end {self.id}")
        gate = self.stage.gates.get(self.id)
        if gate is not None:
            await gate.wait()


class Stage:
    """One supervisor, its players, and their log.

    `inits[id]` is what the coming inits of a player answer or raise; while an id is in `broken` its
    init fails. A player with a gate takes until that opens to stop.
    """

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.log: list[str] = []
        self.inits: dict[str, deque[object]] = defaultdict(deque)
        self.broken: set[str] = set()
        self.gates: dict[str, asyncio.Event] = {}
        self.ref: ActorRef[Any]
        self.root: SupervisorRef

    def child(self, id: str, *arguments: object, **options: Any) -> ChildSpec:
        """A player as a child spec."""
        return ChildSpec(id, Player, args=(id, self, *arguments), **options)

    async def open(self, *children: str | ChildSpec, **options: Any) -> None:
        """Start a supervisor with these children, and forget what was written down of that."""
        specs = [self.child(one) if isinstance(one, str) else one for one in children]
        self.ref = await self.kernel.start(Supervisor(children=specs, **options))
        self.root = SupervisorRef.of(self.ref)
        self.log.clear()

    def take_log(self) -> list[str]:
        log, self.log = self.log, []
        return log

    async def running(self) -> dict[str, ActorRef[Any]]:
        """The children that run, oldest first."""
        children = await self.root.which_children()
        return {child.id: child.ref for child in reversed(children) if child.ref is not None}

    async def known(self) -> set[str]:
        """The ids of all children."""
        return {child.id for child in await self.root.which_children()}

    async def end(self, id: str, reason: object = "boom") -> None:
        """Let a child end; returns when the supervisor has done what follows, or has ended."""
        ref = (await self.running())[id]
        if reason == "killed":
            ref.kill()
        else:
            ref.send(("end", reason))
        await ref.wait()
        await self.settle()

    async def settle(self) -> None:
        """Until no child starts or stops, or the supervisor has ended."""
        try:
            while any(child.status in MOVING for child in await self.root.which_children()):
                await anyio.lowlevel.checkpoint()
        except ActorExited:
            await self.ref.wait()
