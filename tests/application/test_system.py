"""A whole system: how it starts, how it stops, and what it does when its root fails."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from airssys_wasm import (
    Actor,
    ActorExited,
    ActorSystem,
    ChildSpec,
    Error,
    GaveUp,
    Inbox,
    StartError,
    Supervisor,
    SystemFailed,
)

pytestmark = pytest.mark.anyio


class Worker(Actor[Any]):
    """Notes its beginning and its end, and crashes when told to."""

    def __init__(self, log: list[str], label: str = "worker") -> None:
        self.log = log
        self.label = label

    def init(self) -> None:
        self.log.append(f"{self.label} begins")

    def receive(self, message: object) -> object:
        if message == "crash":
            raise ValueError("told to")
        if message == "finish":
            self.context.stop("normal")
        return message

    def terminate(self, reason: object) -> None:
        self.log.append(f"{self.label} ends: {reason}")


class Stubborn(Actor[Any]):
    """Its clean-up takes longer than anyone waits."""

    async def receive(self, message: object) -> object:
        return message

    async def terminate(self, reason: object) -> None:
        await anyio.sleep_forever()


def tree(log: list[str], **options: Any) -> Supervisor:
    children = [
        ChildSpec("first", Worker, args=(log, "first"), name="first"),
        ChildSpec("second", Worker, args=(log, "second"), name="second"),
    ]
    return Supervisor(children=children, label="the tree", **options)


async def test_a_system_is_alive_inside_its_block_and_ends_its_actors_newest_first() -> None:
    log: list[str] = []
    async with ActorSystem("demo") as system:
        await system.start(Worker, log, "one", name="one")
        two = await system.start(Worker, log, "two")
        assert system.whereis("one") is not None
        assert await system.named("one").request("hello") == "hello"
        assert [ref.name for ref in system.actors()] == ["one", None]
    assert log == ["one begins", "two begins", "two ends: shutdown", "one ends: shutdown"]
    assert two.exit_reason == "shutdown"


async def test_the_root_stops_its_children_in_reverse_before_other_actors_end() -> None:
    log: list[str] = []
    async with ActorSystem("demo", root=tree(log)) as system:
        await system.start(Worker, log, "outside")
        root = system.root
    assert log[3:] == ["second ends: shutdown", "first ends: shutdown", "outside ends: shutdown"]
    assert root is not None
    assert root.exit_reason == "shutdown"


async def test_an_exception_of_the_body_comes_out_after_the_stop() -> None:
    log: list[str] = []
    with pytest.raises(KeyError):
        async with ActorSystem("demo", root=tree(log)):
            raise KeyError("of the body")
    assert log[-1] == "first ends: shutdown"


async def test_a_root_that_gives_up_cancels_the_body_and_says_why() -> None:
    log: list[str] = []
    cancelled = False
    with pytest.raises(SystemFailed) as failed:
        async with ActorSystem("demo", root=tree(log, intensity=0)) as system:
            system.named("first").send("crash")
            try:
                await anyio.sleep_forever()
            finally:
                cancelled = True
    assert cancelled
    gave_up, reason = failed.value.chain
    assert isinstance(gave_up, GaveUp)
    assert gave_up.child == "first"
    assert reason == Error("ValueError", "told to")
    assert failed.value.reason == "shutdown"
    assert "because" in str(failed.value)


async def test_whoever_waits_for_a_root_that_fails_is_cancelled_as_well() -> None:
    with pytest.raises(SystemFailed):
        async with ActorSystem("demo", root=tree([], intensity=0)) as system:
            system.named("first").send("crash")
            await system.wait()
            pytest.fail("a failed root is no end to go on from")


async def test_the_chain_leads_through_nested_supervisors_to_the_first_failure() -> None:
    inner = tree([], intensity=0)
    root = Supervisor(intensity=0, children=[ChildSpec("inner", inner)], label="outer")
    with pytest.raises(SystemFailed) as failed:
        async with ActorSystem("demo", root=root) as system:
            system.named("second").send("crash")
            await system.wait()
    outer, nested, reason = failed.value.chain
    assert isinstance(outer, GaveUp)
    assert isinstance(nested, GaveUp)
    assert (outer.child, nested.child) == ("inner", "second")
    assert reason == Error("ValueError", "told to")


async def test_a_root_that_ends_in_order_makes_wait_return_its_reason() -> None:
    spec = ChildSpec("only", Worker, args=([],), name="only", restart="transient", significant=True)
    root = Supervisor(auto_shutdown="any_significant", children=[spec])
    async with ActorSystem("demo", root=root) as system:
        system.named("only").send("finish")
        assert await system.wait() == "shutdown"


async def test_a_significant_child_that_crashes_for_good_is_a_failure_of_the_system() -> None:
    spec = ChildSpec("only", Worker, args=([],), name="only", restart="temporary", significant=True)
    root = Supervisor(auto_shutdown="any_significant", children=[spec])
    with pytest.raises(SystemFailed):
        async with ActorSystem("demo", root=root) as system:
            system.named("only").send("crash")
            await system.wait()


async def test_stop_ends_the_root_in_order_and_is_no_failure() -> None:
    log: list[str] = []
    async with ActorSystem("demo", root=tree(log)) as system:
        system.stop()
        assert await system.wait() == "shutdown"
    assert log[2:] == ["second ends: shutdown", "first ends: shutdown"]


async def test_kill_ends_everything_at_once_without_clean_up() -> None:
    log: list[str] = []
    async with ActorSystem("demo", root=tree(log)) as system:
        system.kill()
        assert await system.wait() == "killed"
    assert log == ["first begins", "second begins"]


async def test_what_does_not_end_within_the_shutdown_time_is_killed() -> None:
    async with ActorSystem("demo", shutdown_timeout=0.02) as system:
        stubborn = await system.start(Stubborn)
    assert stubborn.exit_reason == "killed"


async def test_a_root_that_does_not_start_raises_and_leaves_nothing() -> None:
    log: list[str] = []

    class Refuses(Actor[Any]):
        def init(self) -> None:
            raise OSError("no disk")

    children = [ChildSpec("first", Worker, args=(log, "first")), ChildSpec("second", Refuses)]
    system = ActorSystem("demo", root=Supervisor(children=children))
    with pytest.raises(StartError, match="no disk"):
        async with system:
            pytest.fail("the body must not run")
    assert log == ["first begins", "first ends: shutdown"]
    assert system.kernel.actors() == []


async def test_an_unsupervised_crash_is_reported_and_harms_nobody() -> None:
    async with ActorSystem("demo") as system:
        ref = await system.start(Worker, [])
        other = await system.start(Worker, [])
        with pytest.raises(ActorExited, match="told to"):
            await ref.request("crash")
        assert await other.request("still here") == "still here"
        assert system.statistics().kernel.crashed == 1


async def test_publications_reach_actors_through_the_systems_broker() -> None:
    heard: list[object] = []

    async def listen(inbox: Inbox[Any]) -> None:
        inbox.context.system.broker.subscribe("news.*", inbox.context.ref)
        async for published in inbox:
            heard.append(published.message)
            return

    async with ActorSystem("demo") as system:
        listener = await system.start(listen)
        while not system.broker.subscriptions(listener):
            await anyio.lowlevel.checkpoint()
        system.broker.publish("news.today", "rain")
        assert await listener.wait() == "normal"
    assert heard == ["rain"]


async def test_actors_leave_reports_and_tell_how_far_they_are() -> None:
    progress: list[str] = []

    async def work(inbox: Inbox[Any]) -> None:
        inbox.context.system.progress("half")
        inbox.context.system.report("work", {"done": 2, "left": 0}, ["all well"])

    async with ActorSystem("demo", on_progress=progress.append) as system:
        worker = await system.start(work)
        await worker.wait()
    assert progress == ["half"]
    report = system.reports[0]
    assert (report.title, report.rows, report.details) == (
        "work",
        (("done", 2), ("left", 0)),
        ("all well",),
    )


async def test_a_system_is_entered_once() -> None:
    system = ActorSystem("demo")
    with pytest.raises(RuntimeError, match="inside 'async with'"):
        _ = system.kernel
    async with system:
        pass
    with pytest.raises(RuntimeError, match="make a new one"):
        await system.__aenter__()


async def test_a_system_leaves_no_task_behind() -> None:
    before = len(anyio.get_running_tasks())
    async with ActorSystem("demo", root=tree([])) as system:
        await system.named("first").request("hello")
    assert len(anyio.get_running_tasks()) == before


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
def test_entering_outside_of_asyncio_says_what_is_needed(anyio_backend: str) -> None:
    entering = ActorSystem("demo").__aenter__()
    with pytest.raises(RuntimeError, match=r"asyncio event loop.*trio is not supported"):
        entering.send(None)


async def test_a_system_looks_into_its_actors_as_its_kernel_does() -> None:
    log: list[str] = []
    seen: list[str] = []
    async with ActorSystem("looked-into", root=tree(log)) as system:
        first = system.named("first")
        system.group("workers").join(first)
        assert system.group("workers").members() == (system.whereis("first"),)
        trace = system.trace(first, lambda event: seen.append(event.event))
        came = await system.multicall([first, system.named("second")], "hello")
        assert set(came.replies.values()) == {"hello"}
        trace.stop()
        assert seen == ["in", "out"]
        system.suspend(first)
        assert (await system.get_state(first))["label"] == "first"
        await system.replace_state(first, lambda state: {**state, "label": "replaced"})
        system.resume(first)
        assert await first.request("hello") == "hello"
    assert log[-1] == "replaced ends: shutdown"


async def test_a_system_hands_out_the_events_of_its_kernel_and_counts_of_every_part() -> None:
    ended: list[object] = []
    async with ActorSystem("told", slow_after=None) as system:
        system.telemetry.attach("actor.ended", lambda event: ended.append(event.metadata["name"]))
        ref = await system.start(Worker, [], name="worker")
        ref.stop()
        await ref.wait()
        system.named("worker").send("too late")
        statistics = system.statistics().kernel
    assert ended == ["worker"]
    assert statistics.letters.by_reason == {"noproc": 1}
    assert statistics.registry.names == 0
    assert statistics.scheduler.turns > 0


async def test_a_handler_that_was_attached_before_sees_the_root_and_its_children_start() -> None:
    system = ActorSystem(
        "told",
        root=Supervisor(children=[ChildSpec("worker", Worker, args=([],), name="worker")]),
        slow_after=None,
    )
    started: list[object] = []
    system.telemetry.attach("actor.started", lambda event: started.append(event.metadata["name"]))
    async with system:
        assert started == ["worker", "root"]
