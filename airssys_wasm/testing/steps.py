"""Acts: the steps of a simulated loop: callbacks that can run, and to whom they belong."""

from __future__ import annotations

import asyncio
from typing import Any

from airssys_wasm.kernel.scheduler import Scheduler


class Part:
    """Somebody who has steps of its own and is no actor: the kernel, or a test."""

    def __init__(self, name: str) -> None:
        self.name = name


KERNEL = Part("kernel")  # its own timers, and signals of the dead that are left for a later turn
WORKERS = Part("workers")  # their beginnings, which nobody can see: never worth a choice
OUTSIDE = Part("outside")  # callbacks that belong to nobody


class Ready:
    """One callback that can run: its place in the order, and whose step it is."""

    __slots__ = ("handle", "order", "owner", "turn")

    def __init__(
        self, order: float, owner: Any, handle: asyncio.Handle, turn: Scheduler | None
    ) -> None:
        self.order = order
        self.owner = owner
        self.handle = handle
        self.turn = turn
