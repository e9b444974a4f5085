"""A kill works on code that will not end: dead at once for others, reaped later, or reported."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, ActorRef, Down, Inbox, Kernel
from airssys_wasm.kernel.reaper import REAP_TRIES

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]
Stuck = Callable[[], Awaitable[None]]


class InHandler(Actor[Any]):
    async def receive(self, stuck: Stuck) -> None:
        await stuck()


class InInit(Actor[Any]):
    def __init__(self, stuck: Stuck) -> None:
        self.stuck = stuck

    async def init(self) -> None:
        await self.stuck()


class InTerminate(Actor[Any]):
    def __init__(self, stuck: Stuck) -> None:
        self.stuck = stuck

    async def terminate(self, reason: object) -> None:
        await self.stuck()


async def in_process(inbox: Inbox[Any]) -> None:
    async for stuck in inbox:
        await stuck()


class Scene:
    """A behaviour that is inside `stuck`, under watch, with a name and messages behind it."""

    def __init__(self, kernel: Kernel, where: str) -> None:
        self.kernel = kernel
        self.where = where
        self.heard: list[Any] = []
        heard = self.heard

        class Watcher(Actor[Any]):
            def receive(self, message: Any) -> None:
                heard.append(message)

        self.watcher = kernel.spawn(Watcher)

    async def enter(self, stuck: Stuck) -> ActorRef[Any]:
        reached = asyncio.Event()

        async def entered() -> None:
            reached.set()
            await stuck()

        ref: ActorRef[Any]
        match self.where:
            case "init":
                ref = self.kernel.spawn(InInit, entered, name="victim")
            case "terminate":
                ref = self.kernel.spawn(InTerminate, entered, name="victim")
                ref.stop()
            case "process":
                ref = self.kernel.spawn(in_process, name="victim")
                ref.send(entered)
            case _:
                ref = self.kernel.spawn(InHandler, name="victim")
                ref.send(entered)
        self.monitor = self.kernel.monitor(self.watcher, ref)
        if self.where != "terminate":
            ref.send("behind")
        await reached.wait()
        return ref

    async def assert_dead_for_all_others(self, ref: ActorRef[Any], until: Until) -> None:
        assert not ref.is_alive
        assert ref.exit_reason == "killed"
        assert self.kernel.whereis("victim") is None
        assert ref not in self.kernel.actors()
        assert await ref.wait() == "killed"
        await until(lambda: self.heard)
        assert self.heard == [Down(ref, "killed", self.monitor)]
        again = self.kernel.spawn(in_process, name="victim")
        again.kill()
        if self.where != "terminate":
            letters = [letter.message for letter in self.kernel.dead_letters.recent()]
            assert "behind" in letters


async def soon(condition: Callable[[], object]) -> None:
    """Until `condition()` holds, which the reaper or a thread brings about in its own time."""
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - there is nothing to wait for but time
            await anyio.sleep(0.001)


@pytest.fixture(params=["handler", "init", "terminate", "process"])
def scene(request: pytest.FixtureRequest, kernel: Kernel) -> Scene:
    return Scene(kernel, request.param)


async def test_code_that_swallows_its_cancellation_is_cancelled_until_it_ends(
    scene: Scene, until: Until
) -> None:
    cancelled: list[int] = []

    async def stuck() -> None:
        while len(cancelled) < REAP_TRIES - 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(1)

    ref = await scene.enter(stuck)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    await soon(lambda: len(cancelled) == REAP_TRIES - 1)


async def test_code_that_never_ends_is_reported_once_with_its_stack(
    scene: Scene, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    cancelled: list[int] = []
    released = asyncio.Event()

    async def never_ends() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                cancelled.append(1)

    def reports() -> list[str]:
        texts = [record.getMessage() for record in caplog.records]
        return [text for text in texts if "goes on" in text]

    caplog.set_level(logging.ERROR, logger="airssys_wasm")
    ref = await scene.enter(never_ends)
    ref.kill()
    try:
        await scene.assert_dead_for_all_others(ref, until)
        await soon(reports)
    finally:
        released.set()
    (report,) = reports()
    assert repr(ref) in report
    assert "test_kill.py" in report
    assert len(cancelled) == REAP_TRIES


async def test_a_shielded_future_does_not_hold_up_the_death(scene: Scene, until: Until) -> None:
    inner: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def stuck() -> None:
        await asyncio.shield(inner)

    ref = await scene.enter(stuck)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    assert not inner.cancelled()
    inner.cancel()


async def test_code_that_waits_for_a_thread_is_dead_at_once_and_gone_when_that_returns(
    scene: Scene, until: Until
) -> None:
    release = threading.Event()
    left: list[str] = []

    async def stuck() -> None:
        thread = asyncio.get_running_loop().run_in_executor(None, release.wait)
        while not thread.done():  # as libraries do that can't leave a thread alone
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(thread)
        left.append("left")

    ref = await scene.enter(stuck)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    assert left == []
    release.set()
    await soon(lambda: left)


async def test_the_child_tasks_of_a_killed_actor_end_with_it(scene: Scene, until: Until) -> None:
    begun: list[int] = []
    ended: list[int] = []

    async def child(number: int) -> None:
        begun.append(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def stuck() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(child(number))

    ref = await scene.enter(stuck)
    await until(lambda: len(begun) == 3)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    await until(lambda: len(ended) == 3)
    assert sorted(ended) == [0, 1, 2]


async def test_the_scope_of_anyio_ends_with_a_killed_actor(scene: Scene, until: Until) -> None:
    begun: list[int] = []
    ended: list[str] = []

    async def child(number: int) -> None:
        begun.append(number)
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("child")

    async def stuck() -> None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(child, 1)
        finally:
            ended.append("group")

    ref = await scene.enter(stuck)
    await until(lambda: begun)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    await until(lambda: len(ended) == 2)
    assert ended == ["child", "group"]


async def test_what_killed_code_returns_and_raises_concerns_nobody(
    scene: Scene, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    async def stuck() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            done.append("done")
            raise ValueError("from the grave") from None

    ref = await scene.enter(stuck)
    ref.kill()
    await scene.assert_dead_for_all_others(ref, until)
    await until(lambda: done)
    for _ in range(10):
        await asyncio.sleep(0)
    assert ref.exit_reason == "killed"
    assert scene.kernel.statistics().crashed == 0
    assert "from the grave" not in caplog.text


async def test_others_go_on_while_killed_code_resists(scene: Scene, until: Until) -> None:
    released = asyncio.Event()

    async def never_ends() -> None:
        while not released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await released.wait()

    class Other(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            await asyncio.sleep(0)
            return message

    ref = await scene.enter(never_ends)
    others = [scene.kernel.spawn(Other) for _ in range(20)]
    ref.kill()
    try:
        assert [await other.request(n) for n, other in enumerate(others)] == list(range(20))
        await scene.assert_dead_for_all_others(ref, until)
        assert all(other.is_alive for other in others)
    finally:
        released.set()
