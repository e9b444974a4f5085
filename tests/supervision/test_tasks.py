"""Task supervisors over real actors: functions that run once."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import ActorExited, ActorRef, CrashReport, Error, Kernel, RequestTimeout
from airssys_wasm.supervision import (
    ChildSpec,
    DynamicSupervisorRef,
    InvalidSpec,
    MaxChildren,
    Raised,
    Returned,
    Supervisor,
    Task,
    TaskSupervisor,
    TaskSupervisorRef,
)

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def tasks(**options: Any) -> AsyncIterator[tuple[Kernel, ActorRef[Any], TaskSupervisorRef]]:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            ref = await kernel.start(TaskSupervisor(**options), name="tasks")
            yield kernel, ref, TaskSupervisorRef.of(ref)


async def double(number: int) -> int:
    await anyio.lowlevel.checkpoint()
    return 2 * number


def triple(number: int) -> int:
    return 3 * number


def fail_deep_down(word: str) -> None:
    raise KeyError(word)


async def fail(word: str) -> None:
    await anyio.lowlevel.checkpoint()
    fail_deep_down(word)


# --- one task


async def test_the_result_of_a_function_plain_or_async_can_be_awaited_more_than_once() -> None:
    async with tasks() as (_, _, supervisor):
        twice = await supervisor.start(double, 21)
        assert [await twice.result(), await twice.result(timeout=1.0)] == [42, 42]
        assert await (await supervisor.start(triple, 2)).result() == 6
        assert await (await supervisor.start(lambda: double(4))).result() == 8
        assert twice.is_done
        assert await supervisor.count() == 0


async def test_nobody_has_to_wait_for_a_result() -> None:
    done: list[int] = []
    async with tasks() as (_, _, supervisor):
        await supervisor.start(done.append, 1)
        while await supervisor.count():
            await anyio.lowlevel.checkpoint()
        assert done == [1]


async def test_what_a_function_raises_is_raised_with_its_stack_and_stays_inside() -> None:
    reports: list[CrashReport] = []
    async with tasks() as (kernel, ref, supervisor):
        kernel.on_crash(reports.append)
        other = await supervisor.start(anyio.sleep_forever)
        failing = await supervisor.start(fail, "no such order")
        lines = []
        for _ in range(2):
            with pytest.raises(KeyError, match="no such order") as caught:
                await failing.result()
            frames = traceback.extract_tb(caught.value.__traceback__)
            lines.append([frame.name for frame in frames])
        assert lines[0] == lines[1]  # it does not grow
        assert lines[0][-2:] == ["fail", "fail_deep_down"]
        assert ref.is_alive
        assert not other.is_done
        assert [report.reason for report in reports] == [Error("KeyError", "'no such order'")]
        other.cancel()


async def test_a_task_that_is_killed_has_no_result_but_a_reason() -> None:
    async with tasks() as (_, _, supervisor):
        task = await supervisor.start(anyio.sleep_forever)
        task.ref.kill()
        with pytest.raises(ActorExited) as caught:
            await task.result()
        assert (caught.value.target, caught.value.reason) == (task.ref, "killed")


async def test_a_cancellation_that_nobody_asked_for_does_not_cancel_who_waits() -> None:
    def raise_it() -> None:
        raise asyncio.CancelledError

    async with tasks() as (_, _, supervisor):
        task = await supervisor.start(raise_it)
        with pytest.raises(ActorExited) as caught:
            await task.result()
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)


async def test_waiting_for_a_result_is_bounded_and_the_task_goes_on() -> None:
    gate = anyio.Event()
    async with tasks() as (_, _, supervisor):
        task = await supervisor.start(gate.wait)
        with pytest.raises(RequestTimeout):
            await task.result(timeout=0.01)
        with pytest.raises(RuntimeError, match="is not done"):
            task.outcome()
        gate.set()
        await task.result()
        assert task.outcome() == Returned(None)


async def test_a_task_that_is_cancelled_cleans_up() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append("begun")
        try:
            await anyio.sleep_forever()
        finally:
            seen.append("cleaned up")

    async with tasks() as (_, _, supervisor):
        task = await supervisor.start(work)
        while not seen:
            await anyio.lowlevel.checkpoint()
        task.cancel()
        with pytest.raises(ActorExited) as caught:
            await task.result()
        assert caught.value.reason == "shutdown"
        assert seen == ["begun", "cleaned up"]
        task.cancel()  # once more: nothing happens
        assert await supervisor.count() == 0


async def test_a_task_that_swallows_its_cancellation_is_killed() -> None:
    release = anyio.Event()
    begun = anyio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            begun.set()
            try:
                await anyio.sleep_forever()
            except BaseException:
                continue

    async with tasks(shutdown=0.01) as (_, _, supervisor):
        task = await supervisor.start(stubborn)
        await begun.wait()
        task.cancel()
        with pytest.raises(ActorExited) as caught:
            await task.result()
        assert caught.value.reason == "killed"
        release.set()


async def test_a_function_runs_aside_if_asked() -> None:
    async with tasks() as (_, _, supervisor):
        here = await (await supervisor.start(threading.get_ident)).result()
        aside = await (await supervisor.start(threading.get_ident, aside=True)).result()
        assert here == threading.get_ident() != aside
        failing = await supervisor.start(fail_deep_down, "aside", aside=True)
        with pytest.raises(KeyError, match="aside"):
            await failing.result()


async def test_no_more_tasks_than_there_may_be() -> None:
    async with tasks(max_children=1) as (_, _, supervisor):
        task = await supervisor.start(anyio.sleep_forever)
        with pytest.raises(MaxChildren):
            await supervisor.start(double, 1)
        task.cancel()
        with pytest.raises(ActorExited):
            await task.result()
        assert await (await supervisor.start(double, 1)).result() == 2


async def test_the_end_of_the_supervisor_ends_all_tasks() -> None:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            spec = ChildSpec("tasks", TaskSupervisor(), name="tasks")
            assert spec.type == "supervisor"
            root = await kernel.start(Supervisor(children=[spec]))
            supervisor = TaskSupervisorRef.of(kernel.named("tasks"))
            started: list[Task[None]] = [
                await supervisor.start(anyio.sleep_forever) for _ in range(5)
            ]
            counts = await DynamicSupervisorRef.of(kernel.named("tasks")).count_children()
            assert counts.active == 5
            root.stop("shutdown")
            for task in started:
                with pytest.raises(ActorExited, match="shutdown"):
                    await task.result()
            with pytest.raises(ActorExited):
                await supervisor.start(double, 1)


def test_a_wrong_setting_is_refused_by_name() -> None:
    with pytest.raises(InvalidSpec, match="max_children"):
        TaskSupervisor(max_children=0)
    with pytest.raises(InvalidSpec, match="shutdown"):
        TaskSupervisor(shutdown=-1)


# --- many


class Gauge:
    """How many run at a time."""

    def __init__(self) -> None:
        self.now = 0
        self.most = 0

    async def work(self, number: int) -> int:
        self.now += 1
        self.most = max(self.most, self.now)
        for _ in range(number % 5):
            await anyio.lowlevel.checkpoint()
        self.now -= 1
        return number


async def test_results_are_in_the_order_of_the_items_and_no_more_run_than_allowed() -> None:
    gauge = Gauge()
    async with tasks() as (_, _, supervisor):
        results = await supervisor.map(gauge.work, range(50), limit=7)
        assert [result.get() for result in results] == list(range(50))
        assert 1 < gauge.most <= 7
        assert await supervisor.map(triple, [], limit=1) == []


async def test_an_error_is_a_result_like_any_other() -> None:
    def picky(number: int) -> int:
        if number == 1:
            raise ValueError("one")
        return number

    async with tasks() as (_, _, supervisor):
        zero, one, two = await supervisor.map(picky, range(3), limit=2)
        assert (zero, two) == (Returned(0), Returned(2))
        assert isinstance(one, Raised)
        with pytest.raises(ValueError, match="one"):
            one.get()


async def test_without_order_nobody_waits_for_another() -> None:
    gate = anyio.Event()

    async def work(number: int) -> int:
        if number == 0:
            await gate.wait()
        return number

    async with tasks() as (_, _, supervisor):
        seen = []
        async for result in supervisor.stream(work, range(10), limit=2, ordered=False):
            seen.append(result.get())
            if len(seen) == 9:
                gate.set()
        assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


async def test_results_that_wait_for_the_first_are_bounded_and_items_are_taken_as_needed() -> None:
    gate = anyio.Event()
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    async def work(number: int) -> int:
        if number == 0:
            await gate.wait()
        return number

    async with tasks() as (_, _, supervisor):
        results: list[int] = []

        async def collect() -> None:
            stream = supervisor.stream(work, items(), limit=3)
            results.extend([result.get() async for result in stream])

        async with anyio.create_task_group() as group:
            group.start_soon(collect)
            await anyio.wait_all_tasks_blocked()
            assert results == []
            assert len(taken) <= 2 * 3 + 1
            gate.set()
        assert results == list(range(100))


async def test_a_task_of_many_that_takes_too_long_is_cancelled() -> None:
    async def work(number: int) -> int:
        if number == 1:
            await anyio.sleep_forever()
        return number

    async with tasks() as (kernel, _, supervisor):
        zero, one, two = await supervisor.map(work, range(3), limit=3, timeout=0.01)
        assert (zero, two) == (Returned(0), Returned(2))
        assert isinstance(one, Raised)
        assert isinstance(one.error, RequestTimeout)
        assert await supervisor.count() == 0
        assert kernel.statistics().timers == 0


async def test_who_leaves_the_loop_cancels_what_runs() -> None:
    async def work(number: int) -> int:
        if number:
            await anyio.sleep_forever()
        return number

    async with tasks() as (_, _, supervisor):
        stream = supervisor.stream(work, range(100), limit=5)
        async with aclosing(stream):  # type: ignore[type-var]
            async for result in stream:
                assert result == Returned(0)
                break
        while await supervisor.count():
            await anyio.lowlevel.checkpoint()


async def test_a_supervisor_with_less_room_bounds_what_runs() -> None:
    gauge = Gauge()
    async with tasks(max_children=3) as (_, _, supervisor):
        other = await supervisor.start(anyio.sleep_forever)
        results = await supervisor.map(gauge.work, range(20), limit=10)
        assert [result.get() for result in results] == list(range(20))
        assert gauge.most == 2
        for _ in range(2):
            await supervisor.start(anyio.sleep_forever)
        with pytest.raises(MaxChildren):
            await supervisor.map(double, range(2), limit=2)
        assert not other.is_done


async def test_a_limit_is_one_task_or_more() -> None:
    async with tasks() as (_, _, supervisor):
        with pytest.raises(ValueError, match="limit"):
            await supervisor.map(double, range(2), limit=0)
