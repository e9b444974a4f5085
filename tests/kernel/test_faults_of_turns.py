"""What a fault in the scheduler and its workers would break, seen from outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, Exit, Kernel, Mailbox, SelfRequest
from tests.kernel.cast import OWNER, Held, Lasting, Owns, SendsAsync, ShortSlices
from tests.kernel.conftest import Until
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("hook", ["init", "terminate"])
async def test_what_a_plain_hook_sets_no_other_hook_sees(kernel: Kernel, hook: str) -> None:
    seen: list[object] = []

    class Sets(Actor[Any]):
        def init(self) -> None:
            self.mark("init")

        def terminate(self, reason: object) -> None:
            self.mark("terminate")

        def mark(self, here: str) -> None:
            if here == hook:
                seen.append(OWNER.get(None))
                OWNER.set(repr(self.context.ref))

    refs = [kernel.spawn(Sets) for _ in range(3)]
    for ref in refs:
        ref.stop()
        await ref.wait()
    assert seen == [None, None, None]


async def test_an_idle_actor_with_a_context_of_its_own_is_ended(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Owns, log)
    for number in range(3):
        ref.send(number)
        await until(lambda: ref.mailbox_length == 0)
        await asyncio.sleep(0)
    ref.exit("over")
    assert await asyncio.wait_for(ref.wait(), 5) == "over"


async def test_an_actor_with_a_context_of_its_own_lets_others_run(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Owns, log)
    ref.send(0)
    await until(lambda: log)
    await asyncio.sleep(0)
    for number in range(1, 2_000):
        ref.send(number)
    while len(log) < 2_000:
        before = len(log)
        await asyncio.sleep(0)
        assert len(log) - before <= 512


async def test_code_of_a_killed_actor_that_has_ended_is_watched_no_more(
    kernel: Kernel, until: Until
) -> None:
    ref = kernel.spawn(Held, asyncio.Event(), [])
    ref.send("message")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.kill()
    for _ in range(3):
        await asyncio.sleep(0)
    assert kernel.statistics().timers == 0


async def test_workers_that_somebody_cancels_are_replaced(kernel: Kernel, until: Until) -> None:
    problems: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    log: list[Any] = []
    ref = kernel.spawn(Lasting, asyncio.Event(), log)
    ref.send(1)
    await until(lambda: log)
    for task in asyncio.all_tasks():
        if "work()" in repr(task):
            task.cancel()
    ref.send(2)
    await until(lambda: len(log) == 2)
    for _ in range(5):
        await asyncio.sleep(0)
    loop.set_exception_handler(None)
    assert problems == []
    ref.kill()


async def test_an_actor_whose_handler_never_suspends_does_not_hold_up_others(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    busy, other = await kernel.start(SendsAsync, log), await kernel.start(SendsAsync, log)
    for number in range(5_000):
        busy.send(number)
    other.send("other")
    await until(lambda: len(log) == 5_001)
    assert log.index("other") < 4_000


async def test_who_becomes_plain_after_it_has_waited_is_known_as_the_source_of_its_exits(
    kernel: Kernel, until: Until
) -> None:
    told: list[Any] = []

    class Traps(Actor[Any]):
        def init(self) -> None:
            self.context.trap_exit = True

        def receive(self, message: Any) -> None:
            told.append(message)

    class Changes(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await asyncio.sleep(0)
            self.context.become(self.plain)

        def plain(self, message: Any) -> None:
            other.exit("told")

    other = kernel.spawn(Traps)
    ref = kernel.spawn(Changes, mailbox=Mailbox(5))
    ref.send(1)
    ref.send(2)
    await until(lambda: told)
    assert told == [Exit(ref, "told")]


class Asks(Actor[Any]):
    """Asks the next one, or answers itself."""

    def __init__(self, following: ActorRef[Any] | None) -> None:
        self.following = following

    async def receive(self, message: Any) -> object:
        if self.following is None:
            return 1
        return 1 + await self.following.request(message)


async def test_a_child_task_of_a_handler_knows_whose_it_is(kernel: Kernel) -> None:
    class Asks(Actor[str]):
        async def receive(self, message: str) -> object:
            return await asyncio.create_task(self.ask())

        async def ask(self) -> object:
            with pytest.raises(SelfRequest):
                await self.context.ref.request("again", timeout=1.0)
            return "refused"

    first, second = kernel.spawn(Asks), kernel.spawn(Asks)
    assert await first.request("ask") == "refused"
    assert await second.request("ask") == "refused"


async def test_leftover_code_that_denies_its_cancellation_costs_no_other_actor_anything(
    anyio_backend: object, until: Until
) -> None:
    class Denies(Actor[str]):
        async def receive(self, message: str) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()

    clock = SetClock()
    async with Kernel("denial", platform=clock) as kernel:
        killed = kernel.spawn(Denies)
        killed.send("wait")
        for _ in range(5):
            await asyncio.sleep(0)
        killed.kill()
        for _ in range(5):  # its worker is free, as far as one can see
            await asyncio.sleep(0)
        gate = asyncio.Event()
        others = [kernel.spawn(Held, gate, []) for _ in range(5)]
        for other in others:
            other.send("message")
        for _ in range(5):
            await clock.advance(0.05)
        assert [other.is_alive for other in others] == [True] * 5
        gate.set()


async def test_what_a_batch_that_was_ended_has_left_is_not_counted_as_handled(
    kernel: Kernel,
) -> None:
    class Suspends(Actor[int]):
        def receive(self, message: int) -> None:
            kernel.suspend(self.context.ref)

    ref = kernel.spawn(Suspends)
    for number in range(5):
        ref.send(number)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (kernel.statistics().handled, ref.mailbox_length) == (1, 4)


async def test_a_long_backlog_is_handled_in_slices(anyio_backend: object, until: Until) -> None:
    log: list[int] = []

    class Logs(Actor[int]):
        def receive(self, message: int) -> None:
            log.append(message)

    async with Kernel("slices", platform=ShortSlices()) as kernel:
        ref = kernel.spawn(Logs)
        for number in range(1_000):
            ref.send(number)
        await until(lambda: log)
        assert len(log) <= 256
        await until(lambda: len(log) == 1_000)
    assert log == list(range(1_000))


async def test_a_long_backlog_of_an_async_handler_is_handled_in_slices_and_in_order(
    anyio_backend: object, until: Until
) -> None:
    log: list[int] = []

    class Logs(Actor[int]):
        async def receive(self, message: int) -> None:
            log.append(message)

    async with Kernel("slices", platform=ShortSlices()) as kernel:
        ref = kernel.spawn(Logs)
        for number in range(1_000):
            ref.send(number)
        await until(lambda: log)
        assert len(log) <= 256
        await until(lambda: len(log) == 1_000)
    assert log == list(range(1_000))


async def test_what_an_async_actor_sends_itself_is_handled_once_and_in_order(
    kernel: Kernel, until: Until
) -> None:
    log: list[int] = []

    class SendsItself(Actor[int]):
        async def receive(self, message: int) -> None:
            log.append(message)
            if message < 3:
                for more in (10 * message, 10 * message + 1):
                    self.context.ref.send(more)
            elif 21 <= message < 24:  # the last in the mailbox
                self.context.ref.send(message + 1)

    ref = kernel.spawn(SendsItself)
    for number in range(1, 4):
        ref.send(number)
    await until(lambda: 24 in log)
    await ref.request(100)
    assert log == [1, 2, 3, 10, 11, 20, 21, 22, 23, 24, 100]


async def test_callbacks_of_the_loop_get_some_turns_between_two_slices(
    anyio_backend: tuple[str, dict[str, bool]], kernel: Kernel
) -> None:
    if anyio_backend[1]["use_uvloop"]:
        pytest.skip("uvloop does not tell whether callbacks are waiting")

    class Floods(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.ref.send(message)

    ref = kernel.spawn(Floods)
    ref.send("flood")
    await asyncio.sleep(0)
    before = kernel.statistics().scheduler.turns
    for _ in range(40):
        await asyncio.sleep(0)
    assert kernel.statistics().scheduler.turns - before <= 20
    ref.kill()
