"""`airssys-wasm check`: every mistake in a tree file, and in what it refers to."""

from __future__ import annotations

import sys
from pathlib import Path

from airssys_wasm.cli import problems
from airssys_wasm.cli.examine import examine
from airssys_wasm.config import ActorConfig, ComponentConfig, TreeConfig, load, walk

OK, BAD_FILE = 0, 2


def check(file: Path, *, sets: tuple[str, ...], strict: bool, import_actors: bool) -> int:
    """Print what is wrong with the file; the exit code."""
    loaded = load(file, sets=sets, import_actors=import_actors, examine=examine)
    found = problems.as_errors(loaded.problems) if strict else loaded.problems
    problems.show(found, sys.stdout)
    if loaded.config is None or (strict and found):
        return BAD_FILE
    print(f"ok: {summary(loaded.config)}")
    return OK


def summary(config: TreeConfig) -> str:
    """How many actors and components a tree has."""
    children = list(walk(config))
    actors = sum(isinstance(child, ActorConfig) for child in children)
    components = sum(isinstance(child, ComponentConfig) for child in children)
    return f"{_plural(actors, 'actor')}, {_plural(components, 'component')}"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
