"""Acts: finds PyPI's componentize-py, which makes components with CPython in them, and runs it."""

import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from airssys_wasm.sdk.errors import BuildFailed, CompilerMissing
from airssys_wasm.sdk.wit_folder import wit_folder

VARIABLE = "AIRSSYS_WASM_COMPONENTIZE_PY"  # the tool to use: a path, or a name on the PATH
WAYS = (
    "python -m pip install componentize-py",
    f"set {VARIABLE} to the command componentize-py",
)


def find_componentize_py() -> str:
    """The tool to use: the one that is set, the one beside this Python, the one on the PATH.

    Raises CompilerMissing.
    """
    chosen = os.environ.get(VARIABLE)
    beside = str(Path(sysconfig.get_path("scripts")) / "componentize-py")
    for command in (chosen,) if chosen else (beside, "componentize-py"):
        if found := shutil.which(command):
            return found
    raise CompilerMissing("Python", WAYS)


def build_python(
    sources: Sequence[Path], tool: str, *, flags: Iterable[str] = ()
) -> tuple[bytes, str]:
    """The component made of Python modules, of which the first has the class ComponentLifecycle.

    WASI is left out: `time`, `os` and `random` have nothing behind them; ask `host_services`. A
    random seed is fixed when it is built. `flags` come last. Raises BuildFailed with what the tool
    printed.
    """
    glue = resources.files("airssys_wasm.sdk") / "python" / "airssys_guest.py"
    with tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch:
        folder = Path(scratch)
        (folder / "airssys_guest.py").write_bytes(glue.read_bytes())
        for source in sources:
            shutil.copy(source, folder)
        command = [tool, "-d", str(wit_folder(folder)), "-w", "runtime-host", "componentize"]
        command += ["--stub-wasi", "-p", ".", sources[0].stem, "-o", "component.wasm", *flags]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        output = folder / "component.wasm"
        if done.returncode or not output.exists():
            raise BuildFailed(Path(tool).name, done.stdout + done.stderr)
        return output.read_bytes(), ""
