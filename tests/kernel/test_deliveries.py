"""Messages that somebody keeps until they were handled."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    Failed,
    Inbox,
    KeepState,
    Kernel,
    NextState,
    Postpone,
    StateMachine,
    Transition,
    state,
)
from airssys_wasm.kernel.deliveries import deliver, has_begun
from airssys_wasm.kernel.errors import NotHandled, NotTaken
from tests.kernel.conftest import Until

pytestmark = pytest.mark.anyio


class Worker(Actor[Any]):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def receive(self, message: Any) -> object:
        if message == "crash":
            raise ValueError(message)
        if message == "refuse":
            return Failed(KeyError(message))
        if message == "later":
            self.reply = self.context.defer_reply()
            return self.reply
        if message == "now":
            self.reply.send()
        self.seen.append(message)
        return "a value"


class AsyncWorker(Worker):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


@pytest.fixture(params=[Worker, AsyncWorker])
def worker(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_who_keeps_a_message_is_told_when_its_handler_has_returned(
    kernel: Kernel, worker: Any
) -> None:
    ref = await kernel.start(worker)
    await deliver(ref, 1)
    assert (await kernel.get_state(ref))["seen"] == [1]


async def test_a_message_over_which_its_actor_ends_is_told_of_and_no_dead_letter(
    kernel: Kernel, worker: Any
) -> None:
    ref = await kernel.start(worker)
    over, behind = deliver(ref, "crash"), deliver(ref, 2)
    with pytest.raises(ActorExited) as caught:
        await over
    assert not isinstance(caught.value, NotTaken)
    with pytest.raises(NotTaken):
        await behind
    with pytest.raises(NotTaken):
        await deliver(ref, 3)
    assert kernel.dead_letters.count == 0


async def test_a_handler_says_with_failed_that_it_has_not_handled_a_message(
    kernel: Kernel, worker: Any
) -> None:
    ref = await kernel.start(worker)
    with pytest.raises(KeyError):
        await deliver(ref, "refuse")
    assert ref.is_alive


async def test_with_a_deferred_reply_a_message_is_handled_when_that_is_given(
    kernel: Kernel, worker: Any, until: Until
) -> None:
    ref = await kernel.start(worker)
    later = deliver(ref, "later")
    await deliver(ref, 1)
    assert not later.done()
    ref.send("now")
    await later


async def test_a_process_function_has_handled_a_message_when_it_asks_for_the_next(
    kernel: Kernel, until: Until
) -> None:
    async def process(inbox: Inbox[Any]) -> None:
        async for message in inbox:
            if message == "crash":
                raise ValueError(message)

    ref = kernel.spawn(process)
    await deliver(ref, 1)
    with pytest.raises(ActorExited):
        await deliver(ref, "crash")
    assert kernel.dead_letters.count == 0


async def test_an_actor_has_begun_when_its_init_is_done(kernel: Kernel, worker: Any) -> None:
    class Slow(Actor[Any]):
        def init(self) -> None:
            pass

        def receive(self, message: Any) -> None: ...

    ref = kernel.spawn(Slow)
    assert not has_begun(ref)
    await ref.request("anything")
    assert has_begun(ref)
    ref.kill()
    assert not has_begun(ref)


class Kept:
    def __init__(self) -> None:
        self.messages: list[Any] = []

    def send(self, message: Any) -> None:
        self.messages.append(message)

    async def put(self, message: Any) -> None:
        self.messages.append(message)


async def test_what_is_sent_to_a_name_with_an_entrance_goes_there_and_requests_to_the_actor(
    kernel: Kernel,
) -> None:
    kernel.entrances["worker"] = kept = Kept()
    named = kernel.named("worker")
    named.send(1)
    await kernel.start(Worker, name="worker")
    await named.put(2)
    assert await named.request(3) == "a value"
    assert kept.messages == [1, 2]
    with pytest.raises(ValueError, match="'worker' has a durable mailbox"):
        named.send(4, ttl=1.0)
    with pytest.raises(ValueError, match="priority"):
        await named.put(4, priority=1)


class Deaf(Actor[Any]):
    def receive(self, message: Any) -> object:
        return self.unhandled(message)


class DeafMachine(StateMachine[Any]):
    initial = "one"

    @state("one")
    def one(self, event: Any) -> Any:
        return self.unhandled(event)


@pytest.mark.parametrize("deaf", [Deaf, DeafMachine])
async def test_a_message_that_an_actor_does_not_know_is_not_handled_and_the_actor_lives(
    kernel: Kernel, deaf: Any
) -> None:
    ref = await kernel.start(deaf)
    with pytest.raises(NotHandled, match="does not handle messages like this str"):
        await deliver(ref, "what")
    assert ref.is_alive


async def test_state_machines_have_handled_what_they_kept_for_later_when_they_come_to_it(
    kernel: Kernel,
) -> None:
    class Gate(StateMachine[Any]):
        initial = "closed"

        @state("closed")
        def closed(self, event: Any) -> Transition:
            return NextState("open") if event == "open" else KeepState(Postpone())

        @state("open")
        def opened(self, event: Any) -> None: ...

    ref = await kernel.start(Gate)
    waits = deliver(ref, "pass")
    await kernel.get_state(ref)
    assert not waits.done()
    ref.send("open")
    await waits
