"""What the documents say is there: their code runs, and the paths that they name exist."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")


def blocks(document: str, language: str) -> list[str]:
    """The code blocks of one language, in order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def named_paths(document: str) -> set[str]:
    """What a document names between backticks or as a link, and that looks like a path of ours."""
    text = (ROOT / document).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    quoted = set(re.findall(r"`((?:\w[\w.-]*/)+[\w.-]*)`", text))
    return quoted | set(re.findall(r"\]\(([\w./-]+)\)", text))


def test_the_python_of_the_readme_runs_and_prints_what_it_says() -> None:
    (program,) = blocks("README.md", "python")
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.findall(r"# prints (.*)", program) == result.stdout.splitlines() == ["6"]


@pytest.mark.parametrize("number", [0, 1], ids=["of one machine", "of several machines"])
def test_the_trees_of_the_readme_are_right_ones(tmp_path: Path, number: int) -> None:
    trees = blocks("README.md", "yaml")
    assert len(trees) == 2
    (tmp_path / "tree.yaml").write_text(trees[number])
    (tmp_path / "ledger.py").write_text("from airssys_wasm import Actor as Ledger\n")
    (tmp_path / "shop.py").write_text("from airssys_wasm import Actor as Ledger\nWeb = Ledger\n")
    shutil.copy(ROOT / "examples/orders/pricing.wasm", tmp_path)
    result = subprocess.run(
        [sys.executable, "-m", "airssys_wasm.cli.main", "check", "tree.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_two_commands_of_the_readme_can_be_run() -> None:
    (commands,) = blocks("README.md", "sh")
    scripts = [line.split()[0] for line in commands.splitlines()]
    assert len(scripts) == 2
    for script in scripts:
        assert os.access(ROOT / script, os.X_OK), script


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_exists(document: str) -> None:
    missing = {path for path in named_paths(document) if not (ROOT / path).exists()}
    assert missing == set()


def test_the_changelog_knows_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_licence_is_the_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License\n                           Version 2.0" in text
    assert "END OF TERMS AND CONDITIONS" in text
