"""Acts: starts functions under a task supervisor, one by one or many with a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, overload

from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision.children import ChildCounts
from airssys_wasm.supervision.dynamic_supervisor_ref import DynamicSupervisorRef
from airssys_wasm.supervision.errors import MaxChildren
from airssys_wasm.supervision.task import Raised, Returned, Task, Work

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.address import Address

T = TypeVar("T")
R = TypeVar("R")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class TaskSupervisorRef:
    """A task supervisor, asked through requests. Two of one address are equal."""

    address: Address

    @classmethod
    def of(cls, address: Address) -> TaskSupervisorRef:
        """The task supervisor at `address`, a ref or a name."""
        return cls(address)

    @overload
    async def start(
        self, function: Callable[[*Ts], Awaitable[R]], /, *args: *Ts, aside: bool = False
    ) -> Task[R]: ...
    @overload
    async def start(
        self, function: Callable[[*Ts], R], /, *args: *Ts, aside: bool = False
    ) -> Task[R]: ...
    async def start(
        self, function: Callable[[*Ts], Any], /, *args: *Ts, aside: bool = False
    ) -> Task[Any]:
        """Run `function(*args)`, plain or async, as a task: `await (await start(f)).result()`.

        A plain function runs on the loop and holds it; with `aside` it runs in a thread, where it
        can't be interrupted. Raises MaxChildren, and ActorExited when there is no such supervisor.
        """
        task: Task[Any] = Task(self.address)
        work = Work(function, args, aside, task.leave)
        ref = await DynamicSupervisorRef.of(self.address).start_child(work)
        assert ref is not None  # a process function never answers IGNORE
        return task.begun(ref)

    @overload
    def stream(
        self,
        function: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        *,
        limit: int,
        ordered: bool = True,
        aside: bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[Returned[R] | Raised]: ...
    @overload
    def stream(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        limit: int,
        ordered: bool = True,
        aside: bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[Returned[R] | Raised]: ...
    async def stream(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        *,
        limit: int,
        ordered: bool = True,
        aside: bool = False,
        timeout: float | None = None,
    ) -> AsyncIterator[Returned[Any] | Raised]:
        """What came of `function(item)` for each item, in the order of the items, as it comes.

        At most `limit` tasks run at a time, fewer where the supervisor has no room for more, and
        at most `limit` results wait for one before them; not `ordered`, none waits. Items are taken
        as they are needed. A task that takes longer than `timeout` seconds is cancelled: its result
        is Raised with a RequestTimeout. Leaving the loop early cancels the tasks that run, if the
        iterator is closed (`contextlib.aclosing`).

        Raises MaxChildren when the supervisor has no room for a single task.
        """
        if limit < 1:
            raise ValueError(f"limit: {limit!r} is less than 1 task at a time")
        window = _Window(limit, ordered)
        waiting = deque[Any]()  # an item that found no room
        coming = iter(items)
        try:
            while True:
                while window.has_room() and (waiting or _take(coming, waiting)):
                    try:
                        task = await self.start(function, waiting[0], aside=aside)
                    except MaxChildren:
                        if not window.tasks:
                            raise
                        break
                    waiting.popleft()
                    window.add(task, timeout)
                if not window.tasks:
                    return
                task = await window.next()
                yield task.outcome()
        finally:
            for task in window.tasks:
                task.cancel()

    @overload
    async def map(
        self,
        function: Callable[[T], Awaitable[R]],
        items: Iterable[T],
        *,
        limit: int,
        aside: bool = False,
        timeout: float | None = None,
    ) -> list[Returned[R] | Raised]: ...
    @overload
    async def map(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        limit: int,
        aside: bool = False,
        timeout: float | None = None,
    ) -> list[Returned[R] | Raised]: ...
    async def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        *,
        limit: int,
        aside: bool = False,
        timeout: float | None = None,
    ) -> list[Returned[Any] | Raised]:
        """All that `stream` gives, in the order of the items: `[one.get() for one in results]`."""
        stream = self.stream(function, items, limit=limit, aside=aside, timeout=timeout)
        return [result async for result in stream]

    async def count(self) -> int:
        """How many tasks run."""
        counts: ChildCounts = await DynamicSupervisorRef.of(self.address).count_children()
        return counts.workers


class _Window:
    """The tasks of one stream that run or whose result has not been given out yet."""

    def __init__(self, limit: int, ordered: bool) -> None:
        self.tasks: dict[Task[Any], None] = {}  # in the order of the items
        self._limit = limit
        self._ordered = ordered
        self._done: deque[Task[Any]] = deque()  # in the order of their ends, if that matters
        self._running = 0
        self._waiter: Future[None] | None = None

    def has_room(self) -> bool:
        """Whether one more may run."""
        waiting = len(self.tasks) - self._running
        return self._running < self._limit and (waiting < self._limit or not self._ordered)

    def add(self, task: Task[Any], timeout: float | None) -> None:
        """`task` runs."""
        self.tasks[task] = None
        self._running += 1
        task.give(timeout, lambda: self._ended(task))

    def _ended(self, task: Task[Any]) -> None:
        self._running -= 1
        self._done.append(task)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> Task[Any]:
        """The next task that is done: of all if the order does not matter, else the first."""
        while True:
            first = next(iter(self.tasks))
            if self._ordered and first.is_done:
                self._done.clear()
                del self.tasks[first]
                return first
            if not self._ordered and self._done:
                done = self._done.popleft()
                del self.tasks[done]
                return done
            self._waiter = kernel_of(first.ref).scheduler.future()
            await self._waiter


def _take(coming: Any, waiting: deque[Any]) -> bool:
    """Take one more item, if there is one."""
    for item in coming:
        waiting.append(item)
        return True
    return False
