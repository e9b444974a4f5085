"""Acts: runs the corpus for a range of seeds: python -m tests.testing.corpus FIRST LAST [NAME…]

python -m tests.testing.corpus --minutes 20 [NAME…]    fresh seeds, from the clock, until then
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

from airssys_wasm.testing.searching import search
from tests.testing.corpus import SCENARIOS

A_ROUND = 50  # seeds of each scenario


def main() -> int:
    """1 when a scenario fails for a seed; what fails is made small and printed."""
    arguments = _arguments()
    chosen = [each for each in SCENARIOS if not arguments.names or each.name in arguments.names]
    began = time.perf_counter()
    failed: dict[str, None] = {}
    runs = 0
    for seeds in _rounds(arguments.seeds, arguments.minutes):
        for each in chosen:
            if each.name in failed:
                continue
            runs += len(seeds)
            found = search(each.test, seeds, "mixed", each.settings)
            if found is not None:
                failed[each.name] = None
                smallest = found.smallest
                print(f"{each.name}: seed {found.first.seed}: {smallest.failure!r}", flush=True)
                for deviation in smallest.deviations:
                    print(f"    {deviation}")
    took = time.perf_counter() - began
    print(f"{len(chosen)} scenarios, {runs} runs in {took:.0f} s: {len(failed)} scenarios fail")
    return 1 if failed else 0


def _rounds(seeds: list[int], minutes: float | None) -> Iterator[range]:
    """The seeds, all at once or as many as the time allows."""
    if minutes is None:
        yield range(*seeds)
        return
    end = time.monotonic() + minutes * 60
    first = int(time.time()) * 1000
    print(f"fresh seeds from {first}", flush=True)
    while time.monotonic() < end:
        yield range(first, first + A_ROUND)
        first += A_ROUND


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.testing.corpus")
    parser.add_argument("--minutes", type=float, help="fresh seeds for so long")
    parser.add_argument("rest", nargs="*", metavar="FIRST LAST [NAME]")
    arguments = parser.parse_args()
    words = arguments.rest
    fixed = 0 if arguments.minutes is not None else 2
    if len(words) < fixed or not all(word.isdecimal() for word in words[:fixed]):
        parser.error("say the FIRST and LAST seed, or --minutes")
    arguments.seeds = [int(word) for word in words[:fixed]]
    arguments.names = words[fixed:]
    known = [scenario.name for scenario in SCENARIOS]
    for name in arguments.names:
        if name not in known:
            parser.error(f"there is no scenario {name!r}; they are {', '.join(known)}")
    return arguments


if __name__ == "__main__":
    raise SystemExit(main())
