"""Dynamic supervisors over real actors: children that come and go."""

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

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorExited,
    ActorRef,
    Inbox,
    Kernel,
    Mailbox,
    StartError,
)
from airssys_wasm.supervision import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    ChildStarted,
    ChildStopped,
    DynamicSupervisor,
    DynamicSupervisorRef,
    GaveUp,
    HealthChanged,
    HealthCheck,
    InvalidSpec,
    MaxChildren,
    NotAChild,
    Reconfigured,
    RestartDelayed,
    StartTimedOut,
    Supervisor,
    SupervisorRef,
)

pytestmark = pytest.mark.anyio


class Child(Actor[Any]):
    """Tells its arguments, and ends as it is told."""

    def __init__(self, *args: object) -> None:
        self.args = args

    def receive(self, message: Any) -> object:
        match message:
            case "read":
                return self.args
            case ("end", reason):
                self.context.stop(reason)
        return None


class Lame(Child):
    """Its inits fail while it is told so."""

    broken = False

    def init(self) -> None:
        if self.args and isinstance(self.args[0], dict) and self.args[0].get("broken"):
            raise OSError("no disk")


@asynccontextmanager
async def dynamic(
    template: Any = Child, **options: Any
) -> AsyncIterator[tuple[Kernel, ActorRef[Any], DynamicSupervisorRef]]:
    with anyio.fail_after(30):
        async with Kernel("test") as kernel:
            ref = await kernel.start(DynamicSupervisor(template, **options))
            yield kernel, ref, DynamicSupervisorRef.of(ref)


async def start(supervisor: DynamicSupervisorRef, *args: object) -> ActorRef[Any]:
    ref = await supervisor.start_child(*args)
    assert ref is not None
    return ref


async def refs(supervisor: DynamicSupervisorRef) -> list[ActorRef[Any]]:
    """The living children, oldest first."""
    children = await supervisor.which_children()
    return [child.ref for child in reversed(children) if child.ref is not None]


async def replaced(supervisor: DynamicSupervisorRef, old: ActorRef[Any]) -> None:
    """Until another runs in the place of `old`."""
    await old.wait()
    while old in await refs(supervisor) or any(
        child.status != "running" for child in await supervisor.which_children()
    ):
        await anyio.lowlevel.checkpoint()


# --- the template


@pytest.mark.rule("SPEC-07")
@pytest.mark.parametrize("templates", [[], [Child, Child], (Child,)])
def test_a_dynamic_supervisor_has_one_template_not_none_and_not_two(templates: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"template: .* is not one template"):
        DynamicSupervisor(templates)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"restart": "prmanent"}, "restart"),
        ({"max_children": 0}, "max_children"),
        ({"max_children": True}, "max_children"),
        ({"max_children": 1.5}, "max_children"),
        ({"intensity": -1}, "intensity"),
        ({"period": 0}, "period"),
        ({"auto_shutdown": "sometimes"}, "auto_shutdown"),
        ({"significant": True, "restart": "temporary"}, "auto_shutdown"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(options: Any, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        DynamicSupervisor(Child, **options)
    assert caught.value.field == field


def test_a_template_is_a_behaviour_or_a_spec_without_a_name_or_options_beside_it() -> None:
    assert DynamicSupervisor(Child, args=[1]).template == ChildSpec("Child", Child, args=[1])
    spec = ChildSpec("job", Child, restart="transient")
    assert DynamicSupervisor(spec).template is spec
    with pytest.raises(InvalidSpec, match="name: 'x'"):
        DynamicSupervisor(ChildSpec("job", Child, name="x"))
    with pytest.raises(InvalidSpec, match="beside it"):
        DynamicSupervisor(spec, restart="temporary")
    with pytest.raises(InvalidSpec, match="beside it"):
        DynamicSupervisor(spec, args=(1,))
    with pytest.raises(InvalidSpec, match="is not a behaviour"):
        DynamicSupervisor(7)


def test_it_is_a_supervisor_among_other_children() -> None:
    spec = ChildSpec("pool", DynamicSupervisor(Child))
    assert (spec.type, spec.shutdown) == ("supervisor", "infinity")


# --- starts


async def test_a_child_gets_the_arguments_of_the_template_and_then_its_own() -> None:
    async with dynamic(args=("all",)) as (_, _, supervisor):
        child = await start(supervisor, "one", 1)
        assert await child.request("read") == ("all", "one", 1)
        assert await supervisor.template() == ChildSpec("Child", Child, args=("all",))


@pytest.mark.rule("START-05")
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_a_child_that_is_not_needed_is_not_kept(restart: Any) -> None:
    class Ignoring(Child):
        def init(self) -> object:
            return IGNORE

    async with dynamic(Ignoring, restart=restart) as (_, ref, supervisor):
        assert await supervisor.start_child() is None
        assert await supervisor.which_children() == []
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"


async def test_a_child_that_does_not_start_is_an_error_to_who_asked_and_nobody_else() -> None:
    async with dynamic(Lame) as (_, _, supervisor):
        other = await start(supervisor)
        with pytest.raises(StartError) as caught:
            await supervisor.start_child({"broken": True})
        assert isinstance(caught.value.__cause__, OSError)
        assert await refs(supervisor) == [other]
        assert (await supervisor.statistics()).restarts == 0


async def test_wrong_arguments_are_an_error_to_who_asked() -> None:
    class NoArguments(Actor[Any]):
        def __init__(self) -> None:
            pass

    async with dynamic(NoArguments) as (_, _, supervisor):
        with pytest.raises(StartError) as caught:
            await supervisor.start_child("too", "many")
        assert isinstance(caught.value.__cause__, TypeError)
        assert await supervisor.which_children() == []


async def test_no_more_children_than_max_children_and_one_more_when_one_has_ended() -> None:
    async with dynamic(max_children=2, restart="temporary") as (_, _, supervisor):
        first = await start(supervisor)
        await start(supervisor)
        with pytest.raises(MaxChildren, match="2 children") as caught:
            await supervisor.start_child()
        assert caught.value.max_children == 2
        await supervisor.terminate_child(first)
        await start(supervisor)
        assert (await supervisor.count_children()).workers == 2


async def test_a_child_that_hangs_in_init_holds_up_neither_answers_nor_other_starts() -> None:
    gate = anyio.Event()

    class Slow(Child):
        async def init(self) -> None:
            if self.args == ("slow",):
                await gate.wait()

    async with dynamic(Slow) as (_, _, supervisor), anyio.create_task_group() as tasks:
        started: list[ActorRef[Any]] = []

        async def start_slowly() -> None:
            started.append(await start(supervisor, "slow"))

        tasks.start_soon(start_slowly)
        while not await supervisor.which_children():
            await anyio.lowlevel.checkpoint()
        quick = await start(supervisor, "quick")
        children = await supervisor.which_children()
        assert [(child.id, child.status) for child in children] == [
            ("Slow-2", "running"),
            ("Slow-1", "starting"),
        ]
        assert (await supervisor.count_children()).active == 1
        gate.set()
        while not started:
            await anyio.lowlevel.checkpoint()
        assert await refs(supervisor) == [started[0], quick]


async def test_an_init_that_takes_too_long_is_killed_and_told_to_who_asked() -> None:
    class Hanging(Child):
        async def init(self) -> None:
            await anyio.sleep_forever()

    async with dynamic(Hanging, start_timeout=0.01) as (_, _, supervisor):
        with pytest.raises(StartError) as caught:
            await supervisor.start_child()
        assert caught.value.reason == StartTimedOut(0.01)
        assert await supervisor.which_children() == []


# --- restarts


@pytest.mark.rule("STRAT-08", "ADM-08")
async def test_a_child_that_fails_is_restarted_alone_with_its_own_arguments() -> None:
    async with dynamic(intensity=2) as (_, _, supervisor):
        one, two, three = [await start(supervisor, number) for number in (1, 2, 3)]
        two.kill()
        await replaced(supervisor, two)
        after = await refs(supervisor)
        assert after[0] is one
        assert after[2] is three
        assert await after[1].request("read") == (2,)
        assert [child.restarts for child in await supervisor.which_children()] == [0, 1, 0]


@pytest.mark.rule("INT-01")
async def test_all_children_share_one_budget() -> None:
    async with dynamic(intensity=2, period=3600.0, label="jobs") as (_, ref, supervisor):
        one, two = await start(supervisor, 1), await start(supervisor, 2)
        for child in (one, two):
            child.send(("end", "boom"))
            await replaced(supervisor, child)
        (await refs(supervisor))[0].send(("end", "the last straw"))
        assert await ref.wait() == "shutdown"
        assert ref.cause == GaveUp("jobs", "Child-1", "the last straw", None, 2, 3600.0)


async def test_the_chain_of_causes_goes_through_a_dynamic_supervisor() -> None:
    inner = Supervisor(children=[ChildSpec("leaf", Child)], intensity=0, label="inner")
    async with dynamic(inner, intensity=0, label="outer") as (_, ref, supervisor):
        child = await start(supervisor)
        (leaf,) = await SupervisorRef.of(child).which_children()
        assert leaf.ref is not None
        leaf.ref.send(("end", "boom"))
        await ref.wait()
        assert isinstance(ref.cause, GaveUp)
        assert ref.cause.cause == GaveUp("inner", "leaf", "boom", None, 0, 5.0)


@pytest.mark.rule("INT-09")
async def test_a_restart_that_keeps_failing_costs_a_unit_for_each_attempt() -> None:
    attempts: list[int] = []

    class Once(Child):
        def init(self) -> None:
            attempts.append(1)
            if len(attempts) > 1:
                raise OSError("no disk")

    async with dynamic(Once, intensity=4, period=3600.0) as (_, ref, supervisor):
        (await start(supervisor)).kill()
        assert await ref.wait() == "shutdown"
        assert len(attempts) == 1 + 4
        assert isinstance(ref.cause, GaveUp)
        assert "no disk" in str(ref.cause.reason)


@pytest.mark.rule("INT-10", "INT-12")
async def test_while_restarts_keep_failing_the_supervisor_answers_and_counts() -> None:
    async with dynamic(Lame, intensity=1_000_000) as (_, ref, supervisor):
        switch: dict[str, bool] = {}
        well, lame, lamer = [await start(supervisor, one) for one in ({}, switch, switch)]
        switch["broken"] = True
        lame.kill()
        lamer.kill()
        await lame.wait()
        while (await supervisor.statistics()).restarts < 10:
            assert await well.request("read") == ({},)
        counts = await supervisor.count_children()
        assert (counts.specs, counts.active, counts.workers) == (1, 1, 3)
        statuses = [child.status for child in await supervisor.which_children()]
        assert statuses[2] == "running"
        assert set(statuses[:2]) <= {"restarting", "starting"}
        another = await start(supervisor, {})
        await supervisor.terminate_child(lamer)  # by the ref of the incarnation that ran
        assert (await supervisor.count_children()).workers == 3
        switch.clear()
        while (await supervisor.count_children()).active < 3:
            await anyio.lowlevel.checkpoint()
        assert [await child.request("read") for child in await refs(supervisor)] == [({},)] * 3
        assert another in await refs(supervisor)
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"


@pytest.mark.rule("INT-10")
async def test_a_dynamic_supervisor_stops_while_a_restart_keeps_failing() -> None:
    async with dynamic(Lame, intensity=1_000_000) as (kernel, ref, supervisor):
        switch = {"broken": False}
        child = await start(supervisor, switch)
        switch["broken"] = True
        child.kill()
        while (await supervisor.statistics()).restarts < 10:
            pass
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"
        assert kernel.actors() == []


@pytest.mark.rule("RESTART-15")
async def test_what_a_temporary_child_was_started_with_is_not_retained() -> None:
    class Large:
        """Stands for a large argument."""

    async with dynamic(restart="temporary") as (_, _, supervisor):
        arguments: WeakSet[Large] = WeakSet()

        async def start_one() -> ActorRef[Any]:
            large = Large()
            arguments.add(large)
            return await start(supervisor, large)

        children = [await start_one() for _ in range(100)]
        gc.collect()
        assert len(arguments) == 100
        while children:
            children[-1].kill()
            await children.pop().wait()
        await supervisor.count_children()
        gc.collect()
        assert len(arguments) == 0


@pytest.mark.rule("RESTART-15")
async def test_nor_while_it_runs_if_it_does_not_keep_it_itself() -> None:
    class Large:
        """Stands for a large argument."""

    class Forgetful(Child):
        def __init__(self, large: object) -> None:
            super().__init__()

    async with dynamic(Forgetful, restart="temporary") as (_, _, supervisor):
        arguments: WeakSet[Large] = WeakSet()

        async def start_one() -> ActorRef[Any]:
            large = Large()
            arguments.add(large)
            return await start(supervisor, large)

        child = await start_one()
        gc.collect()
        assert child.is_alive
        assert len(arguments) == 0


async def test_a_mailbox_that_is_kept_goes_to_the_next_incarnation() -> None:
    handled: list[object] = []

    class Keeping(Child):
        def receive(self, message: Any) -> object:
            if message == "boom":
                raise RuntimeError("boom")
            handled.append(message)
            return super().receive(message)

    mailbox = Mailbox(keep_on_restart=True)
    async with dynamic(Keeping, mailbox=mailbox, intensity=9) as (kernel, ref, supervisor):
        child = await start(supervisor)
        for message in (1, "boom", 2, "boom", 3):
            child.send(message)
        await replaced(supervisor, child)
        while handled != [1, 2, 3]:
            await anyio.lowlevel.checkpoint()
        (last,) = await refs(supervisor)
        last.send("late")
        await supervisor.terminate_child(last)
        assert await supervisor.which_children() == []
        ref.stop("shutdown")
        await ref.wait()
        assert kernel.actors() == []


# --- administration


@pytest.mark.rule("ADM-04")
async def test_a_child_is_found_by_its_ref_and_a_stranger_lives_on() -> None:
    async with dynamic() as (kernel, ref, supervisor):
        child, sibling = await start(supervisor), await start(supervisor)
        stranger = kernel.spawn(Child)
        with pytest.raises(NotAChild):
            await supervisor.terminate_child(stranger)
        assert stranger.is_alive
        await supervisor.terminate_child(child)
        assert (child.is_alive, child.exit_reason) == (False, "shutdown")
        await supervisor.terminate_child(child)
        assert await refs(supervisor) == [sibling]
        with pytest.raises(TypeError, match="found by their ActorRef"):
            await supervisor.terminate_child("Child-2")  # type: ignore[arg-type]
        ordinary = SupervisorRef.of(ref)
        for attempt in (
            ordinary.terminate_child("Child-2"),
            ordinary.restart_child("Child-2"),
            ordinary.delete_child("Child-2"),
            ordinary.start_child(ChildSpec("x", Child)),
        ):
            with pytest.raises(TypeError, match="no ids"):
                await attempt
        with pytest.raises(TypeError, match="no specs"):
            await ordinary.child_spec("Child-2")
        assert await refs(supervisor) == [sibling]


async def test_a_message_that_it_does_not_know_harms_nobody() -> None:
    async with dynamic() as (_, ref, supervisor):
        child = await start(supervisor)
        ref.send("what?")
        with pytest.raises(TypeError, match="does not understand"):
            await ref.request("what?")
        assert await refs(supervisor) == [child]


async def test_a_stop_by_hand_costs_nothing_and_restarts_nobody() -> None:
    async with dynamic(intensity=0) as (_, ref, supervisor):
        for _ in range(10):
            await supervisor.terminate_child(await start(supervisor))
        assert await supervisor.which_children() == []
        assert ref.is_alive


async def test_a_start_that_hangs_can_be_given_up() -> None:
    class Hanging(Child):
        async def init(self) -> None:
            await anyio.sleep_forever()

    async with dynamic(Hanging) as (_, _, supervisor), anyio.create_task_group() as tasks:
        errors: list[StartError] = []

        async def ask() -> None:
            with pytest.raises(StartError) as caught:
                await supervisor.start_child()
            errors.append(caught.value)

        tasks.start_soon(ask)
        while not (starting := await refs(supervisor)):
            await anyio.lowlevel.checkpoint()
        await supervisor.terminate_child(starting[0])
        await anyio.lowlevel.checkpoint()
        assert [error.reason for error in errors] == ["shutdown"]
        assert await supervisor.which_children() == []


@pytest.mark.rule("ADM-07")
async def test_many_killed_temporary_children_leave_nothing_to_count() -> None:
    async with dynamic(restart="temporary") as (_, _, supervisor):
        children = [await start(supervisor) for _ in range(200)]
        assert (await supervisor.count_children()).active == 200
        for child in children:
            child.kill()
        counts = await supervisor.count_children()
        assert (counts.specs, counts.active, counts.supervisors, counts.workers) == (1, 0, 0, 0)


async def test_supervisors_may_be_dynamic_children() -> None:
    async with dynamic(Supervisor(children=[ChildSpec("leaf", Child)])) as (_, _, supervisor):
        await start(supervisor)
        counts = await supervisor.count_children()
        assert (counts.active, counts.supervisors, counts.workers) == (1, 1, 0)
        (info,) = await supervisor.which_children()
        assert info.type == "supervisor"


# --- the end


class Stubborn(Child):
    """Never done with its clean-up."""

    async def terminate(self, reason: object) -> None:
        await anyio.sleep_forever()


@pytest.mark.rule("SHUT-04")
async def test_all_children_are_stopped_at_once() -> None:
    cleaning: list[object] = []
    gate = anyio.Event()

    class Slow(Child):
        async def terminate(self, reason: object) -> None:
            cleaning.append(reason)
            await gate.wait()

    async with dynamic(Slow, shutdown="infinity") as (_, ref, supervisor):
        for _ in range(5):
            await start(supervisor)
        ref.stop("shutdown")
        while len(cleaning) < 5:
            await anyio.lowlevel.checkpoint()
        assert ref.is_alive
        gate.set()
        assert await ref.wait() == "shutdown"
        assert cleaning == ["shutdown"] * 5


@pytest.mark.rule("SHUT-02")
async def test_children_that_do_not_stop_in_time_are_killed() -> None:
    async with dynamic(Stubborn, shutdown=0.01) as (_, ref, supervisor):
        children = [await start(supervisor) for _ in range(20)]
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"
        assert {child.exit_reason for child in children} == {"killed"}


@pytest.mark.rule("SHUT-03")
async def test_children_that_are_killed_at_once_clean_nothing_up() -> None:
    async with dynamic(Stubborn, shutdown="brutal_kill") as (_, ref, supervisor):
        one, two = await start(supervisor), await start(supervisor)
        await supervisor.terminate_child(one)
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"
        assert (one.exit_reason, two.exit_reason) == ("killed", "killed")


async def test_a_child_that_does_not_stop_when_asked_is_killed_alone() -> None:
    async with dynamic(Stubborn, shutdown=0.01) as (_, _, supervisor):
        one, two = await start(supervisor), await start(supervisor)
        await supervisor.terminate_child(one)
        assert one.exit_reason == "killed"
        assert await refs(supervisor) == [two]
        two.kill()


@pytest.mark.rule("SHUT-12")
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_children_that_end_while_all_are_stopped_keep_their_reasons(restart: Any) -> None:
    reasons = ["normal", "shutdown", ("shutdown", 1), "boom"] * 3
    seen: list[object] = []
    async with dynamic(restart=restart, observer=seen.append) as (_, ref, supervisor):
        children = [await start(supervisor) for _ in reasons]
        seen.clear()
        for child, reason in zip(children, reasons, strict=True):
            child.send(("end", reason))
        ref.stop("shutdown")  # comes to the supervisor before it hears of any of these ends
        assert await ref.wait() == "shutdown"
        assert [child.exit_reason for child in children] == reasons
        assert all(isinstance(event, ChildStopped) for event in seen)
        assert len(seen) == len(reasons)


async def test_many_children_are_stopped_some_hundreds_a_turn() -> None:
    async with dynamic() as (kernel, ref, supervisor):
        for _ in range(2_000):
            await start(supervisor)
        ref.stop("shutdown")
        turns = 0
        while kernel.actors():
            turns += 1
            await anyio.lowlevel.checkpoint()
        assert turns > 1
        assert await ref.wait() == "shutdown"


@pytest.mark.rule("SHUT-09")
async def test_its_parents_end_ends_it_and_its_children() -> None:
    async def parent(inbox: Inbox[Any], box: list[ActorRef[Any]]) -> None:
        box.append(inbox.context.spawn_child(DynamicSupervisor(Child)))
        async for message in inbox:
            if isinstance(message, str):
                raise RuntimeError(message)

    async with dynamic() as (kernel, _, _):
        box: list[ActorRef[Any]] = []
        ref = kernel.spawn(parent, box)
        while not box:
            await anyio.lowlevel.checkpoint()
        child = await start(DynamicSupervisorRef.of(box[0]))
        ref.send("bye")
        assert await child.wait() == "shutdown"
        assert "bye" in str(await box[0].wait())


async def test_a_killed_dynamic_supervisor_takes_its_children_with_it() -> None:
    async with dynamic() as (kernel, ref, supervisor):
        child = await start(supervisor)
        ref.kill()
        assert await child.wait() == "killed"
        assert kernel.actors() == []
        with pytest.raises(ActorExited):
            await supervisor.start_child()


async def test_starts_that_hang_when_the_end_comes_fail_with_it() -> None:
    class Hanging(Child):
        async def init(self) -> None:
            await anyio.sleep_forever()

    async with dynamic(Hanging) as (_, ref, supervisor), anyio.create_task_group() as tasks:

        async def ask() -> None:
            with pytest.raises((StartError, ActorExited)):
                await supervisor.start_child()

        for _ in range(3):
            tasks.start_soon(ask)
        while len(await supervisor.which_children()) < 3:
            await anyio.lowlevel.checkpoint()
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"


# --- significant children


@pytest.mark.rule("AUTO-06")
@pytest.mark.parametrize("restart", ["transient", "temporary"])
async def test_with_any_significant_the_first_child_that_ends_by_itself_ends_all(
    restart: Any,
) -> None:
    options = {"restart": restart, "significant": True, "auto_shutdown": "any_significant"}
    async with dynamic(label="jobs", **options) as (_, ref, supervisor):
        one, two = await start(supervisor), await start(supervisor)
        await supervisor.terminate_child(await start(supervisor))  # by hand: ends nobody
        one.send(("end", "normal"))
        assert await ref.wait() == "shutdown"
        assert two.exit_reason == "shutdown"
        assert ref.cause == AutoShutdown("jobs", "Child-1", "normal")


@pytest.mark.rule("AUTO-02", "AUTO-06")
async def test_with_all_significant_the_last_child_that_ends_ends_the_supervisor() -> None:
    options = {"significant": True, "auto_shutdown": "all_significant"}
    async with dynamic(restart="temporary", **options) as (_, ref, supervisor):
        one, two = await start(supervisor), await start(supervisor)
        one.kill()
        await one.wait()
        assert [child.status for child in await supervisor.which_children()] == ["running"]
        two.send(("end", "boom"))
        assert await ref.wait() == "shutdown"
        assert two.exit_reason == "boom"


@pytest.mark.rule("AUTO-06")
async def test_a_significant_child_that_is_restarted_ends_nobody() -> None:
    options = {"significant": True, "auto_shutdown": "any_significant"}
    async with dynamic(restart="transient", **options) as (_, ref, supervisor):
        child = await start(supervisor)
        child.kill()
        await replaced(supervisor, child)
        assert ref.is_alive


@pytest.mark.rule("AUTO-05")
async def test_a_template_that_is_not_significant_ends_nobody() -> None:
    for restart, reason in product(["transient", "temporary"], ["normal", "boom"]):
        async with dynamic(restart=restart, auto_shutdown="any_significant") as (_, ref, one):
            child = await start(one)
            child.send(("end", reason))
            await child.wait()
            await one.count_children()
            assert ref.is_alive


# --- another description


@pytest.mark.rule("UPG-06")
async def test_a_new_template_holds_for_new_children_and_for_restarts() -> None:
    class Newer(Child):
        """The same, with new code."""

        def receive(self, message: Any) -> object:
            return "newer", self.args

    async with dynamic(intensity=1) as (_, ref, supervisor):
        old = await start(supervisor, 1)
        newer = DynamicSupervisor(Newer, intensity=9, max_children=2, label="newer")
        assert await supervisor.reconfigure(newer) == Reconfigured(changed=("Newer",))
        assert await old.request("read") == (1,)
        new = await start(supervisor, 2)
        assert await new.request("read") == ("newer", (2,))
        with pytest.raises(MaxChildren):
            await supervisor.start_child(3)
        old.kill()
        await replaced(supervisor, old)
        assert await (await refs(supervisor))[0].request("read") == ("newer", (1,))
        assert (await supervisor.statistics()).restarts_left == 8
        assert await supervisor.reconfigure(newer) == Reconfigured(kept=("Newer",))
        with pytest.raises(InvalidSpec, match="is not a DynamicSupervisor"):
            await SupervisorRef.of(ref).reconfigure(Supervisor())


# --- beyond OTP


async def test_a_child_that_backs_off_waits_alone_and_is_restarted_then() -> None:
    seen: list[object] = []
    backoff = Backoff(initial=0.01, jitter=0.0)
    async with dynamic(backoff=backoff, intensity=9, observer=seen.append) as (_, _, supervisor):
        child, sibling = await start(supervisor, 1), await start(supervisor, 2)
        child.kill()
        await child.wait()
        waiting, running = reversed(await supervisor.which_children())
        assert (waiting.status, running.ref) == ("restarting", sibling)
        assert waiting.due_in is not None
        assert 0 <= waiting.due_in <= 0.01
        await replaced(supervisor, child)
        assert await (await refs(supervisor))[0].request("read") == (1,)
        assert RestartDelayed("Child-1", 1, 0.01) in seen


async def test_a_wait_for_a_restart_is_given_up_with_the_child_and_with_the_supervisor() -> None:
    async with dynamic(backoff=Backoff(initial=30.0)) as (kernel, ref, supervisor):
        child = await start(supervisor)
        child.kill()
        await supervisor.terminate_child(child)
        assert await supervisor.which_children() == []
    async with dynamic(backoff=Backoff(initial=30.0)) as (kernel, ref, supervisor):
        (await start(supervisor)).kill()
        ref.stop("shutdown")
        assert await ref.wait() == "shutdown"
        assert kernel.statistics().timers == 0


async def test_a_dynamic_child_that_stays_unhealthy_ends_and_is_restarted() -> None:
    class Sick(Child):
        def health(self) -> str:
            return "unhealthy" if self.args[0] else "healthy"

    seen: list[object] = []
    options: Any = {"health": HealthCheck(every=0.005, timeout=1.0, threshold=2)}
    async with dynamic(Sick, observer=seen.append, intensity=9, **options) as (_, _, supervisor):
        well, sick = await start(supervisor, False), await start(supervisor, True)
        assert await sick.wait() == ("unhealthy", None)
        assert well.is_alive
        assert HealthChanged("Sick-2", "unhealthy", None) in seen
        info = (await supervisor.which_children())[1]
        assert (info.ref, info.health) == (well, "healthy")


async def test_what_comes_during_a_restart_waits_where_the_template_says_so() -> None:
    options: Any = {"while_restarting": "queue", "backoff": Backoff(initial=0.01)}
    async with dynamic(**options) as (_, _, supervisor):
        child = await start(supervisor, 1)
        child.kill()
        assert await child.request("read") == (1,)


# --- what is told


async def test_an_observer_and_telemetry_hear_of_restarts_and_of_giving_up() -> None:
    seen: list[object] = []
    async with dynamic(intensity=1, observer=seen.append) as (kernel, ref, supervisor):
        told: list[tuple[str, object]] = []
        kernel.telemetry.attach("supervisor.*", lambda event: told.append((event.name, event)))
        child = await start(supervisor)
        child.kill()
        await replaced(supervisor, child)
        (await refs(supervisor))[0].kill()
        await ref.wait()
        assert seen[0] == ChildStarted("Child-1", 0)
        assert ChildStarted("Child-1", 1) in seen
        assert isinstance(seen[-1], GaveUp)
        assert [name for name, _ in told] == ["supervisor.restarted", "supervisor.gave_up"]
