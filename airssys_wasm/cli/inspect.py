"""Acts: `airssys-wasm inspect`: what a component is, wants and offers, and whether it fits."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import IO, Literal

import anyio

from airssys_wasm.application.inspecting import Inspection, Signatures, inspect_component
from airssys_wasm.components.errors import ComponentInvalid

OK, BAD_FILE = 0, 2


def inspect(
    file: Path, *, output: Literal["text", "json"] = "text", out: IO[str] | None = None
) -> int:
    """Print all about the component; the exit code: 2 for what is no component or does not fit."""
    out = out or sys.stdout
    try:
        found = anyio.run(inspect_component, file)
    except ComponentInvalid as invalid:
        print(f"airssys-wasm: {invalid}", file=sys.stderr)
        return BAD_FILE
    print(_json(found) if output == "json" else text(found), file=out)
    return BAD_FILE if found.problems else OK


def _json(found: Inspection) -> str:
    return json.dumps({"fits": not found.problems, **dataclasses.asdict(found)}, indent=2)


def text(found: Inspection) -> str:
    """The inspection for people."""
    lines = [
        found.file,
        f"  size      {found.size:,} bytes",
        f"  digest    sha256:{found.digest}",
        *_block("made by", found.producers or ("nothing says",)),
        *_interfaces("imports", found.imports),
        *_interfaces("exports", found.exports),
        *_block("to grant", tuple(grant.line for grant in found.grants) or ("nothing",)),
    ]
    if not found.problems:
        lines.append(f"  fits      the world {found.world}")
    else:
        lines.append(f"  does not fit the world {found.world}:")
        lines += [f"    {problem}" for problem in found.problems]
    return "\n".join(lines)


def _block(title: str, entries: tuple[str, ...]) -> list[str]:
    first, *others = entries
    return [f"  {title:<9} {first}", *(f"  {'':<9} {other}" for other in others)]


def _interfaces(title: str, interfaces: Signatures) -> list[str]:
    if not interfaces:
        return [f"  {title:<9} nothing"]
    lines = [f"  {title}"]
    for interface, functions in interfaces.items():
        lines.append(f"    {interface or 'functions of its own'}")
        lines += [f"      {name}: {signature}" for name, signature in functions.items()]
    return lines
