"""Acts: the course of one storm: it blows, comes to rest, is looked through, and blows again.

The laws are looked at with each message; and again whenever the storm is quiet: nobody acts, and
what was begun has come to its end. Time stands still unless the storm lets it pass, so a seed is
one course of events.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from airssys_wasm.broker import Published
from tests.stress import inside
from tests.stress.letters import Broken, Letter, Post
from tests.stress.storm import RECENT, Storm

LEAST = 12  # living actors among those that are written to
BETWEEN = 400  # acts between two times of quiet
PATIENCE = 4_000  # turns in which a storm has to come to rest


@dataclass(frozen=True)
class Outcome:
    """What one storm did."""

    messages: int
    actors: int
    handled: int
    dead_letters: int
    restarts: int
    quiets: int


async def turn(storm: Storm) -> None:
    """One turn of the loop, and some time."""
    await asyncio.sleep(0)
    storm.platform.advance(storm.chance.random() / 5_000)
    if storm.problems:
        raise Broken("\n".join(storm.problems[:5]))


async def blow(storm: Storm) -> None:
    """Until the next quiet."""
    end = max(0, storm.budget - BETWEEN)
    while storm.budget > end:
        storm.families.see_to()
        living = [ref for ref in storm.refs[-RECENT:] if ref.is_alive]
        if len(living) < LEAST:
            storm.spawn()
        else:
            storm.send("outside", storm.chance.choice(living))
        if storm.chance.random() < 0.1:
            storm.budget -= 1  # where all are suspended, too
        if storm.chance.random() < 0.5:
            await turn(storm)


async def come_to_rest(storm: Storm) -> None:
    """Until nothing happens any more. Some stay suspended."""
    storm.calm = True
    for ref in list(storm.suspended):
        if not ref.is_alive or storm.chance.random() < 0.7:
            storm.resume(ref)
    for timer, owner in storm.ticking.items():
        with suppress(Exception):
            owner.cancel_timer(timer)
    storm.ticking.clear()
    before: tuple[int, ...] = ()
    still = 0
    for number in range(PATIENCE):
        await turn(storm)
        storm.platform.advance(0.001)
        if number == PATIENCE // 4:
            storm.calls.cancel_all()  # what waits for a suspended actor
        counts = storm.kernel.statistics()
        now = (storm.steps, counts.actors, counts.dead_letters, counts.spawned)
        still = still + 1 if now == before and not storm.calls.tasks else 0
        before = now
        if still > 20 and not any(map(storm.has_mail, storm.kernel.actors())):
            break
    else:
        raise Broken(f"never quiet: {storm.kernel.statistics()}, {list(storm.calls.tasks)[:3]}")


async def be_quiet(storm: Storm) -> None:
    """Come to rest, and see that all laws hold."""
    await come_to_rest(storm)
    letters: list[Letter] = []
    posts: list[tuple[Post, int]] = []
    for ref in storm.refs:
        for message in (*inside.waiting(ref), *inside.postponed(ref)):
            if isinstance(message, Letter):
                letters.append(message)
            elif isinstance(message, Published):
                posts.append((message.message, storm.ledger.slots[ref]))
    storm.ledger.audit(letters)
    storm.posts.audit(posts)
    storm.news.audit(storm.is_at_rest)
    await storm.families.audit()
    inside.audit(storm.kernel, [*storm.news.watched], storm.broken)
    if storm.attached is not None and storm.events != len(storm.kernel.actors()):
        storm.broken(f"telemetry says that {storm.events} live, of {storm.kernel.actors()}")
    await turn(storm)
    storm.calm = False


async def end_all(storm: Storm) -> None:
    """Every actor, in some order; then the kernel."""
    storm.calm = True
    for ref in list(storm.suspended):
        storm.resume(ref)
    for ref in storm.families.refs:
        ref.stop("shutdown")
    while living := [ref for ref in storm.news.watched if ref.is_alive]:
        for ref in living:
            ref.stop()
        await turn(storm)
        storm.platform.advance(0.01)
    storm.calls.cancel_all()
    await be_quiet(storm)
    if left := [ref for ref in storm.kernel.actors() if ref is not storm.witness]:
        storm.broken(f"left: {left}")
    if (count := storm.posts.broker.statistics().subscriptions) or storm.kernel.groups():
        storm.broken(f"{count} subscriptions are left, and the groups {storm.kernel.groups()}")
    counts = storm.kernel.statistics()
    if counts.timers or counts.registry.names:
        storm.broken(f"left: {counts.timers} timers, {counts.registry.names} names")
    await close(storm)
    if storm.problems:
        raise Broken("\n".join(storm.problems[:5]))


async def close(storm: Storm) -> None:
    """Close the kernel, while time passes."""
    closing = asyncio.ensure_future(storm.kernel.close())
    while not closing.done():
        await asyncio.sleep(0)
        storm.platform.advance(0.001)
    await closing


async def rage(seed: int, budget: int) -> Outcome:
    """One storm, to its end. Raises Broken where a law is broken."""
    tasks = asyncio.all_tasks()
    storm = Storm(seed, budget)
    if seed % 2:
        storm.attached = storm.kernel.telemetry.attach("*", storm.event)
        storm.events = len(storm.kernel.actors())
    quiets = 0
    with _no_accidents(storm):
        try:
            while storm.budget > 0:
                await blow(storm)
                await be_quiet(storm)
                quiets += 1
            await end_all(storm)
        except BaseException:
            await close(storm)
            raise
    left = asyncio.all_tasks() - tasks
    if left:
        raise Broken(f"tasks are left: {left}")
    counts = storm.kernel.statistics()
    outcome = Outcome(
        messages=len(storm.ledger.sent) + storm.posts.broker.statistics().delivered,
        actors=counts.spawned,
        handled=counts.handled,
        dead_letters=counts.dead_letters,
        restarts=counts.restarted,
        quiets=quiets,
    )
    kept = [weakref.ref(ref) for ref in storm.news.watched]
    del storm
    gc.collect()
    if remembered := [ref() for ref in kept if ref() is not None]:
        raise Broken(f"{len(remembered)} actors are held by something, the first: {remembered[0]}")
    return outcome


@contextmanager
def _no_accidents(storm: Storm) -> Iterator[None]:
    """What the loop or the kernel's log reports of an accident breaks a law, too."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.endswith("kernel") and not hasattr(record, "crash_report"):
                storm.broken(f"in the log: {record.getMessage()}")

    listener = Listener(logging.ERROR)
    loop, log = asyncio.get_running_loop(), logging.getLogger("airssys_wasm")
    propagate, log.propagate = log.propagate, False
    log.addHandler(listener)
    loop.set_exception_handler(lambda _, context: storm.broken(f"in the loop: {context}"))
    try:
        yield
    finally:
        log.removeHandler(listener)
        log.propagate = propagate
        loop.set_exception_handler(None)
