"""Acts: builds a component from source by one command.

    python -m airssys_wasm.sdk.build pricing.c -o pricing.wasm

The suffix of the first source says the language. What a toolchain of your own made comes as a core
module, `.wasm` or `.wat`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import wasmtime

from airssys_wasm.kernel.errors import AirssysError
from airssys_wasm.sdk import wat_module
from airssys_wasm.sdk.assemblyscript_compiler import compile_assemblyscript, find_asc
from airssys_wasm.sdk.c_compiler import compile_c, find_compiler
from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.sdk.errors import BuildFailed
from airssys_wasm.sdk.go_compiler import compile_go, find_go
from airssys_wasm.sdk.javascript_builder import build_javascript, find_componentize_qjs
from airssys_wasm.sdk.python_builder import build_python, find_componentize_py
from airssys_wasm.sdk.rust_compiler import compile_rust, find_rustc

Sources = Sequence[Path]
Flags = Sequence[str]
Made = tuple[bytes, str]  # a core module or a component, and the warnings


def build(sources: Sources, *, flags: Flags = ()) -> Made:
    """The component made of `sources`, and the warnings of the compiler ("" if none).

    C files; one Rust file; Go files of one package; AssemblyScript, JavaScript or Python modules,
    the one that is run first; WebAssembly text, a module or the fields of one; a core module.

    Raises BuildFailed, CompilerMissing, CoreModuleUnfit, or OSError for a file that can't be read;
    ValueError for a mixture of kinds of sources.
    """
    for source in sources:
        source.open("rb").close()  # so that a missing file is an OSError that names it
    kinds = {source.suffix for source in sources}
    maker = _MAKERS.get(kinds.pop()) if len(kinds) == 1 else None
    if maker is None or (len(sources) > 1 and maker in _OF_ONE):
        raise ValueError(f"the sources must be {_KINDS}")
    made, warnings = maker(sources, flags)
    return (made if maker in _MAKE_COMPONENTS else componentize(made)), warnings


def _c(sources: Sources, flags: Flags) -> Made:
    return compile_c(sources, find_compiler(), flags=flags)


def _rust(sources: Sources, flags: Flags) -> Made:
    return compile_rust(sources[0], find_rustc(), flags=flags)


def _go(sources: Sources, flags: Flags) -> Made:
    return compile_go(sources, find_go(), flags=flags)


def _assemblyscript(sources: Sources, flags: Flags) -> Made:
    return compile_assemblyscript(sources, find_asc(sources[0]), flags=flags)


def _javascript(sources: Sources, flags: Flags) -> Made:
    return build_javascript(sources, find_componentize_qjs(sources[0]), flags=flags)


def _python(sources: Sources, flags: Flags) -> Made:
    return build_python(sources, find_componentize_py(), flags=flags)


def _text(sources: Sources, flags: Flags) -> Made:
    text = sources[0].read_text(encoding="utf-8")
    if not wat_module.is_whole(text):
        glue = resources.files("airssys_wasm.sdk") / "wat" / "airssys.wat"
        text = wat_module.completed(text, glue.read_text(encoding="utf-8"))
    try:
        return bytes(wasmtime.wat2wasm(text)), ""
    except wasmtime.WasmtimeError as error:
        raise BuildFailed("wat2wasm", str(error)) from error


def _binary(sources: Sources, flags: Flags) -> Made:
    return sources[0].read_bytes(), ""


_MAKERS: Mapping[str, Callable[[Sources, Flags], Made]] = {
    ".c": _c,
    ".rs": _rust,
    ".go": _go,
    ".ts": _assemblyscript,
    ".js": _javascript,
    ".py": _python,
    ".wat": _text,
    ".wasm": _binary,
}
_OF_ONE = (_rust, _text, _binary)
_MAKE_COMPONENTS = (_javascript, _python)
_KINDS = (
    "C, Go, AssemblyScript (.ts), JavaScript or Python files, or one file of .rs, .wat or .wasm"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code: 0, 1 for what can't be built, 2 for misuse."""
    parser = argparse.ArgumentParser(
        prog="python -m airssys_wasm.sdk.build",
        description="Build a component of the world airssys:core/runtime-host@1.0.0.",
    )
    parser.add_argument(
        "sources",
        nargs="+",
        type=Path,
        help=".c, .go, .ts (AssemblyScript), .js or .py files, or one .rs, .wat or .wasm",
    )
    parser.add_argument("-o", "--output", required=True, type=Path, help="the component to write")
    parser.add_argument(
        "--flag", action="append", default=[], help="one more argument for the compiler"
    )
    options = parser.parse_args(arguments)
    try:
        component, warnings = build(options.sources, flags=options.flag)
        options.output.write_bytes(component)
    except (AirssysError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if warnings:
        print(warnings.rstrip(), file=sys.stderr)
    print(f"{options.output}: {len(component):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
