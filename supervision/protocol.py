"""What can be asked of a supervisor: the messages behind `SupervisorRef`."""

from __future__ import annotations

from dataclasses import dataclass

from airssys_wasm.supervision.child_spec import ChildSpec


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Asks for the children."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Asks how many children there are."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Asks for the spec of a child."""

    child: str


@dataclass(frozen=True, slots=True)
class GetStatistics:
    """Asks for the numbers that the supervisor keeps."""


@dataclass(frozen=True, slots=True)
class Start:
    """Asks for a new child."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class Terminate:
    """Asks for the end of a child."""

    child: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Asks for the start of a child that isn't running."""

    child: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Asks to forget a child that isn't running."""

    child: str


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """Asks to go on with another description of the same kind."""

    description: object
