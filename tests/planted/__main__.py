"""`python -m tests.planted [NAME…]`: see the package."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.planted.runner import planter
from tests.planted.tables import chosen


def main() -> int:
    """Try the chosen faults; 1 when a test is missing, 2 when the tests fail without a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted")
    parser.add_argument("names", nargs="*", help="of tables or faults, or patterns (default: all)")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    parser.add_argument(
        "--unchecked", action="store_true", help="don't run the tests without fault"
    )
    parser.add_argument("--why", action="store_true", help="say what the tests said, too")
    parser.add_argument("--quick", action="store_true", help="only the tests likely to notice")
    options = parser.parse_args()
    faults = list(chosen(options.names))
    if not faults:
        parser.error(f"no fault is called {', '.join(options.names)}")
    if options.list:
        for _, fault in faults:
            print(f"{fault.name:40} {fault.why}")
        return 0
    counts: Counter[str] = Counter()
    missing = []
    if options.quick:
        tests = tuple(dict.fromkeys(fault.first for _, fault in faults if fault.first))
    else:
        tests = tuple(dict.fromkeys(test for table, _ in faults for test in table.tests))
    with planter() as copy:
        if not options.unchecked and (problem := copy.check(tests)):
            print(problem)
            print("the tests fail without any fault; nothing can be said")
            return 2
        for table, fault in faults:
            began = time.monotonic()
            enough = options.quick and fault.first
            verdict = copy.try_out(fault, () if enough else table.tests)
            duration = time.monotonic() - began
            counts[verdict.kind] += 1
            print(f"{verdict.kind:12} {fault.name:40} {duration:4.0f} s  {verdict.by}", flush=True)
            if options.why and verdict.because:
                print(f"{'':12} {verdict.because[:200]}", flush=True)
            if not verdict.is_good:
                missing.append(fault)
    print(f"{len(faults)} faults: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    for fault in missing:
        print(f"a test is missing: {fault.name}: {fault.why} ({fault.file})")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
