"""Acts: `airssys-wasm run`: runs a tree file until it ends or is stopped."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from airssys_wasm.cli import problems, reports
from airssys_wasm.cli.application import Outcome, RunApplication
from airssys_wasm.cli.examine import examiner
from airssys_wasm.cli.logs import LogFormat, set_up
from airssys_wasm.cli.progress import Tell, live_line
from airssys_wasm.cli.stopping import stop_on_signals
from airssys_wasm.config import TreeConfig, load
from airssys_wasm.config.tree import EnginePath

OK, GAVE_UP, BAD_FILE = 0, 1, 2


def run(
    file: Path,
    *,
    sets: tuple[str, ...],
    path: EnginePath | None,
    log_format: LogFormat,
    debug: bool,
    application: RunApplication | None = None,
) -> int:
    """Run the tree of the file; the exit code. Nothing is started if the file has an error."""
    with examiner() as examine:
        loaded = load(file, sets=sets, examine=examine)
    problems.show(loaded.problems, sys.stderr)
    config = loaded.config
    if config is None:
        return BAD_FILE
    if path is not None:
        components = dataclasses.replace(config.components, path=path)
        config = dataclasses.replace(config, components=components)
    console = set_up(log_format, sys.stderr, debug=debug)
    sys.path.insert(0, str(file.parent.resolve()))
    with (
        live_line(config.name, console) as tell,
        asyncio.Runner(loop_factory=_loop_factory(), debug=debug) as runner,
    ):
        outcome, stopped = runner.run(_run(config, application or _application(), tell))
    reports.show(outcome.reports, sys.stdout)
    if outcome.chain and not stopped:
        sys.stderr.write(reports.chain_text(outcome.reason, outcome.chain))
        return GAVE_UP
    return OK


async def _run(
    config: TreeConfig, application: RunApplication, tell: Tell | None
) -> tuple[Outcome, bool]:
    with stop_on_signals() as stop:
        outcome = await application(config, stop=stop.wait, on_progress=tell)
    return outcome, stop.signal is not None


def _application() -> RunApplication:
    found = importlib.import_module("airssys_wasm.application")
    run_application: RunApplication = found.run_application
    return run_application


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop
