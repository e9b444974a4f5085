"""keep_on_restart: the mailbox belongs to the child, and the next incarnation goes on with it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    DeadLetter,
    Down,
    Error,
    Inbox,
    Kernel,
    Mailbox,
    Started,
    StopInit,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

KEPT = Mailbox(keep_on_restart=True)


class Supervises(Actor[Any]):
    """Calls messages with its context, and notes what it hears of its children."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.heard.append(message)
        return None


class Child(Actor[Any]):
    def __init__(self, log: list[Any], number: int = 1) -> None:
        self.log = log
        self.number = number

    def receive(self, message: Any) -> object:
        if message == "poison":
            raise ValueError("poisoned")
        self.log.append((self.number, message))
        return (self.number, message)


class AsyncChild(Child):
    async def init(self) -> None:
        await asyncio.sleep(0)

    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        return super().receive(message)


class ChildInOneTask(Child):
    own_task = True


async def process_child(inbox: Inbox[Any], log: list[Any], number: int = 1) -> None:
    async for message in inbox:
        if message == "poison":
            raise ValueError("poisoned")
        log.append((number, message))
        inbox.context.defer_reply().send((number, message))


each = pytest.mark.parametrize("behaviour", [Child, AsyncChild, ChildInOneTask, process_child])
each_mailbox = pytest.mark.parametrize(
    "mailbox", [KEPT, Mailbox(100, keep_on_restart=True)], ids=["unbounded", "bounded"]
)


class Family:
    """A supervisor and one child of it, which keeps its mailbox."""

    def __init__(self, kernel: Kernel, behaviour: Any, mailbox: Mailbox = KEPT) -> None:
        self.kernel = kernel
        self.behaviour = behaviour
        self.mailbox = mailbox
        self.log: list[Any] = []
        self.heard: list[Any] = []
        self.incarnations = 0
        heard = self.heard

        class Notes(Supervises):
            def __init__(self) -> None:
                self.heard = heard

        self.parent: ActorRef[Any] = kernel.spawn(Notes)

    async def do(self, action: Callable[[ActorContext], Any]) -> Any:
        return await self.parent.request(action)

    async def spawn(self, adopt: ActorRef[Any] | None = None, name: str | None = None) -> Any:
        self.incarnations += 1
        return await self.do(
            lambda context: context.spawn_child(
                self.behaviour,
                self.log,
                self.incarnations,
                mailbox=self.mailbox,
                name=name,
                adopt=adopt,
            )
        )

    async def release(self, ref: ActorRef[Any]) -> None:
        await self.do(lambda context: context.release(ref))


@each
@each_mailbox
async def test_the_next_incarnation_goes_on_after_the_message_that_crashed_the_last(
    kernel: Kernel, behaviour: Any, mailbox: Mailbox
) -> None:
    family = Family(kernel, behaviour, mailbox)
    child = await family.spawn()
    for message in ["one", "poison", "two", "three"]:
        child.send(message)
    await child.wait()
    child.send("while it is restarted")
    assert child.mailbox_length == 3
    second = await family.spawn(adopt=child)
    second.send("four")
    second.stop()
    await second.wait()
    assert family.log == [
        (1, "one"),
        (2, "two"),
        (2, "three"),
        (2, "while it is restarted"),
        (2, "four"),
    ]
    assert kernel.dead_letters.recent() == (
        DeadLetter("poison", child, Error("ValueError", "poisoned"), crashed=True),
    )
    await family.release(second)


@each
@each_mailbox
async def test_the_request_in_hand_fails_and_those_behind_it_stay_pending(
    kernel: Kernel, behaviour: Any, mailbox: Mailbox
) -> None:
    family = Family(kernel, behaviour, mailbox)
    child = await family.spawn()
    asking = [
        asyncio.create_task(child.request(message, timeout=None)) for message in ["poison", "two"]
    ]
    with pytest.raises(ActorExited):
        await asking[0]
    await child.wait()
    late = asyncio.create_task(child.request("three", timeout=None))
    await asyncio.sleep(0)
    assert not asking[1].done()
    assert not late.done()
    await family.spawn(adopt=child)
    assert await asking[1] == (2, "two")
    assert await late == (2, "three")


@each
async def test_the_name_stays_and_leads_to_the_next_incarnation(
    kernel: Kernel, behaviour: Any
) -> None:
    family = Family(kernel, behaviour)
    child = await family.spawn(name="child")
    child.kill()
    assert kernel.whereis("child") is None, "nobody who lives has it"
    kernel.named("child").send("held")
    asking = asyncio.create_task(kernel.named("child").request("asked", timeout=None))
    await asyncio.sleep(0)
    second = await family.spawn(adopt=child, name="child")
    assert kernel.whereis("child") == second
    assert [child.name, second.name] == [None, "child"]
    assert await asking == (2, "asked")
    assert family.log == [(2, "held"), (2, "asked")]


async def test_on_exit_is_called_when_the_mailbox_is_handed_over_or_given_up(
    kernel: Kernel,
) -> None:
    calls: list[Any] = []
    family = Family(kernel, Child)
    first = await family.spawn()
    kernel.on_exit(first, lambda ref, successor: calls.append((ref, successor)))
    first.kill()
    assert calls == []
    second = await family.spawn(adopt=first)
    assert calls == [(first, second)]
    kernel.on_exit(second, lambda ref, successor: calls.append((ref, successor)))
    second.kill()
    await family.release(second)
    assert calls[1:] == [(second, None)]


@each_mailbox
async def test_what_is_given_up_becomes_dead_letters_and_the_name_is_free(
    kernel: Kernel, mailbox: Mailbox
) -> None:
    family = Family(kernel, Child, mailbox)
    child = await family.spawn(name="child")
    child.send("one")
    asking = asyncio.create_task(child.request("two", timeout=None))
    await asyncio.sleep(0)
    child.kill()
    child.send("three")
    await family.release(child)
    with pytest.raises(ActorExited, match="killed"):
        await asking
    child.send("four")
    reasons = {letter.message: letter.reason for letter in kernel.dead_letters.recent()}
    handled = [message for _, message in family.log]
    assert set(reasons) | set(handled) == {"one", "two", "three", "four"}
    assert reasons["three"] == "killed"
    assert reasons["four"] == "noproc"
    assert (await family.spawn(name="child")).is_alive
    await family.release(child)  # harmless


async def test_put_keeps_waiting_while_the_child_is_restarted(kernel: Kernel, until: Until) -> None:
    gate = asyncio.Event()
    handled: list[Any] = []

    class Slow(Child):
        async def receive(self, message: Any) -> object:
            await gate.wait()
            handled.append(message)
            return None

    family = Family(kernel, Slow, Mailbox(2, keep_on_restart=True))
    child = await family.spawn()
    await child.put("in hand")
    await asyncio.sleep(0)
    await until(lambda: child.mailbox_length == 0)
    for number in (1, 2):
        child.send(number)
    putting = asyncio.create_task(child.put(3))
    cancelled = asyncio.create_task(child.put("cancelled"))
    await asyncio.sleep(0)
    child.exit("boom")
    await child.wait()
    cancelled.cancel()
    await asyncio.wait([cancelled])
    assert not putting.done()
    gate.set()
    second = await family.spawn(adopt=child)
    await putting
    second.stop()
    await second.wait()
    assert handled == [1, 2, 3]
    await family.release(second)


async def test_an_adopted_mailbox_is_as_full_as_it_was(kernel: Kernel, until: Until) -> None:
    gate = asyncio.Event()

    class Slow(Child):
        async def receive(self, message: Any) -> object:
            await gate.wait()
            return super().receive(message)

    family = Family(kernel, Slow, Mailbox(3, "drop_new", keep_on_restart=True))
    child = await family.spawn()
    child.kill()
    for number in range(5):
        child.send(number)
    second = await family.spawn(adopt=child)
    await until(lambda: second.mailbox_length == 2)
    second.send("room for one, since one is in hand")
    second.send("no room")
    gate.set()
    second.stop()
    await second.wait()
    assert [message for _, message in family.log] == [
        0,
        1,
        2,
        "room for one, since one is in hand",
    ]
    assert [letter.message for letter in kernel.dead_letters.recent()] == [3, 4, "no room"]
    await family.release(second)


async def test_a_mailbox_survives_an_incarnation_whose_init_fails(kernel: Kernel) -> None:
    attempts: list[int] = []

    class Recovers(Child):
        def init(self) -> None:
            attempts.append(self.number)
            if self.number in (2, 3):
                raise StopInit("not yet")

    family = Family(kernel, Recovers)
    first = await family.spawn()
    await first.request("ready")
    first.send("poison")
    first.send("one")
    await first.wait()
    second = await family.spawn(adopt=first)
    second.send("two")
    await second.wait()
    third = await family.spawn(adopt=second)
    await third.wait()
    fourth = await family.spawn(adopt=third)
    assert await fourth.request("three") == (4, "three")
    assert family.log == [(1, "ready"), (4, "one"), (4, "two"), (4, "three")]
    assert attempts == [1, 2, 3, 4]


async def test_the_parent_hears_of_each_beginning_and_end_once(kernel: Kernel) -> None:
    class Fails(Child):
        def init(self) -> object:
            match self.number:
                case 2:
                    raise StopInit("no")
                case 3:
                    return IGNORE
            return None

    family = Family(kernel, Fails, Mailbox())
    first = await family.spawn()
    await first.request("ready")
    first.stop("over")
    await first.wait()
    second = await family.spawn()
    await second.wait()
    third = await family.spawn()
    await third.wait()
    await family.do(lambda _: None)
    assert [(type(heard).__name__, heard.ref) for heard in family.heard] == [
        ("Started", first),
        ("Down", first),
        ("Down", second),
        ("Ignored", third),
    ]
    assert family.heard[0] == Started(first)
    assert family.heard[1] == Down(first, "over")
    assert family.heard[2] == Down(second, "no")


async def test_what_a_child_had_kept_is_given_up_when_its_parent_ends(kernel: Kernel) -> None:
    family = Family(kernel, Child)
    child = await family.spawn(name="child")
    child.kill()
    child.send("held")
    family.parent.stop()
    await family.parent.wait()
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["held"]
    assert kernel.registry.find("child") is None


async def test_an_actor_without_a_supervisor_keeps_nothing(kernel: Kernel) -> None:
    ref = kernel.spawn(Child, [], mailbox=KEPT, name="child")
    ref.kill()
    ref.send("late")
    assert kernel.dead_letters.count == 1
    assert kernel.registry.find("child") is None


@pytest.mark.rule("RESTART-13")
async def test_without_keep_a_restarted_child_starts_with_an_empty_mailbox(
    kernel: Kernel,
) -> None:
    family = Family(kernel, Child, Mailbox())
    child = await family.spawn(name="child")
    for message in ["poison", "lost"]:
        child.send(message)
    await child.wait()
    second = await family.spawn(name="child")
    assert await second.request("first") == (2, "first")
    assert second is not child
    assert family.log == [(2, "first")]
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["poison", "lost"]


class Watching(Child):
    """The first incarnation watches others in each way; it does what it is told, and notes it."""

    def receive(self, message: Any) -> object:
        return message(self.context) if callable(message) else super().receive(message)


async def watching(inbox: Inbox[Any], log: list[Any], number: int = 1) -> None:
    async for message in inbox:
        if callable(message):
            inbox.context.defer_reply().send(message(inbox.context))
        elif message == "poison":
            raise ValueError("poisoned")
        else:
            log.append((number, message))


@pytest.mark.parametrize("behaviour", [Watching, watching])
@pytest.mark.parametrize(
    "mailbox",
    [KEPT, Mailbox(100, keep_on_restart=True), Mailbox(order="priority", keep_on_restart=True)],
    ids=["unbounded", "bounded", "priority"],
)
async def test_what_an_incarnation_watched_does_not_concern_the_next_one(
    kernel: Kernel, behaviour: Any, mailbox: Mailbox
) -> None:
    family = Family(kernel, behaviour, mailbox)
    child = await family.spawn()
    watched, linked, late = (kernel.spawn(Supervises) for _ in range(3))
    group = kernel.group("team")

    def watch(context: ActorContext) -> None:
        context.trap_exit = True
        context.monitor(watched)
        context.link(linked)
        group.monitor(context.ref)

    await child.request(watch)
    child.send("poison")
    child.send("one")
    watched.exit("boom")
    linked.exit("boom")
    group.join(late)
    child.exit("listen")
    child.send("two")
    await child.wait()
    group.leave(late)
    child.send("three")
    second = await family.spawn(adopt=child)
    second.send("four")
    second.stop()
    await second.wait()
    assert family.log == [(2, "one"), (2, "two"), (2, "three"), (2, "four")]


async def test_who_looks_at_a_child_that_crashes_learns_so_and_does_not_see_the_next_one(
    kernel: Kernel, until: Until
) -> None:
    family = Family(kernel, Child)
    child = await family.spawn()
    child.send("poison")
    looking = asyncio.create_task(kernel.get_state(child))
    await until(lambda: looking.done())
    assert isinstance(looking.exception(), ActorExited)
    second = await family.spawn(adopt=child)
    assert await second.request("one") == (2, "one")
