"""Virtual time: what user code waits for, nobody waits for."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, Mailbox
from airssys_wasm.testing.errors import Deadlock, Livelock
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulate import simulate
from airssys_wasm.testing.simulation import Simulation


class Sleeper(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        match message:
            case "asyncio":
                await asyncio.sleep(3600)
            case "anyio":
                await anyio.sleep(3600)
            case "timeout":
                try:
                    async with asyncio.timeout(60):
                        await asyncio.sleep(3600)
                except TimeoutError:
                    pass
            case "move_on":
                with anyio.move_on_after(60):
                    await anyio.sleep_forever()
            case "group":
                async with anyio.create_task_group() as group:
                    for seconds in (1, 2, 3):
                        group.start_soon(anyio.sleep, seconds)
            case "queue":
                queue: asyncio.Queue[int] = asyncio.Queue(1)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(queue.put(1))
                    tasks.create_task(queue.put(2))
                    return [await queue.get(), await queue.get()]
            case "lock":
                lock = anyio.Lock()
                async with lock:
                    return lock.locked()
        return self.context.now()


@pytest.mark.parametrize(
    ("message", "takes"),
    [("asyncio", 3600), ("anyio", 3600), ("timeout", 60), ("move_on", 60), ("group", 3)],
)
def test_code_of_actors_waits_in_virtual_time(message: str, takes: float) -> None:
    @simulate(seeds=5)
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        actor = kernel.spawn(Sleeper)
        assert await actor.request(message, timeout=None) == takes
        assert simulation.now() == takes

    test()


def test_queues_and_locks_inside_actors_work_as_they_are() -> None:
    @simulate(seeds=20)
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        actor = kernel.spawn(Sleeper)
        assert await actor.request("queue") == [1, 2]
        assert await actor.request("lock") is True

    test()


def test_timers_of_actors_follow_virtual_time() -> None:
    class Ticker(Actor[Any]):
        def init(self) -> None:
            self.ticks = 0
            self.context.send_every(1.0, self.context.ref, "tick")

        def receive(self, message: Any) -> Any:
            if message == "tick":
                self.ticks += 1
            return self.ticks

    @simulate(seeds=3)
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        ticker = kernel.spawn(Ticker)
        await simulation.sleep(3600.5)
        assert await ticker.request("read") == 3600

    test()


def test_a_run_in_which_time_does_not_move_is_a_livelock_that_names_the_busiest() -> None:
    class Echo(Actor[Any]):
        def receive(self, message: Any) -> None:
            message.send(self.context.ref)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        one, other = kernel.spawn(Echo), kernel.spawn(Echo)
        one.send(other)
        await simulation.sleep(1)

    failure = run_seed(test, 0).failure
    assert isinstance(failure, Livelock)
    assert {name for name, _ in failure.busiest} == {"Echo#1", "Echo#2"}


def test_a_run_in_which_nothing_can_happen_is_a_deadlock_that_names_who_waits() -> None:
    class Asks(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message.request(self.context.ref, timeout=None)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        one, other = kernel.spawn(Asks), kernel.spawn(Asks)
        await one.request(other, timeout=None)

    failure = run_seed(test, 0).failure
    assert isinstance(failure, Deadlock)
    told = "\n".join(failure.waiting)
    assert "test waits for the reply of Asks#1" in told
    assert "Asks#1 waits for the reply of Asks#2" in told
    assert "Asks#2 waits for the reply of Asks#1" in told


def test_a_deadlock_names_the_lock_the_queue_and_the_mailbox_that_are_waited_for() -> None:
    class Does(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await message()

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        lock, queue, never = asyncio.Lock(), asyncio.Queue[int](), asyncio.Event()
        await lock.acquire()
        full = kernel.spawn(Does, name="full", mailbox=Mailbox(1))
        full.send(never.wait)
        await simulation.sleep(1)
        full.send(never.wait)
        kernel.spawn(Does, name="puts").send(lambda: full.put(never.wait))
        kernel.spawn(Does, name="locks").send(lock.acquire)
        kernel.spawn(Does, name="takes").send(queue.get)
        await full.wait()

    failure = run_seed(test, 0, "fifo").failure
    assert isinstance(failure, Deadlock)
    told = "\n".join(failure.waiting)
    assert "test waits for the end of full#1" in told
    assert "puts#2 waits for room in the mailbox of full#1" in told
    for waits in ("full#1 waits for Event.wait", "locks#3 waits for Lock.acquire"):
        assert f"{waits} in receive (test_simulated_time.py:" in told
    assert "takes#4 waits for Queue.get in receive" in told
