"""Restart types, strategies and the budget, over real actors: rules RESTART-*, STRAT-*, INT-*."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import Kernel
from airssys_wasm.supervision import ChildPresent, ChildSpec, GaveUp, Supervisor, SupervisorRef
from tests.kernel.test_timers import SetClock
from tests.supervision.staging import Player, Stage

pytestmark = pytest.mark.anyio

ORDERLY: list[object] = ["normal", "shutdown", ("shutdown", "upgrade")]
ABNORMAL: list[object] = ["boom", "killed"]
STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]


@pytest.fixture
async def stage(anyio_backend: object) -> AsyncIterator[Stage]:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            yield Stage(kernel)
    assert kernel.actors() == []


# --- restart types


@pytest.mark.rule("RESTART-01", "RESTART-02", "RESTART-03")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL)
async def test_a_permanent_child_comes_back_with_a_new_ref_whatever_ended_it(
    stage: Stage, reason: object
) -> None:
    await stage.open("a")
    before = (await stage.running())["a"]
    await stage.end("a", reason)
    after = (await stage.running())["a"]
    assert after != before
    assert (before.is_alive, after.is_alive) == (False, True)


@pytest.mark.rule("RESTART-04", "RESTART-05")
@pytest.mark.parametrize("reason", ORDERLY)
async def test_a_transient_child_that_ended_in_order_is_known_and_does_not_run(
    stage: Stage, reason: object
) -> None:
    await stage.open(stage.child("a", restart="transient"))
    await stage.end("a", reason)
    assert (await stage.running(), await stage.known()) == ({}, {"a"})


@pytest.mark.rule("RESTART-06")
@pytest.mark.parametrize("reason", ABNORMAL)
async def test_a_transient_child_that_failed_comes_back(stage: Stage, reason: object) -> None:
    await stage.open(stage.child("a", restart="transient"))
    await stage.end("a", reason)
    assert set(await stage.running()) == {"a"}


@pytest.mark.rule("RESTART-07", "RESTART-08", "RESTART-09")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL)
async def test_a_temporary_child_is_forgotten_whatever_ended_it(
    stage: Stage, reason: object
) -> None:
    await stage.open(stage.child("a", restart="temporary"))
    await stage.end("a", reason)
    assert await stage.known() == set()
    assert stage.take_log().count("start a") == 0


@pytest.mark.rule("RESTART-10")
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
async def test_a_temporary_child_that_was_stopped_for_a_sibling_stays_gone(
    stage: Stage, strategy: str
) -> None:
    await stage.open("a", stage.child("t", restart="temporary"), "c", strategy=strategy)
    await stage.end("a")
    assert stage.take_log() == ["end a", "stop c", "stop t", "start a", "start c"]
    assert await stage.known() == {"a", "c"}
    assert stage.ref.is_alive


@pytest.mark.rule("RESTART-11")
async def test_the_id_of_a_temporary_child_that_ended_may_be_used_again(stage: Stage) -> None:
    spec = stage.child("a", restart="temporary")
    await stage.open(spec)
    await stage.end("a")
    assert await stage.root.start_child(spec) == (await stage.running())["a"]


@pytest.mark.rule("RESTART-12")
@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_the_id_of_a_child_that_was_stopped_by_hand_is_taken(
    stage: Stage, restart: str
) -> None:
    spec = stage.child("a", restart=restart)
    await stage.open(spec)
    await stage.root.terminate_child("a")
    with pytest.raises(ChildPresent):
        await stage.root.start_child(spec)
    assert await stage.root.restart_child("a") == (await stage.running())["a"]


class Large:
    """An argument that can be seen to be gone."""


@pytest.mark.rule("RESTART-15")
async def test_the_arguments_of_temporary_children_that_ended_are_not_kept(stage: Stage) -> None:
    await stage.open()
    gone: list[weakref.ref[Large]] = []
    for number in range(100):
        large = Large()
        gone.append(weakref.ref(large))
        id = f"t{number}"
        await stage.root.start_child(stage.child(id, large, restart="temporary"))
        del large
        await stage.end(id, "normal")
    await stage.kernel.spawn(Player, "last", stage).request("read")  # workers forget the others
    gc.collect()
    assert [reference() for reference in gone] == [None] * 100


# --- strategies


@pytest.mark.rule("STRAT-01")
async def test_one_for_one_leaves_the_siblings_alone(stage: Stage) -> None:
    await stage.open("a", "b")
    before = await stage.running()
    await stage.end("a")
    after = await stage.running()
    assert stage.take_log() == ["end a", "start a"]
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]


@pytest.mark.rule("STRAT-05")
async def test_a_failure_is_one_restart_however_large_its_group(stage: Stage) -> None:
    await stage.open(*"abcde", strategy="one_for_all", intensity=2)
    await stage.end("a")
    await stage.end("e")
    assert stage.ref.is_alive
    await stage.end("c")
    assert stage.ref.exit_reason == "shutdown"


@pytest.mark.rule("STRAT-06")
async def test_one_for_all_tries_the_whole_group_again_when_one_does_not_start(
    stage: Stage,
) -> None:
    await stage.open("a", "b", strategy="one_for_all", intensity=5)
    stage.inits["b"].append(OSError("no disk"))
    await stage.end("a")
    await stage.settle()
    assert stage.take_log() == [
        *("end a", "stop b"),
        *("start a", "start b"),
        *("stop a", "start a", "start b"),
    ]


@pytest.mark.rule("STRAT-07")
async def test_rest_for_one_tries_again_from_the_child_that_does_not_start(stage: Stage) -> None:
    await stage.open("a", "b", "c", strategy="rest_for_one", intensity=5)
    stage.inits["b"].append(OSError("no disk"))
    await stage.end("a")
    await stage.settle()
    assert stage.take_log() == [
        *("end a", "stop c", "stop b"),
        *("start a", "start b"),
        *("start b", "start c"),
    ]


# --- the budget


@pytest.mark.rule("INT-01")
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_failures_of_several_children_add_up(stage: Stage, strategy: str) -> None:
    await stage.open("a", "b", strategy=strategy, intensity=2, period=3600.0)
    await stage.end("a")
    await stage.end("b")
    assert stage.ref.is_alive
    await stage.end("a")
    assert stage.ref.exit_reason == "shutdown"
    assert isinstance(stage.ref.cause, GaveUp)


@pytest.mark.rule("INT-02")
async def test_without_a_budget_the_first_failure_is_the_last(stage: Stage) -> None:
    await stage.open("a", "b", intensity=0)
    await stage.end("b")
    assert stage.ref.exit_reason == "shutdown"
    assert stage.take_log() == ["end b", "stop a"]


@pytest.mark.rule("INT-03")
@pytest.mark.parametrize(("seconds", "lives"), [(2.1, True), (0.4, False)])
async def test_failures_far_enough_apart_go_on_for_ever(
    anyio_backend: object, seconds: float, lives: bool
) -> None:
    clock = SetClock()
    async with Kernel("test", platform=clock) as kernel:
        stage = Stage(kernel)
        await stage.open("a", intensity=1, period=1.0)
        for _ in range(10):
            if stage.ref.is_alive:
                await stage.end("a")
                await clock.advance(seconds)
        assert stage.ref.is_alive is lives


@pytest.mark.rule("INT-04")
async def test_an_end_without_a_restart_costs_nothing(stage: Stage) -> None:
    transient, temporary = (
        stage.child(restart, restart=restart) for restart in ("transient", "temporary")
    )
    await stage.open(transient, temporary, "c", intensity=0)
    await stage.end("transient", "normal")
    await stage.end("temporary", "killed")
    assert set(await stage.running()) == {"c"}


@pytest.mark.rule("INT-05")
async def test_a_child_can_be_stopped_and_started_by_hand_without_a_budget(stage: Stage) -> None:
    await stage.open("a", intensity=0)
    for _ in range(10):
        await stage.root.terminate_child("a")
        await stage.root.restart_child("a")
    assert set(await stage.running()) == {"a"}


@pytest.mark.rule("INT-06")
@pytest.mark.parametrize(("restart", "restarts"), [("transient", 0), ("permanent", 1)])
async def test_who_gave_up_comes_back_only_if_permanent(
    stage: Stage, restart: Any, restarts: int
) -> None:
    inner = Supervisor(intensity=0, children=[stage.child("w", name="w")])
    await stage.open(ChildSpec("jobs", inner, restart=restart))
    jobs = (await stage.running())["jobs"]
    stage.kernel.named("w").send(("end", "boom"))
    assert await jobs.wait() == "shutdown"
    await stage.settle()
    assert ("jobs" in await stage.running()) is bool(restarts)
    assert await stage.known() == {"jobs"}
    assert (await stage.root.statistics()).restarts == restarts


class Traps(Player):
    def init(self) -> object:
        self.context.trap_exit = True
        return super().init()


@pytest.mark.rule("INT-08")
@pytest.mark.parametrize("behaviour", [Player, Traps])
async def test_the_child_of_a_killed_supervisor_cleans_up_whether_it_traps_or_not_unlike_in_otp(
    stage: Stage, behaviour: type[Player]
) -> None:
    await stage.open(ChildSpec("a", behaviour, args=("a", stage)))
    child = (await stage.running())["a"]
    stage.ref.kill()
    assert await child.wait() == "killed"
    assert stage.take_log() == ["end a"]


@pytest.mark.rule("INT-11")
@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_who_gives_up_stops_the_rest_in_reverse(stage: Stage, strategy: str) -> None:
    await stage.open(*"abcd", strategy=strategy, intensity=0)
    await stage.end("b")
    assert stage.ref.exit_reason == "shutdown"
    assert stage.take_log() == ["end b", "stop d", "stop c", "stop a"]


@pytest.mark.rule("INT-10", "INT-12")
async def test_children_whose_restart_keeps_failing_are_counted_and_do_not_run(
    stage: Stage,
) -> None:
    await stage.open("a", "b", "c", intensity=10**9)
    stage.broken.update("ab")
    for id, ref in (await stage.running()).items():
        if id in "ab":
            ref.kill()
    while (counts := await stage.root.count_children()).active != 1:
        await anyio.lowlevel.checkpoint()
    assert (counts.specs, counts.workers) == (3, 3)
    assert (await stage.root.statistics()).restarts > 0
    stage.broken.clear()
    while (counts := await stage.root.count_children()).active != 3:
        await anyio.lowlevel.checkpoint()
    assert set(await stage.running()) == {"a", "b", "c"}


@pytest.mark.rule("INT-07")
async def test_a_supervisor_that_comes_back_has_the_children_of_its_description(
    stage: Stage,
) -> None:
    await stage.open(ChildSpec("jobs", Supervisor(children=[stage.child("static")])))
    jobs = SupervisorRef.of((await stage.running())["jobs"])
    await jobs.start_child(stage.child("dynamic"))
    await stage.end("jobs", "killed")
    again = SupervisorRef.of((await stage.running())["jobs"])
    assert [child.id for child in await again.which_children()] == ["static"]
