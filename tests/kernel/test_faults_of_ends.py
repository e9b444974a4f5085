"""What a fault in beginnings and ends would break, seen from outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Inbox, Kernel, Mailbox
from tests.kernel.cast import Child, Notes, Parent
from tests.kernel.conftest import Until

pytestmark = pytest.mark.anyio


async def test_a_handler_that_stops_its_actor_is_not_cancelled(kernel: Kernel) -> None:
    log: list[str] = []

    class Stops(Actor[str]):
        async def receive(self, message: str) -> None:
            self.context.stop()
            await asyncio.sleep(0)
            log.append("went on")

    ref = kernel.spawn(Stops)
    ref.send("stop")
    assert await ref.wait() == "normal"
    assert log == ["went on"]


async def test_an_actor_that_stops_itself_with_an_error_is_reported(kernel: Kernel) -> None:
    reports: list[object] = []
    kernel.on_crash(lambda report: reports.append(report.reason))

    class Stops(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.stop(message)

    for reason in ("disk is full", "shutdown"):
        ref = kernel.spawn(Stops)
        ref.send(reason)
        await ref.wait()
    assert reports == ["disk is full"]


async def collects(inbox: Inbox[Any], log: list[Any]) -> None:
    """Collects all that comes and wants none of it."""
    await inbox.receive(lambda message: False)


@pytest.mark.parametrize("behaviour", [Notes, collects])
async def test_what_a_killed_actor_had_not_handled_becomes_dead_letters_in_order(
    kernel: Kernel, behaviour: Any
) -> None:
    ref = await kernel.start(behaviour, [])
    for number in range(4):
        ref.send(number)
        if behaviour is collects and number == 1:
            for _ in range(5):
                await asyncio.sleep(0)
    ref.kill()
    assert [letter.message for letter in kernel.dead_letters.recent()] == [0, 1, 2, 3]


async def test_the_children_of_a_killed_parent_end_in_the_reverse_order_of_their_start(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    parent = await kernel.start(Parent, [])
    children = [
        await parent.request(lambda context, name=name: context.spawn_child(Child, log, name))
        for name in (1, 2, 3)
    ]
    await until(lambda: all(kernel.info(child).state == "idle" for child in children))
    parent.kill()
    for child in children:
        await child.wait()
    assert log == [(3, "terminates"), (2, "terminates"), (1, "terminates")]


async def test_a_stop_of_one_incarnation_does_not_stop_the_next(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    heard: list[Any] = []
    kept = Mailbox(keep_on_restart=True)
    parent = await kernel.start(Parent, heard)
    old = await parent.request(lambda context: context.spawn_child(Child, log, 1, mailbox=kept))
    await until(lambda: heard)
    old.send("kept")
    old.stop("over")
    old.kill()
    new = await parent.request(
        lambda context: context.spawn_child(Child, log, 2, mailbox=kept, adopt=old)
    )
    new.send("new")
    await until(lambda: len(log) == 2)
    assert log == [(2, "kept"), (2, "new")]
    assert new.is_alive


async def test_an_actor_whose_init_fails_does_not_terminate(kernel: Kernel) -> None:
    terminated: list[object] = []

    class Fails(Actor[Any]):
        def init(self) -> None:
            raise OSError("no disk")

        def terminate(self, reason: object) -> None:
            terminated.append(reason)

    ref = kernel.spawn(Fails)
    await ref.wait()
    assert terminated == []


async def test_an_actor_that_is_ended_before_its_init_never_begins(kernel: Kernel) -> None:
    log: list[Any] = []

    class Begins(Actor[Any]):
        def init(self) -> None:
            log.append("init")

        def receive(self, message: Any) -> None:
            log.append(message)

    ref = kernel.spawn(Begins)
    ref.exit("over")
    assert await ref.wait() == "over"
    assert log == []


async def test_the_end_of_an_actor_that_nobody_knows_is_told_by_telemetry(kernel: Kernel) -> None:
    ended: list[object] = []

    class Ends(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.stop()

    ref = kernel.spawn(Ends)
    kernel.telemetry.attach("actor.ended", lambda event: ended.append(event.metadata["ref"]))
    ref.send("end")
    for _ in range(5):
        await asyncio.sleep(0)
    assert ended == [ref]


async def test_who_stopped_waiting_in_the_turn_of_a_death_does_not_disturb_it(
    kernel: Kernel,
) -> None:
    ref = await kernel.start(Notes, [])
    impatient, patient = asyncio.create_task(ref.wait()), asyncio.create_task(ref.wait())
    await asyncio.sleep(0)
    impatient.cancel()
    ref.kill()
    assert await patient == "killed"
