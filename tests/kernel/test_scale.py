"""Many at once hold the loop for a moment at a time: others get their turns. Turns are counted."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Kernel

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

MANY = 20_000
A_TURN = 1_000  # at most so many steps of one thing happen in one turn of the loop


class Turns:
    """What grew by how much from one turn of the loop to the next."""

    def __init__(self, size: Callable[[], int]) -> None:
        self._size = size
        self.steps: list[int] = []

    async def __aenter__(self) -> "Turns":
        self._task = asyncio.create_task(self._count())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _count(self) -> None:
        before = self._size()
        while True:
            await asyncio.sleep(0)
            now = self._size()
            self.steps.append(now - before)
            before = now


class Quiet(Actor[Any]):
    def receive(self, message: Any) -> object:
        return message


@pytest.mark.parametrize("spread", [0.0, 0.0005, 0.05])
async def test_timers_that_are_due_at_once_fire_in_order_some_a_turn(
    kernel: Kernel, until: Until, spread: float
) -> None:
    chance = random.Random(7)
    fired: list[tuple[float, int]] = []
    start = kernel.platform.now()
    moments = [start - chance.random() * spread for _ in range(MANY)]
    async with Turns(lambda: len(fired)) as turns:
        for number, due in enumerate(moments):

            def fire(timer: Any, number: int = number) -> None:
                fired.append((timer.due, number))

            kernel.timers.wake_at(due, fire)
        await until(lambda: kernel.statistics().timers == 0)
    assert fired == sorted((due, number) for number, due in enumerate(moments))
    assert max(turns.steps) <= A_TURN
    assert kernel.statistics().timer_service.fired == MANY


async def test_a_timer_that_is_cancelled_while_it_waits_for_its_turn_never_fires(
    kernel: Kernel, until: Until
) -> None:
    fired: list[int] = []
    due = kernel.platform.now()
    timers: list[Any] = []

    def fire(timer: Any) -> None:
        fired.append(timers.index(timer))
        if len(fired) == 10:
            for other in timers[MANY // 10 :]:
                assert kernel.timers.cancel(other) is not None

    timers += [kernel.timers.wake_at(due, fire) for _ in range(MANY // 10 + 5_000)]
    await until(lambda: kernel.statistics().timers == 0)
    assert fired == list(range(MANY // 10))


async def test_adding_and_cancelling_many_timers_leaves_nothing_behind(kernel: Kernel) -> None:
    far = kernel.platform.now() + 3_600
    timers = [kernel.timers.wake_at(far + number / 100, lambda _: None) for number in range(MANY)]
    assert kernel.statistics().timers == MANY
    assert all(kernel.timers.cancel(timer) is not None for timer in timers)
    assert kernel.statistics().timers == 0
    assert all(kernel.timers.cancel(timer) is None for timer in timers)


async def test_a_system_of_many_actors_closes_some_a_turn() -> None:
    ended: list[int] = []
    kernel = Kernel("many")

    class Ends(Actor[Any]):
        def __init__(self, number: int) -> None:
            self.number = number

        def terminate(self, reason: object) -> None:
            ended.append(self.number)

    for number in range(MANY // 4):
        kernel.spawn(Ends, number)
        kernel.spawn(Quiet)
    async with Turns(lambda: -len(kernel.actors())) as turns:
        await kernel.close()
    assert ended == list(reversed(range(MANY // 4)))
    assert max(turns.steps) <= A_TURN
    assert kernel.actors() == []


@pytest.mark.parametrize("tied", ["links", "monitors"])
async def test_the_end_of_an_actor_that_many_are_tied_to_reaches_them_some_a_turn(
    kernel: Kernel, until: Until, tied: str
) -> None:
    target = kernel.spawn(Quiet)
    told: list[object] = []

    class Watches(Actor[Any]):
        def receive(self, message: Any) -> None:
            told.append(message.ref)

    refs = [kernel.spawn(Watches) for _ in range(MANY // 2)]
    for ref in refs:
        if tied == "links":
            kernel.link(ref, target)
        else:
            kernel.monitor(ref, target)

    def reached() -> int:
        return len(told) if tied == "monitors" else -len(kernel.actors())

    async with Turns(reached) as turns:
        target.exit("boom")
        await until(lambda: len(told) == len(refs) or len(kernel.actors()) == 0)
    assert max(turns.steps) <= A_TURN
    assert len(turns.steps) >= len(refs) / A_TURN


async def test_a_close_that_takes_too_long_kills_what_is_left_and_says_how_many() -> None:
    class Stays(Actor[Any]):
        async def terminate(self, reason: object) -> None:
            await asyncio.get_running_loop().create_future()

    told: list[float] = []
    async with Kernel("stays") as kernel:
        kernel.telemetry.attach("system.closed", lambda e: told.append(e.measurements["killed"]))
        for _ in range(3):
            kernel.spawn(Stays)
        await kernel.close(timeout=0.0)
    assert told == [3]
