"""What a tree file refers to outside of itself, as the rules of `meaning.py` ask for it.

Pure: questions as plain callables, answers as values. `modules.py` and the application answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Missing:
    """Why something that the file names is not there or is no use."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a behaviour takes as arguments, in order, without `self` or the inbox."""

    positional: tuple[str, ...] = ()
    keyword_only: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    any_positional: bool = False
    any_keyword: bool = False


@dataclass(frozen=True, slots=True)
class FoundActor:
    """The name is there; `parameters` is None where only running the module would tell them."""

    parameters: Parameters | None = None


@dataclass(frozen=True, slots=True)
class FoundComponent:
    """What a component's binary says: how it differs from the world, and what it imports."""

    differences: tuple[str, ...] = ()
    imports: frozenset[str] = frozenset()  # interfaces, as "airssys:core/storage@1.0.0"


@dataclass(frozen=True, slots=True)
class Opened:
    """The bytes of a file; `identity` is the same whatever path leads to it."""

    data: bytes
    identity: str


def _unexamined(path: Path) -> FoundComponent:
    return FoundComponent()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The answers that need a disk, an import or an engine."""

    environment: Mapping[str, str] = field(default_factory=dict)
    find_actor: Callable[[str], FoundActor | Missing] = lambda path: FoundActor()
    open_file: Callable[[Path], Opened | Missing] = lambda path: Missing("there is no such file")
    is_file: Callable[[Path], bool] = lambda path: True
    is_directory: Callable[[Path], bool] = lambda path: True
    has_module: Callable[[str], bool] = lambda name: True  # whether a library is installed
    similar: Callable[[Path], str] = lambda path: ""  # a hint at a file of nearly the same name
    examine: Callable[[Path], FoundComponent | Missing] = _unexamined
