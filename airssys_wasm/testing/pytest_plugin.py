"""Acts: the plugin for pytest: how many seeds, which one again, and where a failure is kept.

pytest --simulate-seeds 10000          more seeds than the tests say
pytest -k test_name --simulate 17      one seed, or a schedule that was kept
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.testing.kept import FOLDER
from airssys_wasm.testing.simulate import OPTIONS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Two options."""
    group = parser.getgroup("simulation", "simulated tests of actors")
    group.addoption(
        "--simulate",
        metavar="SEED|FILE",
        help="Run simulated tests once, with this seed or this kept schedule, and let them log.",
    )
    group.addoption(
        "--simulate-seeds", metavar="N", type=int, help="Run simulated tests with seeds 0 to N-1."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to `@simulate`."""
    wanted = config.getoption("--simulate")
    seeds = config.getoption("--simulate-seeds")
    if wanted is not None:
        OPTIONS.only = wanted
    if seeds is not None:
        OPTIONS.seeds = seeds


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget them."""
    OPTIONS.only = OPTIONS.seeds = None


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """Keep the schedule of a failure, and say how to run it again."""
    outcome = yield
    schedule = getattr(call.excinfo.value, "schedule", None) if call.excinfo else None
    if schedule is None:
        return
    file = item.config.rootpath / FOLDER / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.nodeid)}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(schedule, encoding="utf-8")
    shown = _relative(file, Path.cwd())
    text = f"the smallest run again:  pytest {item.nodeid!r} --simulate {shown}"
    outcome.get_result().sections.append(("simulation", text))


def _relative(file: Path, directory: Path) -> Path:
    return file.relative_to(directory) if file.is_relative_to(directory) else file
