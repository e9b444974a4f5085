"""Events: each of the table is emitted with what the table says, to those who asked for it."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Event, Inbox, Kernel, Mailbox, MailboxFull, Telemetry
from airssys_wasm.kernel.events import EVENTS
from airssys_wasm.supervision import ChildSpec, Supervisor
from tests.kernel.events_document import DOCUMENT, as_markdown

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Quiet(Actor[Any]):
    def receive(self, message: Any) -> object:
        return message


class Picky(Actor[Any]):
    def init(self) -> None:
        """Has one."""

    def receive(self, message: Any) -> object:
        if message == "crash":
            raise ValueError("a crash")
        return self.unhandled(message)


class Stuck(Actor[Any]):
    """Swallows its cancellation for as long as the test wants it to."""

    go = False

    async def receive(self, message: Any) -> None:
        while not Stuck.go:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                continue


async def ends(inbox: Inbox[Any]) -> None:
    async for _ in inbox:
        return


# --- for each event of the table, something that brings it about


async def spawned(kernel: Kernel, until: Until) -> None:
    await kernel.start(Picky, name="picky")
    kernel.spawn(Quiet)
    await kernel.start(ends)


async def ended(kernel: Kernel, until: Until) -> None:
    for behaviour in (Quiet, Picky, ends):
        ref = await kernel.start(behaviour, name="it")
        ref.stop("done")
        await ref.wait()


async def crashed(kernel: Kernel, until: Until) -> None:
    ref = kernel.spawn(Picky)
    ref.send("crash")
    await ref.wait()


async def dead_lettered(kernel: Kernel, until: Until) -> None:
    kernel.named("nobody").send("hello")


async def unhandled(kernel: Kernel, until: Until) -> None:
    ref = kernel.spawn(Picky)
    ref.send("what?")
    ref.stop()
    await ref.wait()


async def full(kernel: Kernel, until: Until) -> None:
    ref = kernel.spawn(Quiet, mailbox=Mailbox(1, "block"))
    ref.send(1)
    with pytest.raises(MailboxFull):
        ref.send(2)
    await ref.put(3)


async def dropped(kernel: Kernel, until: Until) -> None:
    for overflow in ("drop_new", "drop_old"):
        ref = kernel.spawn(Quiet, mailbox=Mailbox(1, overflow))
        ref.send(1)
        ref.send(2)


async def fired(kernel: Kernel, until: Until) -> None:
    turned = asyncio.Event()
    kernel.timers.wake_at(kernel.platform.now(), lambda _: turned.set())
    await turned.wait()
    await asyncio.sleep(0)


async def slow(kernel: Kernel, until: Until) -> None:
    told = threading.Event()

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.set()

    class Blocks(Actor[Any]):
        def receive(self, message: Any) -> None:
            assert told.wait(30.0)

    log, handler = logging.getLogger("airssys_wasm.kernel"), Told()
    log.addHandler(handler)
    try:
        await kernel.spawn(Blocks).request("go", timeout=None)
    finally:
        log.removeHandler(handler)
    await until(lambda: kernel.statistics().slow)


async def leftover(kernel: Kernel, until: Until) -> None:
    reported = asyncio.Event()
    kernel.telemetry.attach("leftover.reported", lambda _: reported.set())
    Stuck.go = False
    ref = kernel.spawn(Stuck)
    ref.send("go")
    await until(lambda: kernel.info(ref).state == "waiting")
    ref.kill()
    await reported.wait()
    Stuck.go = True


async def restarted(kernel: Kernel, until: Until) -> None:
    child = ChildSpec("picky", Picky, name="picky")
    await kernel.start(Supervisor(intensity=1, children=[child]))
    kernel.named("picky").send("crash")
    await until(lambda: kernel.statistics().restarted)


async def gave_up(kernel: Kernel, until: Until) -> None:
    child = ChildSpec("picky", Picky, name="picky")
    ref = await kernel.start(Supervisor(intensity=0, children=[child]))
    kernel.named("picky").send("crash")
    await ref.wait()


async def closing(kernel: Kernel, until: Until) -> None:
    kernel.spawn(Quiet)
    await kernel.close()


async def detached(kernel: Kernel, until: Until) -> None:
    def raises(_: Event) -> None:
        raise ValueError("a bad handler")

    kernel.telemetry.attach("actor.spawned", raises)
    kernel.spawn(Quiet)


CAUSES: dict[str, Callable[[Kernel, Until], Awaitable[None]]] = {
    "actor.spawned": spawned,
    "actor.started": spawned,
    "actor.ended": ended,
    "actor.crashed": crashed,
    "message.dead_lettered": dead_lettered,
    "message.unhandled": unhandled,
    "mailbox.full": full,
    "mailbox.dropped": dropped,
    "timers.fired": fired,
    "handler.slow": slow,
    "leftover.reported": leftover,
    "supervisor.restarted": restarted,
    "supervisor.gave_up": gave_up,
    "system.closing": closing,
    "system.closed": closing,
    "telemetry.detached": detached,
}


def test_every_event_of_the_table_is_brought_about_here() -> None:
    # Others have their own: tests/components/test_statistics.py and host/test_messaging.py, and
    # between nodes tests/nodes/test_events.py.
    others = ("component.", "group.", "topic.")
    kernels = [spec.name for spec in EVENTS if not spec.name.startswith(others)]
    assert list(CAUSES) == kernels


@pytest.mark.parametrize("name", CAUSES)
async def test_events_carry_what_the_table_says_and_no_more(
    anyio_backend: object, until: Until, name: str
) -> None:
    table = {spec.name: spec for spec in EVENTS}
    events: list[Event] = []
    async with Kernel("told", slow_after=0.02) as kernel:
        kernel.telemetry.attach("*", events.append)
        await CAUSES[name](kernel, until)
    assert name in {event.name for event in events}
    for event in events:
        spec = table[event.name]
        assert set(event.measurements) == set(spec.measurements), event
        assert set(event.metadata) == set(spec.metadata), event
        assert all(isinstance(value, int | float) for value in event.measurements.values())
    assert [event.time for event in events] == sorted(event.time for event in events)


def test_the_document_is_what_the_table_gives() -> None:
    committed = DOCUMENT.read_text(encoding="utf-8")
    assert committed == as_markdown(), "write it anew: python -m tests.kernel.events_document"


# --- attaching


async def test_a_life_is_told_in_order(kernel: Kernel) -> None:
    events: list[Event] = []
    kernel.telemetry.attach("actor.*", events.append)
    ref = await kernel.start(Picky, name="picky")
    ref.send("crash")
    await ref.wait()
    names = [event.name for event in events]
    assert names == ["actor.spawned", "actor.started", "actor.crashed", "actor.ended"]
    spawned, started, crashed, ended = (event.metadata for event in events)
    who = {"ref": ref, "behaviour": "Picky", "name": "picky"}
    assert spawned == who | {"parent": None}
    assert started == who
    assert crashed["report"].reason == ref.exit_reason  # type: ignore[attr-defined]
    assert ended == who | {"reason": ref.exit_reason, "orderly": False}


async def test_a_name_is_free_when_its_actor_is_told_to_have_ended(kernel: Kernel) -> None:
    holders: list[object] = []
    kernel.telemetry.attach("actor.ended", lambda _: holders.append(kernel.whereis("it")))
    ref = kernel.spawn(Quiet, name="it")
    ref.kill()
    assert holders == [None]


async def test_what_was_detached_gets_no_more(kernel: Kernel) -> None:
    events: list[Event] = []
    first = kernel.telemetry.attach("actor.spawned", events.append)
    second = kernel.telemetry.attach("actor.spawned", events.append)
    kernel.spawn(Quiet)
    assert len(events) == 2
    first.detach()
    first.detach()
    kernel.spawn(Quiet)
    assert len(events) == 3
    assert kernel.telemetry.active
    second.detach()
    kernel.spawn(Quiet)
    assert len(events) == 3
    assert not kernel.telemetry.active


async def test_a_handler_that_raises_is_detached_and_hurts_nobody(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []

    def raises(_: Event) -> None:
        raise ValueError("a bad handler")

    bad = kernel.telemetry.attach("actor.*", raises)
    kernel.telemetry.attach("*", events.append)
    ref = await kernel.start(Picky)
    assert not bad.active
    assert ref.is_alive
    assert [event.name for event in events] == [
        "telemetry.detached",
        "actor.spawned",
        "actor.started",
    ]
    assert events[0].metadata["handler"] is raises
    assert "a handler of actor.* raised and is detached" in caplog.text


async def test_a_handler_gets_no_event_of_its_own_making(kernel: Kernel) -> None:
    letters: list[Event] = []
    others: list[Event] = []

    def sends_into_the_void(event: Event) -> None:
        letters.append(event)
        kernel.named("nobody").send("again")

    kernel.telemetry.attach("message.*", sends_into_the_void)
    kernel.telemetry.attach("message.*", others.append)
    kernel.named("nobody").send("hello")
    assert len(letters) == 1
    assert len(others) == 2


async def test_what_matches_no_event_or_can_t_be_called_is_refused(kernel: Kernel) -> None:
    with pytest.raises(ValueError, match=r"no event is called 'actor\.borne'.*actor\.spawned"):
        kernel.telemetry.attach("actor.borne", print)
    with pytest.raises(TypeError, match="can't be called"):
        kernel.telemetry.attach("actor.*", None)  # type: ignore[arg-type]


async def test_nothing_is_made_of_events_that_nobody_wants(kernel: Kernel, until: Until) -> None:
    """Whoever emits asks `active` first: then not even a handler that is there is reached."""
    events: list[Event] = []
    kernel.telemetry.attach("*", events.append)
    kernel.telemetry.active = False
    for cause in (spawned, ended, crashed, dead_lettered, unhandled, full, dropped, fired):
        await cause(kernel, until)
    assert events == []


# --- statistics and info


async def test_dead_letters_are_counted_by_reason(kernel: Kernel) -> None:
    kernel.named("nobody").send(1)
    dropping = kernel.spawn(Quiet, mailbox=Mailbox(1, "drop_new"))
    dropping.send(1)
    dropping.send(2)
    crashing = kernel.spawn(Picky)
    for message in ("crash", "queued", "queued"):
        crashing.send(message)
    await crashing.wait()
    crashing.send("late")
    letters = kernel.statistics().letters
    assert letters.by_reason == {"noproc": 2, "full": 1, "crashed": 1, "ended": 2}
    assert letters.total == letters.kept == kernel.statistics().dead_letters == 6
    assert letters.subscribers == 0


async def test_each_part_has_its_counts(kernel: Kernel, until: Until) -> None:
    waits = asyncio.Event()

    class Waits(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await waits.wait()

    ref = kernel.spawn(Waits, name="waits")
    ref.send("go")
    timer = kernel.timers.wake_at(kernel.platform.now() + 3_600, lambda _: None)
    await until(lambda: kernel.info(ref).state == "waiting")
    statistics = kernel.statistics()
    assert statistics.registry.names == 1
    assert statistics.timers == statistics.timer_service.pending == 1
    assert statistics.scheduler.suspended == 1
    assert statistics.scheduler.workers == statistics.scheduler.resting + 1
    assert statistics.scheduler.turns >= 1
    assert statistics.scheduler.slices >= 1
    waits.set()
    kernel.timers.cancel(timer)
    await until(lambda: kernel.info(ref).state == "idle")
    assert kernel.statistics().scheduler.suspended == 0


async def test_an_actor_can_be_looked_at(kernel: Kernel, until: Until) -> None:
    seen: list[str] = []
    release = asyncio.Event()

    class Busy(Actor[Any]):
        def init(self) -> None:
            seen.append(kernel.info(self.context.ref).state)

        async def receive(self, message: Any) -> None:
            seen.append(kernel.info(self.context.ref).state)
            await release.wait()

    class Parent(Actor[Any]):
        def receive(self, message: Any) -> object:
            self.context.trap_exit = True
            self.context.send_after(3_600, self.context.ref, "later")
            return self.context.spawn(Busy, name="child", link=True, monitor=True)

    parent = kernel.spawn(Parent)
    child = await parent.request("go")
    assert kernel.info(child).state in ("starting", "idle")
    child.send(1)
    child.send(2)
    await until(lambda: kernel.info(child).state == "waiting")
    info = kernel.info(child)
    assert (info.name, info.behaviour.split(".")[-1], info.mailbox_length) == ("child", "Busy", 1)
    assert (info.parent, info.links, info.monitored_by) == (parent, (parent,), (parent,))
    assert (info.restarts, info.capacity, info.dropped) == (0, None, 0)
    info = kernel.info(parent)
    assert (info.state, info.trap_exit, info.timers) == ("idle", True, 1)
    assert (info.links, info.monitors) == ((child,), (child,))
    assert seen == ["running", "running"]
    child.kill()
    assert kernel.info(child).state == "dead"
    process = await kernel.start(ends, name="a process")
    await until(lambda: kernel.info(process).state == "idle")
    assert kernel.info(process).behaviour == "ends"


async def test_a_supervisor_shows_its_children_and_their_restarts(
    kernel: Kernel, until: Until
) -> None:
    ref = await kernel.start(Supervisor(children=[ChildSpec("picky", Picky, name="picky")]))
    kernel.named("picky").send("crash")
    await until(lambda: kernel.statistics().restarted and kernel.whereis("picky"))
    child = kernel.whereis("picky")
    assert child is not None
    assert kernel.info(ref).children == (child,)
    assert kernel.info(child).restarts == 1


async def test_a_handler_can_be_attached_before_there_is_a_kernel(anyio_backend: object) -> None:
    telemetry = Telemetry()
    seen: list[tuple[str, float]] = []
    telemetry.attach("actor.*", lambda event: seen.append((event.name, event.time)))
    async with Kernel("told", telemetry=telemetry) as kernel:
        began = kernel.platform.now()
        (await kernel.start(Picky)).stop()
    assert [name for name, _ in seen] == ["actor.spawned", "actor.started", "actor.ended"]
    assert all(time >= began for _, time in seen)
