"""Acts: one call into a guest on the slow path, between its thread and the loop.

    loop (`serve`)                         thread
    ──────────────                         ──────
    starts ──────────────────────────────▶ the guest runs
                                           it calls a host function
    runs the host's work ◀──────────────── Asked, then waits
    answers ─────────────────────────────▶ the guest runs on
    returns or raises ◀─────────────────── Finished

Always:
  - host functions run on the loop, in the task that awaits the call;
  - a call that nobody awaits any more is abandoned: its guest is interrupted at
    the next tick, or at once if it waits for the host;
  - no exception crosses wasmtime: what ends a call is kept here, and the guest
    gets an error with a fixed text.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from airssys_wasm.components.engine.host_calls import (
    DROPPED,
    HostCalls,
    Timeout,
    answer_in_time,
)
from airssys_wasm.components.engine.limits import CallTime, Limits, sent_limit
from airssys_wasm.components.engine.traps import Limit, Trap
from airssys_wasm.components.errors import GuestTrap, InstanceClosed

# Beyond the limit of a host call, before a thread gives up on a loop that stopped without a word.
_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The guest called a host function and waits for the answer."""

    interface: str
    function: str
    arguments: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The call is over: a value, or the reason the guest ended for, or an error of the host."""

    value: object = None
    reason: Trap | Limit | None = None
    error: BaseException | None = None


class Abandoned(Exception):
    """Nobody awaits this call any more; raised on the thread to leave the guest."""


class ThreadedCall:
    """One call: made and served on the loop, run on a thread."""

    def __init__(
        self, limits: Limits, host: HostCalls, clock: Callable[[], float], timeout: Timeout
    ) -> None:
        self._limits = limits
        self._host = host
        self._clock = clock
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        # Both can be there at once: the guest asks as it is closed.
        self._events: deque[Asked | Finished] = deque()
        self._arrived: asyncio.Future[None] = self._loop.create_future()
        self._answered = threading.Semaphore(0)
        self._answer: object = None
        self.time = CallTime(limits, clock())
        self.drops: list[int] = []  # numbers of handles that the guest has dropped
        self.abandoned = False
        self.limit: Limit | None = None  # the limit of time for which the guest was interrupted
        self.failure: BaseException | None = None  # what went wrong on our side of the guest

    async def serve(self) -> object:
        """The result of the call; host functions run meanwhile, in this task.

        Raises GuestTrap when the guest trapped or passed a limit, and what a
        host function raised.
        """
        while True:
            await self._arrived
            event = self._events.popleft()
            if not self._events:
                self._arrived = self._loop.create_future()
            match event:
                case Asked() if self.abandoned:
                    pass
                case Asked(interface, function, arguments):
                    self._answer = await self._ask_host(interface, function, arguments)
                    self._answered.release()
                case Finished(value, reason, error):
                    if error is not None:
                        raise error
                    if reason is not None:
                        raise GuestTrap(reason)
                    return value

    def abandon(self) -> None:
        """Leave the guest for good; who still awaits `serve` gets InstanceClosed."""
        self._post(Finished(error=InstanceClosed()))
        self.abandoned = True
        self._answered.release()

    # On the thread:

    def finish(self, finished: Finished) -> None:
        """Hand over how the call ended."""
        self._post(finished)

    def ask(self, interface: str, function: str, arguments: tuple[object, ...]) -> object:
        """What the host answers; waits for it.

        Raises Abandoned when there is nobody to answer.
        """
        now = self._clock()
        self.time.leave(now)
        if not self._post(Asked(interface, function, arguments)):
            raise Abandoned
        left = self.time.wait_left(now)
        patience = self._limits.host_call if left is None else min(left, self._limits.host_call)
        answered = self._answered.acquire(timeout=patience + _GRACE)
        if not answered or self.abandoned:
            raise Abandoned
        answer, self._answer = self._answer, None
        self.time.enter(self._clock())
        return answer

    def interrupted(self) -> bool:
        """Whether the guest, which runs, has to end now; `limit` then says why, if it was one."""
        self.limit = self.limit or self.time.passed(self._clock())
        return self.abandoned or self.limit is not None

    def _post(self, event: Asked | Finished) -> bool:
        if self.abandoned:
            return False
        try:
            self._loop.call_soon_threadsafe(self._deliver, event)
        except RuntimeError:  # the loop is closed
            self.abandoned = True
        return not self.abandoned

    def _deliver(self, event: Asked | Finished) -> None:
        self._events.append(event)
        if not self._arrived.done():
            self._arrived.set_result(None)

    async def _ask_host(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object:
        passed = sent_limit(self._limits, interface, arguments)
        if passed is not None:
            raise GuestTrap(passed)
        if self.drops:
            drops, self.drops = self.drops, []
            self._host(*DROPPED, (drops,))
        answer = self._host(interface, function, arguments)
        if not hasattr(type(answer), "__await__"):
            return answer
        return await answer_in_time(
            answer,  # type: ignore[arg-type]  # it has __await__
            self._limits,
            self.time,
            self._clock,
            self._timeout,
        )
