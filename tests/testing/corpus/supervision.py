"""Acts: what supervisors do, whatever comes first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel

from airssys_wasm.supervision import ChildSpec, Supervisor, SupervisorRef
from airssys_wasm.supervision.strategy import AutoShutdownMode, Strategy
from airssys_wasm.testing.simulation import Simulation
from tests.testing.corpus.scenario import (
    Listener,
    Patient,
    Slow,
    scenario,
    worker,
)

GROUPS: tuple[Strategy, ...] = ("one_for_all", "rest_for_one")
ENDS: tuple[AutoShutdownMode, ...] = ("any_significant", "all_significant")


@scenario("crash", "kill", "exit")
async def permanent_children_come_back(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    children = [worker(f"w{n}") for n in range(3)]
    await kernel.start(Supervisor(intensity=1000, children=children), name="root")
    for _ in range(5):
        for n in range(3):
            kernel.named(f"w{n}").send("hello")
        kernel.named(f"w{simulation.random.randrange(3)}").kill()
        await simulation.sleep(1)
    for n in range(3):
        assert kernel.whereis(f"w{n}") is not None


class Ordered(Patient):
    """Says when it begins and when it is over, to a list that all share."""

    def __init__(self, name: str, log: list[tuple[str, str]]) -> None:
        super().__init__()
        self.name = name
        self.log = log

    async def init(self) -> None:
        self.log.append(("start", self.name))
        await anyio.sleep(0.1)

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(0.1)
        self.log.append(("stop", self.name))


def _ordered(log: list[tuple[str, str]], names: str, **options: Any) -> list[ChildSpec]:
    return [ChildSpec(n, Ordered, args=(n, log), name=n, **options) for n in names]


@scenario()
async def a_group_restarts_in_order(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    log: list[tuple[str, str]] = []
    strategy: Strategy = simulation.random.choice(GROUPS)
    tree = Supervisor(strategy, intensity=10, children=_ordered(log, "abcd"))
    await kernel.start(tree, name="root")
    assert log == [("start", n) for n in "abcd"]
    log.clear()
    kernel.named("b").kill()
    await simulation.sleep(5)
    first = "b" if strategy == "rest_for_one" else "a"
    stopped = [n for n in "dcba" if n != "b" and n >= first]
    started = [n for n in "abcd" if n >= first]
    assert log == [*(("stop", n) for n in stopped), *(("start", n) for n in started)], log
    log.clear()
    kernel.named("root").stop("shutdown")
    await simulation.sleep(5)
    assert log == [("stop", n) for n in "dcba"], log


@scenario()
async def two_of_a_group_fail_at_once(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    log: list[tuple[str, str]] = []
    tree = Supervisor("one_for_all", intensity=10, children=_ordered(log, "abc"))
    root = await kernel.start(tree, name="root")
    kernel.named("a").send("boom")
    kernel.named("c").send("boom")
    await simulation.sleep(10)
    assert all(kernel.whereis(n) for n in "abc")
    counts = await SupervisorRef.of(root).count_children()
    assert (counts.specs, counts.active) == (3, 3)


@scenario()
async def the_budget_is_as_large_as_it_says(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    intensity = simulation.random.randrange(4)
    tree = Supervisor(intensity=intensity, period=5.0, children=[worker("w"), worker("v")])
    root = await kernel.start(tree, name="root")
    for number in range(intensity + 1):
        assert root.is_alive
        kernel.named("wv"[number % 2]).kill()
        await simulation.sleep(0.5)
    assert not root.is_alive
    assert root.exit_reason == "shutdown"


@scenario()
async def a_budget_recovers_with_time(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    root = await kernel.start(Supervisor(intensity=1, period=5.0, children=[worker("w")]))
    for _ in range(4):
        kernel.named("w").kill()
        await simulation.sleep(5.5)
        assert root.is_alive
        assert kernel.whereis("w")
    kernel.named("w").kill()
    await simulation.sleep(4.0)
    kernel.named("w").kill()
    await simulation.sleep(0.1)
    assert not root.is_alive


@scenario()
async def an_inner_supervisor_gives_up_and_the_outer_one_answers(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    inner = Supervisor(intensity=0, children=[worker("w"), worker("v")])
    outer = Supervisor(
        intensity=3, children=[ChildSpec("inner", inner, name="inner"), worker("other")]
    )
    root = await kernel.start(outer, name="root")
    other = kernel.whereis("other")
    for _ in range(2):
        before = kernel.whereis("inner")
        kernel.named(simulation.random.choice("wv")).kill()
        await simulation.sleep(1)
        assert kernel.whereis("inner") not in (None, before)
        assert kernel.whereis("w")
        assert kernel.whereis("v")
        assert len([ref for ref in kernel.actors() if ref.name in ("w", "v")]) == 2
    assert kernel.whereis("other") is other
    assert root.is_alive


class Restless(Listener):
    """Its init fails while `failures` is above 0."""

    failures = 0

    def __init__(self, simulation: Simulation, box: list[int]) -> None:
        super().__init__()
        self.box = box

    async def init(self) -> None:
        await anyio.sleep(0.05)
        if self.box[0] > 0:
            self.box[0] -= 1
            raise ValueError("not yet")


@scenario()
async def a_restart_that_fails_is_tried_again(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    box = [0]
    spec = ChildSpec("w", Restless, args=(simulation, box), name="w")
    tree = Supervisor("rest_for_one", intensity=5, children=[worker("v"), spec, worker("x")])
    root = await kernel.start(tree, name="root")
    before = kernel.whereis("v")
    box[0] = 3
    kernel.named("w").kill()
    await simulation.sleep(2)
    assert box[0] == 0
    assert root.is_alive
    assert kernel.whereis("w")
    assert kernel.whereis("x")
    assert kernel.whereis("v") is before
    box[0] = 5
    kernel.named("w").kill()
    await simulation.sleep(2)
    assert not root.is_alive


@scenario("slow init", "kill")
async def a_restart_type_is_kept(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    kinds = ("permanent", "transient", "temporary")
    tree = Supervisor(intensity=1000, children=[worker(k, restart=k) for k in kinds])
    root = await kernel.start(tree, name="root")
    for kind in kinds:
        if (ref := kernel.whereis(kind)) is None:
            continue
        if kind == "temporary":
            ref.send("boom")
        else:
            ref.stop()
    await simulation.sleep(10)
    assert kernel.whereis("permanent")
    killed = {label.split("#")[0] for _, _, label in simulation.injector.done}
    if not killed:
        assert kernel.whereis("transient") is None
        assert kernel.whereis("temporary") is None
        children = await SupervisorRef.of(root).which_children()
        assert {c.id for c in children} == {"permanent", "transient"}


@scenario()
async def children_are_administered_by_hand(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    root = await kernel.start(Supervisor(intensity=0, children=[worker("w")]), name="root")
    supervisor = SupervisorRef.of(root)
    async with anyio.create_task_group() as group:
        for n in range(3):
            group.start_soon(supervisor.start_child, ChildSpec(f"x{n}", Patient, name=f"x{n}"))
        group.start_soon(supervisor.terminate_child, "w")
    assert kernel.whereis("w") is None
    await supervisor.restart_child("w")
    assert kernel.whereis("w")
    await supervisor.terminate_child("x1")
    await supervisor.delete_child("x1")
    assert {c.id for c in await supervisor.which_children()} == {"w", "x0", "x2"}
    assert root.is_alive


class Stubborn(Listener):
    """Does not end by itself."""

    async def terminate(self, reason: object) -> None:
        await anyio.sleep(1000)


class Deaf(Listener):
    """Goes on whatever it is told."""

    async def receive(self, message: Any) -> Any:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)
            if self.context.ref.exit_reason is not None:
                return


@scenario("hang", "swallowed cancellation")
async def stopping_takes_no_longer_than_the_children_may(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    children = [
        ChildSpec("stubborn", Stubborn, name="stubborn", shutdown=2.0),
        ChildSpec("slow", Slow, name="slow", shutdown=1.0),
        ChildSpec("deaf", Deaf, name="deaf", shutdown=1.0),
        ChildSpec("brutal", Stubborn, name="brutal", shutdown="brutal_kill"),
    ]
    root = await kernel.start(Supervisor(intensity=10, children=children), name="root")
    kernel.named("slow").send(100)
    kernel.named("deaf").send("go")
    await simulation.sleep(1)
    began = simulation.now()
    root.stop("shutdown")
    await root.wait()
    assert simulation.now() - began < 4.1


@scenario()
async def a_killed_supervisor_takes_its_children_along(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    inner = Supervisor(children=[worker("a"), ChildSpec("b", Patient, name="b")])
    tree = Supervisor(children=[ChildSpec("inner", inner, name="inner", restart="temporary")])
    await kernel.start(tree, name="root")
    kernel.named("inner").kill()
    await simulation.sleep(2)
    assert [kernel.whereis(n) for n in ("a", "b", "inner")] == [None, None, None]


@scenario()
async def a_significant_child_ends_its_supervisor(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    mode: AutoShutdownMode = simulation.random.choice(ENDS)
    significant = [worker(n, restart="transient", significant=True) for n in "ab"]
    tree = Supervisor(auto_shutdown=mode, children=[worker("other"), *significant])
    root = await kernel.start(tree, name="root")
    kernel.named("a").stop()
    await simulation.sleep(1)
    assert root.is_alive is (mode == "all_significant")
    kernel.named("b").stop()
    await simulation.sleep(1)
    assert not root.is_alive
    assert kernel.whereis("other") is None
