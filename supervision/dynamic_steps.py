"""What the state machine of a dynamic supervisor is told, and what it asks for, beyond `steps`.

Its children have no ids. Each has a number, which stays the same over its restarts; each of its
incarnations has one of its own, which is never used twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airssys_wasm.supervision import steps
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.flags import Flags

# --- events


@dataclass(frozen=True, slots=True)
class AddInstance:
    """Administration: start a child with these arguments. `token` comes back with the answer."""

    args: tuple[Any, ...]
    token: object


@dataclass(frozen=True, slots=True)
class EndInstance:
    """Administration: stop the child of this incarnation, or of the one before its restart.

    `incarnation` is None for an actor that is no child now; `is_alive` says whether it lives.
    """

    incarnation: int | None
    is_alive: bool
    token: object


@dataclass(frozen=True, slots=True)
class RetryInstance:
    """What `TryAgain` asked for: it is time for one more attempt to start a child."""

    child: int
    attempt: int


@dataclass(frozen=True, slots=True)
class GoOn:
    """What `TakeTurns` asked for: the others have had their turn."""


@dataclass(frozen=True, slots=True)
class ReconfigureInstances:
    """Administration: go on with another template, other flags and another limit."""

    template: ChildSpec
    flags: Flags
    max_children: int | None
    token: object


DynamicEvent = (
    steps.Up
    | steps.Declined
    | steps.NotSpawned
    | steps.Gone
    | steps.TimeUp
    | steps.Stop
    | AddInstance
    | EndInstance
    | ReconfigureInstances
    | steps.Checked
    | RetryInstance
    | GoOn
)

# --- actions


@dataclass(frozen=True, slots=True)
class SpawnInstance:
    """Make `incarnation` of the template with these arguments, otherwise as `steps.Spawn`."""

    incarnation: int
    args: tuple[Any, ...]
    adopt: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Tell `RetryInstance(child, attempt)` after everything that waits for the supervisor."""

    child: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TakeTurns:
    """Tell `GoOn()` after everything that waits for the supervisor: there is much left to do."""


@dataclass(frozen=True, slots=True)
class Remember:
    """This dead incarnation is being replaced; until `Forget` its ref still means the child."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Another incarnation runs in its place, or none ever will."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class RefuseInstance:
    """The answer to a start or an end that can't be."""

    token: object
    problem: DynamicProblem


DynamicAction = (
    SpawnInstance
    | steps.SendExit
    | steps.Kill
    | steps.Release
    | steps.SetTimer
    | steps.CancelTimer
    | TryAgain
    | TakeTurns
    | Remember
    | Forget
    | steps.AskHealth
    | steps.Answer
    | steps.AnswerReconfigured
    | RefuseInstance
    | steps.Report
    | steps.End
)

# --- why a change is refused


@dataclass(frozen=True, slots=True)
class Full:
    """There are as many children as there may be."""

    max_children: int


@dataclass(frozen=True, slots=True)
class Stranger:
    """The ref belongs to a living actor that is no child."""


DynamicProblem = Full | Stranger | steps.DidNotStart
