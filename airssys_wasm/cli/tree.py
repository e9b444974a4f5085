"""`airssys-wasm tree`: the live tree of a running system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from airssys_wasm.application.control_protocol import Request
from airssys_wasm.application.views import NodeView, TreeView
from airssys_wasm.cli.asking import OK, Ended, Format, asked
from airssys_wasm.cli.branches import Cell, branches, visible
from airssys_wasm.cli.printing import print_json, print_rows

KIND_STYLES = {
    "supervisor": "blue",
    "pool": "blue",
    "dynamic": "blue",
    "component": "magenta",
    "actor": "green",
}
_STATUS_STYLES = {"running": "", "starting": "cyan", "restarting": "yellow", "stopping": "yellow"}


def tree(*, name: str | None, control: Path | None, most: int, form: Format) -> int:
    """Print who is alive under whom; the exit code."""
    try:
        request = Request("tree", most=most)
        view = asked(request, TreeView, name=name, control=control, form=form)
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
    else:
        print_rows(rows(view))
    return OK


def rows(view: TreeView) -> Iterator[tuple[Cell, ...]]:
    """The tree as a table."""
    heads = ("", "", "ref", "is", "restarts", "mailbox", "")
    yield Cell(visible(view.name), "bold"), *(Cell(head, "dim") for head in heads[1:])
    yield _row("", "root", view.root)
    top: NodeView | _More = view.root
    for branch, _, node in branches(top, _shown):
        if isinstance(node, _More):
            yield (Cell(node.text, "dim", branch),)
        else:
            yield _row(branch, node.id, node)


@dataclass(frozen=True, slots=True)
class _More:
    """Children that are not shown."""

    text: str


def _shown(node: NodeView | _More) -> Sequence[NodeView | _More]:
    if isinstance(node, _More):
        return ()
    if not node.more:
        return node.children
    noun = "more" if node.children else "children"
    return (*node.children, _More(f"… {node.more:,} {noun}"))


def _row(branch: str, id: str, node: NodeView) -> tuple[Cell, ...]:
    behaviour = f" {node.behaviour}" if node.kind == "actor" and node.behaviour else ""
    is_now = node.state if node.status == "running" and node.state else node.status
    of = f" of {node.capacity:,}" if node.capacity is not None else ""
    full = node.capacity is not None and node.mailbox >= node.capacity
    return (
        Cell(visible(id), "bold", branch),
        Cell(visible(node.kind + behaviour), KIND_STYLES.get(node.kind, "")),
        Cell(visible(node.ref)),
        Cell(is_now, _STATUS_STYLES.get(node.status, "red")),
        Cell(f"{node.restarts:,}" if node.restarts else "", "yellow", right=True),
        Cell(
            f"{node.mailbox:,}{of}" if node.mailbox else "", "red" if full else "cyan", right=True
        ),
        Cell(_remark(node), "red" if node.note else "dim"),
    )


def _remark(node: NodeView) -> str:
    if node.note:
        return visible(node.note)
    if node.restarts_left is None:
        return node.strategy
    left = f"{node.restarts_left:,} restart{'s' * (node.restarts_left != 1)} left"
    return f"{node.strategy}, {left}" if node.kind == "supervisor" else left
