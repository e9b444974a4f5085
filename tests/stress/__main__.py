"""`python -m tests.stress --minutes 10 --seed N`: storms of actors, one after another, checked."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
import traceback

from tests.stress.course import rage


def main() -> int:
    """Storms until the time is up; 1 when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=None, help="of the first storm")
    parser.add_argument("--budget", type=int, default=3_000, help="actions of one storm")
    parser.add_argument("--uvloop", action="store_true", help="on uvloop, not on asyncio's loop")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    factory = None
    if options.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    began = time.monotonic()
    broken = storms = 0
    while time.monotonic() - began < options.minutes * 60:
        start = time.perf_counter()
        try:
            with asyncio.Runner(loop_factory=factory) as runner:
                outcome = runner.run(rage(seed, options.budget))
        except Exception:
            broken += 1
            print(f"seed {seed}: BROKEN", flush=True)
            traceback.print_exc()
        else:
            rate = outcome.handled / (time.perf_counter() - start)
            print(
                f"seed {seed}: {outcome.messages:,} messages, {outcome.actors:,} actors, "
                f"{outcome.dead_letters:,} dead letters, {rate:,.0f} handled a second",
                flush=True,
            )
        storms += 1
        seed += 1
    print(f"{storms} storms, {broken} broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
