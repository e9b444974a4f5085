"""Acts: waits for what the host does for a guest, within the limits of the guest.

Shared by both paths, so that the same wait ends with the same `Limit` on either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from airssys_wasm.components.engine.limits import CallTime, Limits
from airssys_wasm.components.engine.traps import Limit
from airssys_wasm.components.errors import GuestTrap

# Lets others run, once: what a kernel with a run queue of its own has to replace.
Pause = Callable[[], Awaitable[None]]

# Bounds what is inside of it, in seconds, as `asyncio.timeout` does.
Timeout = Callable[[float | None], AbstractAsyncContextManager[asyncio.Timeout]]


# The call that tells, before another one, which handles the guest has dropped: a list of numbers.
DROPPED = ("", "[drop]")


class HostCalls(Protocol):
    """What serves the functions that a guest imports; one for each incarnation.

    Called on the loop, never inside a foreign callback. The value, or what the awaitable gives,
    is the WIT result in the form of `values.py`; the guest waits until it is there. Anything
    raised ends the incarnation.
    """

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]: ...


async def next_turn() -> None:
    """Let everything else that is ready run once."""
    await asyncio.sleep(0)


async def answer_in_time(
    answer: Awaitable[object],
    limits: Limits,
    time: CallTime,
    clock: Callable[[], float],
    timeout: Timeout,
) -> object:
    """What the awaitable gives, within `host_call` and what is left of `call_total`.

    Raises GuestTrap with the limit that ends the wait; a TimeoutError of the host's own passes.
    """
    began = clock()
    left = time.wait_left(began)
    total = limits.call_total if left is not None and left <= limits.host_call else None
    scope: asyncio.Timeout | None = None
    try:
        async with timeout(limits.host_call if total is None else left) as scope:
            return await answer
    except TimeoutError:
        if scope is None or not scope.expired():
            raise
    now = clock()
    if total is not None:
        raise GuestTrap(Limit("call_total", total, round(time.total(now), 6)))
    raise GuestTrap(Limit("host_call", limits.host_call, round(now - began, 6)))
