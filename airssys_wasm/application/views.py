"""What a running system tells of itself: the values behind `status`, `tree`, `plan` and `apply`.

Pure. They go over the control socket as JSON, and `--format json` prints them in the same words.
Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class SupervisorView:
    """One supervisor. `path` are the ids that lead to it, none for the root.

    `restarts_left` is how many more restarts its budget allows just now; None where it did not say.
    """

    path: tuple[str, ...]
    strategy: str
    intensity: int | None
    period: float | None
    restarts: int
    restarts_left: int | None
    children: int
    active: int


@dataclass(frozen=True, slots=True)
class MailboxView:
    """An actor with messages that wait."""

    actor: str
    length: int
    capacity: int | None


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component that runs; the counts are those of this incarnation, but for `traps`.

    `seconds` is what its guest ran, waits not counted. Memory in bytes, None where the engine does
    not know it. `traps` are the incarnations of its name that ended with a trap or a limit.
    """

    actor: str
    messages: int
    errors: int
    denials: int
    calls: int
    seconds: float
    fuel: int | None
    memory: int | None
    memory_peak: int | None
    memory_limit: int
    traps: int


@dataclass(frozen=True, slots=True)
class StatusView:
    """A whole system, as of now. `applying` is the step that a change is at, "" without one."""

    name: str
    pid: int
    version: str
    file: str
    phase: Literal["starting", "running", "stopping"]
    started: float  # wall-clock
    uptime: float
    actors: int
    spawned: int
    restarted: int
    crashed: int
    handled: int
    slow: int
    waiting: int  # messages in all mailboxes
    dead_letters: int
    dead_letters_by_reason: Mapping[str, int]
    mailboxes: tuple[MailboxView, ...]  # the fullest first
    supervisors: tuple[SupervisorView, ...]
    applying: str = ""
    components: tuple[ComponentView, ...] = ()  # at most 20, those that ran most first


@dataclass(frozen=True, slots=True)
class NodeView:
    """One child of the live tree, or the root, whose id is "".

    `status` is that of its supervisor, `state` that of its actor. `ref` is "" while none is alive.
    `more` children are not shown.
    """

    id: str
    kind: str
    ref: str
    name: str | None
    status: str
    state: str
    behaviour: str
    restarts: int
    mailbox: int
    capacity: int | None
    strategy: str = ""
    restarts_left: int | None = None
    children: tuple[NodeView, ...] = ()
    more: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class TreeView:
    """The live tree of a system."""

    name: str
    root: NodeView


@dataclass(frozen=True, slots=True)
class FieldView:
    """A setting that differs; the texts are as YAML writes them."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What a child goes through, and why."""

    id: str
    path: tuple[str, ...]
    kind: str
    action: Literal["kept", "changed", "restarted", "added", "removed"]
    why: tuple[str, ...]
    fields: tuple[FieldView, ...]
    children: tuple[ChangeView, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """The difference between a running tree and a file.

    `digest` names this plan: `apply` with it does this or nothing. `fields` are those of the root
    supervisor. `steps` are what would be done, in order.
    """

    name: str
    file: str
    digest: str
    is_empty: bool
    refused: tuple[str, ...]
    fields: tuple[FieldView, ...]
    counts: Mapping[str, int]
    children: tuple[ChangeView, ...]
    steps: tuple[str, ...]
    problems: tuple[Mapping[str, object], ...] = ()  # warnings of the file


@dataclass(frozen=True, slots=True)
class AppliedView:
    """What became of a plan. `failed` is the step at which it ended, "" if all are `done`.

    `refs` are those of the children that were started.
    """

    plan: PlanView
    done: tuple[str, ...]
    failed: str = ""
    reason: str = ""
    not_done: tuple[str, ...] = ()
    refs: Mapping[str, str] = field(default_factory=dict)
