"""docs/operations.md says what the commands print: its example is run, its options are the ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from airssys_wasm.cli.main import app

MANUAL = (Path(__file__).parent.parent.parent / "docs/operations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)


def test_the_example_prints_what_the_manual_says(tmp_path: Path, short_path: Path) -> None:
    (program,) = blocks("python")
    tree, new_lines = blocks("yaml")
    (tmp_path / "shop.py").write_text(program)
    (tmp_path / "tree.yaml").write_text(tree)
    lines = tree.splitlines(keepends=True)
    (tmp_path / "new.yaml").write_text("".join([*lines[:4], new_lines, *lines[7:]]))
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(short_path)}

    def call(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "airssys_wasm.cli.main", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout

    with subprocess.Popen(
        [sys.executable, "-m", "airssys_wasm.cli.main", "run", "tree.yaml"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "nightly runs\n"
            status, live, plan, applied, drawn, _ = blocks("text")
            assert call("status").partition("supervisor")[2] == status.partition("supervisor")[2]
            assert call("tree") == live
            assert call("graph", "tree.yaml") == drawn
            assert call("plan", "new.yaml") == plan
            assert call("apply", "new.yaml") == plan + applied
            assert call("plan", "new.yaml") == "shop: no change, 7 kept\n"
        finally:
            process.terminate()


@pytest.mark.parametrize("name", ["status", "tree", "plan", "apply", "graph"])
def test_every_command_and_option_is_in_the_manual(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert f"`airssys-wasm {name}" in MANUAL
    for parameter in command.params:
        for option in parameter.opts:
            assert not option.startswith("--") or option == "--debug" or option in MANUAL, option
