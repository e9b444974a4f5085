"""The invariants: each holds for what is right, and each finds a violation that is planted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, Down, Mailbox
from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.keeping import Keeping
from airssys_wasm.kernel.lifecycle import Lifecycle
from airssys_wasm.kernel.message import Started
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.remains import Remains
from airssys_wasm.kernel.scheduler import Scheduler
from airssys_wasm.supervision import (
    ChildSpec,
    DynamicSupervisor,
    DynamicSupervisorRef,
    Supervisor,
)
from airssys_wasm.supervision.children import Children
from airssys_wasm.supervision.intensity import RestartBudget
from airssys_wasm.supervision.jobs import Job
from airssys_wasm.testing.errors import InvariantBroken
from airssys_wasm.testing.invariants import ALL
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation

KEPT = Mailbox(keep_on_restart=True)


class Worker(Actor[Any]):
    async def receive(self, message: Any) -> None:
        match message:
            case "boom":
                raise ValueError("boom")
            case ("watch", target):
                self.context.monitor(target)
            case "pause":
                await anyio.sleep(0.1)

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(0.5)


TREE = Supervisor(
    intensity=2, children=[ChildSpec(name, Worker, name=name, shutdown=1.0) for name in "abc"]
)


async def busy(simulation: Simulation) -> None:
    """Supervised actors that watch each other, fail, come back and are stopped."""
    kernel = await simulation.kernel()
    root = await kernel.start(TREE, name="root")
    for one, other in ("ab", "bc", "ca"):
        kernel.named(one).send(("watch", kernel.whereis(other)))
    await simulation.sleep(1)
    kernel.named("a").send("boom")
    await simulation.sleep(1)
    kernel.named("b").send("pause")
    kernel.named("b").send("pause")
    kernel.named("b").kill()
    await simulation.sleep(1)
    root.stop("shutdown")
    await simulation.sleep(10)


@contextmanager
def instead(place: Any, name: str, stand_in: Any) -> Iterator[None]:
    original = place.__dict__[name]
    setattr(place, name, stand_in)
    try:
        yield
    finally:
        setattr(place, name, original)


def broken_by(test: Any, seeds: int = 5) -> str | None:
    """The name of the invariant that does not hold."""
    for seed in range(seeds):
        failure = run_seed(test, seed).failure
        if failure is not None:
            assert isinstance(failure, InvariantBroken), failure
            return failure.invariant
    return None


def test_all_hold_for_a_system_that_is_right() -> None:
    assert broken_by(busy, seeds=50) is None


def test_each_has_a_documentation_that_begins_with_what_always_holds() -> None:
    for invariant in ALL:
        assert invariant.__doc__
        assert invariant.__doc__.splitlines()[0].endswith(".")


def test_an_orphan_is_found() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        root = await kernel.start(TREE, name="root")
        root.kill()
        await simulation.sleep(10)

    def tell_nobody(self: Any, *_: Any) -> Iterator[None]:
        return iter(())

    with instead(Lifecycle, "_tell_others", tell_nobody):
        assert broken_by(test) == "NothingOrphaned"


def test_a_death_that_is_told_twice_is_found() -> None:
    original = ActorRef._deliver

    def twice(self: Any, message: Any) -> None:
        original(self, message)
        if isinstance(message, Down) and message.monitor is not None:
            type(self)._deliver(self, Down(message.ref, message.reason))

    with instead(ActorRef, "_deliver", twice):
        assert broken_by(busy) == "EachDeathToldOnce"


def test_a_death_that_is_not_told_is_found() -> None:
    original = Lifecycle._tell_parent

    def forget(self: Any, ref: Any, extension: Any, *, held: bool) -> None:
        if ref._end.reason != "killed":
            original(self, ref, extension, held=held)

    with instead(Lifecycle, "_tell_parent", forget):
        assert broken_by(busy) == "EachDeathToldOnce"


def test_a_name_that_is_freed_too_late_is_found() -> None:
    original = Keeping.release_identity

    def later(self: Any, ref: Any, successor: Any) -> None:
        self._kernel.platform.call_soon(lambda: original(self, ref, successor))

    with instead(Keeping, "release_identity", later):
        assert broken_by(busy) == "NamesAreFree"


@pytest.mark.parametrize("off", [1, -1])
def test_a_budget_that_is_off_by_one_is_found(off: int) -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(TREE, name="root")
        for _ in range(3):
            kernel.named("a").send("boom")
            await simulation.sleep(1)

    def spend(self: Any, now: float) -> bool:
        self._spent.append(now)
        return bool(len(self._spent) <= self.intensity + off)

    with instead(RestartBudget, "spend", spend):
        assert broken_by(test) == "BudgetExact"


@pytest.mark.parametrize("off", [1, -1])
def test_so_is_that_of_a_dynamic_supervisor(off: int) -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        workers = await kernel.start(DynamicSupervisor(Worker, intensity=2), name="root")
        child = await DynamicSupervisorRef.of(workers).start_child()
        assert child is not None
        for _ in range(3):
            child.send("boom")
            await simulation.sleep(1)
            child = next(iter(kernel.info(workers).children), child)

    def spend(self: Any, now: float) -> bool:
        self._spent.append(now)
        return bool(len(self._spent) <= self.intensity + off)

    assert broken_by(test) is None
    with instead(RestartBudget, "spend", spend):
        assert broken_by(test) == "BudgetExact"


def test_a_supervisor_may_give_up_for_a_death_after_a_start_that_failed() -> None:
    class Second(Worker):
        async def init(self) -> None:
            first = self.context.system.whereis("a")
            if first_of_all and first is not None and first is not first_of_all[0]:
                first.kill()
                raise ValueError("boom")

    first_of_all: list[Any] = []
    tree = Supervisor(
        strategy="rest_for_one",
        intensity=1,
        children=[ChildSpec("a", Worker, name="a"), ChildSpec("b", Second)],
    )

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        first_of_all.clear()
        root = await kernel.start(tree, name="root")
        first_of_all[:] = [kernel.whereis("a")]
        kernel.named("a").send("boom")
        await simulation.sleep(10)
        assert not root.is_alive

    assert broken_by(test) is None


def test_a_stop_out_of_order_is_found() -> None:
    with instead(Children, "ids_newest_first", lambda self: list(self._children)):
        assert broken_by(busy) == "StopOrder"


def test_a_stop_that_takes_too_long_is_found() -> None:
    class Stubborn(Worker):
        async def terminate(self, reason: object) -> None:
            await anyio.sleep(1000)

    tree = Supervisor(children=[ChildSpec("a", Stubborn, shutdown=1.0)])

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        root = await kernel.start(tree, name="root")
        root.stop("shutdown")
        await root.wait()

    def set_no_timer(self: Any, after: float | None) -> list[Any]:
        return []

    assert broken_by(test) is None
    with (
        instead(Job, "_set_timer", set_no_timer),
        instead(Lifecycle, "kill", lambda self, ref: None),
    ):
        assert broken_by(test) == "StopTimeBounded"


def test_a_beginning_that_is_told_twice_is_found() -> None:
    original = ActorRef._deliver

    def again(self: Any, message: Any) -> None:
        original(self, message)
        if isinstance(message, Started) and self.name == "root":
            self._scheduler.kernel.platform.call_soon(lambda: self._deliver(message))

    with instead(ActorRef, "_deliver", again):
        assert broken_by(busy) in ("BeginningsTold", "EachDeathToldOnce")


def test_a_lost_wake_up_is_found() -> None:
    original = Scheduler.settle

    def forget(self: Any, ref: Any) -> None:
        if ref.name == "b" and ref._queue:
            return
        original(self, ref)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker, name="b")
        worker.send("pause")
        await simulation.sleep(0.05)
        worker.send("pause")
        worker.send("pause")
        await simulation.sleep(5)

    with instead(Scheduler, "settle", forget):
        assert broken_by(test) == "MailboxesRun"


def test_a_name_of_the_dead_is_found() -> None:
    with instead(Keeping, "release_identity", lambda self, ref, successor: None):
        assert broken_by(busy) in ("NamesAreFree", "NothingLeaked")


@pytest.mark.parametrize("reason", ["ValueError", "killed"])
def test_a_message_that_is_lost_at_an_end_is_found(reason: str) -> None:
    original = Remains.bury

    def lose(self: Any, rest: Any, ref: Any, why: object) -> None:
        if reason in str(why) and rest:
            rest.popleft()
        original(self, rest, ref, why)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        worker = kernel.spawn(Worker)
        for message in ("pause", "boom", "pause"):
            worker.send(message)
        if reason == "killed":
            await simulation.sleep(0.05)
            worker.kill()
        await simulation.sleep(1)

    assert broken_by(test) is None
    with instead(Remains, "bury", lose):
        assert broken_by(test) == "MessagesConserved"


def test_a_message_that_is_handled_twice_is_found() -> None:
    original = Keeping.adopt

    def keep_one_more(self: Any, old: Any, new: Any) -> None:
        if old._queue:
            old._queue = type(old._queue)([*old._queue, old._queue[0]])
        original(self, old, new)

    tree = Supervisor(children=[ChildSpec("a", Worker, name="a", mailbox=KEPT)])

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(tree, name="root")
        for message in ("boom", "pause", "quick", "quick"):
            kernel.named("a").send(message)
        await simulation.sleep(10)

    assert broken_by(test) is None
    with instead(Keeping, "adopt", keep_one_more):
        assert broken_by(test) == "MessagesConserved"


def test_a_message_that_a_full_mailbox_swallows_is_found() -> None:
    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        newest = kernel.spawn(Worker, mailbox=Mailbox(2, overflow="drop_old"))
        oldest = kernel.spawn(Worker, mailbox=Mailbox(2, overflow="drop_new"))
        first = kernel.spawn(Worker, mailbox=Mailbox(2, overflow="drop_old", order="priority"))
        for _ in range(5):
            for worker in (newest, oldest, first):
                worker.send("pause")
        await simulation.sleep(10)

    def drop(self: Any, message: Any) -> None:
        self.dropped += 1

    assert broken_by(test, seeds=50) is None
    with instead(BoundedRef, "_drop", drop):
        assert broken_by(test) == "MessagesConserved"


def test_the_messages_of_actors_that_change_their_handler_are_followed() -> None:
    class Moody(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.become(self.sad)

        async def sad(self, message: Any) -> None:
            await anyio.sleep(0.01)
            self.context.unbecome()

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        moody = kernel.spawn(Moody)
        for number in range(10):
            moody.send(number)
        await simulation.sleep(1)
        assert await moody.request("last") is None

    assert broken_by(test, seeds=50) is None


def test_a_file_that_is_left_open_is_found(tmp_path: Path) -> None:
    kept: list[Any] = []

    class Writer(Actor[Any]):
        def init(self) -> None:
            kept.append((tmp_path / "log").open("w"))

        def receive(self, message: Any) -> None: ...

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        await kernel.start(Writer)

    assert broken_by(test, seeds=1) == "NothingLeaked"
    for file in kept:
        file.close()


def test_a_file_that_only_the_collector_frees_is_not_taken_for_a_leak(tmp_path: Path) -> None:
    class Writer(Actor[Any]):
        def init(self) -> None:
            self.log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
            self.itself = self

        def receive(self, message: Any) -> None: ...

        def __del__(self) -> None:
            os.close(self.log)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        ref = await kernel.start(Writer)
        ref.kill()

    assert broken_by(test, seeds=1) is None


def test_bounded_mailboxes_are_watched_as_others() -> None:
    assert BoundedRef._deliver is ActorRef._deliver
