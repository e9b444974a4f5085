"""Random trees of real actors under random failures: nothing is orphaned, and the tree heals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.kernel import IGNORE, Actor, ActorExited, ActorRef, Kernel, StartError
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    HealthCheck,
    Supervisor,
    SupervisorRef,
)


@dataclass
class Weather:
    """How the coming inits go, and who lives now."""

    inits: list[str] = field(default_factory=list)
    living: dict[str, int] = field(default_factory=dict)


class Leaf(Actor[Any]):
    """An actor that starts as the weather says and counts itself."""

    def __init__(self, id: str, weather: Weather) -> None:
        self.id = id
        self.weather = weather

    async def init(self) -> object:
        match self.weather.inits.pop() if self.weather.inits else "ok":
            case "fail":
                raise OSError("no disk")
            case "ignore":
                return IGNORE
            case "slow":
                for _ in range(5):
                    await anyio.lowlevel.checkpoint()
        return None

    async def receive(self, message: Any) -> object:
        match message:
            case "crash":
                raise ValueError("boom")
            case "die slowly":
                await anyio.lowlevel.checkpoint()
                raise ValueError("boom")
            case "end":
                self.context.stop()
        return None

    async def terminate(self, reason: object) -> None:
        await anyio.lowlevel.checkpoint()


STRATEGY = st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"])
LEAF = st.tuples(
    st.sampled_from(["permanent", "permanent", "transient", "temporary"]),
    st.sampled_from([0.5, "infinity", "brutal_kill", 0]),
    st.sampled_from(["plain", "plain", "backoff", "health", "queue", "all"]),
)
TREE = st.recursive(
    LEAF, lambda inner: st.tuples(STRATEGY, st.lists(inner, min_size=1, max_size=4)), max_leaves=10
)
BLOWS = st.lists(
    st.tuples(
        st.sampled_from(["crash", "die slowly", "end", "kill", "exit", "wait"]), st.integers(0, 99)
    ),
    max_size=12,
)
INITS = st.lists(st.sampled_from(["ok", "ok", "ok", "slow", "slow", "fail", "ignore"]), max_size=8)


def build(shape: Any, path: str, weather: Weather, intensity: int) -> ChildSpec:
    """A child spec for a leaf, or for a supervisor with what is below it."""
    if isinstance(shape[1], list):
        strategy, inner = shape
        children = [build(one, f"{path}.{i}", weather, intensity) for i, one in enumerate(inner)]
        return ChildSpec(path, Supervisor(strategy, intensity, children=children))
    restart, shutdown, beyond = shape
    return ChildSpec(
        path,
        Leaf,
        args=(path, weather),
        restart=restart,
        shutdown=shutdown,
        backoff=Backoff(0.001, max=0.004) if beyond in ("backoff", "all") else None,
        health=HealthCheck(0.002, 10.0) if beyond in ("health", "all") else None,
        while_restarting="queue" if beyond in ("queue", "all") else "fail",
    )


def strike(kernel: Kernel, blow: str, choice: int, root: ActorRef[Any]) -> None:
    victims = [ref for ref in kernel.actors() if ref is not root]
    if not victims:
        return
    victim = victims[choice % len(victims)]
    match blow:
        case "kill":
            victim.kill()
        case "exit":
            victim.exit("boom")
        case "crash" | "die slowly" | "end":
            victim.send(blow)


async def tree_below(ref: ActorRef[Any]) -> set[ActorRef[Any]] | None:
    """All living actors of a tree; None while something is under way in it."""
    known = {ref}
    try:
        for child in await SupervisorRef.of(ref).which_children():
            if child.status not in ("running", "stopped"):
                return None
            if child.ref is None:
                continue
            below = await tree_below(child.ref) if child.type == "supervisor" else {child.ref}
            if below is None:
                return None
            known |= below
    except ActorExited:
        return None
    return known


async def calm(kernel: Kernel, root: ActorRef[Any]) -> set[ActorRef[Any]]:
    """The living actors of the tree once nothing has changed in it for a while."""
    before: set[ActorRef[Any]] | None = None
    while root.is_alive:
        tree = await tree_below(root)
        if tree is not None and tree == before and not any(a.mailbox_length for a in tree):
            return tree
        before = tree
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
    return set()


async def weather_a_storm(shape: Any, inits: list[str], blows: list[Any], intensity: int) -> None:
    weather = Weather()
    spec = build((("one_for_one", [shape])), "r", weather, intensity)
    with anyio.fail_after(30):
        async with Kernel("storm") as kernel:
            root = await kernel.start(spec.start)
            weather.inits = list(inits)
            for blow, choice in blows:
                if blow == "wait":
                    for _ in range(choice % 20):
                        await anyio.lowlevel.checkpoint()
                else:
                    strike(kernel, blow, choice, root)
            tree = await calm(kernel, root)
            if root.is_alive:
                assert set(kernel.actors()) == tree
                root.stop("shutdown")
            assert await root.wait() == "shutdown"
            while kernel.actors():  # those below a killed supervisor may still clean up
                await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("uvloop", [False, True])
@settings(max_examples=25)
@given(TREE, INITS, BLOWS, st.sampled_from([0, 1, 3, 1000]))
def test_a_tree_survives_or_gives_up_and_leaves_no_orphans(
    uvloop: bool, shape: Any, inits: list[str], blows: list[Any], intensity: int
) -> None:
    options = {"use_uvloop": uvloop}
    anyio.run(weather_a_storm, shape, inits, blows, intensity, backend_options=options)


@settings(max_examples=25)
@given(TREE, INITS)
def test_a_tree_that_does_not_start_leaves_nothing(shape: Any, inits: list[str]) -> None:
    async def main() -> None:
        weather = Weather(list(inits))
        with anyio.fail_after(30):
            async with Kernel("storm") as kernel:
                spec = build((("one_for_all", [shape, shape])), "r", weather, 3)
                try:
                    root = await kernel.start(spec.start)
                except StartError:
                    assert kernel.actors() == []
                else:
                    root.stop("shutdown")
                    await root.wait()
                    assert kernel.actors() == []

    anyio.run(main)
