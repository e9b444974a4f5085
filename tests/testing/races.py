"""Faults that production's own order does not show: each needs another order, or a fault injected.

Each scenario is plain: without chance of its own, and right under every order. With its fault it
still passes in production's order, and fails in others. As a program, a line for each:

    python -m tests.testing.races [NAME…]
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import anyio

from airssys_wasm.components import Component
from airssys_wasm.kernel import Actor, ActorRef, Down, Failed, Kernel, Mailbox, StartError
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.choices import StrategyName
from airssys_wasm.testing.faults import FaultKind
from airssys_wasm.testing.runs import Settings, settings_of
from airssys_wasm.testing.searching import Found, run_seed, search
from airssys_wasm.testing.simulation import Simulation
from tests.guests.guests import sleeps
from tests.testing.components import tree
from tests.testing.plant import Bug, planted

SEEDS = 200  # within which each is found
HOPS = 5  # a message that takes so many comes last in production's order


@dataclass(frozen=True)
class Race:
    """A fault, the scenario that shows it in some orders, and the faults that may come in it."""

    bug: Bug
    test: Callable[[Simulation], Awaitable[object]]
    faults: tuple[FaultKind, ...] = ()

    @property
    def settings(self) -> Settings:
        """Those of its runs."""
        return settings_of(faults=self.faults)


class Passes(Actor[Any]):
    """Passes on what it gets, or does it."""

    def __init__(self, to: ActorRef[Any] | None) -> None:
        self.to = to

    def receive(self, act: Any) -> None:
        if self.to is None:
            act()
        else:
            self.to.send(act)


def later(kernel: Kernel, act: Callable[[], object], hops: int = HOPS) -> None:
    """Let `act` happen some turns from now: how many, is for the order to say."""
    to: ActorRef[Any] | None = None
    for _ in range(hops):
        to = kernel.spawn(Passes, to)
    assert to is not None
    to.send(act)


class Keeps(Actor[Any]):
    """Takes a moment for its end, and keeps what it gets."""

    def __init__(self, got: list[Any] | None = None) -> None:
        self.got = [] if got is None else got

    async def receive(self, message: Any) -> Any:
        if callable(message):
            answer = message(self)
            return await answer if isawaitable(answer) else answer
        self.got.append(message)
        return len(self.got)

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(0.1)


async def who_watches_is_told_of_the_end_and_of_nothing_else(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    got: list[Any] = []
    watcher, target = await kernel.start(Keeps, got), await kernel.start(Keeps)
    watcher.send(lambda actor: actor.context.monitor(target) and None)
    later(kernel, lambda: target.exit("over"))
    await simulation.sleep(1)
    assert [down.reason for down in got if isinstance(down, Down)] == ["over"]


async def a_link_to_who_is_ending_ends_with_him(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    one, other = await kernel.start(Keeps), await kernel.start(Keeps)
    one.send(lambda actor: actor.context.link(other))
    later(kernel, lambda: other.exit("over"))
    await simulation.sleep(1)
    assert one.exit_reason == "over"


async def an_error_that_is_answered_is_raised_for_who_asked(simulation: Simulation) -> None:
    class Refuses(Actor[Any]):
        def receive(self, message: Any) -> Any:
            return Failed(LookupError(message))

    kernel = await simulation.kernel()
    refuses = await kernel.start(Refuses)
    try:
        answer = await refuses.request("key")
    except LookupError:
        return
    raise AssertionError(answer)


async def what_has_not_begun_is_not_begun_after_its_end(simulation: Simulation) -> None:
    begun: list[ActorRef[Any]] = []

    class Begins(Actor[Any]):
        def init(self) -> None:
            begun.append(self.context.ref)
            assert self.context.ref.exit_reason is None

        def receive(self, message: Any) -> None: ...

        def terminate(self, reason: object) -> None:
            begun.remove(self.context.ref)

    kernel = await simulation.kernel()
    ref = kernel.spawn(Begins)
    later(kernel, lambda: ref.exit("over"))
    await simulation.sleep(1)
    assert begun == []


async def who_waits_for_room_goes_on_when_nobody_makes_it(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    taker = kernel.spawn(Keeps, mailbox=Mailbox(1))
    later(kernel, taker.kill, hops=8)
    for number in range(2):
        await taker.put(number)


async def a_death_during_a_restart_is_answered(simulation: Simulation) -> None:
    class Slow(Actor[Any]):
        def init(self) -> None: ...

        def receive(self, message: Any) -> None:
            raise ValueError("boom")

    children = [ChildSpec(name, Slow, name=name) for name in "ab"]
    kernel = await simulation.kernel()
    await kernel.start(Supervisor(intensity=5, children=children), name="root")
    first, second = kernel.named("a"), kernel.whereis("b")
    assert second is not None
    first.send("boom")
    later(kernel, lambda: second.send("boom"), hops=8)
    await simulation.sleep(1)
    assert kernel.whereis("a") is not None
    assert kernel.whereis("b") is not None


async def who_asks_during_a_restart_is_answered_after_it(simulation: Simulation) -> None:
    child = ChildSpec("a", Keeps, name="a", while_restarting="queue")
    kernel = await simulation.kernel()
    await kernel.start(Supervisor(intensity=5, children=[child]), name="root")
    asker = await kernel.start(Keeps)
    answers: list[Any] = []

    async def ask(actor: Any) -> None:
        answers.append(await kernel.named("a").request("hello"))

    later(kernel, lambda: asker.send(ask), hops=10)
    kernel.named("a").kill()
    await simulation.sleep(1)
    assert answers == [1]


async def a_component_that_is_told_to_end_ends_in_order(simulation: Simulation) -> None:
    system = await simulation.system()
    sleeper = await system.start(Component(sleeps(1_000)), name="sleeper")
    sleeper.send(b"")
    await simulation.sleep(1)
    later(system.kernel, lambda: sleeper.exit("shutdown"))
    await simulation.sleep(1)
    assert sleeper.exit_reason == "shutdown"
    assert system.kernel.statistics().crashed == 0


async def a_component_may_end_at_any_time(simulation: Simulation) -> None:
    try:
        system = await simulation.system(tree())
    except StartError:
        return  # a fault came before it had begun
    for number in range(5):
        system.named("counter").send(b"%d" % number)
        await simulation.sleep(1)


async def a_message_that_was_published_is_nowhere_lost(simulation: Simulation) -> None:
    """To a group, one of whose members ends at the same time."""
    system = await simulation.system()
    got: list[Any] = []
    members = [await system.start(Keeps, got) for _ in range(2)]
    for member in members:
        system.broker.subscribe("jobs.>", member, group="workers")
    for number in range(4):
        system.broker.publish("jobs.new", number)
    later(system.kernel, members[0].kill)
    await simulation.sleep(1)
    letters = [letter for letter in system.dead_letters.recent() if letter.to in members]
    assert len(got) + len(letters) == 4


RACES = (
    Race(
        Bug(
            "who-is-ending-is-dead-for-a-monitor",
            "kernel.relations:Relations.monitor",
            "target is None or target._mode & DEAD",
            "target is None or target._mode & (DEAD | 8)",
            "who is about to end is taken for dead by a monitor",
        ),
        who_watches_is_told_of_the_end_and_of_nothing_else,
    ),
    Race(
        Bug(
            "who-is-ending-is-dead-for-a-link",
            "kernel.relations:Relations.link",
            "target is None or target._mode & DEAD",
            "target is None or target._mode & (DEAD | 8)",
            "who is about to end is taken for dead by a link",
        ),
        a_link_to_who_is_ending_ends_with_him,
    ),
    Race(
        Bug(
            "error-is-an-answer-in-the-mailbox",
            "kernel.answers:give_reply",
            "if answer.__class__ is Failed:",
            "if answer.__class__ is None:",
            "an error that answers a request is returned, unless the request was answered at once",
        ),
        an_error_that_is_answered_is_raised_for_who_asked,
    ),
    Race(
        Bug(
            "init-after-the-end",
            "kernel.activation:Activation._begin_or_end",
            "elif ref._mode & ENDING:\n        self._scheduler.kernel.lifecycle.die(ref)\n"
            "    else:\n        await self._init(ref)",
            "else:\n        await self._init(ref)\n        if ref._mode & ENDING:\n"
            "            self._scheduler.kernel.lifecycle.die(ref)",
            "an actor that was told to end before it ran begins all the same",
        ),
        what_has_not_begun_is_not_begun_after_its_end,
    ),
    Race(
        Bug(
            "who-waits-for-room-is-forgotten-at-the-end",
            "kernel.bounded_ref:BoundedRef._give_up_putters",
            "future.set_result(None)",
            "pass",
            "who waits for room in the mailbox of an actor that ends waits for ever",
        ),
        who_waits_for_room_goes_on_when_nobody_makes_it,
    ),
    Race(
        Bug(
            "death-during-a-restart-forgotten",
            "supervision.arrivals:gone",
            "tree.pending.append(Death(child.id, incarnation))",
            "if tree.job is None:\n"
            "                tree.pending.append(Death(child.id, incarnation))",
            "a child that fails while another is restarted stays dead",
        ),
        a_death_during_a_restart_is_answered,
    ),
    Race(
        Bug(
            "kept-for-sends-alone",
            "kernel.requests:Requests.queued",
            "if ref._mode & (DEAD | ENDING) and not isinstance(ref._queue, HeldQueue):",
            "if ref._mode & (DEAD | ENDING):",
            "a request during a restart fails, though messages are to be queued",
        ),
        who_asks_during_a_restart_is_answered_after_it,
    ),
    Race(
        Bug(
            "shutdown-of-a-component-that-is-gone",
            "components.component_actor:ComponentActor.terminate",
            "instance is not None and instance.is_alive and",
            "instance is not None and",
            "a component whose call was cancelled is asked to shut down",
        ),
        a_component_that_is_told_to_end_ends_in_order,
    ),
    Race(
        Bug(
            "store-kept-after-a-kill",
            "components.component_actor:ComponentActor.init",
            "kernel.on_exit(ref, lambda *_: self._close())",
            "pass",
            "a component that is killed keeps its Store",
        ),
        a_component_may_end_at_any_time,
        ("kill",),
    ),
    Race(
        Bug(
            "batch-of-the-killed-lost",
            "kernel.remains:Remains.close",
            "rest = self._unhandled(ref)",
            "rest = deque() if ref._end.reason == 'killed' else self._unhandled(ref)",
            "what a killed actor had not handled is nowhere",
        ),
        a_message_that_was_published_is_nowhere_lost,
    ),
)


def found_by(race: Race, strategy: StrategyName) -> tuple[int, Found] | None:
    """How many seeds it takes, with the failure made small; None when none of its seeds does."""
    with planted(race.bug):
        for seed in range(SEEDS):
            if run_seed(race.test, seed, strategy, race.settings).failure is not None:
                found = search(race.test, (seed,), strategy, race.settings)
                assert found is not None
                return seed + 1, found
    return None


def main() -> int:
    """A line for each; 1 when one is not found, or is there in production's own order."""
    missed = 0
    print(f"{'fault':44} {'uniform':>8} {'pct':>8}  schedule  scenario")
    for race in RACES:
        bug = race.bug
        if sys.argv[1:] and bug.name not in sys.argv[1:]:
            continue
        with planted(bug):
            plain = run_seed(race.test, 0, "fifo").failure
        by = {name: found_by(race, name) for name in ("uniform", "pct")}
        seeds = {name: str(found[0]) if found else "-" for name, found in by.items()}
        found = by["uniform"] or by["pct"]
        missed += found is None or plain is not None
        length = len(found[1].smallest.deviations) if found else "-"
        where = f"{race.test.__name__}: {found[1].smallest.kind}" if found else "NOT FOUND"
        where += f" (in production's order, too: {plain!r})" if plain is not None else ""
        print(f"{bug.name:44} {seeds['uniform']:>8} {seeds['pct']:>8} {length:>9}  {where}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
