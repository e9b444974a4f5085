"""What a handler may rely on: a real task, context variables of its own, asyncio and anyio."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
import pytest

from airssys_wasm.kernel import Actor, ActorContext, ActorRef, Error, Exit, Inbox, Kernel, Mailbox

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user", default="nobody")


class Plain(Actor[Any]):
    """Sets the variable to what it is told; tells what it is on "read"."""

    def receive(self, message: Any) -> object:
        if message != "read":
            USER.set(message)
        return USER.get()


class Async(Plain):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


class Suspending(Plain):
    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        answer = super().receive(message)
        await asyncio.sleep(0)
        return answer


async def process(inbox: Inbox[Any]) -> None:
    async for message in inbox:
        if message != "read":
            USER.set(message)
        inbox.context.defer_reply().send(USER.get())


class InOneTask(Suspending):
    own_task = True


EACH = [Plain, Async, Suspending, InOneTask, process]
each = pytest.mark.parametrize("behaviour", EACH)


@each
@pytest.mark.parametrize("by", ["send", "request"])
async def test_a_variable_set_by_one_actor_is_seen_by_no_other(
    kernel: Kernel, behaviour: Any, by: str
) -> None:
    setter = await kernel.start(behaviour)
    if by == "send":
        setter.send("alice")
    assert await setter.request("alice") == "alice"
    for other in EACH:
        ref = kernel.spawn(other)
        assert await ref.request("read") == "nobody"
        assert await ref.request("read") == "nobody"
    assert USER.get() == "nobody"


@each
async def test_a_variable_is_kept_within_one_actor(kernel: Kernel, behaviour: Any) -> None:
    one, other = kernel.spawn(behaviour), kernel.spawn(behaviour)
    one.send("alice")
    other.send("bob")
    for _ in range(3):
        assert await one.request("read") == "alice"
        assert await other.request("read") == "bob"
    assert await one.request("carol") == "carol"
    assert await one.request("read") == "carol"
    assert await other.request("read") == "bob"


@pytest.mark.parametrize("hook", ["plain", "async"])
async def test_a_variable_set_in_init_is_the_actors_own(kernel: Kernel, hook: str) -> None:
    class PlainInit(Plain):
        def init(self) -> None:
            USER.set("init")

    class AsyncInit(Plain):
        async def init(self) -> None:
            await asyncio.sleep(0)
            USER.set("init")

    ref = await kernel.start(PlainInit if hook == "plain" else AsyncInit)
    assert await kernel.spawn(Plain).request("read") == "nobody"
    assert await ref.request("read") == "init"
    assert await kernel.spawn(Async).request("read") == "nobody"


@each
async def test_an_actor_starts_in_the_context_that_entered_the_system(
    anyio_backend: object, behaviour: Any
) -> None:
    token = USER.set("entered")
    try:
        async with Kernel("system") as kernel:
            USER.set("later")
            ref = kernel.spawn(behaviour)
            assert await ref.request("read") == "entered"
    finally:
        USER.reset(token)


async def test_a_message_does_not_carry_its_senders_context(kernel: Kernel) -> None:
    seen: list[str] = []

    class Reads(Actor[str]):
        def receive(self, message: str) -> None:
            seen.append(USER.get())

    reader = kernel.spawn(Reads)

    class Sends(Actor[str]):
        def receive(self, message: str) -> None:
            USER.set(message)
            reader.send("look")

    sender = kernel.spawn(Sends)
    sender.send("alice")
    USER.set("the test")
    reader.send("look")
    await sender.request("alice")
    await reader.request("look")
    assert seen == ["nobody"] * 4 or set(seen) == {"nobody"}


async def test_a_crash_leaks_no_variable_either(kernel: Kernel) -> None:
    class Crashes(Actor[str]):
        def receive(self, message: str) -> object:
            USER.set("crashed")
            raise ValueError(message)

    class CrashesAsync(Crashes):
        async def receive(self, message: str) -> object:
            return super().receive(message)

    for behaviour in (Crashes, CrashesAsync):
        ref = kernel.spawn(behaviour)
        ref.send("boom")
        assert await ref.wait() == Error("ValueError", "boom")
        for other in EACH:
            assert await kernel.spawn(other).request("read") == "nobody"


async def test_an_actor_with_a_context_of_its_own_ends_like_any_other(kernel: Kernel) -> None:
    ended: list[tuple[object, str]] = []

    class Ends(Plain):
        def terminate(self, reason: object) -> None:
            ended.append((reason, USER.get()))

    ref = kernel.spawn(Ends)
    await ref.request("alice")
    ref.send("bob")
    ref.stop("done")
    assert await ref.wait() == "done"
    assert ended == [("done", "bob")]


# --- within a handler


class Calls(Actor[Any]):
    """Awaits what the message makes of its context."""

    async def receive(self, message: Callable[[ActorContext], Any]) -> object:
        return await message(self.context)


async def in_handler(kernel: Kernel, action: Callable[[ActorContext], Any]) -> Any:
    """Run `action` as the handler of an actor, as the first message and once more."""
    ref = kernel.spawn(Calls)
    await ref.request(action)
    return await ref.request(action)


async def test_a_handler_runs_in_a_real_task_from_its_first_line(kernel: Kernel) -> None:
    tasks: list[Any] = []

    class Looks(Actor[Any]):
        def init(self) -> None:
            tasks.append(asyncio.current_task())

        def receive(self, message: Any) -> None:
            tasks.append(asyncio.current_task())

        def terminate(self, reason: object) -> None:
            tasks.append(asyncio.current_task())

    ref = kernel.spawn(Looks)
    ref.send("look")
    ref.send("look")
    await ref.request("look")
    ref.stop()
    await ref.wait()
    assert len(tasks) == 5
    assert all(isinstance(task, asyncio.Task) for task in tasks)


async def test_a_timeout_ends_what_waits_and_the_handler_goes_on(kernel: Kernel) -> None:
    async def tries(_: ActorContext) -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        with anyio.move_on_after(0.001):
            await anyio.sleep_forever()
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.001):
                await anyio.sleep_forever()
        return "went on"

    assert await in_handler(kernel, tries) == "went on"


async def test_task_groups_work_and_know_which_actor_they_belong_to(kernel: Kernel) -> None:
    async def groups(context: ActorContext) -> list[Any]:
        found: list[Any] = []

        async def child() -> None:
            await asyncio.sleep(0)
            found.append(context._kernel.scheduler.current())

        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(child())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(child)
        return [ref is context.ref for ref in found]

    assert await in_handler(kernel, groups) == [True] * 3


async def test_an_exception_of_a_task_group_is_the_crash_of_the_actor(kernel: Kernel) -> None:
    class Groups(Actor[str]):
        async def receive(self, message: str) -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.fails())

        async def fails(self) -> None:
            await asyncio.sleep(0)
            raise ValueError("in a child task")

    ref = kernel.spawn(Groups)
    ref.send("go")
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.type == "ExceptionGroup"


async def test_an_exit_reaches_into_scopes_and_task_groups(kernel: Kernel, until: Until) -> None:
    reached = asyncio.Event()
    left: list[str] = []

    class Scoped(Actor[str]):
        async def receive(self, message: str) -> None:
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(anyio.sleep_forever)
                    with anyio.CancelScope():
                        reached.set()
                        await anyio.sleep_forever()
            finally:
                left.append("the group")

    for how in ("exit", "kill"):
        reached.clear()
        ref = kernel.spawn(Scoped)
        ref.send("go")
        await reached.wait()
        if how == "exit":
            ref.exit("bye")
            assert await ref.wait() == "bye"
        else:
            ref.kill()
            await until(lambda: len(left) == 2)
    assert left == ["the group"] * 2


async def test_threads_can_be_used_from_a_handler(kernel: Kernel) -> None:
    async def blocks(_: ActorContext) -> int:
        return await anyio.to_thread.run_sync(sum, [1, 2, 3])

    assert await in_handler(kernel, blocks) == 6


async def test_the_source_of_an_exit_is_known_also_in_child_tasks(kernel: Kernel) -> None:
    class Traps(Actor[Any]):
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def init(self) -> None:
            self.context.trap_exit = True

        def receive(self, message: Any) -> object:
            if message == "read":
                return self.heard
            self.heard.append(message)
            return None

    target = await kernel.start(Traps)
    sources: list[ActorRef[Any]] = []

    class PlainSource(Actor[str]):
        def receive(self, message: str) -> None:
            sources.append(self.context.ref)
            target.exit("handler")

    class Source(Actor[str]):
        async def receive(self, message: str) -> None:
            sources.append(self.context.ref)
            target.exit("handler")
            await asyncio.sleep(0)
            target.exit("suspended handler")
            await asyncio.create_task(self.later())

        async def later(self) -> None:
            await asyncio.sleep(0)
            target.exit("child task")

    await kernel.spawn(PlainSource).request("go")
    await kernel.spawn(Source).request("go")
    target.exit("nobody")
    heard = await target.request("read")
    assert [(exit_message.reason, exit_message.ref) for exit_message in heard] == [
        ("handler", sources[0]),
        ("handler", sources[1]),
        ("suspended handler", sources[1]),
        ("child task", sources[1]),
        ("nobody", None),
    ]
    assert all(isinstance(message, Exit) for message in heard)


async def test_an_async_generator_may_be_kept_over_handlers(kernel: Kernel) -> None:
    class Counts(Actor[str]):
        def __init__(self) -> None:
            self.numbers = self.generate()

        async def generate(self) -> AsyncIterator[int]:
            number = 0
            while True:
                await asyncio.sleep(0)
                number += 1
                yield number

        async def receive(self, message: str) -> object:
            return await anext(self.numbers)

        async def terminate(self, reason: object) -> None:
            await self.numbers.aclose()  # type: ignore[attr-defined]

    ref = kernel.spawn(Counts)
    assert [await ref.request("next") for _ in range(3)] == [1, 2, 3]
    ref.stop()
    assert await ref.wait() == "normal"


@pytest.mark.parametrize("behaviour", [Plain, Async, Suspending])
@pytest.mark.parametrize(
    "mailbox",
    [None, Mailbox(capacity=10), Mailbox(order="priority")],
    ids=["plain", "bounded", "priority"],
)
async def test_a_variable_is_set_for_the_very_next_message(
    kernel: Kernel, behaviour: type[Plain], mailbox: Mailbox | None
) -> None:
    seen: list[object] = []

    class Tells(behaviour):  # type: ignore[misc, valid-type]  # the class is a parameter
        def receive(self, message: Any) -> object:
            seen.append(USER.get())
            return super().receive(message)

    class TellsAsync(behaviour):  # type: ignore[misc, valid-type]
        async def receive(self, message: Any) -> object:
            seen.append(USER.get())
            return await super().receive(message)  # pyright: ignore[reportGeneralTypeIssues]

    ref = kernel.spawn(Tells if behaviour is Plain else TellsAsync, mailbox=mailbox)
    for name in ("alice", "bob", "carol"):
        ref.send(name)
    assert await ref.request("read") == "carol"
    assert seen == ["nobody", "alice", "bob", "carol"]
