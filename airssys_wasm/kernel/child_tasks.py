"""Acts: lets the child tasks of plain handlers know whose they are.

The task of an async handler says in a context variable who runs, and its child tasks inherit that.
Plain handlers of all actors run in one context: to set the variable for each message would cost as
much as a third of it. So the loop's task factory looks, when a task is made, which actor runs.

A factory that was there goes on making the tasks. An eager one (`asyncio.eager_task_factory`) is
left as it is, since anyio has to recognise it: the child tasks of plain handlers then count as
code outside of actors.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import TYPE_CHECKING, Any
from weakref import ref as weak

from airssys_wasm.kernel.current import CURRENT

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.scheduler import Scheduler

EAGER = getattr(getattr(asyncio, "eager_task_factory", None), "__code__", None)


class ChildTasks:
    """A task factory for the kernels that run in one loop."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory
        self._schedulers: list[weak[Scheduler]] = []  # a kernel that is never closed can go

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        if options.get("context") is None:
            for known in self._schedulers:
                scheduler = known()
                if scheduler is not None and scheduler.cur is not None:
                    if CURRENT.get() is not scheduler.cur:
                        context = copy_context()
                        return context.run(self._child, scheduler.cur, loop, coroutine, options)
                    break
        return self._new(loop, coroutine, options)

    def _child(self, ref: ActorRef[Any], loop: Any, coroutine: Any, options: Any) -> Any:
        CURRENT.set(ref)
        return self._new(loop, coroutine, options)

    def _new(self, loop: Any, coroutine: Any, options: Any) -> Any:
        if self._factory is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        return self._factory(loop, coroutine, **options)

    def add(self, scheduler: Scheduler) -> None:
        """Look for the actors of one more kernel."""
        self._schedulers = [known for known in self._schedulers if known() is not None]
        self._schedulers.append(weak(scheduler))

    def forget(self, scheduler: Scheduler) -> None:
        """That kernel is closed; after the last, the loop is as it was."""
        self._schedulers = [known for known in self._schedulers if known() not in (None, scheduler)]
        if not self._schedulers and scheduler.loop.get_task_factory() is self:
            scheduler.loop.set_task_factory(self._factory)


def know_child_tasks(scheduler: Scheduler) -> None:
    """Let the child tasks of this kernel's plain handlers know whose they are, until it closes."""
    factory: Any = scheduler.loop.get_task_factory()
    if isinstance(factory, ChildTasks):
        factory.add(scheduler)
    elif EAGER is None or getattr(factory, "__code__", None) is not EAGER:
        ours = ChildTasks(factory)
        ours.add(scheduler)
        scheduler.loop.set_task_factory(ours)


def forget_child_tasks(scheduler: Scheduler) -> None:
    """Undo `know_child_tasks`."""
    factory: Any = scheduler.loop.get_task_factory()
    if isinstance(factory, ChildTasks):
        factory.forget(scheduler)
