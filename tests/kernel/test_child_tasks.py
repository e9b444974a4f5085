"""Whose a task is that a handler started: the actor's, also when the handler is a plain one."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorRef,
    CrashReport,
    Exit,
    Inbox,
    Kernel,
    Mailbox,
    SelfRequest,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Target(Actor[Any]):
    """Notes which exits reach it, and crashes when it is asked to."""

    def __init__(self, heard: list[Any] | None = None) -> None:
        self.heard: list[Any] = heard if heard is not None else []

    def init(self) -> None:
        self.context.trap_exit = True

    def receive(self, message: Any) -> object:
        if message == "crash":
            raise ValueError("asked to")
        if isinstance(message, Exit):
            self.heard.append((message.reason, message.ref))
        return self.heard


class Starts(Actor[Any]):
    """Starts a task for each coroutine that it is sent."""

    def __init__(self, in_init: Coroutine[Any, Any, None] | None = None) -> None:
        self.in_init = in_init
        self.tasks: list[asyncio.Task[None]] = []

    def init(self) -> None:
        if self.in_init is not None:
            self.start(self.in_init)

    def receive(self, message: Any) -> object:
        self.start(message)
        return self.tasks[-1:]

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(coroutine))


class StartsAsync(Starts):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


async def starts(inbox: Inbox[Any]) -> None:
    async for message in inbox:
        inbox.context.defer_reply().send([asyncio.create_task(message)])


async def child_of(ref: ActorRef[Any], coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A child task of that actor, when it is done."""
    (task,) = await ref.request(coroutine)
    await asyncio.wait([task])
    return task  # type: ignore[no-any-return]


each = pytest.mark.parametrize("behaviour", [Starts, StartsAsync, starts])


async def exits(target: ActorRef[Any], reason: str) -> None:
    await asyncio.sleep(0)
    target.exit(reason)


async def nested(target: ActorRef[Any], reason: str) -> None:
    await asyncio.sleep(0)
    await asyncio.create_task(exits(target, reason))


@each
@pytest.mark.parametrize("mailbox", [None, Mailbox(capacity=10)], ids=["unbounded", "bounded"])
async def test_what_a_child_task_does_is_its_actors_doing(
    kernel: Kernel, until: Until, behaviour: Any, mailbox: Mailbox | None
) -> None:
    heard: list[Any] = []
    target = await kernel.start(Target, heard)
    one, other = (kernel.spawn(behaviour, mailbox=mailbox) for _ in range(2))
    await child_of(one, exits(target, "by request"))
    for ref in (one, other, one):
        ref.send(exits(target, "sent"))
        ref.send(nested(target, "nested"))
    await asyncio.create_task(exits(target, "nobody's"))
    await until(lambda: len(heard) == 8)
    assert sorted(heard, key=repr) == sorted(
        [("by request", one), ("nobody's", None)]
        + [("sent", one), ("nested", one)] * 2
        + [("sent", other), ("nested", other)],
        key=repr,
    )


async def test_a_task_that_init_started_is_the_actors_too(kernel: Kernel, until: Until) -> None:
    heard: list[Any] = []
    target = await kernel.start(Target, heard)
    ref = await kernel.start(Starts, exits(target, "from init"))
    await until(lambda: heard)
    assert heard == [("from init", ref)]


@each
async def test_a_crash_report_names_the_actor_whose_child_task_asked(
    kernel: Kernel, behaviour: Any
) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)
    target = await kernel.start(Target)

    async def asks() -> None:
        await target.request("crash")

    ref = kernel.spawn(behaviour)
    task = await child_of(ref, asks())
    assert "ValueError: asked to" in str(task.exception())
    assert [report.client for report in reports] == [ref]


@each
async def test_a_child_task_can_not_ask_its_own_actor(kernel: Kernel, behaviour: Any) -> None:
    ref = kernel.spawn(behaviour)

    async def asks() -> None:
        ref.send(asyncio.sleep(0))  # so that it is not idle
        await ref.request("something")

    task = await child_of(ref, asks())
    assert isinstance(task.exception(), SelfRequest)


async def test_a_loop_that_makes_its_tasks_itself_goes_on_doing_so(anyio_backend: object) -> None:
    loop = asyncio.get_running_loop()
    made: list[object] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        async with Kernel("one") as one, Kernel("other") as other:
            targets = [await kernel.start(Target) for kernel in (one, other)]
            refs = [kernel.spawn(Starts) for kernel in (one, other)]
            for ref, target in zip(refs, targets, strict=True):
                work = exits(target, "child")
                await child_of(ref, work)
                assert work in made
                assert await target.request("read") == [("child", ref)]
        assert loop.get_task_factory() is factory
    finally:
        loop.set_task_factory(None)


async def test_the_loop_is_as_it_was_after_the_last_kernel(anyio_backend: object) -> None:
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    one, other = Kernel("one"), Kernel("other")
    await one.close()
    target = await other.start(Target)
    ref = other.spawn(Starts)
    await child_of(ref, exits(target, "child"))
    assert await target.request("read") == [("child", ref)]
    await other.close()
    assert loop.get_task_factory() is before


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
async def test_an_eager_task_factory_is_left_where_it_is(anyio_backend: object) -> None:
    loop = asyncio.get_running_loop()
    if type(loop).__module__.startswith("uvloop"):
        pytest.skip("uvloop and the eager factory do not agree in every version")
    eager: Any = getattr(asyncio, "eager_task_factory", None)
    loop.set_task_factory(eager)
    try:
        async with Kernel("eager") as kernel:
            assert loop.get_task_factory() is eager
            target = await kernel.start(Target)
            await child_of(kernel.spawn(StartsAsync), exits(target, "child"))
    finally:
        loop.set_task_factory(None)
