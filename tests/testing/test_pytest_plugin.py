"""The plugin: options, and what a failure leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PLUGIN = "airssys_wasm.testing.pytest_plugin"
TEST = """
from airssys_wasm.testing import simulate


@simulate(seeds=5)
async def test_chance(simulation):
    with open("seeds", "a") as file:
        print(simulation.seed, file=file)
    assert simulation.seed != 3
"""


def run(directory: Path, *options: str) -> str:
    (directory / "test_it.py").write_text(TEST, encoding="utf-8")
    (directory / "seeds").unlink(missing_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider", *options],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def test_a_failure_is_kept_and_can_be_run_again(tmp_path: Path) -> None:
    told = run(tmp_path)
    assert "found by seed 3 of test_chance" in told
    assert "the smallest run again:  pytest 'test_it.py::test_chance' --simulate" in told
    (kept,) = (tmp_path / ".simulations").iterdir()
    assert "1 failed" in run(tmp_path, "--simulate", str(kept))
    assert "1 passed" in run(tmp_path, "--simulate", "2")
    assert (tmp_path / "seeds").read_text(encoding="utf-8").split() == ["2"]


def test_the_number_of_seeds_can_be_another(tmp_path: Path) -> None:
    assert "1 passed" in run(tmp_path, "--simulate-seeds", "3")
    assert (tmp_path / "seeds").read_text(encoding="utf-8").split() == ["0", "1", "2"]
