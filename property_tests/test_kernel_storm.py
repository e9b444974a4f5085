"""Whole systems from a seed: actors of every kind that link, watch, end and replace one another.

Who runs next is drawn, too. Whatever happens:
  - every message is handled once, or is one dead letter; those of one sender keep their order;
  - a witness hears of every end once, with its reason, and nobody of what it no longer watches;
  - names are free and the kernel is empty in the end.
"""

import asyncio
import logging
import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorRef,
    Down,
    Exit,
    Inbox,
    Kernel,
    MonitorRef,
    RealPlatform,
)


class DrawnQueue:
    """A run queue from which any actor may come next."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[Any] = []
        self.append = self._waiting.append
        self.clear = self._waiting.clear

    def popleft(self) -> Any:
        return self._waiting.pop(self._chance.randrange(len(self._waiting)))

    def __len__(self) -> int:
        return len(self._waiting)


class DrawnPlatform(RealPlatform):
    """The real platform, but for the order in which actors run."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)

    def run_queue(self) -> Any:
        return DrawnQueue(self.random)


class Letter:
    """One message: who sent it, and its number among that sender's."""

    __slots__ = ("number", "sender")

    def __init__(self, sender: object, number: int) -> None:
        self.sender = sender
        self.number = number

    def __repr__(self) -> str:
        return f"{self.sender}:{self.number}"


class Storm:
    """What the actors know of one another, and all that was seen."""

    def __init__(self, kernel: Kernel, chance: random.Random, budget: int) -> None:
        self.kernel = kernel
        self.chance = chance
        self.budget = budget
        self.refs: list[ActorRef[Any]] = []
        self.sent: list[Letter] = []
        self.numbers: Counter[object] = Counter()
        self.handled: list[tuple[ActorRef[Any], Letter]] = []
        self.completed: set[Letter] = set()
        self.monitors: dict[MonitorRef, str] = {}
        self.downs: Counter[MonitorRef] = Counter()
        self.wrong: list[str] = []
        self.ends: list[Down] = []
        self.witness = kernel.spawn(Witness, self.ends)

    def spawn(self, context: ActorContext | None = None) -> None:
        kind = self.chance.choice([Plain, Async, Suspending, WithHooks, process])
        if context is None:
            ref = self.kernel.spawn(kind, self)
        else:
            ref = context.spawn(kind, self, link=self.chance.random() < 0.3, monitor=False)
        self.refs.append(ref)
        self.kernel.monitor(self.witness, ref)

    def send(self, sender: object, to: ActorRef[Any]) -> None:
        letter = Letter((sender, to), self.numbers[sender, to])
        self.numbers[sender, to] += 1
        self.sent.append(letter)
        to.send(letter)

    def hear(self, context: ActorContext, message: Any) -> None:
        match message:
            case Down(ref=ref, reason=reason, monitor=monitor):
                assert monitor is not None
                self.downs[monitor] += 1
                if isinstance(ref, ActorRef) and reason not in ("noproc", ref.exit_reason):
                    self.wrong.append(f"{ref} ended with {ref.exit_reason}, not {reason}")
            case Exit():
                pass
            case Letter():
                self.handled.append((context.ref, message))
                self.act(context)

    def act(self, context: ActorContext) -> None:
        if self.budget <= 0:
            return
        self.budget -= 1
        target = self.chance.choice(self.refs)
        for _ in range(self.chance.choice([0, 1, 2, 3])):
            self.send(context.ref, self.chance.choice(self.refs))
        match self.chance.randrange(24):
            case 0:
                raise ValueError("by chance")
            case 1:
                context.stop("by chance")
            case 2:
                target.exit("by chance")
            case 3:
                target.kill()
            case 4:
                target.stop("by chance")
            case 5:
                context.trap_exit = not context.trap_exit
            case 6 | 7:
                if target.is_alive:
                    context.link(target)
            case 8:
                context.unlink(target)
            case 9 | 10 | 11:
                monitor = context.monitor(target)
                self.monitors[monitor] = "watching" if monitor.watcher is not target else "self"
            case 12:
                mine = [m for m in self.monitors if m.watcher is context.ref]
                if mine:
                    monitor = self.chance.choice(mine)
                    flush = self.chance.random() < 0.5
                    gone = context.demonitor(monitor, flush=flush) or flush
                    if gone and monitor not in self.downs:
                        self.monitors[monitor] = "undone"
            case 13 | 14 | 15:
                self.spawn(context)


class Witness(Actor[Down]):
    """Watches everybody, and is never ended."""

    def __init__(self, ends: list[Down]) -> None:
        self.ends = ends

    def receive(self, down: Down) -> None:
        self.ends.append(down)


class Plain(Actor[Any]):
    def __init__(self, storm: Storm) -> None:
        self.storm = storm

    def receive(self, message: Any) -> None:
        self.storm.hear(self.context, message)
        self.storm.completed.add(message)


class Async(Plain):
    async def receive(self, message: Any) -> None:  # type: ignore[override]
        super().receive(message)


class Suspending(Plain):
    async def receive(self, message: Any) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        self.storm.hear(self.context, message)
        await asyncio.sleep(0)
        self.storm.completed.add(message)


class WithHooks(Suspending):
    async def init(self) -> None:
        await asyncio.sleep(0)

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(0)


async def process(inbox: Inbox[Any], storm: Storm) -> None:
    async for message in inbox:
        storm.hear(inbox.context, message)
        if storm.chance.random() < 0.3:
            await asyncio.sleep(0)
        storm.completed.add(message)


async def rage(seed: int, budget: int) -> None:
    chance = random.Random(seed)
    async with Kernel("storm", platform=DrawnPlatform(seed)) as kernel:
        storm = Storm(kernel, chance, budget)
        dead: list[Letter] = []

        class Undertaker(Actor[Any]):
            def receive(self, letter: Any) -> None:
                dead.append(letter.message)

        undertaker = kernel.spawn(Undertaker)
        kernel.dead_letters.subscribe(undertaker)
        for _ in range(8):
            storm.spawn()
        for ref in list(storm.refs):
            for _ in range(5):
                storm.send("outside", ref)
        await calm(storm)
        ended = [(ref, ref.exit_reason) for ref in storm.refs if not ref.is_alive]
        while living := [ref for ref in storm.refs if ref.is_alive]:
            for ref in living:
                ref.stop()
            for ref in living:
                await asyncio.wait_for(ref.wait(), 10)
        for ref in (storm.witness, undertaker):
            ref.stop()
            await ref.wait()
        assert [(ref, ref.exit_reason) for ref, _ in ended] == ended
        assert kernel.actors() == []
        check(storm, dead)


async def calm(storm: Storm) -> None:
    """Until all mailboxes are empty."""
    for _ in range(100_000):
        if not any(ref.is_alive and ref.mailbox_length for ref in storm.refs):
            return
        await asyncio.sleep(0)
    raise AssertionError("somebody never came to its messages")


def check(storm: Storm, dead: list[Letter]) -> None:
    assert storm.wrong == []
    handled = [letter for _, letter in storm.handled]
    assert max(Counter(handled).values(), default=1) == 1
    assert max(Counter(dead).values(), default=1) == 1
    # A letter whose handler was ended by a signal or an error is in both; every other in one.
    assert {*handled, *dead} == set(storm.sent)
    assert set(dead) & storm.completed == set()
    order: dict[object, list[int]] = defaultdict(list)
    for ref, letter in storm.handled:
        order[ref, letter.sender].append(letter.number)
    for numbers in order.values():
        assert numbers == sorted(numbers)
    assert {(down.ref, down.reason) for down in storm.ends} == {
        (ref, ref.exit_reason) for ref in storm.refs
    }
    assert len(storm.ends) == len(storm.refs)
    for monitor, count in storm.downs.items():
        assert count == 1, monitor
        assert storm.monitors[monitor] != "self"
    for monitor, state in storm.monitors.items():
        assert not monitor.active
        if state == "undone":
            assert monitor not in storm.downs


@pytest.fixture(autouse=True)
def no_log() -> Any:
    log = logging.getLogger("airssys_wasm.kernel")
    log.disabled = True
    yield
    log.disabled = False


@given(seed=st.integers(0, 2**32), budget=st.integers(0, 300))
def test_a_storm_of_actors_keeps_every_law(seed: int, budget: int) -> None:
    asyncio.run(rage(seed, budget))
