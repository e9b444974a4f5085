"""An init that takes several messages, and what supervisors tell about themselves."""

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import DEFERRED_INIT, Actor, ActorContext, ActorRef, Kernel, StartError

pytestmark = pytest.mark.anyio


class Slowly(Actor[Any]):
    """Is ready when a message says so."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def init(self) -> object:
        self.context.ref.send("first step")
        return DEFERRED_INIT

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None

    def terminate(self, reason: object) -> None:
        self.log.append(("terminate", reason))


async def begin(kernel: Kernel, log: list[Any]) -> "asyncio.Task[Any]":
    starting = asyncio.create_task(kernel.start(Slowly, log, name="slowly"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert log == ["first step"]
    assert not starting.done()
    return starting


async def test_start_waits_until_the_actor_says_that_it_is_ready(kernel: Kernel) -> None:
    log: list[Any] = []
    starting = await begin(kernel, log)
    kernel.named("slowly").send(lambda context: context.init_done())
    ref: ActorRef[Any] = await starting
    assert kernel.whereis("slowly") == ref
    ref.stop("over")
    await ref.wait()
    assert log == ["first step", ("terminate", "over")]


@pytest.mark.parametrize("from_where", ["handler", "task of its own"])
async def test_an_actor_that_cannot_get_ready_is_a_failed_start(
    kernel: Kernel, from_where: str
) -> None:
    log: list[Any] = []
    contexts: list[ActorContext] = []
    starting = await begin(kernel, log)
    if from_where == "handler":
        kernel.named("slowly").send(lambda context: context.init_failed("no child"))
    else:
        await kernel.named("slowly").request(contexts.append)
        contexts[0].init_failed("no child")
    with pytest.raises(StartError) as caught:
        await starting
    assert caught.value.reason == "no child"
    assert kernel.whereis("slowly") is None
    assert log == ["first step"]


@pytest.mark.parametrize("how", ["kill", "exit", "stop"])
async def test_an_end_before_it_is_ready_is_a_failed_start(kernel: Kernel, how: str) -> None:
    log: list[Any] = []
    starting = await begin(kernel, log)
    match how:
        case "kill":
            kernel.named("slowly").kill()
        case "exit":
            kernel.named("slowly").exit("over")
        case "stop":
            kernel.named("slowly").stop("over")
    with pytest.raises(StartError) as caught:
        await starting
    assert caught.value.reason == ("killed" if how == "kill" else "over")


async def test_a_cause_is_kept_beside_the_reason(kernel: Kernel) -> None:
    ref = kernel.spawn(Slowly, [])
    await ref.request(lambda context: context.set_cause(("gave up", 3)))
    assert ref.cause is None
    ref.stop("shutdown")
    await ref.wait()
    assert ref.exit_reason == "shutdown"
    assert [ref.cause] == [("gave up", 3)]
