"""Checks tree files that nobody would write: `python -m tests.fuzz_trees --count 100000 --seed 1`.

Whatever the input, `check` may not raise, hang or need much memory. It runs in a process of its
own, whose address space is bounded, and a signal kills it when an input takes too long; then
another goes on with the next input. What was found is told with its number: `--only NUMBER` runs
it again.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

MEMORY = 256 * 2**20  # bytes of address space, the interpreter among them
SECONDS = 20.0  # of the processor for one input; the largest that is read takes some seconds
OUTPUTS = ("text", "json", "sarif")
DIED = "died"  # how an input is told that ended the process


@dataclass(slots=True)
class Tally:
    """What was seen so far."""

    done: int = 0
    right: int = 0
    slowest: float = 0.0
    slowest_number: int = -1
    memory: int = 0  # bytes, the most that the process had
    rules: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)


def fuzz(count: int, seed: int, *, start: int = 0) -> Tally:
    """Check the inputs `start` to `count`; a process that dies is replaced by another."""
    tally = Tally()
    while start < count:
        with tempfile.TemporaryDirectory() as directory:
            progress = Path(directory) / "progress"
            command = [sys.executable, "-m", "tests.fuzz_trees", "--child", directory]
            command += ["--count", str(count), "--seed", str(seed), "--start", str(start)]
            root = Path(__file__).parent.parent
            done = subprocess.run(
                command, cwd=root, capture_output=True, text=True, preexec_fn=_bound, check=False
            )
            if done.returncode == 0:
                _add(tally, json.loads(done.stdout))
                return tally
            number = int(progress.read_text() or start) if progress.exists() else start
            how = f"{DIED} with {done.returncode}: {done.stderr[-2_000:]}"
            tally.failures.append((number, how))
            tally.done += number - start + 1
            start = number + 1
    return tally


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _add(tally: Tally, found: dict[str, Any]) -> None:
    tally.done += found["done"]
    tally.right += found["right"]
    tally.memory = max(tally.memory, found["memory"])
    tally.rules.update(found["rules"])
    tally.failures += [(number, how) for number, how in found["failures"]]
    if found["slowest"] > tally.slowest:
        tally.slowest, tally.slowest_number = found["slowest"], found["slowest_number"]


# -- the process ----------------------------------------------------------------------------


def child(directory: Path, seed: int, start: int, count: int) -> Tally:
    """Check inputs in this process, one after the other; the timer kills it."""
    from tests.fuzz_inputs import CORPUS

    (directory / "parts").mkdir(exist_ok=True)
    for name in ("shop.py", "parts/billing.yaml"):
        (directory / name).write_bytes((CORPUS / "bad" / name).read_bytes())
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    tally = Tally()
    progress = os.open(directory / "progress", os.O_CREAT | os.O_WRONLY)
    for number in range(start, count):
        os.pwrite(progress, b"%-12d" % number, 0)
        before = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            one(directory, seed, number, tally)
        except Exception:
            tally.failures.append((number, traceback.format_exc(limit=-6)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        took = time.process_time() - before
        tally.done += 1
        if took > tally.slowest:
            tally.slowest, tally.slowest_number = took, number
    os.close(progress)
    tally.memory = peak_memory()
    return tally


def peak_memory() -> int:
    """The most bytes that this process had resident.

    Not `ru_maxrss`, which remembers the process that this one was forked from.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def one(directory: Path, seed: int, number: int, tally: Tally) -> None:
    """Check one input, and that what was printed is what it should be."""
    from airssys_wasm.cli.check import BAD_FILE, OK, check
    from airssys_wasm.config.rules import RULES
    from tests.fuzz_inputs import files

    with contextlib.suppress(FileNotFoundError):
        (directory / "b.yaml").unlink()
    for name, data in files(seed, number).items():
        (directory / name).write_bytes(data)
    output = OUTPUTS[number % len(OUTPUTS)]
    out = io.StringIO()
    code = check(directory / "tree.yaml", output=output, out=out)  # type: ignore[arg-type]
    assert code in (OK, BAD_FILE), code
    tally.right += code == OK
    text = out.getvalue()
    if output == "text":
        assert all(c.isprintable() or c == "\n" for c in text), "a control character is printed"
    elif output == "json":
        found = json.loads(text)
        tally.rules.update(problem["rule"] for problem in found["problems"])
        assert found["ok"] == (code == OK)
        assert {problem["rule"] for problem in found["problems"]} <= RULES.keys()
        assert all(p["line"] >= 1 and p["column"] >= 1 for p in found["problems"])
    else:
        assert json.loads(text)["version"] == "2.1.0"


def vars_of(tally: Tally) -> dict[str, Any]:
    return {each.name: getattr(tally, each.name) for each in fields(tally)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--only", type=int, help="run one input in this process, and show it")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        tally = child(options.child, options.seed, options.start, options.count)
        print(json.dumps(vars_of(tally)))
        return 0
    if options.only is not None:
        with tempfile.TemporaryDirectory() as directory:
            tally = child(Path(directory), options.seed, options.only, options.only + 1)
            print(Path(directory, "tree.yaml").read_bytes()[:2_000])
    else:
        tally = fuzz(options.count, options.seed, start=options.start)
    show(tally)
    return 1 if tally.failures else 0


def show(tally: Tally) -> None:
    """Print what was seen."""
    for number, how in tally.failures[:20]:
        print(f"input {number}: {how}\n")
    print(f"{tally.done:,} inputs, {tally.right:,} right; {len(tally.failures)} failures")
    print(f"slowest {tally.slowest:.2f} s (input {tally.slowest_number})")
    print(f"memory {tally.memory / 2**20:.0f} MiB at most")
    print("rules: " + ", ".join(f"{rule} {n}" for rule, n in tally.rules.most_common()))


if __name__ == "__main__":
    sys.exit(main())
