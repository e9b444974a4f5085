"""Acts: finds the peers that this machine has, and runs their programs.

Each program is started anew in each round, divides its sizes by the number that it is given, and
prints JSON: CPU nanoseconds an operation, by the name of the benchmark whose work it did.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).parent
TIME = 300.0  # seconds for one run of a program
LIBRARIES = ("otpylib", "pykka", "thespian", "xoscar")


@dataclass(frozen=True, slots=True)
class Program:
    """A peer and the command that does its work; a size divisor is added to it."""

    name: str
    version: str
    command: tuple[str, ...]


@contextmanager
def programs() -> Iterator[list[Program]]:
    """The peers that are there, compiled where that is needed."""
    with tempfile.TemporaryDirectory() as folder:
        yield [*_libraries(), *_erlang(Path(folder)), *_go(Path(folder)), *_node()]


def run_all(found: Sequence[Program], shrink: int) -> dict[str, dict[str, float]]:
    """One run of each: nanoseconds by peer and benchmark.

    Raises RuntimeError, with what it printed, for a program that fails.
    """
    return {program.name: run(program, shrink) for program in found}


def run(program: Program, shrink: int) -> dict[str, float]:
    """Nanoseconds by benchmark."""
    command = [*program.command, str(shrink)]
    done = subprocess.run(
        command, cwd=HERE.parent.parent, capture_output=True, text=True, timeout=TIME, check=False
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise RuntimeError(f"{program.name} failed: {' '.join(command)}\n{done.stderr}")
    costs: dict[str, float] = json.loads(lines[-1])
    return costs


def _libraries() -> Iterator[Program]:
    for library in LIBRARIES:
        try:
            found = version(library)
        except PackageNotFoundError:
            continue
        module = f"benchmarks.peers.with_{library}"
        yield Program(library, found, (sys.executable, "-m", module))


def _erlang(folder: Path) -> Iterator[Program]:
    """One scheduler that does not spin while it waits: what it spends is work."""
    if shutil.which("erl") is None or shutil.which("erlc") is None:
        return
    _output("erlc", "-o", str(folder), str(HERE / "processes.erl"))
    switches = ("-noshell", "+S", "1", "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")
    release = 'io:format("OTP ~s, ~s", [erlang:system_info(K) || K <- [otp_release, emu_flavor]])'
    said = _output("erl", *switches, "-eval", f"{release}, halt().")
    start = ("-pa", str(folder), "-run", "processes", "main")
    yield Program("erlang", f"{said}, one scheduler", ("erl", *switches, *start))


def _go(folder: Path) -> Iterator[Program]:
    if shutil.which("go") is None:
        return
    binary = folder / "channels"
    environment = {**os.environ, "GOFLAGS": "", "GO111MODULE": "off", "GOCACHE": str(folder / "go")}
    _output("go", "build", "-o", str(binary), str(HERE / "channels.go"), environment=environment)
    said = _output("go", "version").removeprefix("go version ")
    yield Program("go", f"{said}, one P", (str(binary),))


def _node() -> Iterator[Program]:
    if shutil.which("node") is not None:
        yield Program("node", _output("node", "--version"), ("node", str(HERE / "promises.js")))


def _output(*command: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()
