"""What a supervisor over real actors has to survive."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from typing import Any
from weakref import WeakSet

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import Actor, ActorRef, Inbox, Kernel, Mailbox
from airssys_wasm.supervision import ChildSpec, ChildStopped, GaveUp, Supervisor, SupervisorRef

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def kernel_for_test() -> AsyncIterator[Kernel]:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            yield kernel


class Child(Actor[Any]):
    """Ends as it is told."""

    def receive(self, message: Any) -> object:
        self.context.stop(message)
        return None


async def children_of(root: ActorRef[Any]) -> dict[str, ActorRef[Any]]:
    children = await SupervisorRef.of(root).which_children()
    return {child.id: child.ref for child in children if child.ref is not None}


async def quiet(root: ActorRef[Any], restarts: int) -> None:
    """Until that many restarts were made, and all children run."""
    supervisor = SupervisorRef.of(root)
    while (await supervisor.statistics()).restarts < restarts or (
        (counts := await supervisor.count_children()).active < counts.specs
    ):
        await anyio.lowlevel.checkpoint()


async def test_children_that_crash_at_once_and_for_ever_exhaust_the_budget() -> None:
    async def crashes(inbox: Inbox[Any]) -> None:
        raise RuntimeError("at once")

    async with kernel_for_test() as kernel:
        root = kernel.spawn(Supervisor(intensity=5, children=[ChildSpec("c", crashes)]))
        await root.wait()
        assert "at once" in str(root.cause if root.cause is not None else root.exit_reason)
        assert kernel.actors() == []


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_all_children_killed_in_one_instant_are_all_restarted(strategy: Any) -> None:
    specs = [ChildSpec(f"c{i}", Child) for i in range(20)]
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(strategy, intensity=20, children=specs))
        before = await children_of(root)
        for ref in before.values():
            ref.kill()
        await quiet(root, restarts=20 if strategy == "one_for_one" else 1)
        after = await children_of(root)
        assert after.keys() == before.keys()
        assert not set(after.values()) & set(before.values())


async def test_the_budget_is_exact_when_all_die_in_one_instant() -> None:
    specs = [ChildSpec(f"c{i}", Child) for i in range(20)]
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(intensity=19, children=specs))
        for ref in (await children_of(root)).values():
            ref.kill()
        assert await root.wait() == "shutdown"
        assert isinstance(root.cause, GaveUp)
        assert kernel.actors() == []


async def test_a_child_that_swallows_cancellation_is_left_behind_and_replaced() -> None:
    release = anyio.Event()

    async def swallows(inbox: Inbox[Any]) -> None:
        while not release.is_set():
            try:
                await anyio.sleep_forever()
            except BaseException:
                continue

    specs = [ChildSpec("a", Child), ChildSpec("s", swallows, shutdown=0.01), ChildSpec("b", Child)]
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor("one_for_all", children=specs))
        (await children_of(root))["a"].send("boom")
        await quiet(root, restarts=1)
        root.stop("shutdown")
        assert await root.wait() == "shutdown"
        release.set()


@pytest.mark.rule("SHUT-12")
async def test_children_that_end_while_the_supervisor_stops_keep_their_reasons() -> None:
    kinds: list[Any] = list(
        product(
            ["permanent", "transient", "temporary"], ["normal", "shutdown", ("shutdown", 1), "boom"]
        )
    )
    specs = [ChildSpec(f"c{i}", Child, restart=kind[0]) for i, kind in enumerate(kinds)]
    events: list[object] = []
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=specs, observer=events.append))
        children = await children_of(root)
        root.stop("shutdown")
        for i, (_, reason) in enumerate(kinds):
            children[f"c{i}"].send(reason)
        assert await root.wait() == "shutdown"
        stopped = {event.child for event in events if isinstance(event, ChildStopped)}
        assert stopped == set(children)
        assert {ref.exit_reason for ref in children.values()} <= {
            *("normal", "shutdown", ("shutdown", 1), "boom")
        }
        assert kernel.actors() == []


async def test_a_tree_of_trees_is_healed_and_stopped_without_orphans() -> None:
    leaves = [ChildSpec(f"leaf{i}", Child) for i in range(3)]
    branch = Supervisor("one_for_all", intensity=100, children=leaves)
    trunk = Supervisor("rest_for_one", children=[ChildSpec(f"b{i}", branch) for i in range(3)])
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(intensity=100, children=[ChildSpec("t", trunk)]))
        trunk_ref = (await children_of(root))["t"]
        for _ in range(5):
            branches = await children_of(trunk_ref)
            leaf = (await children_of(branches["b1"]))["leaf1"]
            leaf.kill()
            await quiet(branches["b1"], restarts=1)
        trunk_ref.kill()
        await quiet(root, restarts=1)
        assert len(kernel.actors()) == 1 + 1 + 3 + 9
        root.stop("shutdown")
        await root.wait()
        assert kernel.actors() == []


@pytest.mark.parametrize("mailbox", [None, Mailbox(keep_on_restart=True)])
async def test_a_supervisor_does_not_hold_on_to_dead_incarnations(mailbox: Mailbox | None) -> None:
    async with kernel_for_test() as kernel:
        specs = [ChildSpec("c", Child, mailbox=mailbox)]
        root = await kernel.start(Supervisor(intensity=1000, children=specs))
        seen = WeakSet[ActorRef[Any]]()
        for number in range(50):
            child = (await children_of(root))["c"]
            seen.add(child)
            child.kill()
            del child
            await quiet(root, restarts=number + 1)
        gc.collect()
        assert len(seen) <= 2


async def test_a_thousand_children_start_and_stop() -> None:
    specs = [ChildSpec(f"c{i}", Child) for i in range(1000)]
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=specs))
        assert len(kernel.actors()) == 1001
        root.stop("shutdown")
        await root.wait()
        assert kernel.actors() == []
