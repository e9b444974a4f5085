"""Acts: the resting place of a worker task, from which the scheduler steps it synchronously.

A worker awaits its `Parking` instead of a future. The scheduler calls the task's wake-up directly,
so a handler runs inside a real task from its first line without a turn of the loop for each actor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any

from airssys_wasm.kernel.states import NOTHING


class Parking:
    """Like a future, but its one callback is called by the scheduler, now.

    `idle` is True while the worker rests here; when it is False after a step, the handler that the
    worker runs has suspended (or the worker has ended).
    """

    __slots__ = (
        "_asyncio_future_blocking",
        "begun",
        "callback",
        "cancel_message",
        "cancelled",
        "context",
        "idle",
        "last",
        "lent",
        "loop",
        "message",
        "pool",
        "refused",
        "stamp",
        "target",
        "task",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[None], pool: list[Parking]
    ) -> None:
        self._asyncio_future_blocking = False
        self.loop = loop
        self.task = task
        self.pool = pool
        self.callback: Callable[[Any], None] | None = None
        self.context: Context | None = None
        self.idle = False
        self.refused = False
        self.last: Any = None  # the actor whose identity the worker's context carries
        self.stamp: Context | None = None  # that context as it was before the actor's handler ran
        self.lent = False  # somebody else's code runs in the name of this worker's task
        self.cancelled = False  # that code has cancelled the task
        self.cancel_message: Any = None
        self.begun: Begun | None = None  # a handler that has suspended there: to be gone on with
        self.target: Any = None  # the actor whose handler that is
        self.message: Any = None  # the request in its hand

    def step(self) -> None:
        """Run the worker until it rests again or suspends."""
        assert self.context is not None
        assert self.callback is not None
        self.context.run(self.callback, self)

    # What a task asks of the thing it awaits.

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self.loop

    def add_done_callback(
        self, callback: Callable[[Any], None], *, context: Context | None = None
    ) -> None:
        self.callback = callback
        self.context = context

    def remove_done_callback(self, _callback: Callable[[Any], None]) -> int:
        return 0

    def done(self) -> bool:
        # Debuggers and anyio's wait_all_tasks_blocked ask it: a resting worker is blocked.
        return not self.idle

    def result(self) -> None:
        if self.refused:
            raise asyncio.CancelledError

    def cancel(self, msg: Any = None) -> bool:
        if self.lent:
            self.cancelled = True
            self.cancel_message = msg
            return True
        if self.refused:
            return True  # woken already; a second wake-up would step an ended task
        if self in self.pool:
            self.pool.remove(self)  # a cancelled worker is never stepped again
        self.refused = True
        assert self.callback is not None
        self.loop.call_soon(self.callback, self, context=self.context)
        return True

    def __await__(self) -> Generator[Any, None, None]:
        self._asyncio_future_blocking = True
        self.idle = True
        yield self
        self.idle = False


class Begun(Generator[Any, Any, Any]):
    """A coroutine that took its first step elsewhere: to await it goes on from there."""

    __slots__ = ("_waits", "cr_await")

    cr_frame = None  # with `cr_await`, for those who look along what a task awaits

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits: Any) -> None:
        self.cr_await = coroutine
        self._waits = waits

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def send(self, value: Any, /) -> Any:
        if self._waits is not NOTHING:
            waits, self._waits = self._waits, NOTHING
            return waits  # what the coroutine has yielded
        return self.cr_await.send(value)

    def throw(self, *error: Any) -> Any:
        return self.cr_await.throw(*error)
