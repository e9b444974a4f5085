"""`airssys-wasm check`, as a user sees it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airssys_wasm.config.tree_schema import shipped

CONFIG = Path(__file__).parent.parent / "config"


def airssys(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "airssys_wasm.cli.main", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


def actors_only(directory: Path, head: str = "") -> Path:
    shutil.copy(CONFIG / "good" / "shop.py", directory)
    file = directory / "tree.yaml"
    child = '{id: reader, actor: "shop:read", args: [orders.jsonl]}'
    file.write_text(f"version: 1\nname: shop\n{head}children:\n  - {child}\n")
    return file


def test_a_tree_without_mistakes_is_ok_and_counted(tmp_path: Path) -> None:
    done = airssys("check", str(actors_only(tmp_path)))
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok: 1 actor, 0 components\n", "")


def test_eight_planted_mistakes_are_eight_errors_in_one_run() -> None:
    done = airssys("check", "eight_mistakes.yaml", cwd=CONFIG / "bad")
    assert done.returncode == 2
    expected = (CONFIG / "bad" / "eight_mistakes.expected").read_text()
    assert done.stdout == f"{expected}8 errors\n"


def test_the_file_is_named_as_it_was_on_the_command_line(tmp_path: Path) -> None:
    done = airssys("check", str(tmp_path / "missing.yaml"))
    assert done.returncode == 2
    assert done.stdout.startswith(f"{tmp_path}/missing.yaml:1:1: the file cannot be read: No such")


def test_warnings_are_shown_and_strict_makes_them_errors(tmp_path: Path) -> None:
    file = actors_only(tmp_path, "intensity: 0\n")
    lenient = airssys("check", str(file))
    assert lenient.returncode == 0
    assert ":3:12: warning: intensity: with an intensity of 0" in lenient.stdout
    assert lenient.stdout.endswith("1 warning\nok: 1 actor, 0 components\n")
    strict = airssys("check", "--strict", str(file))
    assert strict.returncode == 2
    assert ":3:12: intensity: with an intensity of 0" in strict.stdout
    assert strict.stdout.endswith("1 error\n")


def test_import_runs_the_modules_and_without_it_nothing_runs(tmp_path: Path) -> None:
    file = actors_only(tmp_path)
    assert airssys("check", str(file)).returncode == 0
    done = airssys("check", "--import", str(file))
    assert done.returncode == 2
    assert "importing 'shop:read' failed: RuntimeError" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_set_is_checked_like_the_file(tmp_path: Path) -> None:
    done = airssys("check", str(actors_only(tmp_path)), "--set", "raeder.restart=x")
    assert done.returncode == 2
    expected = "--set:1:1: no child has the id 'raeder'; did you mean 'reader'?"
    assert done.stdout.splitlines()[0] == expected


def test_schema_prints_the_json_schema_that_is_shipped() -> None:
    done = airssys("schema")
    assert (done.returncode, done.stdout) == (0, shipped())


@pytest.mark.parametrize("arguments", [(), ("chekc",), ("check",), ("check", "--frob", "x")])
def test_a_wrong_command_line_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert airssys(*arguments).returncode == 2


def test_help_and_version_are_told_without_loading_the_library() -> None:
    assert "check" in airssys("--help").stdout
    assert airssys("--version").stdout.startswith("airssys-wasm ")
    loaded = "[m for m in ('yaml', 'wasmtime', 'uvloop', 'anyio', 'msgspec') if m in sys.modules]"
    source = f"import sys, airssys_wasm.cli.main; print({loaded})"
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
