"""`airssys-wasm graph`: a tree file as a picture: text, DOT or SVG."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from airssys_wasm.cli import problems
from airssys_wasm.cli.branches import Cell, branches, visible
from airssys_wasm.cli.printing import print_rows
from airssys_wasm.cli.tree import KIND_STYLES
from airssys_wasm.config import load
from airssys_wasm.config.drawing.dot import dot
from airssys_wasm.config.drawing.picture import Node, picture_of
from airssys_wasm.config.drawing.svg import svg

PictureFormat: TypeAlias = Literal["text", "dot", "svg"]

OK, FAILED, BAD_FILE = 0, 1, 2


def graph(
    file: Path, *, sets: tuple[str, ...], form: PictureFormat | None, output: Path | None
) -> int:
    """Draw the tree of the file to `output`, or print it; the exit code.

    Without `form` the name of the output says it: `tree.svg`, `tree.dot`.
    """
    loaded = load(file, sets=sets)
    problems.show(loaded.problems, sys.stderr)
    if loaded.config is None:
        return BAD_FILE
    picture = picture_of(loaded.config)
    match form or _form_of(output):
        case "text":
            if output is None:
                print_rows(rows(picture))
                return OK
            with output.open("w", encoding="utf-8") as opened:
                print_rows(rows(picture), opened)
        case "dot":
            _write(dot(picture), output)
        case "svg":
            _write(svg(picture), output)
        case never:
            assert_never(never)
    return OK


def rows(root: Node) -> Iterator[tuple[Cell, ...]]:
    """The tree as a table."""
    yield _row("", root)
    for branch, _, node in branches(root, lambda node: node.children):
        yield _row(branch, node)


def _row(branch: str, node: Node) -> tuple[Cell, ...]:
    notes = [note for note in node.notes if not note.startswith("shutdown:")]
    return (
        Cell(visible(node.title), "bold", branch),
        Cell(node.kind, KIND_STYLES[node.kind]),
        Cell(visible(node.about)),
        Cell(", ".join(node.marks), "yellow"),
        Cell(visible(", ".join(notes)), "dim"),
    )


def _form_of(output: Path | None) -> PictureFormat:
    match output.suffix.lower() if output is not None else "":
        case ".svg":
            return "svg"
        case ".dot" | ".gv":
            return "dot"
        case _:
            return "text"


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        output.write_text(text, encoding="utf-8")
