"""Acts: builds a component from source by one command.

    python -m airssys_wasm.sdk.build pricing.c -o pricing.wasm

Sources are C files, or one core module: `.wat` text, or the `.wasm` that the
compiler of another language made.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import wasmtime

from airssys_wasm.kernel.errors import AirssysError
from airssys_wasm.sdk.c_compiler import compile_c, find_compiler
from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.sdk.errors import BuildFailed


def build(sources: Sequence[Path], *, flags: Sequence[str] = ()) -> tuple[bytes, str]:
    """The component made of `sources`, and the warnings of the compiler ("" if none).

    Raises BuildFailed, CompilerMissing, CoreModuleUnfit, or OSError for a file
    that can't be read; ValueError for a mixture of kinds of sources.
    """
    kinds = {source.suffix for source in sources}
    if kinds == {".c"}:
        for source in sources:
            source.open("rb").close()  # so that a missing file is an OSError that names it
        core, warnings = compile_c(sources, find_compiler(), flags=flags)
        return componentize(core), warnings
    if len(sources) == 1 and kinds == {".wasm"}:
        return componentize(sources[0].read_bytes()), ""
    if len(sources) == 1 and kinds == {".wat"}:
        try:
            core = bytes(wasmtime.wat2wasm(sources[0].read_text(encoding="utf-8")))
        except wasmtime.WasmtimeError as error:
            raise BuildFailed("wat2wasm", str(error)) from error
        return componentize(core), ""
    raise ValueError("sources are either C files or one core module, .wat or .wasm")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns the exit code: 0, 1 for what can't be built, 2 for misuse."""
    parser = argparse.ArgumentParser(
        prog="python -m airssys_wasm.sdk.build",
        description="Build a component of the world airssys:core/runtime-host@1.0.0.",
    )
    parser.add_argument(
        "sources", nargs="+", type=Path, help="C files, or one core module (.wat or .wasm)"
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
