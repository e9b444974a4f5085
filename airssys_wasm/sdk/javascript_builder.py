"""Acts: finds npm's componentize-qjs, which makes components with QuickJS in them, and runs it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path

from airssys_wasm.sdk.errors import BuildFailed
from airssys_wasm.sdk.node_tools import find_tool
from airssys_wasm.sdk.wit_folder import wit_folder

VARIABLE = "AIRSSYS_WASM_JS"  # the tool to use
PACKAGE = "componentize-qjs@0.4.5"


def find_componentize_qjs(near: Path) -> str:
    """The tool to use for a source at `near`. Raises CompilerMissing."""
    return find_tool("componentize-qjs", VARIABLE, "JavaScript", PACKAGE, near)


def build_javascript(
    sources: Sequence[Path], tool: str, *, flags: Iterable[str] = ()
) -> tuple[bytes, str]:
    """The component made of JavaScript modules, of which the first exports `componentLifecycle`.

    WASI is left out: `Date` and `Math.random` trap; ask `host-services`. `flags` come last.
    Raises BuildFailed with what the tool printed.
    """
    glue = resources.files("airssys_wasm.sdk") / "javascript" / "airssys.js"
    with tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch:
        folder = Path(scratch)
        (folder / "airssys.js").write_bytes(glue.read_bytes())
        for source in sources:
            shutil.copy(source, folder)
        command = [tool, f"--wit={wit_folder(folder)}", "--world=runtime-host", "--sync"]
        command += ["--stub-wasi", f"--js={sources[0].name}", "--output=component.wasm", *flags]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        output = folder / "component.wasm"
        if done.returncode or not output.exists():
            raise BuildFailed(Path(tool).name, done.stdout + done.stderr)
        return output.read_bytes(), ""
