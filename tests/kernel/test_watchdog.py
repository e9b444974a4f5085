"""Code of an actor that holds the loop is named: the actor, and where its code was.

Nothing here measures time: what blocks goes on until the watchdog has spoken.
"""

import asyncio
import gc
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, Inbox, Kernel
from airssys_wasm.kernel.events import Event

pytestmark = pytest.mark.anyio

SOON = 0.02  # seconds; so that the tests do not take long
AT_MOST = 30.0  # seconds until a test gives up


class Spoken(logging.Handler):
    """What the watchdog logged, which it does in its own thread."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []
        self.event = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if "has held the loop" in text:
            self.texts.append(text)
            self.event.set()

    def wait_blocking(self) -> None:
        """Hold the loop until the watchdog has said so."""
        assert self.event.wait(AT_MOST), "the watchdog said nothing"


@pytest.fixture
def spoken() -> Iterator[Spoken]:
    handler = Spoken()
    logger = logging.getLogger("airssys_wasm.kernel")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
async def watched(anyio_backend: object) -> Any:
    async with Kernel("watched", slow_after=SOON) as kernel:
        yield kernel


async def turn_until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the watchdog, whose thread can't set an event of the loop, has got
    so far."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0)


class Blocks(Actor[Any]):
    def __init__(self, block: Callable[[], None]) -> None:
        self.block = block

    def receive(self, message: Any) -> object:
        self.block()
        return message


class BlocksAsync(Blocks):
    async def receive(self, message: Any) -> object:
        self.block()
        return message


class BlocksResumed(Blocks):
    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        self.block()
        return message


class BlocksAtStart(Blocks):
    def init(self) -> None:
        self.block()


class BlocksAtEnd(Blocks):
    def receive(self, message: Any) -> object:
        self.context.stop()
        return message

    def terminate(self, reason: object) -> None:
        self.block()


async def blocks_in_process(inbox: Inbox[Any], block: Callable[[], None]) -> None:
    async for _ in inbox:
        await asyncio.sleep(0)
        block()
        inbox.context.defer_reply().send(None)


class Asks(Actor[Any]):
    def __init__(self, target: ActorRef[Any]) -> None:
        self.target = target

    async def receive(self, message: Any) -> object:
        return await self.target.request(message)


KINDS = [Blocks, BlocksAsync, BlocksResumed, BlocksAtStart, BlocksAtEnd, blocks_in_process]


@pytest.mark.parametrize("behaviour", KINDS)
async def test_an_actor_that_holds_the_loop_is_named_with_its_stack(
    watched: Kernel, spoken: Spoken, behaviour: Any
) -> None:
    ref = await watched.start(behaviour, spoken.wait_blocking, name="culprit")
    watched.spawn(Blocks, lambda: None, name="bystander").send("anything")
    await ref.request("go", timeout=None)
    ref.stop()
    await ref.wait()
    (text,) = spoken.texts
    assert repr(ref) in text
    assert "in wait_blocking" in text
    assert (
        "in receive" in text
        or "in blocks_in_process" in text
        or behaviour.__name__
        in (
            "BlocksAtStart",
            "BlocksAtEnd",
        )
    )


async def test_of_a_request_that_runs_inline_the_target_is_named(
    watched: Kernel, spoken: Spoken
) -> None:
    target = watched.spawn(Blocks, spoken.wait_blocking, name="target")
    asks = watched.spawn(Asks, target, name="asks")
    await asks.request("go", timeout=None)
    (text,) = spoken.texts
    assert text.startswith(repr(target))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks tell their context from 3.12 on")
async def test_a_child_task_is_told_by_its_actor(watched: Kernel, spoken: Spoken) -> None:
    class Groups(Actor[Any]):
        async def receive(self, message: Any) -> None:
            async def child() -> None:
                await asyncio.sleep(0)
                spoken.wait_blocking()

            await asyncio.create_task(child())

    ref = watched.spawn(Groups)
    await ref.request("go", timeout=None)
    (text,) = spoken.texts
    assert text.startswith(repr(ref))


async def test_an_episode_is_reported_once_and_the_next_one_again(
    watched: Kernel, spoken: Spoken
) -> None:
    assert watched._watch is not None
    watch = watched._watch

    def block() -> None:
        spoken.wait_blocking()
        spoken.event.clear()
        goes_on = watch.looks + 8
        while watch.looks < goes_on:
            threading.Event().wait(0.001)

    events: list[Event] = []
    watched.telemetry.attach("handler.slow", events.append)
    ref = watched.spawn(Blocks, block)
    for number in (1, 2):
        await ref.request("go", timeout=None)
        await asyncio.sleep(0)
        assert len(spoken.texts) == number
        await turn_until(lambda: len(events) == len(spoken.texts))
    assert [event.metadata["ref"] for event in events] == [ref, ref]
    assert all(event.measurements["duration"] > SOON for event in events)
    assert watched.statistics().slow == 2


async def test_code_that_is_no_actor_s_is_not_the_kernel_s_business(
    watched: Kernel, spoken: Spoken
) -> None:
    watched.spawn(Blocks, lambda: None)
    assert watched._watch is not None
    goes_on = watched._watch.looks + 12
    while watched._watch.looks < goes_on:
        threading.Event().wait(0.001)
    assert spoken.texts == []


async def test_many_short_handlers_are_not_one_slow_one(watched: Kernel, spoken: Spoken) -> None:
    class Restless(Actor[int]):
        def receive(self, message: int) -> None:
            self.context.ref.send(message)

    for _ in range(3):
        watched.spawn(Restless).send(0)
    assert watched._watch is not None
    goes_on = watched._watch.looks + 20
    watch = watched._watch
    await turn_until(lambda: watch.looks >= goes_on)
    assert spoken.texts == []


async def test_the_watchdog_ends_with_its_kernel() -> None:
    before = threading.active_count()
    async with Kernel("short") as kernel:
        assert threading.active_count() == before + 1
        kernel.spawn(Blocks, lambda: None)
    assert threading.active_count() == before


async def test_a_kernel_that_is_never_closed_can_go(anyio_backend: object) -> None:
    kernel = Kernel("forgotten", slow_after=SOON)
    assert kernel._watch is not None
    gone = weakref.ref(kernel)
    del kernel

    def has_gone() -> bool:
        gc.collect()
        return gone() is None

    await turn_until(has_gone)


async def test_it_can_be_switched_off_and_its_time_is_checked() -> None:
    before = threading.active_count()
    async with Kernel("off", slow_after=None):
        assert threading.active_count() == before
    for wrong in (0, -1.0):
        with pytest.raises(ValueError, match="slow_after"):
            Kernel("wrong", slow_after=wrong)
