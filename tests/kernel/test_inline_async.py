"""Requests to idle async actors, whose handlers take their first step within the caller's own.

They do so in the task and the context of a worker, which goes on with a handler that suspends.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Exit,
    Failed,
    Kernel,
    RequestTimeout,
)
from airssys_wasm.kernel.reaper import REAP_EVERY

pytestmark = pytest.mark.anyio

VARIABLE: ContextVar[str] = ContextVar("test_variable", default="clean")


class Does(Actor[Any]):
    """Awaits what it is sent as a function of its own context."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    async def receive(self, message: Any) -> object:
        if callable(message):
            answer: object = await message(self)  # pyright: ignore[reportGeneralTypeIssues]
            return answer
        self.seen.append(message)
        return message


async def resting_worker(kernel: Kernel) -> ActorRef[Any]:
    """An async actor in a kernel that has a worker at rest, so that requests run inline."""
    ref = await kernel.start(Does)
    for _ in range(100):
        await ref.request("warm")
        if kernel.scheduler.parked:
            return ref
        await asyncio.sleep(0)
    raise AssertionError("no worker came to rest")


async def test_a_request_to_an_idle_async_actor_takes_no_turn_of_the_loop(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    turned = False

    def turn() -> None:
        nonlocal turned
        turned = True

    asyncio.get_running_loop().call_soon(turn)
    assert await ref.request("hello") == "hello"
    assert not turned


async def test_what_the_handler_sends_itself_is_handled_afterwards(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def sends_itself(actor: Does) -> str:
        actor.context.ref.send("later")
        return "now"

    assert await ref.request(sends_itself) == "now"

    async def seen(actor: Does) -> list[object]:
        return actor.seen

    for _ in range(100):
        if "later" in await ref.request(seen):
            return
        await asyncio.sleep(0)
    pytest.fail("it was never handled")


async def test_the_handler_runs_in_a_task_that_is_not_the_callers(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def tasks(_: Does) -> list[object]:
        return [asyncio.current_task()]

    mine = asyncio.current_task()
    (theirs,) = await ref.request(tasks)
    assert isinstance(theirs, asyncio.Task)
    assert theirs is not mine
    assert asyncio.current_task() is mine


async def test_a_handler_that_suspends_answers_when_it_is_done(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def waits(_: Does) -> str:
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return "done"

    assert await ref.request(waits) == "done"
    assert await ref.request("and again") == "and again"


async def test_a_crash_raises_in_the_caller_with_its_cause_and_is_a_dead_letter(
    kernel: Kernel,
) -> None:
    ref = await resting_worker(kernel)

    async def crashes(_: Does) -> None:
        raise ValueError("boom")

    with pytest.raises(ActorExited, match="boom") as exited:
        await ref.request(crashes)
    assert isinstance(exited.value.__cause__, ValueError)
    assert not ref.is_alive
    letter = kernel.dead_letters.recent()[-1]
    assert (letter.message, letter.crashed, letter.request) == (crashes, True, True)


async def test_a_failed_answer_is_raised_and_the_actor_lives(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def fails(_: Does) -> Failed:
        return Failed(KeyError("no such thing"))

    with pytest.raises(KeyError):
        await ref.request(fails)
    assert await ref.request("alive") == "alive"


Ends = Callable[[Does], Awaitable[None]]


async def killed_then_suspended(actor: Does) -> None:
    actor.context.ref.kill()
    await asyncio.get_running_loop().create_future()


async def exits_then_suspends(actor: Does) -> None:
    actor.context.ref.exit("over")
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("end", "reason"), [(killed_then_suspended, "killed"), (exits_then_suspends, "over")]
)
async def test_an_actor_that_ends_itself_and_goes_on_waiting_is_not_waited_for(
    kernel: Kernel, end: Ends, reason: str
) -> None:
    ref = await resting_worker(kernel)
    with pytest.raises(ActorExited) as exited:
        await ref.request(end)
    assert exited.value.reason == reason
    assert await ref.wait() == reason


async def test_an_actor_that_is_killed_while_it_waits_fails_the_request_at_once(
    kernel: Kernel,
) -> None:
    ref = await resting_worker(kernel)

    async def hangs(_: Does) -> None:
        await asyncio.get_running_loop().create_future()

    asking = asyncio.create_task(ref.request(hangs))
    await asyncio.sleep(0)
    ref.kill()
    with pytest.raises(ActorExited) as exited:
        await asking
    assert exited.value.reason == "killed"


async def test_a_caller_that_gives_up_leaves_the_handler_alone(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    gate = asyncio.Event()

    async def waits(actor: Does) -> None:
        await gate.wait()
        actor.seen.append("went on")

    asking = asyncio.create_task(ref.request(waits))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    gate.set()

    async def seen(actor: Does) -> list[object]:
        return actor.seen

    assert "went on" in await ref.request(seen)


async def test_context_variables_stay_with_the_actor_that_set_them(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    other = await kernel.start(Does)

    async def sets(_: Does) -> str:
        VARIABLE.set("changed")
        return VARIABLE.get()

    async def gets(_: Does) -> str:
        return VARIABLE.get()

    assert await ref.request(sets) == "changed"
    assert VARIABLE.get() == "clean"
    assert await other.request(gets) == "clean"
    assert await ref.request(gets) == "changed"


async def test_actors_ask_one_another_inline_to_any_depth(kernel: Kernel) -> None:
    refs = [await kernel.start(Does) for _ in range(30)]
    await resting_worker(kernel)

    def asks(depth: int) -> Callable[[Does], Awaitable[object]]:
        async def ask(_: Does) -> object:
            if depth == len(refs):
                return "the bottom"
            return await refs[depth].request(asks(depth + 1))

        return ask

    assert await refs[0].request(asks(1)) == "the bottom"


async def test_the_task_is_the_same_before_and_after_the_handler_suspends(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def tasks(_: Does) -> list[object]:
        before = asyncio.current_task()
        await asyncio.sleep(0)
        return [before, asyncio.current_task()]

    before, after = await ref.request(tasks)
    assert before is after
    assert before is not asyncio.current_task()


async def test_what_a_handler_waits_for_first_is_waited_for(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def waits(_: Does) -> str:
        return await answer

    asking = asyncio.create_task(ref.request(waits))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asking.done()
    answer.set_result("late")
    assert await asking == "late"


async def test_what_fails_that_a_handler_waits_for_is_raised_there(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def waits(_: Does) -> str:
        with pytest.raises(LookupError):
            await failing
        return "went on"

    asking = asyncio.create_task(ref.request(waits))
    await asyncio.sleep(0)
    failing.set_exception(LookupError())
    assert await asking == "went on"


async def test_timeouts_groups_and_scopes_work_from_the_first_line(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def waits(_: Does) -> list[str]:
        done: list[str] = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        with anyio.move_on_after(0.001) as scope:
            await anyio.sleep_forever()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep, 0)
            tasks.cancel_scope.cancel()
        if scope.cancelled_caught:
            done.append("scope")
        return done

    assert await ref.request(waits) == ["scope"]


async def test_a_handler_that_cancels_its_task_is_cancelled_where_it_waits(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def cancels(_: Does) -> list[int]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()
        counts = [task.cancelling(), task.uncancel()]
        await asyncio.sleep(0)
        return counts

    assert await ref.request(cancels) == [1, 0]
    assert await ref.request("and again") == "and again"


async def test_a_cancellation_in_the_first_step_is_as_in_any_task(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def cancels(_: object) -> list[object]:
        task = asyncio.current_task()
        assert task is not None
        outcomes: list[object] = []
        for take_back in (False, True):
            task.cancel("because")
            if take_back:
                task.uncancel()  # from Python 3.13 on nothing is raised then
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError as cancelled:
                outcomes.append(cancelled.args)
            else:
                outcomes.append("went on")
            if not take_back:
                outcomes.append(task.uncancel())
        return outcomes

    async def takes_back(_: object) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "cancelled"
        return "went on"

    for handler in (cancels, takes_back):
        expected = await asyncio.create_task(handler(None))
        assert await ref.request(handler) == expected


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_failed_request_is_gone_without_the_collector(
    kernel: Kernel, asynchronous: bool
) -> None:
    class Fails(Actor[Any]):
        def receive(self, _: object) -> None:
            raise ValueError("boom")

    class FailsToo(Actor[Any]):
        async def receive(self, _: object) -> None:
            raise ValueError("boom")

    await resting_worker(kernel)
    ref = await kernel.start(FailsToo if asynchronous else Fails)
    gone: Callable[[], object] = object
    gc.disable()
    try:
        try:
            await ref.request("fail")
        except ActorExited as exited:
            gone = weakref.ref(exited)
        assert gone() is None
    finally:
        gc.enable()


async def test_a_task_that_a_handler_cancelled_serves_nobody_else(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)

    async def cancels(_: Does) -> list[object]:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return [task]

    async def waits(_: Does) -> list[object]:
        task = asyncio.current_task()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [task]

    (cancelled,) = await ref.request(cancels)
    (other,) = await ref.request(waits)
    assert other is not cancelled
    assert cancelled.cancelled()


async def test_requests_that_do_not_suspend_cost_no_worker(kernel: Kernel) -> None:
    ref = await resting_worker(kernel)
    before = kernel.statistics().scheduler
    for number in range(100):
        assert await ref.request(number) == number
    after = kernel.statistics().scheduler
    assert (after.workers, after.resting) == (before.workers, before.resting)


async def test_a_context_that_was_changed_is_the_actors_alone(kernel: Kernel) -> None:
    refs = [await resting_worker(kernel), await kernel.start(Does)]

    async def sets_and_waits(_: Does) -> str:
        before = VARIABLE.get()
        VARIABLE.set("changed")
        await asyncio.sleep(0)
        return before

    async def sets(_: Does) -> str:
        before = VARIABLE.get()
        VARIABLE.set("changed")
        return before

    async def gets(_: Does) -> str:
        return VARIABLE.get()

    for change, ref in zip((sets, sets_and_waits), refs, strict=True):
        other = await kernel.start(Does)
        assert await ref.request(change) == "clean"
        assert await other.request(gets) == "clean"
        assert await ref.request(gets) == "changed"


async def test_exits_and_crashes_in_the_first_step_have_the_right_source(kernel: Kernel) -> None:
    heard: list[object] = []

    class Hears(Actor[Any]):
        def init(self) -> None:
            self.context.trap_exit = True

        def receive(self, message: Any) -> None:
            if isinstance(message, Exit):
                heard.append(message.ref)

    listener = await kernel.start(Hears)
    refs = [await resting_worker(kernel), await kernel.start(Does)]

    async def exits(_: Does) -> None:
        listener.exit("heard")

    async def exits_later(_: Does) -> None:
        await asyncio.sleep(0)
        listener.exit("heard")

    for ref in refs:
        await ref.request(exits)
        await ref.request(exits_later)
    await listener.request("all")
    assert heard == [refs[0], refs[0], refs[1], refs[1]]


async def test_a_time_out_names_whom_a_handler_asked_at_once(kernel: Kernel) -> None:
    ref, asked = await resting_worker(kernel), await kernel.start(Does)

    async def hangs(_: Does) -> None:
        await asyncio.get_running_loop().create_future()

    async def asks(_: Does) -> None:
        await asked.request(hangs)

    with pytest.raises(RequestTimeout) as late:
        await ref.request(asks, timeout=0.001)
    assert repr(asked) in str(late.value)
    asked.kill()
    ref.kill()


async def test_of_a_killed_handler_that_goes_on_the_report_says_where_it_is(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    ref = await resting_worker(kernel)
    free = asyncio.Event()

    async def will_not_end(_: Does) -> None:
        while not free.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await free.wait()

    asking = asyncio.create_task(ref.request(will_not_end))
    await asyncio.sleep(0)
    ref.kill()
    with pytest.raises(ActorExited):
        await asking
    try:
        async with asyncio.timeout(30):
            while "its code goes on" not in caplog.text:  # noqa: ASYNC110 - time alone brings it
                await asyncio.sleep(REAP_EVERY)
        assert "in will_not_end" in caplog.text
    finally:
        free.set()


@pytest.mark.skipif(
    not hasattr(inspect, "markcoroutinefunction"), reason="marks came with Python 3.12"
)
async def test_a_function_that_is_marked_as_a_coroutine_function_may_return_any_awaitable(
    kernel: Kernel,
) -> None:
    await resting_worker(kernel)

    class Marked(Actor[Any]):
        def receive(self, message: Any) -> Any:
            future = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(future.set_result, message)
            return future

    inspect.markcoroutinefunction(Marked.receive)  # type: ignore[attr-defined,unused-ignore]
    ref = await kernel.start(Marked)
    assert await ref.request("one") == "one"


async def test_without_the_internals_of_asyncio_a_request_goes_through_the_mailbox(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await resting_worker(kernel)
    monkeypatch.setattr(kernel.scheduler, "lendable", ())

    async def tasks(_: Does) -> bool:
        return isinstance(asyncio.current_task(), asyncio.Task)

    assert await ref.request(tasks)
    assert await ref.request("hello") == "hello"
