"""Nobody starves, and no message is lost or doubled, whatever the load."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, Inbox, Kernel, Mailbox, MailboxFull

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Restless(Actor[int]):
    """Sends to itself for ever."""

    def receive(self, message: int) -> None:
        self.context.ref.send(message + 1)


class RestlessAsync(Actor[int]):
    async def receive(self, message: int) -> None:
        self.context.ref.send(message + 1)


class RestlessFan(Actor[int]):
    """Sends to itself for ever, and always has a long backlog."""

    def receive(self, message: int) -> None:
        if message == 0:
            for _ in range(1_000):
                self.context.ref.send(1)
        self.context.ref.send(1)


async def restless_process(inbox: Inbox[int]) -> None:
    async for message in inbox:
        inbox.context.ref.send(message + 1)


class Restlessly(Actor[int]):
    """Asks an idle actor for ever, inline."""

    def __init__(self, target: ActorRef[Any]) -> None:
        self.target = target

    async def receive(self, message: int) -> None:
        while True:
            await self.target.request(message)


class Quiet(Actor[Any]):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def receive(self, message: Any) -> object:
        self.seen.append(message)
        return message


@pytest.mark.parametrize(
    "behaviour", [Restless, RestlessAsync, RestlessFan, restless_process, Restlessly]
)
async def test_actors_that_never_rest_starve_neither_others_nor_the_loop(
    kernel: Kernel, behaviour: Any
) -> None:
    idle = await kernel.start(Quiet)
    arguments = (idle,) if behaviour is Restlessly else ()
    busy = [kernel.spawn(behaviour, *arguments) for _ in range(2)]
    for ref in busy:
        ref.send(0)
    loop = asyncio.get_running_loop()
    turns = 0
    quiet = kernel.spawn(Quiet)
    for number in range(20):
        assert await quiet.request(number) == number
        turned = asyncio.Event()
        loop.call_soon(turned.set)
        await turned.wait()
        timed = asyncio.Event()
        loop.call_later(0.001, timed.set)
        await timed.wait()
        turns += 1
    assert turns == 20
    for ref in busy:
        ref.kill()


async def test_input_and_output_go_on_under_a_flood(kernel: Kernel) -> None:
    for _ in range(2):
        kernel.spawn(Restless).send(0)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"hello\n")
        assert await reader.readline() == b"hello\n"
        writer.close()
        await writer.wait_closed()
    for ref in kernel.actors():
        ref.kill()


# --- conservation: sent = handled + dead-lettered + queued


class Tally:
    """What was sent, and what became of it."""

    def __init__(self) -> None:
        self.sent = 0
        self.handled: Counter[int] = Counter()

    def next(self) -> int:
        self.sent += 1
        return self.sent


class Passes(Actor[int]):
    """Notes each message that it handled; sends some on; sometimes crashes or stops."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def receive(self, message: int) -> object:
        self.world.act(self.context.ref)
        self.world.tally.handled[message] += 1
        return message


class PassesAsync(Passes):
    async def receive(self, message: int) -> object:
        return super().receive(message)


class PassesSuspended(Passes):
    async def receive(self, message: int) -> object:
        if self.world.random.random() < 0.5:
            await asyncio.sleep(0)
        answer = super().receive(message)
        if self.world.random.random() < 0.2:
            return answer
        return answer


async def passes_process(inbox: Inbox[int], world: "World") -> None:
    async for message in inbox:
        world.act(inbox.context.ref)
        if world.random.random() < 0.3:
            await asyncio.sleep(0)
        world.tally.handled[message] += 1


class World:
    """A dozen actors of all kinds that send to one another what a seeded chance says."""

    def __init__(self, kernel: Kernel, seed: int, budget: int) -> None:
        self.kernel = kernel
        self.random = random.Random(seed)
        self.tally = Tally()
        self.budget = budget
        self.spawned = 0
        self.refs = [self.spawn() for _ in range(12)]

    def spawn(self) -> ActorRef[Any]:
        self.spawned += 1
        behaviour: Any = self.random.choice([Passes, PassesAsync, PassesSuspended, passes_process])
        mailbox = self.random.choice([None, None, Mailbox(5, "drop_old"), Mailbox(5, "drop_new")])
        return self.kernel.spawn(behaviour, self, mailbox=mailbox)

    def send(self) -> None:
        self.random.choice(self.refs).send(self.tally.next())

    def act(self, ref: ActorRef[Any]) -> None:
        """Something that an actor, or somebody else, does."""
        chance = self.random.random()
        if self.budget > 0:
            self.budget -= 1
            for _ in range(self.random.choice([0, 1, 1, 2, 40])):
                self.send()
        if chance < 0.01:
            raise ValueError("a crash by chance")
        if chance < 0.02:
            ref.stop("by chance")
        elif chance < 0.03:
            self.random.choice(self.refs).exit("by chance")
        elif chance < 0.04:
            self.random.choice(self.refs).stop("by chance")
        if chance < 0.04:
            place = self.random.randrange(len(self.refs))
            self.refs[place] = self.spawn()


def idle(ref: ActorRef[Any]) -> bool:
    return not ref.is_alive or ref.mailbox_length == 0


@pytest.mark.parametrize("seed", range(12))
async def test_every_message_is_handled_once_or_becomes_one_dead_letter(
    kernel: Kernel, seed: int, until: Until
) -> None:
    dead: Counter[Any] = Counter()

    class Undertaker(Actor[Any]):
        def receive(self, letter: Any) -> None:
            dead[letter.message] += 1

    undertaker = kernel.spawn(Undertaker)
    kernel.dead_letters.subscribe(undertaker)
    world = World(kernel, seed, budget=400)
    for _ in range(50):
        world.send()
    for ref in kernel.actors():
        if ref is not undertaker:
            await until(partial(idle, ref))
    while living := [ref for ref in kernel.actors() if ref is not undertaker]:
        for ref in living:
            ref.stop()
        for ref in living:
            await ref.wait()
    undertaker.stop()
    await undertaker.wait()
    everything = set(range(1, world.tally.sent + 1))
    assert max(world.tally.handled.values()) == 1, f"doubled, seed {seed}"
    assert max(dead.values(), default=1) == 1, f"dead twice, seed {seed}"
    assert set(world.tally.handled) | set(dead) == everything, f"lost, seed {seed}"
    assert not set(world.tally.handled) & set(dead), f"handled and dead, seed {seed}"
    statistics = kernel.statistics()
    assert statistics.handled == len(world.tally.handled) + sum(dead.values()), f"seed {seed}"
    assert statistics.spawned == world.spawned + 1


@pytest.mark.parametrize("overflow", ["block", "reject"])
async def test_put_and_send_to_full_mailboxes_lose_nothing(kernel: Kernel, overflow: Any) -> None:
    handled: list[int] = []

    class Slow(Actor[int]):
        async def receive(self, message: int) -> None:
            if message % 7 == 0:
                await asyncio.sleep(0)
            handled.append(message)

    ref = kernel.spawn(Slow, mailbox=Mailbox(3, overflow))
    refused: list[Any] = []

    async def produce(numbers: range) -> None:
        for number in numbers:
            try:
                await ref.put(number)
            except MailboxFull as full:
                refused.append(full.undelivered)
                await asyncio.sleep(0)

    await asyncio.gather(*(produce(range(start, start + 200)) for start in range(0, 1_000, 200)))
    ref.stop()
    await ref.wait()
    assert sorted([*handled, *refused]) == list(range(1_000))
    if overflow == "block":
        assert refused == []
        for start in range(0, 1_000, 200):
            mine = [number for number in handled if start <= number < start + 200]
            assert mine == sorted(mine)


async def test_the_statistics_count_what_was_handled_in_every_kind_of_actor(
    kernel: Kernel,
) -> None:
    class Waits(Quiet):
        async def receive(self, message: Any) -> object:
            await asyncio.sleep(0)
            return super().receive(message)

    class Instant(Quiet):
        async def receive(self, message: Any) -> object:
            return super().receive(message)

    async def reads(inbox: Inbox[Any]) -> None:
        async for _ in inbox:
            inbox.context.defer_reply().send(None)

    total = 0
    for behaviour in (Quiet, Waits, Instant, reads):
        for mailbox in (None, Mailbox(1_000)):
            for batch in (1, 5, 400):
                ref = kernel.spawn(behaviour, mailbox=mailbox)
                for number in range(batch):
                    ref.send(number)
                await ref.request("one more")
                await ref.request("and, since it is idle, perhaps inline")
                ref.stop()
                await ref.wait()
                total += batch + 2
                assert kernel.statistics().handled == total, (behaviour, mailbox, batch)


def many_turns_of_the_gil() -> None:
    """Gives it back, and asks for it again, 300 times."""
    for _ in range(100):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.write(descriptor, b"x")
        os.close(descriptor)


@pytest.mark.parametrize("behaviour", [Restless, RestlessAsync, RestlessFan, restless_process])
async def test_what_runs_on_threads_goes_on_beside_actors_that_are_never_idle(
    kernel: Kernel, behaviour: Any
) -> None:
    restless = kernel.spawn(behaviour)
    restless.send(0)
    async with asyncio.timeout(20):  # it takes some milliseconds, or never ends
        await asyncio.to_thread(many_turns_of_the_gil)
    restless.kill()
