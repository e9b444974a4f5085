"""What a fault in ends, kept mailboxes or monitors would break, seen from outside."""

from __future__ import annotations

from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorRef,
    Down,
    Kernel,
    Mailbox,
    StartError,
)
from tests.kernel.conftest import Until
from tests.kernel.test_timers import Does

pytestmark = pytest.mark.anyio


class Refuses(Actor[Any]):
    """Its init fails; `terminated` says whether terminate ran."""

    terminated = False

    def init(self) -> None:
        raise ValueError("not today")

    def receive(self, message: Any) -> None: ...

    def terminate(self, reason: object) -> None:
        Refuses.terminated = True


async def test_terminate_does_not_run_for_an_init_that_failed_or_never_ran(
    kernel: Kernel,
) -> None:
    with pytest.raises(StartError):
        await kernel.start(Refuses)
    stopped = kernel.spawn(Refuses)
    stopped.exit("go away")  # before its init
    await stopped.wait()
    assert not Refuses.terminated


class Told(Does):
    """Does what it is told, and takes exits for messages."""

    def init(self) -> None:
        self.context.trap_exit = True


async def test_a_callback_that_raises_at_an_end_holds_up_nobody(kernel: Kernel) -> None:
    ends: list[object] = []

    def bad(ref: ActorRef[Any], successor: object) -> None:
        raise LookupError("no such callback")

    watcher = kernel.spawn(Told)
    actor = kernel.spawn(Does, name="ledger")
    await watcher.request(lambda context: context.monitor(actor) and None)
    kernel.on_exit(actor, bad)
    kernel.on_exit(actor, lambda ref, successor: ends.append((ref, successor)))
    actor.stop()
    assert await actor.wait() == "normal"
    assert ends == [(actor, None)]
    assert kernel.whereis("ledger") is None
    (down,) = (await kernel.get_state(watcher))["log"]
    assert (down.ref, down.reason) == (actor, "normal")


async def test_a_kept_mailbox_outlives_its_supervisor_by_nothing(
    kernel: Kernel, until: Until
) -> None:
    release: list[Any] = []

    class Slow(Actor[Any]):
        async def receive(self, message: Any) -> None:
            import asyncio

            gate = asyncio.get_running_loop().create_future()
            release.append(gate)
            await gate

    supervisor = kernel.spawn(Told)
    child = await supervisor.request(
        lambda context: context.spawn_child(
            Slow, name="keeper", mailbox=Mailbox(keep_on_restart=True)
        )
    )
    child.send("in hand")
    await until(lambda: release)
    child.send("waits")
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not child.is_alive)
    await until(lambda: kernel.whereis("keeper") is None)
    assert "waits" in [letter.message for letter in kernel.dead_letters.recent()]
    kernel.spawn(Does, name="keeper")


async def test_a_down_carries_the_tag_of_its_monitor(kernel: Kernel) -> None:
    watcher, actor = kernel.spawn(Does), kernel.spawn(Does)
    await watcher.request(lambda context: context.monitor(actor, tag="store") and None)
    actor.stop()
    await actor.wait()
    (down,) = (await kernel.get_state(watcher))["log"]
    assert isinstance(down, Down)
    assert (down.ref, down.reason, down.tag) == (actor, "normal", "store")


async def test_a_child_that_stops_itself_leaves_its_kept_mailbox_to_the_next(
    kernel: Kernel,
) -> None:
    supervisor = kernel.spawn(Told)
    spawned: dict[str, Any] = {"mailbox": Mailbox(keep_on_restart=True)}
    child = await supervisor.request(lambda context: context.spawn_child(Does, **spawned))
    child.send(lambda context: context.stop("normal"))
    child.send("first")
    child.send("second")
    await child.wait()
    successor = await supervisor.request(
        lambda context: context.spawn_child(Does, adopt=child, restarts=1, **spawned)
    )
    assert (await kernel.get_state(successor))["log"] == ["first", "second"]


async def test_a_child_that_stops_itself_has_what_is_sent_meanwhile_kept_for_the_next(
    kernel: Kernel, until: Until
) -> None:
    supervisor = kernel.spawn(Told)
    child = await supervisor.request(lambda context: context.spawn_child(Does, queue=True))
    await supervisor.request(lambda context: child.send(lambda own: own.stop()))
    await until(lambda: not child.is_alive)  # nobody awaits it: that would be the long way
    child.send("meanwhile")
    successor = await supervisor.request(
        lambda context: context.spawn_child(Does, adopt=child, restarts=1, queue=True)
    )
    assert (await kernel.get_state(successor))["log"] == ["meanwhile"]
