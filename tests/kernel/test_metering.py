"""What one actor does and how long it takes, counted from when somebody asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorExited, Inbox, Kernel, Mailbox

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Works(Actor[Any]):
    def receive(self, message: Any) -> object:
        if message == "crash":
            raise ValueError("told to")
        return message

    def bytes_in_use(self) -> int:
        return 4_096


class WorksAsync(Works):
    async def receive(self, message: Any) -> object:
        if isinstance(message, asyncio.Event):
            await message.wait()
        return super().receive(message)


class WorksInOneTask(WorksAsync):
    own_task = True


async def works(inbox: Inbox[Any]) -> None:
    async for message in inbox:
        if message == "crash":
            raise ValueError("told to")
        inbox.context.defer_reply().send(message)


each = pytest.mark.parametrize("behaviour", [Works, WorksAsync, WorksInOneTask, works])


@each
@pytest.mark.parametrize("mailbox", [None, Mailbox(10)], ids=["unbounded", "bounded"])
async def test_a_meter_counts_from_when_it_is_asked_for_until_it_is_stopped(
    kernel: Kernel, behaviour: Any, mailbox: Mailbox | None
) -> None:
    ref = await kernel.start(behaviour, mailbox=mailbox)
    await ref.request("before")
    assert (kernel.info(ref).handled, kernel.info(ref).seconds) == (None, None)
    meter = kernel.measure(ref)
    assert kernel.measure(ref) is meter
    for _ in range(3):
        ref.send("work")
    await ref.request("work")
    await kernel.multicall([ref], "the one before is through with when this one is begun")
    assert meter.handled >= 4
    assert meter.failed == 0
    assert 0 < meter.longest <= meter.seconds
    info = kernel.info(ref)
    assert (info.handled, info.seconds) == (meter.handled, meter.seconds)
    handled = meter.handled
    meter.stop()
    meter.stop()
    assert not meter.is_active
    await ref.request("after")
    assert meter.handled == handled
    assert kernel.info(ref).handled is None
    again = kernel.measure(ref)
    assert again is not meter
    assert again.handled == 0


async def test_the_time_of_a_handler_counts_what_it_waits_for(kernel: Kernel, until: Until) -> None:
    ref = kernel.spawn(WorksAsync)
    meter = kernel.measure(ref)
    gate = asyncio.Event()
    ref.send(gate)
    await until(lambda: kernel.info(ref).state == "waiting")
    kernel.timers.wake_at(kernel.platform.now() + 0.01, lambda _: gate.set())
    await ref.request("next")
    assert meter.handled == 2
    assert meter.longest >= 0.01


async def test_a_message_that_is_crashed_on_is_counted_as_failed(kernel: Kernel) -> None:
    ref = kernel.spawn(WorksAsync)
    meter = kernel.measure(ref)
    ref.send("crash")
    await ref.wait()
    assert (meter.handled, meter.failed, meter.is_active) == (1, 1, False)
    with pytest.raises(ActorExited):
        kernel.measure(ref)


async def test_a_suspended_actor_looks_suspended_once_its_handler_has_returned(
    kernel: Kernel, until: Until
) -> None:
    ref = kernel.spawn(WorksAsync)
    gate = asyncio.Event()
    ref.send(gate)
    await until(lambda: kernel.info(ref).state == "waiting")
    kernel.suspend(ref)
    assert (kernel.info(ref).state, kernel.info(ref).suspended) == ("waiting", True)
    gate.set()
    await until(lambda: kernel.info(ref).state == "suspended")
    kernel.resume(ref)
    assert kernel.info(ref).suspended is False
    await until(lambda: kernel.info(ref).state == "idle")


async def test_an_actor_tells_its_memory_if_it_can(kernel: Kernel) -> None:
    class Broken(Works):
        def bytes_in_use(self) -> int:
            raise LookupError("no idea")

    assert kernel.info(kernel.spawn(Works)).memory == 4_096
    assert kernel.info(kernel.spawn(Broken)).memory is None
    assert kernel.info(kernel.spawn(works)).memory is None
    dead = kernel.spawn(Works)
    dead.kill()
    assert kernel.info(dead).memory is None
