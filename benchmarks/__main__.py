"""Acts: the command `python -m benchmarks`: runs benchmarks and prints what they cost."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import sysconfig

from benchmarks import kernel
from benchmarks.measure import Benchmark, Result, floor, measure


def everything() -> list[Benchmark]:
    """All benchmarks, in the order in which they are printed."""
    from benchmarks import components

    return [*kernel.BENCHMARKS, *components.BENCHMARKS]


def machine() -> dict[str, object]:
    """What the figures were taken on."""
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    operations, seconds = min((floor() for _ in range(5)), key=lambda run: run[1])
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "profile_guided": optimised,
        "machine": platform.machine(),
        "floor_ns": round(seconds / operations * 1e9, 1),
    }


def table(results: list[Result]) -> str:
    """The results for people."""
    lines = [f"{'benchmark':<26}{'ns':>10}{'quartiles':>19}{'x F':>8}  asked"]
    for result in results:
        spread = f"{result.low:,.0f}..{result.high:,.0f}"
        asked = ""
        if result.asked is not None and result.peer is None:
            asked = f"{result.asked:g} F"
        elif result.against is not None:
            asked = f"{result.against:.2f} x {result.peer}"
            asked += f" (asked {result.asked:g})" if result.asked is not None else ""
        cost = f"{result.nanoseconds:>10,.0f}{spread:>19}{result.ratio:>8.2f}"
        lines.append(f"{result.name:<26}{cost}  {asked}")
    return "\n".join(lines)


def main() -> int:
    """Run the chosen benchmarks; 2 for a name that there is not."""
    benchmarks = {benchmark.name: benchmark for benchmark in everything()}
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="What things cost, as ratios to F: one send, one popleft, one receive.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(benchmarks))
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each (default 9)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in benchmarks]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(benchmarks)}")
    if options.rounds < 1:
        parser.error("--rounds is at least 1")
    chosen = [benchmarks[name] for name in options.names] or list(benchmarks.values())
    saw = machine()
    results = measure(chosen, options.rounds)
    if options.json:
        rows = [dataclasses.asdict(result) for result in results]
        print(json.dumps({"machine": saw, "results": rows}, indent=2))
    else:
        print(", ".join(f"{name} {value}" for name, value in saw.items()))
        print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
