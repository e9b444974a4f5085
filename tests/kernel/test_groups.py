"""Groups: who is in them, in which order, until when, and who hears of it; requests to many."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Address,
    Failed,
    GroupMonitor,
    Inbox,
    Joined,
    Kernel,
    Left,
    Mailbox,
    NotJoined,
    RequestTimeout,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Idler(Actor[Any]):
    def receive(self, message: Any) -> object:
        return message


class Notes(Actor[Any]):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append(message)
        return len(self.log)


@pytest.mark.rule("PG-01")
async def test_members_are_listed_in_the_order_of_joining_as_often_as_they_joined(
    kernel: Kernel,
) -> None:
    a, b = kernel.spawn(Idler), kernel.spawn(Idler)
    group = kernel.group("workers")
    for member in (b, a, b):
        group.join(member)
    assert group.members() == (b, a, b)
    group.leave(b)
    assert group.members() == (b, a)
    group.leave(b)
    assert group.members() == (a,)
    with pytest.raises(NotJoined):
        group.leave(b)


@pytest.mark.rule("PG-01")
async def test_a_group_without_members_is_gone(kernel: Kernel) -> None:
    a = kernel.spawn(Idler)
    assert kernel.groups() == ()
    assert kernel.group("workers").members() == ()
    kernel.group("workers").join(a)
    assert kernel.groups() == ("workers",)
    assert kernel.group("workers") == kernel.group("workers")
    kernel.group("workers").leave(a)
    assert kernel.groups() == ()


async def test_one_actor_may_be_in_several_groups(kernel: Kernel) -> None:
    a = kernel.spawn(Idler)
    kernel.group("one").join(a)
    kernel.group("two").join(a)
    kernel.group("one").leave(a)
    assert kernel.group("two").members() == (a,)


async def test_a_group_takes_names_as_members_and_no_dead_or_unknown_ones(kernel: Kernel) -> None:
    a = kernel.spawn(Idler, name="desk")
    group = kernel.group("workers")
    group.join(kernel.named("desk"))
    assert group.members() == (a,)
    a.kill()
    for gone in (a, kernel.named("desk")):
        with pytest.raises(ActorExited):
            group.join(gone)
        with pytest.raises(ActorExited):
            group.monitor(gone)
    with pytest.raises(ValueError, match="can't be a name"):
        kernel.group(" ")


@pytest.mark.rule("PG-02")
async def test_a_dead_member_has_left_before_anyone_learns_of_its_death(
    kernel: Kernel, until: Until
) -> None:
    group = kernel.group("workers")
    seen: list[object] = []
    a, b = kernel.spawn(Idler), kernel.spawn(Idler)
    for member in (a, b, a):
        group.join(member)

    async def watches(inbox: Inbox[Any]) -> None:
        inbox.context.monitor(a)
        await inbox.receive()
        seen.append(group.members())

    watcher = await kernel.start(watches)
    await until(lambda: a._ext().watchers)
    a.exit("boom")
    await watcher.wait()
    assert seen == [(b,)]


@pytest.mark.rule("PG-02")
async def test_to_leave_at_ones_death_is_harmless(kernel: Kernel) -> None:
    group = kernel.group("workers")
    a = kernel.spawn(Idler)
    group.join(a)
    a.kill()
    group.leave(a)
    assert kernel.groups() == ()


@pytest.mark.rule("PG-02")
async def test_who_dies_leaves_as_often_as_it_had_joined(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    group = kernel.group("workers")
    a, b = kernel.spawn(Idler), kernel.spawn(Idler)
    for member in (a, b, a):
        group.join(member)
    monitor = group.monitor(kernel.spawn(Notes, log))
    a.kill()
    await until(lambda: len(log) == 2)
    assert log == [Left("workers", a, monitor)] * 2
    assert group.members() == (b,)


@pytest.mark.rule("PG-03")
async def test_who_watches_a_group_gets_its_members_then_each_change_once(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    group = kernel.group("workers")
    a, b = kernel.spawn(Idler), kernel.spawn(Idler)
    group.join(a)
    watcher = kernel.spawn(Notes, log)
    monitor = group.monitor(watcher)
    assert monitor.members == (a,)
    group.join(b)
    group.leave(a)
    kernel.group("others").join(a)
    b.kill()
    await until(lambda: len(log) == 3)
    assert log == [
        Joined("workers", b, monitor),
        Left("workers", a, monitor),
        Left("workers", b, monitor),
    ]


@pytest.mark.rule("PG-03")
async def test_two_watches_are_two_and_each_ends_by_itself_or_with_the_watcher(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    group = kernel.group("workers")
    a = kernel.spawn(Idler)
    watcher = kernel.spawn(Notes, log)
    first, second = group.monitor(watcher), group.monitor(watcher)
    first.stop()
    first.stop()
    group.join(a)
    await until(lambda: log)
    assert log == [Joined("workers", a, second)]
    watcher.kill()
    group.leave(a)
    assert kernel.dead_letters.count == 0
    assert not list(kernel.membership.groups.watchers("workers"))


async def test_a_child_that_keeps_its_mailbox_keeps_its_places_for_its_next_incarnation(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    group = kernel.group("workers")
    monitors: list[GroupMonitor] = []
    refs: list[ActorRef[Any]] = []

    class Parent(Actor[Any]):
        def receive(self, message: Any) -> None:
            match message:
                case "spawn":
                    refs.append(
                        self.context.spawn_child(Idler, mailbox=Mailbox(keep_on_restart=True))
                    )
                case "again":
                    refs.append(
                        self.context.spawn_child(
                            Idler, mailbox=Mailbox(keep_on_restart=True), adopt=refs[0]
                        )
                    )

    parent = kernel.spawn(Parent)
    parent.send("spawn")
    await until(lambda: refs)
    other = kernel.spawn(Idler)
    group.join(refs[0])
    group.join(other)
    monitors.append(group.monitor(kernel.spawn(Notes, log)))
    refs[0].kill()
    assert group.members() == (refs[0], other)
    parent.send("again")
    await until(lambda: len(log) == 2)
    old, new = refs
    assert group.members() == (new, other)
    assert log == [Left("workers", old, monitors[0]), Joined("workers", new, monitors[0])]
    new.kill()
    parent.kill()
    assert group.members() == (other,)


@pytest.mark.rule("GS-29")
async def test_a_request_to_many_gives_the_replies_and_who_gave_none(kernel: Kernel) -> None:
    class Refuses(Actor[Any]):
        def receive(self, message: Any) -> object:
            return Failed(ValueError(message))

    class Silent(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.defer_reply()

    a, b, refuses, silent, dead = map(kernel.spawn, (Idler, Idler, Refuses, Silent, Idler))
    dead.kill()
    unknown = kernel.named("nobody")
    asked: list[Address] = [a, b, refuses, silent, dead, unknown, a]
    came = await kernel.multicall(asked, "hello", timeout=0.01)
    assert came.replies == {a: "hello", b: "hello"}
    assert {address: type(error) for address, error in came.failed.items()} == {
        refuses: ValueError,
        silent: RequestTimeout,
        dead: ActorExited,
        unknown: ActorExited,
    }


async def test_the_statistics_tell_of_groups_places_and_watches(kernel: Kernel) -> None:
    one, other = await kernel.start(Idler), await kernel.start(Idler)
    for group, member in (("red", one), ("red", one), ("red", other), ("green", other)):
        kernel.group(group).join(member)
    kernel.group("blue").monitor(one)
    counts = kernel.statistics().membership
    assert (counts.groups, counts.places, counts.monitors) == (2, 4, 1)
    one.kill()
    counts = kernel.statistics().membership
    assert (counts.groups, counts.places, counts.monitors) == (2, 2, 0)
