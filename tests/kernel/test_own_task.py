"""`own_task = True`: all hooks of one incarnation in one task, with scopes open between them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from airssys_wasm.kernel import (
    Actor,
    Continue,
    Error,
    Exit,
    KeepState,
    Kernel,
    Mailbox,
    StateMachine,
    state,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Notes(Actor[Any]):
    """Notes in which task each hook runs; calls messages with itself."""

    own_task = True

    def __init__(self, tasks: list[asyncio.Task[Any] | None] | None = None) -> None:
        self.tasks = tasks if tasks is not None else []

    def note(self) -> None:
        self.tasks.append(asyncio.current_task())

    async def init(self) -> object:
        self.note()
        await asyncio.sleep(0)
        return Continue("on")

    def handle_continue(self, value: object) -> None:
        self.note()

    async def receive(self, message: Any) -> object:
        self.note()
        answer = message(self) if callable(message) else message
        return await answer if asyncio.iscoroutine(answer) else answer

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(0)
        self.note()


class PlainNotes(Notes):
    def init(self) -> object:  # type: ignore[override]  # plain for once
        self.note()
        return Continue("on")

    def receive(self, message: Any) -> object:  # type: ignore[override]
        self.note()
        return message(self) if callable(message) else message

    def terminate(self, reason: object) -> None:  # type: ignore[override]
        self.note()


each = pytest.mark.parametrize("behaviour", [Notes, PlainNotes])


@each
@pytest.mark.parametrize(
    "mailbox",
    [None, Mailbox(capacity=1_000), Mailbox(order="priority")],
    ids=["unbounded", "bounded", "priority"],
)
async def test_every_hook_of_an_incarnation_runs_in_the_same_task(
    kernel: Kernel, behaviour: type[Notes], mailbox: Mailbox | None
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    ref = await kernel.start(behaviour, tasks, mailbox=mailbox)
    for number in range(300):
        ref.send(number)
    assert await ref.request("something") == "something"
    kernel.suspend(ref)
    ref.send("later")
    kernel.resume(ref)
    await ref.request("more")
    ref.stop()
    await ref.wait()
    assert len(tasks) == 2 + 300 + 3 + 1
    assert len(set(tasks)) == 1
    assert tasks[0] is not asyncio.current_task()


async def test_two_actors_and_two_incarnations_have_a_task_each(kernel: Kernel) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    for _ in range(2):
        ref = await kernel.start(Notes, tasks)
        ref.stop()
        await ref.wait()
    assert len(set(tasks)) == 2


@each
@pytest.mark.parametrize("end", ["stop", "exit", "kill", "crash", "finish"])
async def test_the_task_ends_with_its_actor(
    kernel: Kernel, until: Until, behaviour: type[Notes], end: str
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    ref = await kernel.start(behaviour, tasks)
    await ref.request("anything")
    match end:
        case "stop":
            ref.stop()
        case "exit":
            ref.exit("leave")
        case "kill":
            ref.kill()
        case "crash":
            ref.send(lambda actor: 1 / 0)
        case "finish":
            ref.send(lambda actor: actor.context.stop())
    await ref.wait()
    (task,) = set(tasks)
    assert task is not None
    await until(task.done)


@each
async def test_an_actor_whose_init_fails_leaves_no_task(kernel: Kernel, behaviour: Any) -> None:
    class Fails(behaviour):  # type: ignore[misc]
        def init(self) -> None:
            self.note()
            raise ValueError("no")

    tasks: list[asyncio.Task[Any] | None] = []
    ref = kernel.spawn(Fails, tasks)
    assert await ref.wait() == Error("ValueError", "no")
    assert len(tasks) == 1, "no terminate"


class Gathers(Actor[Any]):
    """Keeps a task group of asyncio open from its init to its end."""

    own_task = True

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def init(self) -> None:
        self.group = asyncio.TaskGroup()
        await self.group.__aenter__()

    def receive(self, message: Any) -> object:
        match message:
            case ("start", work):
                self.group.create_task(work)
            case _:
                self.log.append(message)
        return message

    async def terminate(self, reason: object) -> None:
        self.log.append(("ends", reason))
        await self.group.__aexit__(None, None, None)
        self.log.append("all done")


async def test_a_task_group_may_stay_open_from_one_handler_to_the_next(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = await kernel.start(Gathers, log)

    async def work(number: int) -> None:
        for _ in range(number):
            await asyncio.sleep(0)
        log.append(number)

    for number in (5, 1, 3):
        assert await ref.request(("start", work(number)))
    ref.stop()
    assert await ref.wait() == "normal"
    assert log[-1] == "all done"
    assert set(log[:-1]) == {1, 3, 5, ("ends", "normal")}


async def test_a_task_that_fails_in_the_open_group_of_an_actor_ends_it(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = await kernel.start(Gathers, log)

    async def fails() -> None:
        raise LookupError("lost")

    await ref.request(("start", fails()))
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.type == "ExceptionGroup"
    assert isinstance(reason.exception, ExceptionGroup)
    assert isinstance(reason.exception.exceptions[0], LookupError)
    assert log[0][1] == Error("CancelledError", "")


class Scoped(Actor[Any]):
    """Keeps a task group of anyio open; "cancel" cancels its scope."""

    own_task = True

    async def init(self) -> None:
        self.group: TaskGroup = anyio.create_task_group()
        await self.group.__aenter__()
        self.group.start_soon(anyio.sleep_forever)

    async def receive(self, message: Any) -> object:
        if message == "cancel":
            self.group.cancel_scope.cancel()
        return message

    async def terminate(self, reason: object) -> None:
        self.group.cancel_scope.cancel()
        await self.group.__aexit__(None, None, None)


@pytest.mark.parametrize("end", ["stop", "exit", "shutdown"])
async def test_a_scope_of_anyio_may_stay_open_until_the_end(kernel: Kernel, end: str) -> None:
    ref = await kernel.start(Scoped)
    assert await ref.request("anything") == "anything"
    if end == "stop":
        ref.stop()
    else:
        ref.exit(end)
    assert await ref.wait() == ("normal" if end == "stop" else end)


async def test_the_cancellation_of_its_open_scope_ends_an_actor(kernel: Kernel) -> None:
    ref = await kernel.start(Scoped)
    ref.send("cancel")
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.type == "CancelledError"


@each
async def test_an_exit_that_cancels_a_handler_does_not_cancel_terminate(
    kernel: Kernel, behaviour: type[Notes]
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    ref = await kernel.start(behaviour, tasks)
    begun = asyncio.Event()

    async def waits(_: Notes) -> None:
        begun.set()
        await asyncio.Event().wait()

    def leaves(actor: Notes) -> None:
        actor.context.ref.exit("by itself")

    if behaviour is Notes:
        ref.send(waits)
        await begun.wait()
        ref.exit("from outside")
    else:
        ref.send(leaves)
    assert await ref.wait() in ("from outside", "by itself")
    assert len(tasks) == 4, "init, continue, receive, terminate"


@pytest.mark.parametrize("when", ["before its first line", "while it waits"])
async def test_whoever_cancels_the_task_from_elsewhere_crashes_the_actor(
    kernel: Kernel, until: Until, when: str
) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    ref = kernel.spawn(Notes, tasks)
    if when == "while it waits":
        await ref.request("anything")
        task = tasks[0]
        await until(lambda: kernel.info(ref).state == "idle")
    else:
        extension = ref._ext()
        await until(lambda: extension.home is not None)
        assert extension.home is not None
        task = extension.home._task
    assert task is not None
    task.cancel()
    assert await ref.wait() == Error("CancelledError", "")


async def test_who_traps_exits_gets_them_in_its_task(kernel: Kernel) -> None:
    tasks: list[asyncio.Task[Any] | None] = []
    heard: list[Any] = []

    class Traps(Notes):
        async def receive(self, message: Any) -> object:
            if isinstance(message, Exit):
                heard.append(message.reason)
                self.note()
                return None
            return await super().receive(message)

        async def init(self) -> object:
            self.context.trap_exit = True
            return await super().init()

    ref = await kernel.start(Traps, tasks)
    ref.exit("listen")
    await ref.request("anything")
    assert heard == ["listen"]
    assert len(set(tasks)) == 1


async def test_a_state_machine_may_have_its_own_task(kernel: Kernel) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    class Door(StateMachine[Any]):
        own_task = True
        initial = "closed"

        @state("closed")
        async def closed(self, event: Any) -> object:
            tasks.append(asyncio.current_task())
            return KeepState()

    ref = await kernel.start(Door)
    for _ in range(3):
        ref.send("knock")
    ref.stop()
    await ref.wait()
    assert len(tasks) == 3
    assert len(set(tasks)) == 1


async def test_without_it_hooks_share_tasks_with_those_of_other_actors(kernel: Kernel) -> None:
    tasks: list[asyncio.Task[Any] | None] = []

    class Shares(Notes):
        own_task = False

    refs = [await kernel.start(Shares, tasks) for _ in range(50)]
    for ref in refs:
        await ref.request("anything")
    assert len(set(tasks)) < 50
