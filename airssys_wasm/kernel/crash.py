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
class Crash:
    """What a crash report tells of the inside of an actor: `describe_crash` may hide some of it.

    `reason` is the exit reason, `message` the last one taken (None, too, where there was none),
    `state` the attributes as a dict, unless the behaviour shows it otherwise.
    """

    reason: object
    message: object
    state: object


@dataclass(frozen=True, slots=True)
class CrashReport:
    """Who ended, why, and what it was doing.

    `reason` is the exit reason as `describe_crash` shows it. `last_message` and `state` are texts,
    cut to a readable length. `client` is the actor that made the request in hand; None when it was
    no request, or came from outside of actors. `restarts` is how often the supervisor had started
    this child anew before.
    """

    ref: ActorRef[Any]
    behaviour: str
    reason: object
    last_message: str | None
    state: str
    restarts: int
    client: ActorRef[Any] | None = None

    def __str__(self) -> str:
        lines = [f"{self.ref} crashed: {self.reason}", f"  behaviour: {self.behaviour}"]
        if self.last_message is not None:
            lines.append(f"  last message: {self.last_message}")
        if self.client is not None:
            lines.append(f"  client: {self.client}")
        lines.append(f"  state: {self.state}")
        if self.restarts:
            lines.append(f"  restarts so far: {self.restarts}")
        if isinstance(self.reason, Error):
            lines.extend(f"    {frame}" for frame in self.reason.stack)
        return "\n".join(lines)


class Note:
    """A word of the kernel in the place of a value: its repr is the bare text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def without_contents(crash: Crash, broken: Exception) -> Crash:
    """What can be told when the hook that hides secrets raised: types, and where it crashed."""
    failed = f"<describe_crash() raised {type(broken).__name__}>"
    match crash.reason:
        case Error(type=type_, stack=stack):
            reason: object = Error(type_, failed, stack)
        case other:
            reason = _type_of(other)
    return Crash(reason, _type_of(crash.message), Note(failed))


def _type_of(value: object) -> Note:
    return Note(f"<{type(value).__name__}>")


def brief(value: object) -> str:
    """`value` for a report: cut to length, and never raising, whatever its repr does."""
    try:
        return _brief.repr(value)
    except Exception as broken:
        return f"<repr() of a {type(value).__name__} raised {type(broken).__name__}>"
