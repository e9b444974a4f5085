"""Acts: finds a Rust compiler that can build for WebAssembly, and runs it.

One source file of a user, beside the crate `airssys` of the SDK. What needs other crates is built
by cargo, with `airssys.rs` copied into it, and comes here as a core module.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from airssys_wasm.sdk.errors import BuildFailed, CompilerMissing

VARIABLE = "AIRSSYS_WASM_RUSTC"  # the compiler to use: a path, or a name on the PATH
TARGET = "wasm32-unknown-unknown"

WAYS = (
    f"rustup target add {TARGET}",
    "apt-get install --no-install-recommends rustc libstd-rust-dev-wasm32 lld   (Debian 12)",
    f"set {VARIABLE} to a rustc that has the target {TARGET}",
)

_FLAGS = ("--edition=2021", f"--target={TARGET}", "-Cpanic=abort", "-Copt-level=s")


@dataclass(frozen=True, slots=True)
class Rustc:
    """A compiler, and what it has to be told about its linker."""

    command: str
    linker: tuple[str, ...] = ()


def find_rustc() -> Rustc:
    """The compiler to use: the one that is set, the one on the PATH, the system's.

    Raises CompilerMissing.
    """
    chosen = os.environ.get(VARIABLE)
    for command in (chosen,) if chosen else ("rustc", "/usr/bin/rustc"):
        found = shutil.which(command) and _usable(command)
        if found:
            return found
    raise CompilerMissing("Rust", WAYS)


def compile_rust(source: Path, compiler: Rustc, *, flags: Iterable[str] = ()) -> tuple[bytes, str]:
    """The core module made of one Rust file, and the compiler's warnings.

    `flags` come last, so they win. Raises BuildFailed with what the compiler printed.
    """
    with (
        resources.as_file(resources.files("airssys_wasm.sdk") / "rust") as sdk,
        tempfile.TemporaryDirectory(prefix="airssys-build-") as scratch,
    ):
        crate, output = Path(scratch) / "libairssys.rlib", Path(scratch) / "core.wasm"
        crate_name = "--crate-name=airssys"
        _run(compiler, [*_FLAGS, "--crate-type=rlib", crate_name, str(sdk / "airssys.rs")], crate)
        warnings = _run(
            compiler,
            [
                *_FLAGS,
                "--crate-type=cdylib",
                "-Clto=fat",
                "-Cstrip=debuginfo",
                *compiler.linker,
                f"--extern=airssys={crate}",
                *flags,
                str(source),
            ],
            output,
        )
        return output.read_bytes(), warnings


def _run(compiler: Rustc, arguments: list[str], output: Path) -> str:
    command = [compiler.command, *arguments, "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not output.exists():
        raise BuildFailed(Path(compiler.command).name, done.stdout + done.stderr)
    return done.stderr


@cache
def _usable(command: str) -> Rustc | None:
    """None without the standard library for the target, or a linker for it."""
    library = _printed(command, "target-libdir", f"--target={TARGET}")
    if library is None or not any(library.glob("libstd-*.rlib")):
        return None
    sysroot = _printed(command, "sysroot")
    if sysroot is not None and any(sysroot.glob("lib/rustlib/*/bin/rust-lld")):
        return Rustc(command)
    for name in ("wasm-ld", *(f"wasm-ld-{version}" for version in range(14, 23))):
        if shutil.which(name):
            return Rustc(command, (f"-Clinker={name}", "-Clinker-flavor=wasm-ld"))
    return None


def _printed(command: str, what: str, *arguments: str) -> Path | None:
    done = subprocess.run(
        [command, "--print", what, *arguments], capture_output=True, text=True, check=False
    )
    return Path(done.stdout.strip()) if done.returncode == 0 else None
