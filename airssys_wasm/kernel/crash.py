"""What is told about an actor that ended abnormally by its own doing."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.reasons import Error

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 500
_brief.maxlevel = 4


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Who ended, why, and what it was doing.

    `last_message` and `state` are texts, cut to a readable length; `restarts` is how often the
    supervisor had started this child anew before.
    """

    ref: ActorRef[Any]
    behaviour: str
    reason: object
    last_message: str | None
    state: str
    restarts: int

    def __str__(self) -> str:
        lines = [f"{self.ref} crashed: {self.reason}", f"  behaviour: {self.behaviour}"]
        if self.last_message is not None:
            lines.append(f"  last message: {self.last_message}")
        lines.append(f"  state: {self.state}")
        if self.restarts:
            lines.append(f"  restarts so far: {self.restarts}")
        if isinstance(self.reason, Error):
            lines.extend(f"    {frame}" for frame in self.reason.stack)
        return "\n".join(lines)


def brief(value: object) -> str:
    """`value` for a report: cut to length, and never raising, whatever its repr does."""
    try:
        return _brief.repr(value)
    except Exception as broken:
        return f"<repr() of a {type(value).__name__} raised {type(broken).__name__}>"
