"""Acts: finds a C compiler that can build for WebAssembly, and runs it.

Any clang with its `wasm-ld` does, and so does the one inside PyPI's `ziglang`.
Nothing of a C library is needed: `c/airssys.c` has the little there is.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path

from airssys_wasm.sdk.errors import BuildFailed, CompilerMissing

# Names the compiler to use, as a command with its first arguments: "clang-19" or "zig cc".
VARIABLE = "AIRSSYS_WASM_CC"

WAYS = (
    "apt-get install --no-install-recommends clang-19 lld-19   (or another clang with its lld)",
    "python -m pip install ziglang",
    f"set {VARIABLE} to the command of a compiler, such as {VARIABLE}='zig cc'",
)

STACK = 64 * 1024  # bytes; below the data, so that an overflow traps and overwrites nothing

_CLANGS = ("clang", *(f"clang-{version}" for version in range(22, 13, -1)))  # 14: Debian 12's
_FLAGS = (
    "-std=c11",
    "-O2",
    "-mbulk-memory",
    "-Wall",
    "-Wextra",
    "-Wno-unused-parameter",  # of what is handed to a function, few use everything
    "-ffreestanding",
    "-nostdlib",
    "-fno-sanitize=undefined",  # zig's default checks trap with `unreachable`, whatever was wrong
    "-Wl,--no-entry",
    f"-Wl,-z,stack-size={STACK}",
    "-Wl,--strip-debug",
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """A command that takes clang's arguments, what it calls the target, and flags of its own."""

    command: tuple[str, ...]
    target: str = "wasm32"
    flags: tuple[str, ...] = ("-Wl,--stack-first",)

    @property
    def name(self) -> str:
        return " ".join((Path(self.command[0]).name, *self.command[1:]))


def find_compilers() -> list[Compiler]:
    """Every compiler found here, the one to use first: the one that is set, a clang, ziglang."""
    found: list[Compiler] = []
    chosen = os.environ.get(VARIABLE, "").split()
    if chosen:
        zig = any("zig" in Path(word).name for word in chosen)
        found.append(_zig(chosen) if zig else Compiler(tuple(chosen)))
    for name in _CLANGS:
        path = shutil.which(name)
        if path and _has_linker(Path(path)):
            found.append(Compiler((path,)))
    if util.find_spec("ziglang"):
        found.append(_zig([sys.executable, "-m", "ziglang", "cc"]))
    return found


def find_compiler() -> Compiler:
    """The compiler to use. Raises CompilerMissing."""
    found = find_compilers()
    if not found:
        raise CompilerMissing("C", WAYS)
    return found[0]


def compile_c(
    sources: Sequence[Path], compiler: Compiler, *, flags: Iterable[str] = ()
) -> tuple[bytes, str]:
    """The core module made of C `sources` and the SDK, and what the compiler had to say.

    `airssys.h` is on the include path; `flags` come last, so they win.
    Raises BuildFailed with what the compiler printed.
    """
    with (
        resources.as_file(resources.files("airssys_wasm.sdk") / "c") as sdk,
        tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch,
    ):
        output = Path(scratch) / "core.wasm"
        command = [
            *compiler.command,
            f"--target={compiler.target}",
            *_FLAGS,
            *compiler.flags,
            f"-I{sdk}",
            *flags,
            *map(str, sources),
            str(sdk / "airssys.c"),
            "-o",
            str(output),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not output.exists():
            raise BuildFailed(compiler.name, done.stdout + done.stderr)
        return output.read_bytes(), done.stderr


def _zig(command: Sequence[str]) -> Compiler:
    """zig's linker puts the stack first by itself, and does not know the flag."""
    return Compiler(tuple(command), "wasm32-freestanding", ())


def _has_linker(clang: Path) -> bool:
    """Whether the wasm-ld that this clang calls is there: beside itself, or on the PATH."""
    if (clang.resolve().parent / "wasm-ld").exists():
        return True
    return shutil.which("wasm-ld") is not None
