"""Acts: runs the operations of a blocking backend off the loop, one batch after the other.

What arrives while a batch runs becomes the next one, so that a busy store pays for one transaction
where many would wait. Operations are carried out in the order in which they came, and each has its
result only after its whole batch is on disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Any, Protocol, TypeAlias

from airssys_wasm.components.storage.store import Pairs

LARGEST_BATCH = 256  # operations; a waiting one is not held up by more than these

Operation: TypeAlias = Callable[[Pairs], object]  # runs in the thread
Outcome: TypeAlias = tuple[object, Exception | None]


class Offload(Protocol):
    """Runs blocking code aside: `Platform.offload`."""

    def __call__(self, function: Callable[..., Any], /, *args: Any) -> Awaitable[Any]: ...


class Batches:
    """The queue before one backend.

    `run` is called off the loop with some operations, never twice at a time, and gives an outcome
    for each. It may raise: then all of them fail so.
    """

    __slots__ = ("_closed", "_offload", "_run", "_task", "_waiting")

    def __init__(
        self, run: Callable[[Sequence[Operation]], Sequence[Outcome]], offload: Offload
    ) -> None:
        self._run = run
        self._offload = offload
        self._waiting: deque[tuple[Operation, asyncio.Future[object]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def do(self, operation: Operation) -> Any:
        """The result of `operation`. Who is cancelled meanwhile can't know whether it was done.

        Raises RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        result: asyncio.Future[object] = loop.create_future()
        self._waiting.append((operation, result))
        if self._task is None:
            # Not in the caller's context: the task serves whoever comes.
            self._task = loop.create_task(self._drain(), context=Context())
        return await result

    async def close(self) -> None:
        """Wait until all that was asked for is done. Nothing more is taken."""
        self._closed = True
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [
                    self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))
                ]
                await self._one(batch)
        finally:
            self._task = None
            for _, result in self._waiting:
                result.cancel()
            self._waiting.clear()

    async def _one(self, batch: list[tuple[Operation, asyncio.Future[object]]]) -> None:
        wanted = [entry for entry in batch if not entry[1].done()]
        outcomes: Sequence[Outcome] = []
        try:
            outcomes = await self._offload(self._run, [operation for operation, _ in wanted])
        except Exception as failure:
            outcomes = [(None, failure)] * len(wanted)
        finally:
            for _, result in wanted[len(outcomes) :]:
                result.cancel()  # the loop is ending
        for (_, result), (value, error) in zip(wanted, outcomes, strict=True):
            if result.done():
                continue
            if error is None:
                result.set_result(value)
            else:
                result.set_exception(error)
