"""One storm: a system of random actors that use every feature at once, from a seed.

Whatever happens:
  - every message is handled once, or is one dead letter; one whose sender was cancelled, refused or
    timed out may be nowhere, but never in two places;
  - messages of one sender, one receiver and one priority keep their order;
  - a witness hears of every end once, with its reason; a monitor fires once;
  - in the end no actor, timer, name or task is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    AlreadyStarted,
    Down,
    Exit,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
    MonitorRef,
    RequestTimeout,
    SelfRequest,
)

NAMES = [f"name-{number}" for number in range(8)]
MAILBOXES: list[Mailbox | None] = [None, None, None, Mailbox(), Mailbox(order="priority")] + [
    Mailbox(5, overflow, order=order)
    for overflow in ("block", "reject", "drop_new", "drop_old")
    for order in ("fifo", "priority")
]  # fmt: skip


class Letter:
    """One message, its sender, its place among that sender's, and its priority."""

    __slots__ = ("number", "priority", "sender")

    def __init__(self, sender: object, number: int, priority: int) -> None:
        self.sender = sender
        self.number = number
        self.priority = priority

    def __repr__(self) -> str:
        return f"<{self.sender} {self.number} p{self.priority}>"


@dataclass(frozen=True)
class Outcome:
    """What one storm did."""

    messages: int
    actors: int
    handled: int
    dead_letters: int


class Storm:
    """What the actors know of one another, and all that was seen."""

    def __init__(self, kernel: Kernel, chance: random.Random, budget: int) -> None:
        self.kernel = kernel
        self.chance = chance
        self.budget = budget
        self.refs: list[ActorRef[Any]] = []
        self.priority: set[ActorRef[Any]] = set()
        self.sent: set[Letter] = set()
        self.unsure: set[Letter] = set()
        self.numbers: Counter[object] = Counter()
        self.begun: list[tuple[ActorRef[Any], Letter]] = []
        self.completed: set[Letter] = set()
        self.downs: Counter[MonitorRef] = Counter()
        self.ends: list[Down] = []
        self.calls: dict[asyncio.Task[Any], None] = {}
        self.witness = kernel.spawn(Witness, self.ends)

    def spawn(self, context: ActorContext | None = None) -> None:
        chance = self.chance
        kind: Any = chance.choice([Plain, Waits, Hooks, Stubborn, process])
        mailbox = chance.choice(MAILBOXES)
        name = chance.choice(NAMES) if chance.random() < 0.2 else None
        try:
            if context is None:
                ref: ActorRef[Any] = self.kernel.spawn(kind, self, mailbox=mailbox, name=name)
            else:
                link = chance.random() < 0.3
                ref = context.spawn(kind, self, mailbox=mailbox, name=name, link=link)
        except AlreadyStarted:
            return
        self.refs.append(ref)
        if mailbox is not None and mailbox.order == "priority":
            self.priority.add(ref)
        self.kernel.monitor(self.witness, ref)

    def letter(self, sender: object, to: ActorRef[Any]) -> Letter:
        priority = self.chance.randrange(-1, 2) if to in self.priority else 0
        key = (sender, to, priority)
        self.numbers[key] += 1
        return Letter(key, self.numbers[key], priority)

    def send(self, sender: object, to: ActorRef[Any]) -> None:
        letter = self.letter(sender, to)
        try:
            if letter.priority:
                to.send(letter, priority=letter.priority)
            else:
                to.send(letter)
        except MailboxFull:
            return
        self.sent.add(letter)

    def call(self, to: ActorRef[Any]) -> None:
        """A put or a request from a task of its own, which may be cancelled from outside."""
        task = asyncio.ensure_future(self._call(to))
        self.calls[task] = None
        task.add_done_callback(self.calls.pop)

    async def _call(self, to: ActorRef[Any]) -> None:
        chance = self.chance
        letter = self.letter(object(), to)
        self.unsure.add(letter)
        ttl = chance.choice([None, None, 1e-6, 10.0])
        with contextlib.suppress(MailboxFull, ActorExited, RequestTimeout, SelfRequest):
            if chance.random() < 0.5:
                await to.put(letter, priority=letter.priority, ttl=ttl)
                self.sent.add(letter)
            else:
                timeout = chance.choice([0.0005, 10.0])
                await to.request(letter, timeout, letter.priority, ttl)
                self.sent.add(letter)

    def hear(self, context: ActorContext, message: Any) -> None:
        match message:
            case Down(monitor=MonitorRef() as monitor):
                self.downs[monitor] += 1
            case Exit():
                pass
            case Letter():
                self.begun.append((context.ref, message))
                self.act(context)

    def act(self, context: ActorContext) -> None:
        if self.budget <= 0:
            return
        self.budget -= 1
        chance = self.chance
        target = chance.choice(self.refs[-40:])
        for _ in range(chance.choice([0, 1, 2, 3])):
            self.send(context.ref, chance.choice(self.refs[-40:]))
        match chance.randrange(36):
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
                if chance.random() < 0.3:
                    context.demonitor(monitor, flush=True)
            case 12 | 13 | 14 | 15:
                self.spawn(context)
            case 16 | 17:
                letter = self.letter(object(), target)
                self.unsure.add(letter)  # the timer may die with its owner
                timer = context.send_after(chance.random() / 500, target, letter)
                if chance.random() < 0.3:
                    context.cancel_timer(timer)
            case 18 | 19 | 20 | 21:
                self.call(target)
            case 22:
                if self.calls:
                    chance.choice(list(self.calls)).cancel()
            case 23:
                letter = self.letter(object(), target)
                self.unsure.add(letter)
                with contextlib.suppress(MailboxFull):
                    self.kernel.named(chance.choice(NAMES)).send(letter)
                    self.sent.add(letter)


class Witness(Actor[Down]):
    """Watches everybody, and is never ended."""

    def __init__(self, ends: list[Down]) -> None:
        self.ends = ends

    def receive(self, down: Down) -> None:
        self.ends.append(down)


class Plain(Actor[Any]):
    def __init__(self, storm: Storm) -> None:
        self.storm = storm

    def receive(self, message: Any) -> object:
        self.storm.hear(self.context, message)
        self.storm.completed.add(message)
        return None


class Waits(Plain):
    async def receive(self, message: Any) -> object:
        if self.storm.chance.random() < 0.3:
            await asyncio.sleep(0)
        self.storm.hear(self.context, message)
        if self.storm.chance.random() < 0.3:
            await asyncio.sleep(0)
        self.storm.completed.add(message)
        return None


class Hooks(Waits):
    async def init(self) -> None:
        await asyncio.sleep(0)

    async def terminate(self, reason: object) -> None:
        await asyncio.sleep(0)


class Stubborn(Plain):
    """Swallows the first cancellation, and then goes on for a while."""

    async def receive(self, message: Any) -> object:
        self.storm.hear(self.context, message)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            raise
        self.storm.completed.add(message)
        return None


async def process(inbox: Inbox[Any], storm: Storm) -> None:
    async for message in inbox:
        storm.hear(inbox.context, message)
        if storm.chance.random() < 0.3:
            await asyncio.sleep(0)
        inbox.context.defer_reply().send(None)
        storm.completed.add(message)


async def rage(seed: int, budget: int) -> Outcome:
    """One storm, to its end. Raises AssertionError where a law is broken."""
    chance = random.Random(seed)
    before = asyncio.all_tasks()
    async with Kernel("storm") as kernel:
        kernel.platform.random.seed(seed)
        storm = Storm(kernel, chance, budget)
        dead: list[Letter] = []

        class Undertaker(Actor[Any]):
            def receive(self, letter: Any) -> None:
                dead.append(letter.message)

        undertaker = kernel.spawn(Undertaker)
        kernel.dead_letters.subscribe(undertaker)
        while storm.budget > 0:
            living = [ref for ref in storm.refs[-40:] if ref.is_alive]
            if len(living) < 10:
                storm.spawn()
            else:
                storm.send("outside", chance.choice(living))
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        while living := [ref for ref in storm.refs if ref.is_alive]:
            for ref in living:
                ref.stop()
            for ref in living:
                await asyncio.wait_for(ref.wait(), 30)
        for call in list(storm.calls):
            call.cancel()
        await asyncio.gather(*storm.calls, return_exceptions=True)
        for _ in range(50):  # what is left of killed code has a message in hand
            await asyncio.sleep(0)
        for ref in (storm.witness, undertaker):
            ref.stop()
            await ref.wait()
        assert kernel.actors() == [], "an actor is left"
        assert [name for name in NAMES if kernel.whereis(name)] == [], "a name is left"
        check(storm, dead)
        statistics = kernel.statistics()
    assert kernel.statistics().timers == 0, "a timer is left"
    assert asyncio.all_tasks() <= before, "a task is left"
    return Outcome(len(storm.sent), len(storm.refs), statistics.handled, kernel.dead_letters.count)


def check(storm: Storm, dead: list[Letter]) -> None:
    """Every law about messages, ends and monitors."""
    begun = [letter for _, letter in storm.begun]
    doubled = [letter for letter, count in Counter(begun).items() if count > 1]
    assert not doubled, f"handled twice: {doubled[:5]}"
    doubled = [letter for letter, count in Counter(dead).items() if count > 1]
    assert not doubled, f"two dead letters: {doubled[:5]}"
    # A letter whose handler was ended by a signal or an error is in both; every other in one.
    lost = storm.sent - {*begun, *dead}
    assert not lost, f"lost: {list(lost)[:5]}"
    unknown = {*begun, *dead} - storm.sent - storm.unsure
    assert not unknown, f"never sent: {list(unknown)[:5]}"
    both = set(dead) & storm.completed
    assert not both, f"completed and a dead letter: {list(both)[:5]}"
    order: dict[object, list[int]] = defaultdict(list)
    for ref, letter in storm.begun:
        order[ref, letter.sender].append(letter.number)
    for key, numbers in order.items():
        assert numbers == sorted(numbers), f"out of order: {key}: {numbers}"
    heard = {(down.ref, down.reason) for down in storm.ends}
    assert heard == {(ref, ref.exit_reason) for ref in storm.refs}, "an end was not told"
    assert len(storm.ends) == len(storm.refs), "an end was told twice"
    assert max(storm.downs.values(), default=1) == 1, "a monitor fired twice"
