"""Supervisors over real actors: the rules again, as a user sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorExited,
    ActorRef,
    AlreadyStarted,
    Inbox,
    Kernel,
    Mailbox,
    StartError,
)
from airssys_wasm.supervision import (
    ChildNotFound,
    ChildPresent,
    ChildRunning,
    ChildSpec,
    ChildStarted,
    FailedToStart,
    GaveUp,
    InvalidSpec,
    StartTimedOut,
    Supervisor,
    SupervisorRef,
    chain_of,
)

pytestmark = pytest.mark.anyio


class Journal:
    """What the children of one test did, in their order."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


class Worker(Actor[Any]):
    """Writes down its life; crashes, stops or hangs when told to."""

    def __init__(self, id: str, journal: Journal) -> None:
        self.id = id
        self.journal = journal
        self.count = 0

    def init(self) -> object:
        self.journal.lines.append(f"{self.id} starts")
        return None

    def receive(self, message: Any) -> object:
        match message:
            case "crash":
                raise ValueError("boom")
            case "count":
                self.count += 1
            case "read":
                return self.count
            case "unlink":
                if self.context.parent is not None:
                    self.context.unlink(self.context.parent)
            case ("end", reason):
                self.context.stop(reason)
            case _:
                return self.unhandled(message)
        return None

    def terminate(self, reason: object) -> Any:
        self.journal.lines.append(
            f"{self.id} ends: {reason if isinstance(reason, str) else 'error'}"
        )


class Stubborn(Worker):
    """Never done with its clean-up."""

    async def terminate(self, reason: object) -> None:
        super().terminate(reason)
        await anyio.sleep_forever()


class Slow(Worker):
    """Its init lasts until the gate opens."""

    def __init__(self, id: str, journal: Journal, gate: anyio.Event) -> None:
        super().__init__(id, journal)
        self.gate = gate

    async def init(self) -> object:
        super().init()
        await self.gate.wait()
        return None


class Ignoring(Worker):
    """Is not needed here."""

    def init(self) -> object:
        super().init()
        return IGNORE


class Failing(Worker):
    """Starts as often as it is allowed to, then no more."""

    def __init__(self, id: str, journal: Journal, good_starts: list[int]) -> None:
        super().__init__(id, journal)
        self.good_starts = good_starts

    def init(self) -> object:
        super().init()
        if not self.good_starts:
            raise OSError("no disk")
        self.good_starts.pop()
        return None


@pytest.fixture
def journal() -> Journal:
    return Journal()


@asynccontextmanager
async def kernel_for_test() -> AsyncIterator[Kernel]:
    with anyio.fail_after(10):
        async with Kernel("test") as kernel:
            yield kernel


def workers(journal: Journal, ids: str, **options: Any) -> list[ChildSpec]:
    return [ChildSpec(id, Worker, args=(id, journal), name=id, **options) for id in ids]


def find(kernel: Kernel, name: str) -> ActorRef[Any]:
    ref = kernel.whereis(name)
    assert ref is not None, f"there is no {name}"
    return ref


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.lowlevel.checkpoint()


async def crash(kernel: Kernel, name: str) -> None:
    """Ends when a successor has the name."""
    old = find(kernel, name)
    old.send("crash")
    await until(lambda: not old.is_alive and kernel.whereis(name) is not None)


@pytest.mark.rule("START-01")
async def test_start_returns_when_all_children_have_started_in_order(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=workers(journal, "cab")))
        assert journal.take() == ["c starts", "a starts", "b starts"]
        children = await SupervisorRef.of(root).which_children()
        assert [(child.id, child.status) for child in children] == [
            *(("b", "running"), ("a", "running"), ("c", "running"))
        ]


@pytest.mark.rule("START-06")
async def test_a_child_that_does_not_start_is_the_reason_why_the_supervisor_does_not(
    journal: Journal,
) -> None:
    failing = ChildSpec("c", Failing, args=("c", journal, []))
    root = Supervisor(intensity=10, children=[*workers(journal, "ab"), failing])
    async with kernel_for_test() as kernel:
        with pytest.raises(StartError) as failed:
            await kernel.start(root)
        assert journal.take() == [
            *("a starts", "b starts", "c starts"),
            *("b ends: shutdown", "a ends: shutdown"),
        ]
        reason: Any = failed.value.reason
        assert reason[0] == "shutdown"
        why = reason[1]
        assert isinstance(why, FailedToStart)
        assert (why.child, str(why.reason).partition(" at ")[0]) == ("c", "OSError: no disk")
        assert kernel.actors() == []


@pytest.mark.rule("START-08")
async def test_a_child_that_can_not_even_be_made_is_a_failed_start(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        with pytest.raises(StartError, match="TypeError"):
            await kernel.start(
                Supervisor(children=[*workers(journal, "a"), ChildSpec("b", Worker)])
            )
        assert journal.take() == ["a starts", "a ends: shutdown"]


@pytest.mark.rule("START-11")
async def test_a_nested_failure_to_start_carries_the_innermost_error(journal: Journal) -> None:
    inner = Supervisor(children=[ChildSpec("x", Failing, args=("x", journal, []))])
    async with kernel_for_test() as kernel:
        with pytest.raises(StartError) as failed:
            await kernel.start(Supervisor(children=[ChildSpec("jobs", inner)]))
        reason: Any = failed.value.reason
        causes = list(chain_of(reason[1]))
        assert [type(cause).__name__ for cause in causes] == [
            *("FailedToStart", "FailedToStart", "Error")
        ]
        assert isinstance(causes[-1].exception, OSError)  # type: ignore[attr-defined]
        assert causes[-1].stack[-1].function == "init"  # type: ignore[attr-defined]


@pytest.mark.rule("START-03")
async def test_a_child_that_ignores_its_start_is_known_and_does_not_run(journal: Journal) -> None:
    ignoring = ChildSpec("a", Ignoring, args=("a", journal))
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=[ignoring])))
        (child,) = await root.which_children()
        assert (child.ref, child.status) == (None, "stopped")
        assert await root.restart_child("a") is None


@pytest.mark.rule("RESTART-13")
async def test_a_restarted_child_has_a_new_ref_a_fresh_state_and_an_empty_mailbox(
    journal: Journal,
) -> None:
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=workers(journal, "a")))
        old = find(kernel, "a")
        old.send("count")
        old.send("crash")
        old.send("count")
        await until(lambda: kernel.whereis("a") not in (None, old))
        assert find(kernel, "a") != old
        assert await find(kernel, "a").request("read") == 0
        assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash", "count"]


@pytest.mark.rule("RESTART-14")
async def test_who_started_the_supervisor_hears_nothing_of_a_restart(journal: Journal) -> None:
    heard: list[object] = []

    class Starter(Actor[Any]):
        def init(self) -> None:
            self.context.trap_exit = True
            root = Supervisor(children=workers(journal, "a"))
            self.context.spawn(root, name="root", link=True, monitor=True)

        def receive(self, message: Any) -> object:
            heard.append(message)
            return None

    async with kernel_for_test() as kernel:
        await kernel.start(Starter)
        await until(lambda: kernel.whereis("a") is not None)
        await crash(kernel, "a")
        assert (await SupervisorRef.of(find(kernel, "root")).statistics()).restarts == 1
        assert heard == []


async def test_a_kept_mailbox_survives_the_crash(journal: Journal) -> None:
    kept = Mailbox(capacity=10, keep_on_restart=True)
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=workers(journal, "a", mailbox=kept)))
        old = find(kernel, "a")
        for message in ("count", "crash", "count", "count"):
            old.send(message)
        await until(lambda: kernel.whereis("a") not in (None, old))
        assert await find(kernel, "a").request("read") == 2


async def test_a_kept_mailbox_becomes_dead_letters_when_the_supervisor_gives_up(
    journal: Journal,
) -> None:
    kept = Mailbox(keep_on_restart=True)
    async with kernel_for_test() as kernel:
        root = await kernel.start(
            Supervisor(intensity=0, children=workers(journal, "a", mailbox=kept))
        )
        for message in ("crash", "count"):
            find(kernel, "a").send(message)
        assert await root.wait() == "shutdown"
        assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash", "count"]
        assert kernel.whereis("a") is None


@pytest.mark.rule("STRAT-02")
async def test_one_for_all_stops_in_reverse_and_starts_in_order(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor("one_for_all", children=workers(journal, "abc")))
        journal.take()
        await crash(kernel, "b")
        await until(lambda: "c starts" in journal.lines)
        assert journal.take() == [
            *("b ends: error", "c ends: shutdown", "a ends: shutdown"),
            *("a starts", "b starts", "c starts"),
        ]


@pytest.mark.rule("STRAT-03")
async def test_rest_for_one_leaves_the_older_ones_alone(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor("rest_for_one", children=workers(journal, "abc")))
        a = find(kernel, "a")
        journal.take()
        await crash(kernel, "b")
        await until(lambda: "c starts" in journal.lines)
        assert journal.take() == [
            *("b ends: error", "c ends: shutdown", "b starts", "c starts"),
        ]
        assert find(kernel, "a") is a


@pytest.mark.rule("INT-01")
async def test_a_supervisor_gives_up_with_shutdown_and_says_why(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        root = await kernel.start(
            Supervisor(intensity=1, children=workers(journal, "ab")), name="top"
        )
        await crash(kernel, "a")
        find(kernel, "b").send("crash")
        assert await root.wait() == "shutdown"
        cause = root.cause
        assert isinstance(cause, GaveUp)
        assert (cause.supervisor, cause.child, cause.intensity) == ("top", "b", 1)
        assert "ValueError: boom" in str(cause)


@pytest.mark.rule("INT-06")
async def test_a_chain_of_supervisors_gives_up_down_to_the_root(journal: Journal) -> None:
    jobs = Supervisor(intensity=0, children=workers(journal, "w"))
    root = Supervisor(intensity=1, children=[ChildSpec("jobs", jobs, name="jobs")])
    async with kernel_for_test() as kernel:
        top = await kernel.start(root, name="top")
        await crash_and_wait_for_restart_of_tree(kernel)
        find(kernel, "w").send("crash")
        assert await top.wait() == "shutdown"
        links = list(chain_of(top.cause))
        assert [getattr(link, "supervisor", None) for link in links] == ["top", "jobs", None]
        assert str(links[-1]).startswith("ValueError: boom")


async def crash_and_wait_for_restart_of_tree(kernel: Kernel) -> None:
    old = find(kernel, "jobs")
    await crash(kernel, "w")
    assert not old.is_alive


@pytest.mark.rule("INT-07")
async def test_a_restarted_supervisor_has_its_static_children_only(journal: Journal) -> None:
    jobs = Supervisor(children=workers(journal, "w"))
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=[ChildSpec("jobs", jobs, name="jobs")]))
        old = find(kernel, "jobs")
        await SupervisorRef.of(old).start_child(*workers(journal, "x"))
        old.kill()
        await until(lambda: kernel.whereis("jobs") is not None and kernel.whereis("w") is not None)
        children = await SupervisorRef.of(find(kernel, "jobs")).which_children()
        assert [child.id for child in children] == ["w"]
        assert kernel.whereis("x") is None


@pytest.mark.rule("INT-08")
async def test_the_children_of_a_killed_supervisor_end_with_killed(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=workers(journal, "a")))
        child = find(kernel, "a")
        root.kill()
        assert await child.wait() == "killed"
        assert journal.take() == ["a starts", "a ends: killed"]


@pytest.mark.rule("INT-09")
async def test_failing_restarts_are_tried_as_often_as_the_budget_says(journal: Journal) -> None:
    failing = ChildSpec("a", Failing, args=("a", journal, [1]), name="a")
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(intensity=4, period=3600.0, children=[failing]))
        find(kernel, "a").send("crash")
        assert await root.wait() == "shutdown"
        assert journal.lines.count("a starts") == 1 + 4
        assert isinstance(root.cause, GaveUp)
        assert "no disk" in str(root.cause)


@pytest.mark.rule("INT-10")
async def test_a_supervisor_answers_while_a_restart_keeps_failing(journal: Journal) -> None:
    good_starts = [1]
    failing = ChildSpec("a", Failing, args=("a", journal, good_starts), name="a")
    async with kernel_for_test() as kernel:
        ref = await kernel.start(Supervisor(intensity=10**9, children=[failing]))
        root = SupervisorRef.of(ref)
        find(kernel, "a").send("crash")
        while (await root.statistics()).restarts < 10:
            await anyio.lowlevel.checkpoint()
        (child,) = await root.which_children()
        assert child.status in ("restarting", "starting")
        await root.terminate_child("a")
        (child,) = await root.which_children()
        assert child.status == "stopped"
        good_starts.append(1)
        assert await root.restart_child("a") is find(kernel, "a")


@pytest.mark.rule("SHUT-01")
@pytest.mark.rule("STRAT-04")
async def test_a_tree_is_stopped_from_its_end(journal: Journal) -> None:
    inner = Supervisor(children=workers(journal, "xy"))
    children = [*workers(journal, "a"), ChildSpec("inner", inner), *workers(journal, "b")]
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=children))
        journal.take()
        root.stop("shutdown")
        assert await root.wait() == "shutdown"
        assert journal.take() == [f"{id} ends: shutdown" for id in "byxa"]


@pytest.mark.rule("SHUT-08")
async def test_a_child_cleans_up_at_a_stop_whether_it_traps_exits_or_not_unlike_in_otp(
    journal: Journal,
) -> None:
    class Trapping(Worker):
        def init(self) -> object:
            self.context.trap_exit = True
            return super().init()

    async with kernel_for_test() as kernel:
        children = [*workers(journal, "a"), ChildSpec("t", Trapping, args=("t", journal))]
        root = await kernel.start(Supervisor(children=children))
        root.stop("shutdown")
        await root.wait()
        assert journal.take()[2:] == ["t ends: shutdown", "a ends: shutdown"]


@pytest.mark.rule("SHUT-02")
async def test_a_child_that_takes_too_long_to_stop_is_killed(journal: Journal) -> None:
    stubborn = ChildSpec("s", Stubborn, args=("s", journal), name="s", shutdown=0.01)
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=[stubborn])))
        child = find(kernel, "s")
        await root.terminate_child("s")
        assert child.exit_reason == "killed"
        assert journal.take() == ["s starts", "s ends: shutdown"]


@pytest.mark.rule("SHUT-03")
async def test_a_brutal_kill_runs_no_clean_up(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        children = workers(journal, "a", shutdown="brutal_kill")
        root = SupervisorRef.of(await kernel.start(Supervisor(children=children)))
        child = find(kernel, "a")
        await root.terminate_child("a")
        assert child.exit_reason == "killed"
        assert journal.take() == ["a starts"]


@pytest.mark.rule("SHUT-06")
async def test_a_child_that_unlinked_itself_is_stopped_all_the_same(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=workers(journal, "a"))))
        child = find(kernel, "a")
        await child.request("unlink")
        await root.terminate_child("a")
        assert child.exit_reason == "shutdown"


@pytest.mark.rule("SHUT-09")
async def test_when_the_parent_ends_the_supervisor_stops_its_children_and_ends_so_too(
    journal: Journal,
) -> None:
    class Parent(Actor[Any]):
        def init(self) -> None:
            self.context.spawn(Supervisor(children=workers(journal, "ab")), name="sup", link=True)

        def receive(self, message: Any) -> object:
            self.context.stop(message)
            return None

    async with kernel_for_test() as kernel:
        parent = await kernel.start(Parent)
        await until(lambda: kernel.whereis("b") is not None)
        sup = find(kernel, "sup")
        journal.take()
        parent.send("bye")
        assert await sup.wait() == "bye"
        assert journal.take() == ["b ends: shutdown", "a ends: shutdown"]


@pytest.mark.rule("SHUT-09")
@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "upgrade"), "bye"])
async def test_a_supervisor_can_be_stopped_from_outside(journal: Journal, reason: object) -> None:
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=workers(journal, "ab")))
        root.stop(reason)
        assert await root.wait() == reason
        assert journal.take()[2:] == ["b ends: shutdown", "a ends: shutdown"]


@pytest.mark.rule("SHUT-10")
async def test_the_end_of_a_linked_stranger_does_not_concern_a_supervisor(journal: Journal) -> None:
    async def stranger(inbox: Inbox[Any], sup: ActorRef[Any]) -> None:
        inbox.context.link(sup)
        await inbox.receive()
        raise ValueError("stranger")

    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=workers(journal, "a")))
        other = kernel.spawn(stranger, root)
        other.send("go")
        await other.wait()
        assert (await SupervisorRef.of(root).count_children()).active == 1
        assert journal.take() == ["a starts"]


@pytest.mark.rule("SHUT-11")
async def test_an_unknown_message_is_logged_and_dropped(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    async with kernel_for_test() as kernel:
        root = await kernel.start(Supervisor(children=workers(journal, "a")))
        root.send("what is this?")
        with pytest.raises(TypeError, match=r"does not understand 'and this\?'"):
            await root.request("and this?")
        assert (await SupervisorRef.of(root).count_children()).active == 1
        assert "does not understand 'what is this?'" in caplog.text


async def test_a_stop_interrupts_a_start_that_hangs(journal: Journal) -> None:
    slow = ChildSpec("s", Slow, args=("s", journal, anyio.Event()), name="s")
    async with kernel_for_test() as kernel:
        root = kernel.spawn(Supervisor(children=[*workers(journal, "a"), slow]))
        await until(lambda: "s starts" in journal.lines)
        children = await SupervisorRef.of(root).which_children()
        assert [(child.id, child.status) for child in children] == [
            *(("s", "starting"), ("a", "running"))
        ]
        root.stop("shutdown")
        assert await root.wait() == "shutdown"
        assert journal.take() == ["a starts", "s starts", "a ends: shutdown"]


async def test_a_start_that_takes_too_long_has_failed(journal: Journal) -> None:
    slow = ChildSpec("s", Slow, args=("s", journal, anyio.Event()), start_timeout=0.01)
    async with kernel_for_test() as kernel:
        with pytest.raises(StartError) as failed:
            await kernel.start(Supervisor(children=[slow]))
        assert failed.value.reason == ("shutdown", FailedToStart("s", StartTimedOut(0.01)))


async def test_siblings_and_the_supervisor_answer_while_a_child_starts(journal: Journal) -> None:
    gate = anyio.Event()
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=workers(journal, "a"))))
        started: list[object] = []

        async def start() -> None:
            started.append(
                await root.start_child(ChildSpec("s", Slow, args=("s", journal, gate), name="s"))
            )

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start)
            await until(lambda: "s starts" in journal.lines)
            assert (await root.count_children()).specs == 2
            assert await find(kernel, "a").request("read") == 0
            assert started == []
            gate.set()
        assert started == [find(kernel, "s")]


@pytest.mark.rule("ADM-01")
async def test_what_can_not_be_done_is_an_error_that_says_why(journal: Journal) -> None:
    (other,) = workers(journal, "b")
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=workers(journal, "a"))))
        (again,) = workers(journal, "a")
        a = find(kernel, "a")
        with pytest.raises(AlreadyStarted) as taken:
            await root.start_child(again)
        assert taken.value.ref is a
        with pytest.raises(ChildRunning) as running:
            await root.restart_child("a")
        assert running.value.ref is a
        with pytest.raises(ChildRunning):
            await root.delete_child("a")
        for change in (root.terminate_child, root.restart_child, root.delete_child):
            with pytest.raises(ChildNotFound):
                await change("b")
        await root.terminate_child("a")
        with pytest.raises(ChildPresent):
            await root.start_child(again)
        await root.delete_child("a")
        with pytest.raises(ChildNotFound):
            await root.restart_child("a")
        assert await root.start_child(other) is find(kernel, "b")


@pytest.mark.rule("ADM-02")
async def test_a_supervisor_that_does_not_exist_is_noproc() -> None:
    async with kernel_for_test() as kernel:
        dead = await kernel.start(Supervisor())
        dead.kill()
        for address in (dead, kernel.named("nobody")):
            with pytest.raises(ActorExited) as exited:
                await SupervisorRef.of(address).which_children()
            assert exited.value.reason == "noproc"


@pytest.mark.rule("ADM-05")
async def test_a_child_is_named_by_its_id_and_not_by_its_ref(journal: Journal) -> None:
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=workers(journal, "a"))))
        child: Any = find(kernel, "a")
        with pytest.raises(ChildNotFound):
            await root.terminate_child(child)
        assert child.is_alive


@pytest.mark.rule("START-07")
async def test_a_child_added_later_that_does_not_start_raises_and_is_forgotten(
    journal: Journal,
) -> None:
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=workers(journal, "a"))))
        with pytest.raises(StartError, match="no disk") as failed:
            await root.start_child(ChildSpec("b", Failing, args=("b", journal, [])))
        assert isinstance(failed.value.__cause__, OSError)
        assert (await root.count_children()).specs == 1
        with pytest.raises(AlreadyStarted):
            await root.start_child(ChildSpec("b", Worker, args=("b", journal), name="a"))
        significant = ChildSpec("b", Worker, restart="transient", significant=True)
        with pytest.raises(InvalidSpec, match="significant: True"):
            await root.start_child(significant)


@pytest.mark.rule("SPEC-01")
async def test_the_spec_of_a_child_can_be_read_back(journal: Journal) -> None:
    (spec,) = workers(journal, "a")
    async with kernel_for_test() as kernel:
        root = SupervisorRef.of(await kernel.start(Supervisor(children=[spec])))
        assert (await root.child_spec("a")).shutdown == 5.0
        with pytest.raises(ChildNotFound):
            await root.child_spec("b")


@pytest.mark.rule("AUTO-01")
@pytest.mark.rule("AUTO-02")
async def test_the_end_of_a_significant_child_ends_the_tree_in_order(journal: Journal) -> None:
    (reader,) = workers(journal, "r", restart="transient", significant=True)
    root = Supervisor(auto_shutdown="any_significant", children=[*workers(journal, "a"), reader])
    async with kernel_for_test() as kernel:
        top = await kernel.start(root)
        find(kernel, "r").send(("end", "normal"))
        assert await top.wait() == "shutdown"
        assert journal.take()[2:] == ["r ends: normal", "a ends: shutdown"]
        assert not isinstance(top.cause, GaveUp)


async def test_attach_is_called_for_each_incarnation_before_its_init(journal: Journal) -> None:
    attached: list[object] = []

    def attach(ref: ActorRef[Any]) -> None:
        attached.append(ref)
        journal.lines.append("attached")

    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=workers(journal, "a", attach=attach)))
        await crash(kernel, "a")
        assert attached[1] is find(kernel, "a")
        assert journal.take() == [
            *("attached", "a starts", "a ends: error", "attached", "a starts"),
        ]


async def test_attach_is_not_called_for_who_takes_over_a_mailbox(journal: Journal) -> None:
    attached: list[object] = []
    kept = Mailbox(keep_on_restart=True)
    children = workers(journal, "a", attach=attached.append, mailbox=kept)
    async with kernel_for_test() as kernel:
        await kernel.start(Supervisor(children=children))
        old = find(kernel, "a")
        old.send("crash")
        await until(lambda: kernel.whereis("a") not in (None, old))
        assert attached == [old]


async def test_a_child_that_can_not_be_attached_has_not_started(journal: Journal) -> None:
    def attach(ref: ActorRef[Any]) -> None:
        raise LookupError("no such topic")

    kept = Mailbox(keep_on_restart=True)
    async with kernel_for_test() as kernel:
        with pytest.raises(StartError, match="no such topic"):
            await kernel.start(
                Supervisor(children=workers(journal, "a", attach=attach, mailbox=kept))
            )
        assert kernel.actors() == []
        assert kernel.whereis("a") is None


async def test_an_observer_hears_what_happens(journal: Journal) -> None:
    events: list[object] = []
    root = Supervisor(children=workers(journal, "a"), observer=events.append)
    async with kernel_for_test() as kernel:
        await kernel.start(root)
        await crash(kernel, "a")
        await until(lambda: len(events) == 3)
        assert events[0] == ChildStarted("a", 0)
        assert events[2] == ChildStarted("a", 1)


async def test_one_description_may_run_as_many_supervisors(journal: Journal) -> None:
    pool = Supervisor(children=[ChildSpec("w", Worker, args=("w", journal))])
    root = Supervisor(children=[ChildSpec("one", pool), ChildSpec("two", pool)])
    async with kernel_for_test() as kernel:
        top = SupervisorRef.of(await kernel.start(root))
        refs = [child.ref for child in await top.which_children()]
        assert None not in refs
        counts = [await SupervisorRef.of(ref).count_children() for ref in refs if ref is not None]
        assert [count.active for count in counts] == [1, 1]
        assert (await top.count_children()).supervisors == 2
