"""Acts: runs the corpus for a range of seeds: python -m tests.testing.corpus FIRST LAST [NAME…]"""

from __future__ import annotations

import sys
import time

from airssys_wasm.testing.searching import search
from tests.testing.corpus import SCENARIOS


def main() -> int:
    """1 when a scenario fails for a seed; what fails is made small and printed."""
    first, last = map(int, sys.argv[1:3])
    names = sys.argv[3:]
    failures = 0
    began = time.perf_counter()
    chosen = [each for each in SCENARIOS if not names or each.name in names]
    for each in chosen:
        found = search(each.test, range(first, last), "mixed", each.settings)
        if found is not None:
            failures += 1
            print(f"{each.name}: seed {found.first.seed}: {found.smallest.failure!r}", flush=True)
            for deviation in found.smallest.deviations:
                print(f"    {deviation}")
    took = time.perf_counter() - began
    runs = len(chosen) * (last - first)
    print(f"{len(chosen)} scenarios, {runs} runs in {took:.0f} s: {failures} scenarios fail")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
