"""A running supervisor gets a new description (rules UPG-*): decided, and over real actors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Kernel, Mailbox
from airssys_wasm.supervision import (
    ChildSpec,
    InvalidSpec,
    Reconfigured,
    Supervisor,
    SupervisorRef,
    steps,
)
from airssys_wasm.supervision.flags import Flags
from tests.supervision.staging import Stage

MODES = ["never", "any_significant", "all_significant"]


def reconfigure(sup: Any, specs: Any, **flags: Any) -> Any:
    """The answer of a supervisor without actors to a new description."""

    def change(children: Any, token: object) -> steps.Event:
        return steps.Reconfigure(Flags(**flags), tuple(children), token)

    return sup.tell(change, specs)


# --- the decision


@pytest.mark.rule("UPG-01")
def test_a_new_description_starts_and_stops_nobody(rehearse: Any, spec: Any) -> None:
    sup = rehearse("abc")
    sup.take_log()
    answer = reconfigure(sup, [spec("c"), spec("new"), spec("a", shutdown=1.0)])
    assert answer == Reconfigured(("a",), ("new",), ("c",), ("b",))
    assert sup.take_log() == ["adjust a"]
    assert sup.status() == {"c": "running", "new": "stopped", "a": "running", "b": "running"}


@pytest.mark.rule("UPG-01")
def test_children_stop_and_start_in_the_order_of_the_new_description(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("abcd")
    reconfigure(sup, [spec("d"), spec("b")], strategy="one_for_all")
    sup.take_log()
    sup.crash("d")
    assert sup.take_log() == [
        "stop c", "stop a", "stop b", "start d", "start b", "start a", "start c",
    ]  # fmt: skip


@pytest.mark.rule("UPG-01")
def test_an_added_child_is_started_by_hand(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a")
    reconfigure(sup, [spec("a"), spec("b")])
    assert sup.tell(steps.RestartChild, "b") == ("ok", "b")
    assert sup.status() == {"a": "running", "b": "running"}


@pytest.mark.rule("UPG-01")
def test_a_removed_child_is_restarted_as_before_until_it_is_deleted(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("ab")
    assert reconfigure(sup, [spec("a")]).removed == ("b",)
    sup.crash("b")
    assert sup.status() == {"a": "running", "b": "running"}
    sup.tell(steps.TerminateChild, "b")
    sup.tell(steps.DeleteChild, "b")
    assert sup.status() == {"a": "running"}


@pytest.mark.rule("UPG-01")
def test_a_changed_child_is_stopped_and_restarted_by_its_new_spec(rehearse: Any, spec: Any) -> None:
    sup = rehearse(["a", "b"])
    reconfigure(sup, [spec("a", restart="temporary"), spec("b", shutdown="brutal_kill", args=(1,))])
    sup.take_log()
    sup.crash("b")
    assert sup.spawned[sup.alive["b"]].spec.args == (1,)
    sup.crash("a")
    assert sup.status() == {"b": "running"}
    sup.take_log()
    sup.feed(steps.Stop("shutdown"))
    assert sup.take_log() == ["kill b", "end shutdown"]


def test_the_same_description_changes_nothing(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", args=([1, 2],)), "b"])
    sup.take_log()
    answer = reconfigure(sup, [spec("a", args=([1, 2],)), spec("b")])
    assert answer == Reconfigured(kept=("a", "b"))
    assert sup.take_log() == []


def test_arguments_that_cannot_be_compared_count_as_changed(rehearse: Any, spec: Any) -> None:
    class Vague:
        def __eq__(self, other: object) -> bool:
            raise ValueError("neither nor")

    sup = rehearse([spec("a", args=(Vague(),))])
    assert reconfigure(sup, [spec("a", args=(Vague(),))]).changed == ("a",)


@pytest.mark.rule("UPG-02")
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ([{"id": "a"}, {"id": "b"}, {"id": "a"}], "children"),
        ([{"id": "a", "restart": "temporary", "significant": True}], "auto_shutdown"),
    ],
)
def test_a_wrong_description_is_refused_as_a_whole(
    rehearse: Any, spec: Any, wrong: list[dict[str, Any]], field: str
) -> None:
    sup = rehearse("ab", intensity=1)
    before = sup.machine.which_children()
    answer = reconfigure(sup, [spec(**one) for one in wrong], strategy="one_for_all", intensity=9)
    assert isinstance(answer, steps.Invalid)
    assert answer.field == field
    assert sup.machine.which_children() == before
    sup.take_log()
    sup.crash("b")
    assert sup.take_log() == ["start b"]
    sup.crash("a")
    assert sup.ended is not None


@pytest.mark.rule("UPG-03")
def test_a_new_intensity_holds_from_the_next_failure_on(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a", intensity=0)
    reconfigure(sup, [spec("a")], intensity=2)
    sup.crash("a")
    sup.crash("a")
    assert sup.status() == {"a": "running"}
    reconfigure(sup, [spec("a")], intensity=1)
    assert sup.machine.restarts_left(0.0) == 0
    sup.crash("a")
    assert sup.ended.reason == "shutdown"
    assert (sup.ended.cause.intensity, sup.ended.cause.period) == (1, 5.0)


@pytest.mark.rule("UPG-03")
def test_what_was_spent_counts_in_the_new_period(rehearse: Any, spec: Any) -> None:
    sup = rehearse("a", intensity=1, period=1.0)
    sup.crash("a")
    reconfigure(sup, [spec("a")], intensity=1, period=10.0)
    sup.pass_time(5.0)
    assert sup.machine.restarts_left(5.0) == 0
    sup.crash("a")
    assert sup.ended is not None


@pytest.mark.rule("UPG-05")
@pytest.mark.parametrize("before", MODES)
@pytest.mark.parametrize("after", MODES)
def test_a_new_auto_shutdown_takes_effect_in_each_direction(
    rehearse: Any, spec: Any, before: Any, after: Any
) -> None:
    def readers(mode: str) -> list[ChildSpec]:
        significant = mode != "never"
        return [spec(id, restart="temporary", significant=significant) for id in "ab"]

    sup = rehearse([*readers(before), "c"], auto_shutdown=before)
    reconfigure(sup, [*readers(after), spec("c")], auto_shutdown=after)
    sup.crash("a", "normal")
    assert (sup.ended is not None) is (after == "any_significant")
    if sup.ended is None:
        sup.crash("b", "normal")
        assert (sup.ended is not None) is (after == "all_significant")


def test_a_new_description_waits_for_what_the_supervisor_is_doing(rehearse: Any, spec: Any) -> None:
    sup = rehearse("ab", strategy="one_for_all", inits={"b": ["ok", "hang"]})
    sup.crash("a")
    assert reconfigure(sup, [spec("a"), spec("c")], strategy="one_for_all") is None
    assert sup.status() == {"a": "running", "b": "starting"}
    sup.up("b")
    assert sup.answers[1] == Reconfigured((), ("c",), ("a",), ("b",))


def test_a_child_whose_restart_keeps_failing_is_restarted_by_its_new_spec(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse("a", intensity=5, inits={"a": ["ok", ("fail", "no disk")]})
    sup.holds_retries = True
    sup.crash("a")
    answer = reconfigure(sup, [spec("a", args=("new",))], intensity=5)
    assert answer.changed == ("a",)
    sup.retry()
    assert sup.status() == {"a": "running"}
    assert sup.spawned[sup.alive["a"]].spec.args == ("new",)


@pytest.mark.parametrize(
    ("changes", "adopts"),
    [
        ({}, True),
        ({"shutdown": 1.0}, True),
        ({"name": "other"}, False),
        ({"mailbox": Mailbox(capacity=3, keep_on_restart=True)}, False),
        ({"mailbox": None}, False),
    ],
)
def test_a_kept_mailbox_goes_to_the_next_incarnation_only_if_that_has_the_same(
    rehearse: Any, spec: Any, changes: dict[str, Any], adopts: bool
) -> None:
    options = {"name": "a", "mailbox": Mailbox(keep_on_restart=True)}
    sup = rehearse([spec("a", **options)])
    reconfigure(sup, [spec("a", **(options | changes))])
    sup.take_log()
    sup.crash("a")
    assert sup.take_log() == (["start a with its mailbox"] if adopts else ["release a", "start a"])


# --- over actors


@pytest.fixture
async def stage(anyio_backend: object) -> AsyncIterator[Stage]:
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            yield Stage(kernel)
    assert kernel.actors() == []


@pytest.mark.anyio
@pytest.mark.rule("UPG-01")
async def test_a_changed_child_keeps_its_ref_and_is_restarted_with_its_new_arguments(
    stage: Stage,
) -> None:
    await stage.open("a", "b")
    before = await stage.running()
    specs = [stage.child("a", "new"), stage.child("c")]
    answer = await stage.root.reconfigure(Supervisor(children=specs))
    assert answer == Reconfigured(("a",), ("c",), (), ("b",))
    assert await stage.running() == before
    assert stage.take_log() == []
    assert await before["a"].request("read") == ()
    await stage.end("a")
    assert await (await stage.running())["a"].request("read") == ("new",)
    assert await stage.root.restart_child("c") is not None
    assert set(await stage.running()) == {"a", "b", "c"}


@pytest.mark.anyio
@pytest.mark.rule("UPG-02")
@pytest.mark.parametrize("wrong", [None, {"children": []}, ChildSpec("a", list)])
async def test_what_describes_no_supervisor_is_refused(stage: Stage, wrong: Any) -> None:
    await stage.open("a")
    before = await stage.running()
    with pytest.raises(InvalidSpec, match="is not a Supervisor") as refused:
        await stage.root.reconfigure(wrong)
    assert refused.value.field == "description"
    assert await stage.running() == before


@pytest.mark.anyio
@pytest.mark.rule("UPG-03")
async def test_a_reconfigured_supervisor_has_a_new_budget_at_once(stage: Stage) -> None:
    await stage.open("a", intensity=0)
    await stage.root.reconfigure(Supervisor(intensity=7, children=[stage.child("a")]))
    assert (await stage.root.statistics()).restarts_left == 7
    await stage.end("a")
    assert stage.ref.is_alive


@pytest.mark.anyio
async def test_a_child_that_lives_on_has_its_new_time_to_clean_up(stage: Stage) -> None:
    await stage.open(stage.child("a", shutdown="infinity"))
    child = (await stage.running())["a"]
    await stage.root.reconfigure(Supervisor(children=[stage.child("a", shutdown=0)]))
    stage.gates["a"] = asyncio.Event()
    child.send(("end", "boom"))
    assert await child.wait() == "killed"
    await stage.settle()


@pytest.mark.anyio
async def test_a_supervisor_goes_on_with_the_observer_and_the_label_of_its_new_description(
    stage: Stage,
) -> None:
    seen: list[object] = []
    await stage.open("a", intensity=0, label="old")
    new = Supervisor(intensity=0, children=[stage.child("a")], label="new", observer=seen.append)
    await stage.root.reconfigure(new)
    await stage.end("a")
    assert await stage.ref.wait() == "shutdown"
    assert stage.ref.cause.supervisor == "new"  # type: ignore[attr-defined]
    assert stage.ref.cause in seen


@pytest.mark.anyio
async def test_a_supervisor_below_another_is_reconfigured_by_itself(stage: Stage) -> None:
    inner = ChildSpec("jobs", Supervisor(children=[stage.child("a")]))
    await stage.open(inner)
    jobs = (await stage.running())["jobs"]
    added = Supervisor(children=[stage.child("a"), stage.child("b")])
    assert (await SupervisorRef.of(jobs).reconfigure(added)).added == ("b",)
    assert [child.id for child in await SupervisorRef.of(jobs).which_children()] == ["b", "a"]
