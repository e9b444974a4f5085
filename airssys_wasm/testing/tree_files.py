"""Acts: reads the tree files that simulations run, with the stand-ins that they name."""

from __future__ import annotations

from pathlib import Path

from airssys_wasm.config import TreeConfig, load
from airssys_wasm.config.stand_ins import with_stand_ins
from airssys_wasm.schema import Problem
from airssys_wasm.schema.report import report


class TreeMistakes(ValueError):
    """A tree file that can't be run: `problems` are all its mistakes."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(report(problems).rstrip())
        self.problems = problems


def tree_of(file: Path, sets: tuple[str, ...] = ()) -> TreeConfig:
    """The tree of a file, its stand-ins in their places. Raises TreeMistakes."""
    loaded = load(file, sets=sets, import_actors=True)
    if loaded.config is None:
        raise TreeMistakes(tuple(loaded.problems))
    return with_stand_ins(loaded.config)
