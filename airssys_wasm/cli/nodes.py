"""Acts: runs this machine as a node, and shows and drains the nodes of a running tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from airssys_wasm.application.control_paths import living
from airssys_wasm.application.control_protocol import Failure, Request
from airssys_wasm.application.node_views import DrainedView, NodesView, NodeView
from airssys_wasm.cli.asking import BAD_FILE, FAILED, OK, Ended, Format, asked, show_failure
from airssys_wasm.cli.branches import Cell, visible
from airssys_wasm.cli.logs import LogFormat
from airssys_wasm.cli.printing import print_json, print_rows
from airssys_wasm.config.field_changes import duration_text


def join(
    file: Path,
    *,
    name: str | None,
    labels: tuple[str, ...],
    engine: str | None,
    sets: tuple[str, ...],
    log_format: LogFormat,
    control: str,
    debug: bool,
) -> int:
    """Run the tree of the file as one node; the exit code. It is `run` with a name among several.

    `engine` takes the place of `engine.nats` in the file.
    """
    from airssys_wasm.cli.run import run
    from airssys_wasm.config import load

    if engine is not None:
        sets = (*sets, f"engine.nats={engine}")
    config = load(file, sets=sets).config
    if config is not None and config.engine is None:
        print(
            f"airssys-wasm: {file}: a tree without an engine runs on one machine; add "
            "engine: {nats: nats://HOST:4222} to the file, or give --engine",
            file=sys.stderr,
        )
        return BAD_FILE
    return run(
        file,
        sets=sets,
        path=None,
        log_format=log_format,
        debug=debug,
        control=control,
        node=name,
        labels=labels,
    )


def show_list(system: str | None, control: Path | None, form: Format) -> int:
    """Print a line for each node; the exit code."""
    try:
        view = _nodes(system, control, form)
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
    else:
        print_rows([_HEAD, *map(_line, view.nodes)])
    return OK


def show_status(node: str | None, system: str | None, control: Path | None, form: Format) -> int:
    """Print all of one node or of all; the exit code."""
    try:
        view = _nodes(system, control, form)
    except Ended as ended:
        return ended.code
    nodes = tuple(each for each in view.nodes if node in (None, each.name))
    if not nodes:
        known = ", ".join(each.name for each in view.nodes)
        message = f"there is no node {node!r}; there are: {known}"
        show_failure(Failure("request", message), form)
        return FAILED
    if form == "json":
        shown = NodesView(view.system, view.seen_from, nodes, view.table)
        print_json(shown)
        return OK
    for number, each in enumerate(nodes):
        if number:
            print()
        print_rows(_block(each))
    if node is None and view.table:
        print()
        print_rows(_table(view))
    return OK


def drain(
    node: str, timeout: float | None, system: str | None, control: Path | None, form: Format
) -> int:
    """Have a node hand over its subtrees, and print what it has left; the exit code."""
    request = Request("drain", node=node, timeout=timeout)
    try:
        path = _socket(system, control, form)
        view = asked(request, DrainedView, name=None, control=path, form=form)
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
    elif view.left:
        stays = ", ".join(map(visible, view.left))
        print(f"{visible(view.node)} is draining; no other node has taken: {stays}")
    else:
        print(f"{visible(view.node)} is drained: it runs no subtree, and gets none")
    return FAILED if view.left else OK


def _nodes(system: str | None, control: Path | None, form: Format) -> NodesView:
    path = _socket(system, control, form)
    return asked(Request("nodes"), NodesView, name=None, control=path, form=form)


def _socket(system: str | None, control: Path | None, form: Format) -> Path:
    """The control socket of a node of this machine: any of those of one system knows all nodes."""
    if control is not None:
        return control
    try:
        found = living(system)
    except OSError as error:
        show_failure(Failure("internal", f"the running systems cannot be found: {error}"), form)
        raise Ended(FAILED) from error
    names = sorted({own for own, _ in found})
    if len(names) == 1:
        return found[0][1]
    if not found:
        called = f" called {system!r}" if system is not None else ""
        message = f"no system{called} is running on this machine; or give --control PATH"
    else:
        message = f"several systems are running: {', '.join(names)}; say which with --system NAME"
    show_failure(Failure("request", message), form)
    raise Ended(FAILED)


_HEAD = tuple(
    Cell(text, "dim")
    for text in ("node", "state", "lease", "labels", "subtrees", "connected", "in", "out")
)


def _line(view: NodeView) -> tuple[Cell, ...]:
    return (
        Cell(visible(view.name) + (" *" if view.places else ""), "bold"),
        _state(view),
        Cell(f"{view.lease_left:.1f} s", right=True),
        Cell(_labels(view)),
        Cell(", ".join(map(visible, view.subtrees)) or "-"),
        _number(None if view.connected is None else len(view.connected)),
        _number(view.messages_in),
        _number(view.messages_out),
    )


def _block(view: NodeView) -> Iterator[tuple[Cell, ...]]:
    yield Cell(visible(view.name), "bold"), _state(view)
    yield Cell("life", "dim"), Cell(visible(view.life) + (", asked here" if view.here else ""))
    yield Cell("lease", "dim"), Cell(f"{duration_text(round(view.lease_left, 1))} left at least")
    if view.places:
        yield Cell("placement", "dim"), Cell("this node decides it")
    yield Cell("labels", "dim"), Cell(_labels(view))
    for number, (place, phase) in enumerate(view.subtrees.items()):
        style = "" if phase == "running" else "yellow"
        yield Cell("" if number else "subtrees", "dim"), Cell(f"{visible(place)}: {phase}", style)
    for place in view.failed:
        yield Cell("failed", "dim"), Cell(f"{visible(place)} could not be started", "red")
    if view.connected is None:
        yield Cell("connected", "dim"), Cell("it did not say", "yellow")
        return
    yield Cell("connected", "dim"), Cell(", ".join(map(visible, view.connected)) or "with nobody")
    yield Cell("messages", "dim"), Cell(f"{view.messages_in:,} in, {view.messages_out:,} out")


def _table(view: NodesView) -> Iterator[tuple[Cell, ...]]:
    yield Cell("subtree", "dim"), Cell("is to be on", "dim")
    for place, node in view.table.items():
        where = Cell("no node has its labels", "red") if node is None else Cell(visible(node))
        yield Cell(visible(place)), where


def _state(view: NodeView) -> Cell:
    return Cell(view.state, {"up": "green", "lost": "red"}.get(view.state, "yellow"))


def _labels(view: NodeView) -> str:
    return visible(", ".join(f"{key}={value}" for key, value in view.labels.items())) or "-"


def _number(number: int | None) -> Cell:
    return Cell("?" if number is None else f"{number:,}", right=True)
