"""Acts: finds the AssemblyScript compiler of npm, and runs it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from airssys_wasm.sdk.core_module import renamed_exports
from airssys_wasm.sdk.errors import BuildFailed
from airssys_wasm.sdk.node_tools import find_tool

VARIABLE = "AIRSSYS_WASM_ASC"  # the compiler to use
PACKAGE = "assemblyscript"

_LIFECYCLE = "airssys:core/component-lifecycle@1.0.0#"
_NAMES = {  # in airssys.ts, where names have no dashes → in the world
    name: _LIFECYCLE + name.replace("_", "-")
    for name in (
        "initialize", "handle_message", "handle_callback", "metadata", "health", "shutdown",
    )
}  # fmt: skip
_FREED = ("initialize", "handle_message", "handle_callback", "shutdown")
_ENTRY = (
    f'export {{ cabi_realloc, {", ".join(_NAMES)} }} from "./airssys";\n'
    + "".join(f'export {{ after as after_{name} }} from "./airssys";\n' for name in _FREED)
    + 'import "./{module}";\n'
)
_FLAGS = (
    "-O2",
    "--noAssert",
    "--runtime=incremental",  # "minimal" never collects
    "--use=abort=",
    "--exportStart=_initialize",
)


def find_asc(near: Path) -> str:
    """The compiler to use for a source at `near`. Raises CompilerMissing."""
    return find_tool("asc", VARIABLE, "AssemblyScript", PACKAGE, near)


def compile_assemblyscript(
    sources: Sequence[Path], compiler: str, *, flags: Iterable[str] = ()
) -> tuple[bytes, str]:
    """The core module made of AssemblyScript files, of which the first calls `run`, and warnings.

    `flags` come last, so they win. Raises BuildFailed with what the compiler printed.
    """
    glue = resources.files("airssys_wasm.sdk") / "assemblyscript" / "airssys.ts"
    with tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch:
        folder = Path(scratch)
        (folder / "airssys.ts").write_bytes(glue.read_bytes())
        (folder / "entry_of_component.ts").write_text(
            _ENTRY.replace("{module}", sources[0].stem), encoding="utf-8"
        )
        for source in sources:
            shutil.copy(source, folder)
        command = [compiler, "entry_of_component.ts", "-o", "core.wasm", *_FLAGS, *flags]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        output = folder / "core.wasm"
        if done.returncode or not output.exists():
            raise BuildFailed(Path(compiler).name, done.stdout + done.stderr)
        freed = {f"after_{name}": f"cabi_post_{_NAMES[name]}" for name in _FREED}
        return renamed_exports(output.read_bytes(), {**_NAMES, **freed}), done.stderr
