"""Acts: guests that compute for long take turns, so that the loop is held by one slice at a time.

Without it all of them would go on in one turn of the loop, one slice each: a hundred would hold up
everybody else for a hundred slices.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """`await turns()` goes on when those that came before have had their turns.

    One goes on in each turn of the loop, in the order in which they came.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._due = False

    async def __call__(self) -> None:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # an engine may outlive a loop, and what has waited in it
            self._loop, self._due = loop, False
            self._waiting.clear()
        future = loop.create_future()
        self._waiting.append(future)
        self._plan()
        await future

    def _plan(self) -> None:
        if self._waiting and not self._due and self._loop is not None:
            self._due = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        self._due = False
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():  # else who waited was cancelled
                future.set_result(None)
                break
        self._plan()
