"""Acts: what the actors of a storm know of one another, and all that was seen of them.

ledger.py    messages: none is lost, doubled or out of order, over restarts, too
news.py      ends: told once to each who watches or is linked; groups are as they are told
posts.py     publications: each subscriber has its copies, once
families.py  supervisors: no orphans
inside.py    the kernel's own books: one name an actor, links and monitors on both sides
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

from airssys_wasm.broker import Published
from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    AlreadyStarted,
    Attachment,
    DeadLetter,
    Down,
    Event,
    Kernel,
    Mailbox,
    MailboxFull,
    MailboxRef,
    NamedRef,
    TimerRef,
)
from tests.stress import inside
from tests.stress.acts import ACTS, NAMES, ODDS
from tests.stress.calls import Calls
from tests.stress.cast import CAST
from tests.stress.families import Families
from tests.stress.ledger import Ledger
from tests.stress.letters import Letter, Post, Roll, Tick
from tests.stress.news import BY_HAND, News
from tests.stress.posts import Posts
from tests.stress.still_time import StillTime

RECENT = 40  # actors that are written to

MAILBOXES: tuple[Mailbox | None, ...] = (
    None,
    None,
    None,
    Mailbox(),
    Mailbox(order="priority"),
    *(
        Mailbox(5, overflow, order=order)
        for overflow in ("block", "reject", "drop_new", "drop_old")
        for order in ("fifo", "priority")
    ),
)


class Witness(Actor[Any]):
    """Watches everybody, gets the dead letters, and is never ended."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm

    def receive(self, message: Any) -> None:
        if isinstance(message, Down):
            self.storm.news.ended(message)
        else:
            self.storm.bury(message)


class Storm:
    """What the actors know of one another, and all that was seen."""

    def __init__(self, seed: int, budget: int) -> None:
        self.chance = random.Random(seed)
        self.platform = StillTime(seed)
        self.kernel = Kernel("storm", platform=self.platform, slow_after=None)
        self.budget = budget
        self.calm = False
        self.steps = 0  # of handlers: something happens as long as it grows
        self.problems: list[str] = []
        self.refs: list[ActorRef[Any]] = []
        self.suspended: dict[ActorRef[Any], None] = {}
        self.ticking: dict[TimerRef, ActorContext] = {}
        self.busy: dict[ActorRef[Any], asyncio.Task[Any]] = {}
        self._priority: set[ActorRef[Any]] = set()
        self.ledger = Ledger(self.broken)
        self.news = News(self.kernel, self.broken)
        self.posts = Posts(self.kernel, self.ledger.slots, self.broken)
        self.calls = Calls(self)
        self.families = Families(self)
        self.witness = self.kernel.spawn(Witness, self)
        self.kernel.dead_letters.subscribe(self.witness)
        self.events = 0
        self.attached: Attachment | None = None

    def broken(self, problem: str) -> None:
        """A law was: the storm ends at its next turn, wherever this is said."""
        self.problems.append(problem)

    # --- who there is

    def spawn(self, context: ActorContext | None = None) -> None:
        chance = self.chance
        kind = chance.choice(CAST)
        mailbox = chance.choice(MAILBOXES)
        name = chance.choice(NAMES) if chance.random() < 0.2 else None
        with suppress(AlreadyStarted):
            if context is None:
                self.enrol(self.kernel.spawn(kind, self, mailbox=mailbox, name=name))
                return
            link = chance.random() < 0.3
            ref = context.spawn(kind, self, mailbox=mailbox, name=name, link=link)
            self.enrol(ref)
            if link:
                self.news.linked(context.ref, ref)

    def enrol(self, ref: ActorRef[Any], predecessor: ActorRef[Any] | None = None) -> None:
        """`ref` is written to from now on; it may have taken over its predecessor's mailbox."""
        self.ledger.enrol(ref, predecessor)
        self.refs.append(ref)
        if ref._by_priority:
            self._priority.add(ref)
        self.news.watch(ref, self.witness)

    # --- what they do

    def priority(self, to: ActorRef[Any]) -> int:
        return self.chance.randrange(-1, 2) if to in self._priority else 0

    def send(self, sender: object, to: ActorRef[Any], address: NamedRef | None = None) -> None:
        """A letter, perhaps by the name that `to` has."""
        if isinstance(sender, ActorRef) and not sender.is_alive:
            sender = object()  # what is left of a killed actor
        letter = self.ledger.letter(sender, to, self.priority(to))
        try:
            if letter.priority and isinstance(to, MailboxRef):
                (address or to).send(letter, priority=letter.priority)
            else:
                (address or to).send(letter)
        except MailboxFull:
            self.ledger.was_refused(letter)
        else:
            self.ledger.was_sent(letter)

    def act(self, context: ActorContext) -> None:
        """Something, from within a handler."""
        if self.budget <= 0 or self.calm:
            return
        self.budget -= 1
        recent = self.refs[-RECENT:]
        for _ in range(self.chance.choice([0, 1, 2, 3])):
            self.send(context.ref, self.chance.choice(recent))
        if self.chance.random() < 0.7 and context.ref.is_alive:
            (act,) = self.chance.choices(ACTS, ODDS)
            act(self, context, self.chance.choice(recent))

    async def at_work(self, ref: ActorRef[Any]) -> None:
        """Wait within a handler, where it may be cancelled from outside."""
        task = asyncio.current_task()
        assert task is not None
        self.busy[ref] = task
        try:
            for _ in range(self.chance.choice((1, 1, 5))):
                await asyncio.sleep(0)
        finally:
            self.busy.pop(ref, None)

    def cancel_somebody(self) -> None:
        if self.busy:
            self.chance.choice(list(self.busy.values())).cancel(BY_HAND)

    def suspend(self, ref: ActorRef[Any]) -> None:
        with suppress(ActorExited):
            self.kernel.suspend(ref)
            self.suspended[ref] = None

    def resume(self, ref: ActorRef[Any]) -> None:
        del self.suspended[ref]
        with suppress(ActorExited):
            self.kernel.resume(ref)

    # --- what is seen

    def is_awake(self, ref: ActorRef[Any]) -> None:
        if ref in self.suspended:
            self.broken(f"suspended, and at work: {ref}")

    def begin(self, context: ActorContext, message: Any, lane: int | None = None) -> None:
        """A handler begins with `message`; in a lane others may be left for later."""
        ref = context.ref
        self.steps += 1
        self.is_awake(ref)
        match message:
            case Letter():
                self.ledger.begin(ref, message, lane)
                if lane is None:
                    self.news.begin(ref, message)
                self._check_timer(message)
            case Published(message=Post() as post):
                self.posts.begin(ref, post)
            case Tick():
                message.came += 1
                if message.came > (self.platform.now() - message.since) / message.interval:
                    self.broken(f"too often: {message}")
            case _:
                self.news.hear(ref, message)

    def end(self, context: ActorContext, message: Any) -> Any:
        """It has done; gives the answer."""
        self.steps += 1
        if isinstance(message, Letter):
            self.ledger.complete(message)
        return context.ref if isinstance(message, Roll) else message

    def _check_timer(self, letter: Letter) -> None:
        if letter.owner is None:
            return
        if letter.forbidden:
            self.broken(f"sent by a timer that was cancelled: {letter}")
        if letter.due > self.platform.now():
            self.broken(f"sent by a timer before its time: {letter}")
        if letter.due > self.news.ends.get(letter.owner, letter.due):
            self.broken(f"sent by a timer after the death of its owner: {letter}")

    def bury(self, dead: DeadLetter) -> None:
        """Somebody's message is a dead letter."""
        match dead.message:
            case Letter():
                self.ledger.bury(dead)
            case Published(message=Post() as post):
                self.posts.bury(dead, post)

    def event(self, event: Event) -> None:
        """Telemetry counts the living, too, and hears of an end before all others."""
        self.events += {"actor.spawned": 1, "actor.ended": -1}.get(event.name, 0)
        if event.name == "actor.ended" and isinstance(name := event.metadata["name"], str):
            if self.kernel.whereis(name) is event.metadata["ref"]:
                self.broken(f"dead, and it still has its name: {event.metadata}")
            holder = self.kernel.named(name).resolve()
            if holder is event.metadata["ref"] and holder and not inside.is_held(holder):
                self.broken(f"dead, and its name is not free: {event.metadata}")

    def has_mail(self, ref: ActorRef[Any]) -> bool:
        """Whether `ref` has still to handle something, and can."""
        return bool(ref.mailbox_length) and ref not in self.suspended

    def is_at_rest(self, ref: ActorRef[Any]) -> bool:
        """Whether it is sure that `ref` has handled all it was told, when all is quiet."""
        return ref.is_alive and ref not in self.suspended and not ref.mailbox_length
