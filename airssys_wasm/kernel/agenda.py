"""What the ends of actors leave to do, however much it is: done in steps, a piece a turn.

A death that 100,000 watch, and one with 100,000 messages in its mailbox, must not hold the loop.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import Platform

STEPS_A_TURN = 1_000
SECONDS_A_TURN = 0.0006  # two agendas and a slice of the scheduler in one turn: below 2 ms
STEPS_A_LOOK = 32  # steps between two looks at the clock


class Agenda:
    """Work in the order in which it came, never by recursion; the rest is for later turns."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._work: deque[Iterator[None]] = deque()
        self._running = False
        self._going_on = False  # the rest is done in a later turn

    def __bool__(self) -> bool:
        return bool(self._work)

    def add(self, work: Iterator[None]) -> None:
        """Have `work` done, a step each `next`, from the next `go` on."""
        self._work.append(work)

    def go(self) -> None:
        """Do a piece of it now, unless one is being done or the rest was left to a later turn."""
        if not self._running and not self._going_on:
            self._run()

    def go_later(self) -> None:
        """Do a piece of it in the next turn."""
        if not self._going_on:
            self._going_on = True
            self._platform.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._going_on = False
        self.go()

    def _run(self) -> None:
        self._running = True
        clock = self._platform.slice_clock
        end = clock() + SECONDS_A_TURN
        try:
            for step in range(1, STEPS_A_TURN + 1):
                if not step % STEPS_A_LOOK and clock() >= end:
                    break
                while self._work:
                    try:
                        next(self._work[0])
                    except StopIteration:
                        self._work.popleft()
                    else:
                        break
                else:
                    return
            self.go_later()
        finally:
            self._running = False
