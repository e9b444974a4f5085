"""Acts: the command `python -m benchmarks`: runs benchmarks and prints what they cost."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import machine, report
from benchmarks.catalogue import catalogue, with_others
from benchmarks.measure import Benchmark, Result, measure
from benchmarks.peers.programs import Program, programs, run_all

QUICK = 100  # by which --quick divides all sizes

DESCRIPTION = """\
What things cost, in CPU time, as ratios to F: what Python itself must pay for a message (one send,
one popleft, one receive). Each is run in rounds, all of them in each round.

Without a name all are run but the heavy ones, which take seconds and up to 2 GB each; they run when
they are named, or with --all, in at most three rounds.
"""


def arguments(known: Mapping[str, Benchmark]) -> argparse.Namespace:
    """What the user asks for; leaves with status 2 when there is no such thing."""
    names = [f"  {b.name:<26}{'heavy  ' if b.heavy else ''}{b.about}" for b in known.values()]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=DESCRIPTION,
        epilog="benchmarks:\n" + "\n".join(names),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to run; see below")
    parser.add_argument("--all", action="store_true", help="the heavy ones, too")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each (default 9)")
    parser.add_argument("--quick", action="store_true", help="a hundredth of each size: a trial")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--peers",
        action="store_true",
        help="the same work by others, where they are found: libraries of the extra `bench`; "
        "erl, go and node on the PATH",
    )
    parser.add_argument(
        "--plot",
        metavar="FOLDER",
        type=Path,
        help="instead: draw cost against actors, mailbox depth and subscribers, as PNG files "
        "(needs matplotlib, which is in the extra `bench`)",
    )
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no benchmark {unknown[0]!r}; see --help")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    return options


def chosen(options: argparse.Namespace, known: Mapping[str, Benchmark]) -> list[Benchmark]:
    names = options.names or [b.name for b in known.values() if options.all or not b.heavy]
    return with_others(names, known)


def show(results: list[Result], found: list[Program], saw: machine.Machine) -> None:
    """The results for people."""
    parts = [report.header(saw), report.table(results), report.details(results)]
    if found:
        parts.append(report.comparison(results, {peer.name: peer.version for peer in found}))
    parts.append(report.verdict(results))
    print("\n\n".join(part for part in parts if part))


def as_json(results: list[Result], found: list[Program], saw: machine.Machine) -> str:
    """The results for programs."""
    return json.dumps(
        {
            "machine": dataclasses.asdict(saw),
            "peers": {peer.name: peer.version for peer in found},
            "results": [dataclasses.asdict(result) for result in results],
        },
        indent=2,
    )


def progress() -> Callable[[str], None]:
    """Says on a terminal what runs."""
    if not sys.stderr.isatty():
        return lambda name: None
    return lambda name: print(f"\r\x1b[K{name}", end="\r", file=sys.stderr, flush=True)


def main() -> int:
    """Run the chosen benchmarks; 2 for a name that there is not."""
    known = catalogue()
    options = arguments(known)
    logging.disable(logging.CRITICAL)  # restarts are reported, and a terminal is slow
    shrink = QUICK if options.quick else 1
    if options.plot is not None:
        from benchmarks.plots import draw

        for file in draw(options.plot, options.rounds, shrink, progress()):
            print(file)
        return 0
    benchmarks = chosen(options, known)
    saw = machine.seen()
    with contextlib.ExitStack() as stack:
        found = stack.enter_context(programs()) if options.peers else []
        results = measure(
            benchmarks,
            options.rounds,
            shrink=shrink,
            peers=lambda: run_all(found, shrink),
            on_run=progress(),
        )
    if options.json:
        print(as_json(results, found, saw))
    else:
        show(results, found, saw)
    return 0


if __name__ == "__main__":
    sys.exit(main())
