"""A tree as DOT, for Graphviz and what else reads it.

Pure.

Source: graphviz.org, "DOT Language", for what must be escaped in a quoted string.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from airssys_wasm.config.drawing.picture import KIND_WORDS, KINDS, Node

_LOOKS = {
    "supervisor": 'shape=box, style="rounded,filled", fillcolor="#dbe7f6", color="#3b6ea8"',
    "actor": 'shape=ellipse, style=filled, fillcolor="#e2f2e3", color="#3f8a4b"',
    "component": 'shape=hexagon, style=filled, fillcolor="#ece2f7", color="#7a4fb3"',
    "pool": 'shape=box3d, style=filled, fillcolor="#fdf0d5", color="#b07d1a"',
    "dynamic": 'shape=box, style="rounded,dashed,filled", fillcolor="#eef1f4", color="#5b6b7c"',
}


def dot(root: Node) -> str:
    """The whole graph, children in start order from top to bottom, with a legend."""
    return "\n".join(_lines(root)) + "\n"


def quoted(text: str) -> str:
    """The text as a string of DOT, which takes backslashes for escapes of its own.

    >>> print(quoted("back\\\\slash"))
    "back\\\\slash"
    """
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _lines(root: Node) -> Iterator[str]:
    yield f"digraph {quoted(root.title)} {{"
    yield "  rankdir=LR;"
    yield '  node [fontname="Helvetica", fontsize=11];'
    yield '  edge [color="#8a94a0", arrowsize=0.6, fontname="Helvetica", fontsize=9];'
    numbers = count()
    yield from _node(root, numbers, next(numbers))
    yield "  subgraph cluster_legend {"
    yield '    label="Legend"; fontname="Helvetica"; fontsize=10; color="#c0c8d0";'
    used = {node.kind for node in root.walk()}
    for kind in KINDS:
        if kind in used:
            yield f"    legend_{kind} [label={quoted(KIND_WORDS[kind])}, {_LOOKS[kind]}];"
    yield "  }"
    yield "}"


def _node(node: Node, numbers: Iterator[int], own: int) -> Iterator[str]:
    texts = [node.title, node.about, *([", ".join(node.marks)] if node.marks else [])]
    label = "\\n".join(quoted(text)[1:-1] for text in texts)
    tooltip = "; ".join(node.notes) or node.kind
    yield f'  n{own} [label="{label}", tooltip={quoted(tooltip)}, {_LOOKS[node.kind]}];'
    for place, child in enumerate(node.children, start=1):
        number = next(numbers)
        yield from _node(child, numbers, number)
        yield f'  n{own} -> n{number} [label="{place}"];'
