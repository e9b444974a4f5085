"""Builds the counters of this folder, and tells what they cost.

    python -m examples.guests.build                 all of them whose toolchain is here
    python -m examples.guests.build rust go         these
    python -m examples.guests.build --install       and get the toolchains first that are missing
    python -m examples.guests.build --measure       with a table of times on both paths, for docs/

The components go to examples/guests/built/, the toolchains to examples/guests/.toolchains/, where
later builds and the tests find them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from airssys_wasm.kernel.errors import AirssysError
from airssys_wasm.sdk.build import build
from airssys_wasm.sdk.errors import CompilerMissing
from examples.guests.measuring import HEAD, measured
from examples.guests.toolchains import install, use_installed

FOLDER = Path(__file__).parent
BUILT = FOLDER / "built"
COUNTERS = {
    "wat": "counter.wat",
    "c": "counter.c",
    "rust": "counter.rs",
    "go": "counter.go",
    "assemblyscript": "counter.ts",
    "javascript": "counter.js",
    "python": "counter.py",
}


def counter_of(language: str) -> Path:
    """Where the source of a counter is."""
    return FOLDER / language / COUNTERS[language]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns 0, or 1 if one that was asked for by name could not be built."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.guests.build", description="Build the counters of examples/guests."
    )
    parser.add_argument("languages", nargs="*", metavar="LANGUAGE", help=", ".join(COUNTERS))
    parser.add_argument(
        "--install", action="store_true", help="get what is missing from PyPI and npm"
    )
    parser.add_argument("--measure", action="store_true", help="and tell what each costs")
    options = parser.parse_args(arguments)
    if unknown := [language for language in options.languages if language not in COUNTERS]:
        parser.error(f"{', '.join(unknown)}: the languages are {', '.join(COUNTERS)}")
    BUILT.mkdir(exist_ok=True)
    try:
        if options.install and (got := install(options.languages or COUNTERS)):
            print(f"installed: {', '.join(got)}", file=sys.stderr)
        use_installed()
    except AirssysError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    failed = False
    if options.measure:
        print(HEAD)
    for language in options.languages or COUNTERS:
        began = perf_counter()
        try:
            binary, _ = build([counter_of(language)])
        except AirssysError as error:
            print(f"{language}: {error}", file=sys.stderr)
            # What was not asked for by name may be left out for want of its toolchain, no more.
            failed |= bool(options.languages) or not isinstance(error, CompilerMissing)
            continue
        took = perf_counter() - began
        target = BUILT / f"{language}.wasm"
        target.write_bytes(binary)
        if options.measure:
            print(measured(language, target, took))
        else:
            print(f"{language}: {len(binary):,} bytes in {took:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
