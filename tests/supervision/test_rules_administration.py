"""Starts, stops, administration and significant children, over real actors.

Rules START-*, SHUT-*, ADM-* and AUTO-*.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import IGNORE, Error, Exit, Inbox, Kernel, StartError
from airssys_wasm.supervision import ChildSpec, FailedToStart, Supervisor
from tests.kernel.test_timers import SetClock
from tests.supervision.staging import Player, Stage

pytestmark = pytest.mark.anyio


@pytest.fixture
async def stage(anyio_backend: object) -> AsyncIterator[Stage]:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            yield Stage(kernel)
    assert kernel.actors() == []


# --- starts


@pytest.mark.rule("START-03")
async def test_a_permanent_child_that_ignores_its_start_counts_as_spec_and_not_as_active(
    stage: Stage,
) -> None:
    stage.inits["a"].append(IGNORE)
    await stage.open("a", "b")
    counts = await stage.root.count_children()
    assert (counts.specs, counts.active) == (2, 1)
    assert set(await stage.running()) == {"b"}


@pytest.mark.rule("START-04")
async def test_a_temporary_child_that_ignores_its_start_is_not_kept(stage: Stage) -> None:
    stage.inits["a"].append(IGNORE)
    stage.inits["b"].append(IGNORE)
    await stage.open(stage.child("a", restart="temporary"))
    assert await stage.known() == set()
    assert await stage.root.start_child(stage.child("b", restart="temporary")) is None
    assert await stage.known() == set()


@pytest.mark.rule("START-07")
async def test_a_child_that_cannot_be_added_touches_nobody(stage: Stage) -> None:
    await stage.open("a", intensity=0)
    before = await stage.running()
    stage.broken.add("b")
    with pytest.raises(StartError):
        await stage.root.start_child(stage.child("b"))
    assert await stage.running() == before
    assert await stage.known() == {"a"}


async def test_a_child_that_cannot_be_attached_does_not_live(stage: Stage) -> None:
    def refuse(ref: Any) -> None:
        raise OSError("no such topic")

    await stage.open("a")
    before = stage.kernel.actors()
    with pytest.raises(StartError, match="no such topic"):
        await stage.root.start_child(stage.child("b", attach=refuse, name="b"))
    assert stage.kernel.actors() == before
    assert stage.kernel.whereis("b") is None
    assert await stage.known() == {"a"}


@pytest.mark.rule("START-08")
async def test_a_supervisor_that_does_not_start_is_an_exit_to_a_linked_parent_that_traps(
    stage: Stage,
) -> None:
    seen: list[Any] = []
    stage.broken.add("a")
    tree = Supervisor(children=[stage.child("a")])

    async def parent(inbox: Inbox[Any]) -> None:
        inbox.context.trap_exit = True
        root = inbox.context.spawn(tree, link=True)
        exit = await inbox.receive()
        assert isinstance(exit, Exit)
        assert exit.ref is root
        seen.append(exit.reason)

    assert await stage.kernel.spawn(parent).wait() == "normal"
    assert seen == [("shutdown", FailedToStart("a", Error("OSError", "no disk")))]
    with pytest.raises(StartError) as failed:
        await stage.kernel.start(tree)
    assert failed.value.reason == seen[0]


@pytest.mark.rule("START-10")
async def test_a_restart_by_hand_that_fails_leaves_the_child_stopped(stage: Stage) -> None:
    await stage.open("a", intensity=0)
    await stage.root.terminate_child("a")
    stage.take_log()
    stage.inits["a"].append(OSError("no disk"))
    with pytest.raises(StartError, match="no disk"):
        await stage.root.restart_child("a")
    assert (await stage.running(), await stage.known()) == ({}, {"a"})
    assert stage.take_log() == ["start a"]
    assert await stage.root.restart_child("a") is not None


# --- stops


@pytest.mark.rule("SHUT-01", "SHUT-05")
async def test_children_that_take_as_long_as_they_like_are_stopped_one_by_one(
    stage: Stage,
) -> None:
    await stage.open(*(stage.child(id, shutdown="infinity") for id in "abc"))
    stage.gates.update({id: asyncio.Event() for id in "abc"})
    children = await stage.running()
    stage.ref.stop("shutdown")
    for number, id in enumerate("cba", 1):
        while len(stage.log) < number:
            await anyio.lowlevel.checkpoint()
        assert (stage.log[-1], len(stage.log)) == (f"stop {id}", number)
        assert stage.ref.is_alive
        stage.gates[id].set()
    assert await stage.ref.wait() == "shutdown"
    assert [ref.exit_reason for ref in children.values()] == ["shutdown"] * 3


@pytest.mark.rule("SHUT-02")
async def test_a_child_that_overstays_its_time_is_killed_when_that_is_over(
    anyio_backend: object,
) -> None:
    clock = SetClock()
    async with Kernel("test", platform=clock) as kernel:
        stage = Stage(kernel)
        await stage.open(stage.child("a", shutdown=0.1))
        stage.gates["a"] = asyncio.Event()
        child = (await stage.running())["a"]
        stage.ref.stop("shutdown")
        await clock.advance(0.099)
        assert child.is_alive
        await clock.advance(0.002)
        assert child.exit_reason == "killed"
        assert await stage.ref.wait() == "shutdown"


async def test_a_child_that_ends_by_itself_has_its_shutdown_time_to_clean_up(
    anyio_backend: object,
) -> None:
    clock = SetClock()
    async with Kernel("test", platform=clock) as kernel:
        stage = Stage(kernel)
        await stage.open(stage.child("a", shutdown=0.1, restart="temporary"))
        stage.gates["a"] = asyncio.Event()
        child = (await stage.running())["a"]
        child.send(("end", "boom"))
        await clock.advance(0.099)
        assert child.is_alive
        await clock.advance(0.002)
        assert child.exit_reason == "killed"


@pytest.mark.rule("SHUT-03")
async def test_a_brutal_kill_is_not_trapped(stage: Stage) -> None:
    class Traps(Player):
        def init(self) -> object:
            self.context.trap_exit = True
            return super().init()

    await stage.open(ChildSpec("a", Traps, args=("a", stage), shutdown="brutal_kill"))
    child = (await stage.running())["a"]
    stage.ref.stop("shutdown")
    await stage.ref.wait()
    assert child.exit_reason == "killed"
    assert stage.take_log() == []


@pytest.mark.rule("SHUT-07")
async def test_a_child_can_be_terminated_twice_and_stays_known(stage: Stage) -> None:
    await stage.open("a", "b", intensity=0)
    await stage.root.terminate_child("a")
    await stage.root.terminate_child("a")
    assert await stage.known() == {"a", "b"}
    assert set(await stage.running()) == {"b"}
    assert stage.take_log() == ["stop a"]


@pytest.mark.rule("SHUT-12")
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "upgrade"), "boom"])
async def test_a_child_that_ends_while_a_sibling_is_stopped_keeps_its_reason(
    stage: Stage, restart: str, reason: object
) -> None:
    await stage.open(stage.child("a", restart=restart), "b")
    stage.gates["b"] = asyncio.Event()
    child = (await stage.running())["a"]
    stage.ref.stop("shutdown")
    while stage.log != ["stop b"]:
        await anyio.lowlevel.checkpoint()
    child.send(("end", reason))
    assert await child.wait() == reason
    stage.gates["b"].set()
    assert await stage.ref.wait() == "shutdown"
    assert "start a" not in stage.log


# --- administration


@pytest.mark.rule("ADM-03")
async def test_the_newest_child_is_listed_first(stage: Stage) -> None:
    await stage.open("a", "b")
    await stage.root.start_child(stage.child("c"))
    assert [child.id for child in await stage.root.which_children()] == ["c", "b", "a"]


@pytest.mark.rule("ADM-06")
async def test_children_are_counted_by_type_and_by_whether_they_run(stage: Stage) -> None:
    await stage.open("a", "b", ChildSpec("jobs", Supervisor()))
    await stage.root.terminate_child("a")
    counts = await stage.root.count_children()
    assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (3, 2, 1, 2)


# --- significant children


@pytest.mark.rule("AUTO-01")
@pytest.mark.parametrize(
    ("restart", "reason", "ends"),
    [
        ("temporary", "normal", True),
        ("temporary", "boom", True),
        ("temporary", "killed", True),
        ("transient", "normal", True),
        ("transient", "killed", False),
    ],
)
async def test_any_significant_child_that_ended_for_good_ends_the_supervisor(
    stage: Stage, restart: str, reason: str, ends: bool
) -> None:
    reader = stage.child("reader", restart=restart, significant=True)
    await stage.open("a", reader, auto_shutdown="any_significant")
    await stage.end("reader", reason)
    if ends:
        assert stage.ref.exit_reason == "shutdown"
        assert stage.take_log()[-1] == "stop a"
    else:
        assert set(await stage.running()) == {"a", "reader"}


@pytest.mark.rule("AUTO-01")
@pytest.mark.parametrize("restart", ["temporary", "transient"])
@pytest.mark.parametrize("mode", ["any_significant", "all_significant"])
async def test_a_significant_child_that_is_terminated_by_hand_ends_nobody(
    stage: Stage, restart: str, mode: str
) -> None:
    reader = stage.child("reader", restart=restart, significant=True)
    await stage.open("a", reader, auto_shutdown=mode)
    await stage.root.terminate_child("reader")
    assert set(await stage.running()) == {"a"}


@pytest.mark.rule("AUTO-01", "AUTO-02")
async def test_the_last_of_all_significant_children_ends_the_supervisor(stage: Stage) -> None:
    one, two = (stage.child(id, restart="temporary", significant=True) for id in ("one", "two"))
    await stage.open("a", one, two, auto_shutdown="all_significant")
    await stage.end("one", "normal")
    assert set(await stage.running()) == {"a", "two"}
    await stage.end("two", "normal")
    assert stage.ref.exit_reason == "shutdown"
    assert stage.take_log() == ["end one", "end two", "stop a"]


@pytest.mark.rule("AUTO-03")
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_a_significant_child_that_is_stopped_for_a_sibling_ends_nobody(
    stage: Stage, strategy: str
) -> None:
    reader = stage.child("reader", restart="transient", significant=True)
    await stage.open("a", reader, strategy=strategy, auto_shutdown="any_significant")
    await stage.end("a")
    assert set(await stage.running()) == {"a", "reader"}


@pytest.mark.rule("AUTO-04")
@pytest.mark.parametrize("significant", [True, False])
async def test_the_end_of_a_significant_child_goes_up_as_far_as_supervisors_are_significant(
    stage: Stage, significant: bool
) -> None:
    reader = stage.child("reader", name="reader", restart="temporary", significant=True)
    inner = Supervisor(auto_shutdown="any_significant", children=[reader])
    jobs = ChildSpec("jobs", inner, restart="transient", significant=significant)
    await stage.open("a", jobs, auto_shutdown="any_significant")
    ended = (await stage.running())["jobs"]
    stage.kernel.named("reader").send(("end", "normal"))
    assert await ended.wait() == "shutdown"
    if significant:
        assert await stage.ref.wait() == "shutdown"
    else:
        assert set(await stage.running()) == {"a"}


@pytest.mark.rule("AUTO-05")
@pytest.mark.parametrize("restart", ["temporary", "transient"])
@pytest.mark.parametrize("mode", ["never", "any_significant", "all_significant"])
async def test_the_end_of_an_ordinary_child_ends_no_supervisor(
    stage: Stage, restart: str, mode: str
) -> None:
    await stage.open("a", stage.child("b", restart=restart), auto_shutdown=mode)
    await stage.end("b", "normal")
    assert set(await stage.running()) == {"a"}
