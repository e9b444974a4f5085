"""Acts: what an actor of a storm may do beside sending letters: one function for each, drawn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel import (
    ActorContext,
    ActorExited,
    ActorRef,
    MailboxFull,
    NameTaken,
    NotJoined,
    NotRegistered,
)
from tests.stress.letters import Chance, Tick
from tests.stress.posts import PATTERNS, TOPICS

if TYPE_CHECKING:
    from tests.stress.storm import Storm

NAMES = tuple(f"name-{number}" for number in range(8))
GROUPS = ("red", "green")

Act = Callable[["Storm", ActorContext, ActorRef[Any]], None]


def crash(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    raise Chance


def stop_self(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    context.stop("by chance")


def end_other(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    match storm.chance.randrange(3):
        case 0:
            target.exit("by chance")
        case 1:
            target.stop("by chance")
        case 2:
            target.kill()


def end_supervisor(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    if storm.families.refs:
        end_other(storm, context, storm.chance.choice(storm.families.refs))


def trap(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    context.trap_exit = not context.trap_exit


def link(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    alive = target.is_alive
    context.link(target)
    if alive and target is not context.ref:
        storm.news.linked(context.ref, target)


def unlink(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    peers = storm.kernel.info(context.ref).links
    target = storm.chance.choice(peers) if peers else target
    context.unlink(target)
    storm.news.unlinked(context.ref, target)


def monitor(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    alive = target.is_alive
    watch = context.monitor(target)
    storm.news.monitored(watch, alive=alive)
    if storm.chance.random() < 0.3:
        context.demonitor(watch, flush=True)
        storm.news.demonitored(watch)


def farewell(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    """Letters to one who watches, and the end: the news has to come after them."""
    if target.is_alive and context.ref.is_alive:
        storm.news.monitored(storm.kernel.monitor(target, context.ref), alive=True)
        for _ in range(3):
            storm.send(context.ref, target)
        context.stop("by chance")


def spawn(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    storm.spawn(context)


def send_later(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    delay = storm.chance.random() / 500
    letter = storm.ledger.letter(object(), target)
    letter.owner, letter.due = context.ref, context.now() + delay
    timer = context.send_after(delay, target, letter)
    if storm.chance.random() < 0.3 and context.cancel_timer(timer) is not None:
        letter.forbidden = True


def tick(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    interval = 0.0005 + storm.chance.random() / 500
    timer = context.send_every(interval, target, Tick(context.ref, interval, context.now()))
    storm.ticking[timer] = context


def stop_ticking(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    for timer in [timer for timer, owner in storm.ticking.items() if owner is context]:
        context.cancel_timer(timer)
        del storm.ticking[timer]


def call(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    storm.calls.begin(context, target)


def cancel(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    if storm.chance.random() < 0.5:
        storm.calls.cancel_one()
    else:
        storm.cancel_somebody()


def send_to_name(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    name = storm.chance.choice(NAMES + tuple(storm.families.names))
    address = storm.kernel.named(name)
    holder = address.resolve()
    if holder in storm.ledger.slots:
        storm.send(context.ref, holder, address)


def register(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    with suppress(NameTaken, ActorExited, ValueError):
        storm.kernel.register(storm.chance.choice(NAMES), target)


def unregister(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    with suppress(NotRegistered):
        storm.kernel.unregister(storm.chance.choice(NAMES))


def join(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    with suppress(ActorExited):
        storm.kernel.group(storm.chance.choice(GROUPS)).join(target)


def leave(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    with suppress(NotJoined):
        storm.kernel.group(storm.chance.choice(GROUPS)).leave(target)


def watch_group(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    storm.news.joined(storm.kernel.group(storm.chance.choice(GROUPS)).monitor(context.ref))


def unwatch_group(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    mine = [watch for watch in storm.news.views if watch.watcher is context.ref]
    for watch in mine:
        watch.stop()
        del storm.news.views[watch]


def suspend(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    if storm.busy and storm.chance.random() < 0.5:
        target = storm.chance.choice(list(storm.busy))  # in the middle of its work
        storm.calls.look(target)
    storm.suspend(target)


def resume(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    if storm.suspended:
        storm.resume(storm.chance.choice(list(storm.suspended)))


def subscribe(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    group = storm.chance.choice([None, None, "g", "h"])
    lasting = storm.chance.random() < 0.5
    storm.posts.subscribe(target, storm.chance.choice(PATTERNS), group, lasting=lasting)


def unsubscribe(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    for pattern, group in storm.posts.broker.subscriptions(target)[:2]:
        storm.posts.unsubscribe(target, pattern, group)


def publish(storm: Storm, context: ActorContext, target: ActorRef[Any]) -> None:
    topic = storm.chance.choice(TOPICS)
    sender = context.ref if context.ref.is_alive else object()
    with suppress(MailboxFull):
        storm.posts.broker.publish(topic, storm.posts.post(sender, topic))


WEIGHTS: dict[Act, int] = {
    crash: 2, stop_self: 1, end_other: 3, end_supervisor: 1, trap: 2, link: 4, unlink: 2,
    monitor: 6, farewell: 2, spawn: 8, send_later: 4, tick: 2, stop_ticking: 1, call: 12, cancel: 3,
    send_to_name: 3, register: 2, unregister: 1, join: 3, leave: 2, watch_group: 2,
    unwatch_group: 1, suspend: 3, resume: 3, subscribe: 5, unsubscribe: 1, publish: 5,
}  # fmt: skip
ACTS, ODDS = tuple(WEIGHTS), tuple(WEIGHTS.values())
