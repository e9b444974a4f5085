"""What a fault in ends, kept mailboxes or monitors would break, seen from outside."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, Down, Kernel, Mailbox, StartError
from tests.kernel.cast import Notes, Owns, Parent, Sends, Traps, held_process
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


async def test_a_link_to_oneself_is_none(kernel: Kernel) -> None:
    class Links(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.link(self.context.ref)

    ref = kernel.spawn(Links)
    await ref.request("link")
    assert kernel.info(ref).links == ()


class ParentOfOne(Actor[str]):
    """Has one linked child, which traps exits."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: str) -> ActorRef[Any]:
        return self.context.spawn(Traps, self.log, link=True)


@pytest.mark.parametrize("reason", ["normal", "shutdown", "error"])
async def test_the_end_of_its_parent_ends_a_linked_child_that_traps_exits(
    kernel: Kernel, reason: str
) -> None:
    log: list[Any] = []
    parent = kernel.spawn(ParentOfOne, log)
    child = await parent.request("spawn")
    await child.request("started")
    parent.stop(reason)
    assert await asyncio.wait_for(child.wait(), 5) == reason
    assert log == ["started"]


async def test_an_exit_with_the_reason_kill_is_not_trapped(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = await kernel.start(Traps, log)
    ref.exit("kill")
    assert await asyncio.wait_for(ref.wait(), 5) == "killed"
    assert log == []


async def test_a_normal_exit_that_an_actor_sends_itself_ends_it(kernel: Kernel) -> None:
    class Ends(Actor[str]):
        def receive(self, message: str) -> None:
            self.context.ref.exit("normal")

    ref = kernel.spawn(Ends)
    ref.send("end")
    assert await asyncio.wait_for(ref.wait(), 5) == "normal"


async def test_monitors_that_are_taken_back_or_have_fired_are_forgotten_on_both_sides(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    watcher = await kernel.start(Parent, log)
    target = await kernel.start(Notes, [])
    monitor = await watcher.request(lambda context: context.monitor(target))
    await watcher.request(lambda context: context.demonitor(monitor))
    assert (kernel.info(watcher).monitors, kernel.info(target).monitored_by) == ((), ())
    await watcher.request(lambda context: context.monitor(target))
    target.kill()
    await until(lambda: log)
    assert kernel.info(watcher).monitors == ()


async def test_a_child_that_is_merely_linked_survives_the_normal_end_of_its_parent(
    kernel: Kernel,
) -> None:
    parent = await kernel.start(Parent, [])
    child = await parent.request(lambda context: context.spawn(Sends, [], link=True))
    assert await child.request("started") == "started"
    parent.stop()
    await parent.wait()
    assert await child.request("alive") == "alive"


async def test_a_dead_child_is_none_of_its_parents_children(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    parent = await kernel.start(Parent, log)
    child = await parent.request(lambda context: context.spawn_child(Notes, []))
    await until(lambda: len(log) == 1)
    child.kill()
    await until(lambda: len(log) == 2)
    assert kernel.info(parent).children == ()


async def test_a_monitor_of_the_dead_is_not_active_and_says_its_tag(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []

    class Watches(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                log.append((message.reason, message.tag))
            else:
                log.append(self.context.demonitor(self.context.monitor(message, tag="dead")))

    living, dead = kernel.spawn(held_process, asyncio.Event(), []), kernel.spawn(Owns, [])
    dead.kill()
    ref = kernel.spawn(Watches)
    ref.send(dead)
    await until(lambda: len(log) == 2)
    assert log == [False, ("noproc", "dead")]
    ref.send(living)
    await until(lambda: len(log) == 3)
    assert log[2:] == [True]
