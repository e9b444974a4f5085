"""`airssys-wasm check`: every mistake in a tree file, and in what it refers to."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal, TypeAlias

from airssys_wasm.cli import problems
from airssys_wasm.cli.examine import examine
from airssys_wasm.cli.formats import as_json, as_sarif
from airssys_wasm.config import (
    ActorConfig,
    ComponentConfig,
    DynamicChild,
    PoolChild,
    TreeConfig,
    load,
    walk,
)
from airssys_wasm.schema import Problem

OK, BAD_FILE = 0, 2

Format: TypeAlias = Literal["text", "json", "sarif"]


def check(
    file: Path,
    *,
    sets: tuple[str, ...] = (),
    strict: bool = False,
    import_actors: bool = False,
    output: Format = "text",
    out: IO[str] | None = None,
) -> int:
    """Print what is wrong with the file; the exit code."""
    stream: IO[str] = sys.stdout if out is None else out
    loaded = load(file, sets=sets, import_actors=import_actors, examine=examine)
    found = problems.as_errors(loaded.problems) if strict else loaded.problems
    if output != "text":
        _print_json(found, output, stream)
    else:
        problems.show(found, stream)
    if loaded.config is None or (strict and found):
        return BAD_FILE
    if output == "text":
        print(f"ok: {summary(loaded.config)}", file=stream)
    return OK


def _print_json(found: Sequence[Problem], output: Format, out: IO[str]) -> None:
    if output == "json":
        print(json.dumps(as_json(found), indent=2), file=out)
        return
    from importlib.metadata import version

    print(json.dumps(as_sarif(found, version("airssys-wasm")), indent=2), file=out)


def summary(config: TreeConfig) -> str:
    """How many actors and components a tree has, and how many pools and dynamic supervisors."""
    children = list(walk(config))
    counts = [
        (sum(isinstance(child, kind) for child in children), noun)
        for kind, noun in (
            (ActorConfig, "actor"),
            (ComponentConfig, "component"),
            (PoolChild, "pool"),
            (DynamicChild, "dynamic supervisor"),
        )
    ]
    return ", ".join(_plural(number, noun) for number, noun in counts[:2] + _some(counts[2:]))


def _some(counts: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(number, noun) for number, noun in counts if number]


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
