"""Acts: finds the tools that npm installs."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from airssys_wasm.sdk.errors import CompilerMissing


def find_tool(name: str, variable: str, language: str, package: str, near: Path) -> str:
    """The command `name`: what `variable` says, one in a node_modules above `near` or the current
    folder, or one on the PATH. Raises CompilerMissing, which tells how to get `package`.
    """
    chosen = os.environ.get(variable)
    beside = [str(folder / name) for folder in _installed(near)]
    for command in (chosen,) if chosen else (*beside, name):
        if found := shutil.which(command):
            return found
    ways = (
        f"npm install {package}   (in the folder of the source, or one above it)",
        f"npm install --global {package}",
        f"set {variable} to the command {name}",
    )
    raise CompilerMissing(language, ways)


def _installed(near: Path) -> Iterator[Path]:
    for folder in dict.fromkeys([*near.resolve().parents, Path.cwd(), *Path.cwd().parents]):
        yield folder / "node_modules" / ".bin"
