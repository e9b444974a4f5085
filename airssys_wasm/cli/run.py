"""Acts: `airssys-wasm run`: runs a tree file until it ends or is stopped."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from airssys_wasm.application.control_paths import Listening, listen
from airssys_wasm.application.errors import ControlUnavailable
from airssys_wasm.cli import problems, reports
from airssys_wasm.cli.examine import examine
from airssys_wasm.cli.logs import LogFormat, set_up
from airssys_wasm.cli.progress import live_line
from airssys_wasm.cli.stopping import stop_on_signals
from airssys_wasm.config import NodeConfig, TreeConfig, load, words
from airssys_wasm.config.components import EnginePath

if TYPE_CHECKING:
    from airssys_wasm.application import Outcome

log = logging.getLogger(__name__)

OK, FAILED, BAD_FILE = 0, 1, 2


def run(
    file: Path,
    *,
    sets: tuple[str, ...],
    path: EnginePath | None,
    log_format: LogFormat,
    debug: bool,
    control: str = "none",
    node: str | None = None,
    labels: tuple[str, ...] = (),
) -> int:
    """Run the tree of the file; the exit code. Nothing is started if the file has an error.

    `control` is the path of the control socket, `auto` for one in the user's runtime directory, or
    `none`. A path that cannot be had is an error; without any, a warning tells why.

    `node` and `labels`, each `KEY=VALUE`, are what this machine is called among several and what
    placement looks for; they come before those of the file.

    The actors' modules are imported while the file is checked, so that one which fails is told
    with its place; with `debug` later, when its exception comes out as it is.
    """
    loaded = load(file, sets=sets, import_actors=not debug, examine=examine)
    problems.show(loaded.problems, sys.stderr)
    config = loaded.config
    if config is None:
        return BAD_FILE
    as_written = config
    if path is not None:
        components = dataclasses.replace(config.components, path=path)
        config = dataclasses.replace(config, components=components)
    if node is not None or labels:
        try:
            config = dataclasses.replace(config, node=overridden(config, node, labels))
        except ValueError as error:
            print(f"airssys-wasm: {error}", file=sys.stderr)
            return BAD_FILE
    console = set_up(log_format, sys.stderr, debug=debug)
    try:
        listening = _listen(config.name, control)
    except ControlUnavailable as error:
        print(f"airssys-wasm: {error}", file=sys.stderr)
        return FAILED
    with (
        listening or nullcontext(),
        live_line(config.name, console) as tell,
        asyncio.Runner(loop_factory=_loop_factory()) as runner,
    ):
        outcome = runner.run(_run(config, file, tell, listening, as_written))
    reports.show(outcome.reports, sys.stdout)
    if outcome.failed:
        sys.stderr.write(reports.chain_text(outcome.chain or (outcome.reason,)))
        return FAILED
    return OK


def overridden(config: TreeConfig, name: str | None, labels: tuple[str, ...]) -> NodeConfig:
    """The node of the file, with another name and more labels. Raises ValueError."""
    if config.engine is None:
        raise ValueError("--node and --label are for a tree with an engine: this one has none")
    written = config.node
    node = written if isinstance(written, NodeConfig) else NodeConfig(name=written)
    if name is not None and (wrong := words.node_name(name)) is not None:
        raise ValueError(f"--node: {name!r} {wrong}")
    own = dict(node.labels)
    for text in labels:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise ValueError(f"--label: {text!r} is not KEY=VALUE, as in --label disk=ssd")
        if (wrong := words.label(value)) is not None:
            raise ValueError(f"--label {key}: {value!r} {wrong}")
        own[key] = value
    return NodeConfig(name=name or node.name, labels=own)


async def _run(
    config: TreeConfig,
    file: Path,
    tell: Callable[[str], None] | None,
    listening: Listening | None,
    as_written: TreeConfig,
) -> Outcome:
    from airssys_wasm.application import Control, run_application

    control = Control()
    with stop_on_signals(control.stop):
        return await run_application(
            config,
            directory=file.parent,
            control=control,
            on_progress=tell,
            listening=listening,
            file=file,
            as_written=as_written,
        )


def _listen(name: str, control: str) -> Listening | None:
    if control == "none":
        return None
    if control != "auto":
        return listen(name, Path(control))
    try:
        return listen(name)
    except ControlUnavailable as error:
        log.warning("the system runs without a control socket: %s", error)
        return None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop
