"""When something that runs once in the cluster starts on a node, and when it stops there.

Pure. It runs exactly while the node has its name in a term that counts. While the term can't be
renewed it stops in order, and what is left of it at the last moment is killed.

    waiting --has it, safe--> starting --> running --can't renew, or has it no more--> stopping
       ^                                                                                  |
       +----------------------------------------------------------------------------------+
    any --end--> ending --> over          starting, running --ends by itself--> over
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["waiting", "starting", "running", "stopping", "ending", "over"]


@dataclass(frozen=True, slots=True)
class Start:
    """Start it."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop it in order."""


@dataclass(frozen=True, slots=True)
class Kill:
    """End it at once, with all below it."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Free the name, and end with `reason`."""

    reason: object


Action = Start | Stop | Kill | Finish


class SingletonState:
    """One singleton on one node."""

    def __init__(self) -> None:
        self.phase: Phase = "waiting"
        self._reason: object = "shutdown"

    @property
    def is_there(self) -> bool:
        """Whether there is something that runs."""
        return self.phase not in ("waiting", "over")

    def look(self, *, has: bool, safe: bool) -> list[Action]:
        """Whether the node has the name just now, in a term that counts and is not to end soon."""
        if self.phase == "waiting" and has and safe:
            self.phase = "starting"
            return [Start()]
        if not self.is_there or (has and safe):
            return []
        actions: list[Action] = []
        if self.phase in ("starting", "running"):
            self.phase = "stopping"
            actions.append(Stop())
        if not has:
            actions.append(Kill())
        return actions

    def last_moment(self) -> list[Action]:
        """The term ends so soon that nothing may be left."""
        return [Kill()] if self.is_there else []

    def up(self) -> None:
        """Its start has succeeded."""
        if self.phase == "starting":
            self.phase = "running"

    def gone(self, reason: object) -> list[Action]:
        """It has ended; look again."""
        if self.phase == "stopping":
            self.phase = "waiting"
            return []
        if self.phase == "ending":
            reason = self._reason
        self.phase = "over"
        return [Finish(reason)]

    def end(self, reason: object) -> list[Action]:
        """It is to be a singleton of this node no more."""
        self._reason = reason
        phase, self.phase = self.phase, "ending"
        match phase:
            case "waiting":
                self.phase = "over"
                return [Finish(reason)]
            case "starting" | "running":
                return [Stop()]
            case "over":
                self.phase = "over"
        return []
