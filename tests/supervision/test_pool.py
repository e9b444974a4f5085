"""Pools over real actors: equal children behind one address."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    DeadLetter,
    Failed,
    Inbox,
    Kernel,
    Mailbox,
    MailboxFull,
    RequestTimeout,
)
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    GaveUp,
    InvalidSpec,
    Pool,
    Supervisor,
    SupervisorRef,
)

pytestmark = pytest.mark.anyio


class Worker(Actor[Any]):
    """Tells who it is, what it has got, and ends or hangs as it is told."""

    def __init__(self, got: list[tuple[ActorRef[Any], object]] | None = None) -> None:
        self.got = got if got is not None else []

    async def receive(self, message: Any) -> object:
        self.got.append((self.context.ref, message))
        match message:
            case "who" | {"user": _}:
                return self.context.ref
            case "refuse":
                return Failed(ValueError("no"))
            case "crash":
                raise RuntimeError("boom")
            case anyio.Event():
                await message.wait()
        return None


@dataclass(frozen=True)
class Order:
    """A message with a key."""

    user: object


@asynccontextmanager
async def pool_of(
    template: Any = Worker, *, size: int = 3, **options: Any
) -> AsyncIterator[tuple[Kernel, ActorRef[Any], list[ActorRef[Any]]]]:
    """A kernel, the pool and its children in the order of their places."""
    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            ref = await kernel.start(Pool(template, size=size, **options), name="pool")
            yield kernel, ref, await children_of(ref)


async def children_of(pool: ActorRef[Any]) -> list[ActorRef[Any]]:
    children = await SupervisorRef.of(pool).which_children()
    return [child.ref for child in reversed(children) if child.ref is not None]


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await anyio.lowlevel.checkpoint()


async def quiet(pool: ActorRef[Any], restarts: int) -> list[ActorRef[Any]]:
    """Until that many restarts were made and all run; the children then."""
    supervisor = SupervisorRef.of(pool)
    while (await supervisor.statistics()).restarts < restarts or (
        (counts := await supervisor.count_children()).active < counts.specs
    ):
        await anyio.lowlevel.checkpoint()
    return await children_of(pool)


# --- the description


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": True}, "size"),
        ({"size": 2, "route": "random"}, "route"),
        ({"size": 2, "route": "by_key"}, "key"),
        ({"size": 2, "key": "user"}, "key"),
        ({"size": 2, "route": "by_key", "key": 7}, "key"),
        ({"size": 2, "intensity": -1}, "intensity"),
        ({"size": 2, "restart": "always"}, "restart"),
        ({"size": 2, "restart": "transient", "significant": True}, "significant"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(options: Any, field: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        Pool(Worker, **options)
    assert caught.value.field == field


def test_children_have_the_id_of_the_template_and_a_number() -> None:
    pool = Pool(ChildSpec("job", Worker, restart="transient", shutdown=1.0), size=2)
    assert pool.children == (
        ChildSpec("job-1", Worker, restart="transient", shutdown=1.0),
        ChildSpec("job-2", Worker, restart="transient", shutdown=1.0),
    )
    assert ChildSpec("pool", pool).type == "supervisor"


# --- routes


async def test_messages_go_round_in_the_order_of_the_places() -> None:
    got: list[Any] = []
    async with pool_of(args=(got,)) as (kernel, pool, children):
        for number in range(4):
            pool.send(number)
        kernel.named("pool").send(4)
        while len(got) < 5:
            await anyio.lowlevel.checkpoint()
        assert sorted(got, key=lambda entry: str(entry[1])) == [
            (children[number % 3], number) for number in range(5)
        ]


async def test_a_reply_goes_from_the_child_to_who_asked() -> None:
    async with pool_of() as (_, pool, children):
        assert [await pool.request("who") for _ in range(3)] == children
        with pytest.raises(ValueError, match="no"):
            await pool.request("refuse")


async def test_a_pool_answers_others_while_a_child_is_at_work() -> None:
    async with pool_of(size=2) as (_, pool, children), anyio.create_task_group() as tasks:
        gate = anyio.Event()
        tasks.start_soon(pool.request, gate)
        await anyio.wait_all_tasks_blocked()
        assert await pool.request("who") == children[1]
        with pytest.raises(RequestTimeout):
            await pool.request("who", timeout=0.01)  # the turn of the one that is at work
        gate.set()


async def test_who_has_least_to_do_gets_the_next_message() -> None:
    async with pool_of(route="least_loaded") as (_, pool, children):
        gate = anyio.Event()
        children[0].send(gate)
        children[2].send(gate)
        children[2].send("waits")
        await until(lambda: [child.mailbox_length for child in children] == [0, 0, 1])
        assert [await pool.request("who") for _ in range(3)] == [children[1]] * 3
        for _ in range(2):
            children[1].send(gate)
        pool.send("more")
        await until(lambda: [child.mailbox_length for child in children] == [1, 1, 1])
        gate.set()


async def test_what_a_child_has_not_answered_yet_counts_as_work() -> None:
    class Owing(Actor[Any]):
        def receive(self, message: Any) -> object:
            if message == "who":
                return self.context.ref
            self.owed = self.context.defer_reply()
            return None

    async with (
        pool_of(Owing, size=2, route="least_loaded") as (_, pool, children),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(children[0].request, "later")
        await anyio.wait_all_tasks_blocked()
        assert [await pool.request("who") for _ in range(2)] == [children[1]] * 2
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("key", ["user", lambda message: message.user])
async def test_the_same_key_goes_to_the_same_child(key: Any) -> None:
    class Keyed(Actor[Any]):
        def receive(self, message: Any) -> object:
            return self.context.ref

    async with pool_of(Keyed, size=5, route="by_key", key=key) as (_, pool, children):
        places = {user: await pool.request(Order(user)) for user in range(100)}
        assert set(places.values()) == set(children)
        for user in range(100):
            assert await pool.request(Order(user)) == places[user]


async def test_a_field_of_a_mapping_is_a_key_too() -> None:
    async with pool_of(route="by_key", key="user") as (_, pool, _):
        assert await pool.request({"user": "a"}) == await pool.request({"user": "a"})


async def test_a_message_without_a_key_is_an_error_to_who_asked_and_a_dead_letter() -> None:
    async with pool_of(route="by_key", key="user") as (kernel, pool, children):
        with pytest.raises(KeyError):
            await pool.request({"name": "a"})
        with pytest.raises(AttributeError):
            await pool.request("who")
        with pytest.raises(TypeError, match="is no key"):
            await pool.request({"user": ["a"]})
        pool.send("who")
        assert await children_of(pool) == children
        (letter,) = kernel.dead_letters.recent()
        assert (letter.message, letter.to) == ("who", pool)
        assert "AttributeError" in str(letter.reason)


# --- restarts


@pytest.mark.parametrize("route", ["round_robin", "least_loaded"])
async def test_while_a_child_restarts_the_others_get_the_messages(route: Any) -> None:
    gate = anyio.Event()
    starts: list[int] = []

    class Slow(Worker):
        async def init(self) -> None:
            starts.append(1)
            if len(starts) > 3:
                await gate.wait()

    async with pool_of(Slow, route=route) as (kernel, pool, children):
        children[1].kill()
        answers = Counter([await pool.request("who") for _ in range(8)])
        assert answers == {children[0]: 4, children[2]: 4}
        gate.set()
        after = await quiet(pool, restarts=1)
        assert after[1] is not children[1]
        assert Counter([await pool.request("who") for _ in range(6)]) == dict.fromkeys(after, 2)
        assert kernel.dead_letters.count == 0


async def test_a_crash_fails_the_request_in_hand_and_no_other() -> None:
    async with pool_of() as (_, pool, children):
        with pytest.raises(ActorExited) as caught:
            await pool.request("crash")
        assert caught.value.target is children[0]
        assert isinstance(caught.value.__cause__, RuntimeError)
        assert await pool.request("who") in children[1:]


async def hanging_restart(
    mailbox: Mailbox | None, messages: list[Any]
) -> tuple[list[object], list[DeadLetter]]:
    """What a by_key pool of one answers while its child is being restarted; its dead letters."""
    gate = anyio.Event()
    starts: list[int] = []
    answers: list[object] = []

    class Slow(Worker):
        async def init(self) -> None:
            starts.append(1)
            if len(starts) > 1:
                await gate.wait()

    options: Any = {"size": 1, "route": "by_key", "key": "user", "mailbox": mailbox}
    async with pool_of(Slow, **options) as (kernel, pool, children):

        async def ask(message: Any) -> None:
            try:
                answers.append((await pool.request(message)).is_alive)
            except ActorExited as error:
                answers.append(error.reason)

        children[0].kill()
        async with anyio.create_task_group() as tasks:
            for message in messages:
                tasks.start_soon(ask, message)
            await anyio.wait_all_tasks_blocked()
            gate.set()
        return answers, list(kernel.dead_letters.recent())


async def test_by_key_messages_wait_for_a_child_that_backs_off_if_they_may_queue() -> None:
    options: Any = {"route": "by_key", "key": "user", "while_restarting": "queue"}
    async with pool_of(size=1, backoff=Backoff(initial=0.01), **options) as (_, pool, children):
        children[0].kill()
        assert await pool.request({"user": 1}) not in children


@pytest.mark.parametrize("mailbox", [None, Mailbox(keep_on_restart=True)])
async def test_by_key_messages_wait_for_the_init_of_their_own_child(mailbox: Any) -> None:
    answers, letters = await hanging_restart(mailbox, [{"user": 1}, {"user": 2}])
    assert answers == [True, True]
    assert letters == []


async def test_by_key_a_stopped_child_is_noproc_and_its_keys_go_to_nobody_else() -> None:
    async with pool_of(size=1, route="by_key", key="user") as (kernel, pool, _):
        await SupervisorRef.of(pool).terminate_child("Worker-1")
        with pytest.raises(ActorExited) as caught:
            await pool.request({"user": 1})
        assert caught.value.reason == "noproc"
        pool.send({"user": 1})
        await SupervisorRef.of(pool).restart_child("Worker-1")
        assert (await pool.request({"user": 1})).is_alive
        (letter,) = kernel.dead_letters.recent()
        assert letter.reason == "noproc"


async def test_when_no_child_runs_a_request_fails_and_a_send_is_a_dead_letter() -> None:
    async with pool_of(size=2) as (kernel, pool, _):
        supervisor = SupervisorRef.of(pool)
        for id in ("Worker-1", "Worker-2"):
            await supervisor.terminate_child(id)
        with pytest.raises(ActorExited, match="noproc"):
            await pool.request("who")
        pool.send("who")
        await supervisor.count_children()
        assert kernel.dead_letters.count == 1


async def test_a_pool_gives_up_as_a_supervisor_does() -> None:
    async with pool_of(intensity=1, label="workers") as (_, pool, children):
        children[0].kill()
        await quiet(pool, restarts=1)
        children[1].kill()
        assert await pool.wait() == "shutdown"
        assert pool.cause == GaveUp("pool", "Worker-2", "killed", None, 1, 5.0)


# --- full mailboxes


class Deaf(Actor[Any]):
    """Never takes its second message."""

    async def receive(self, message: Any) -> None:
        await anyio.sleep_forever()


async def test_a_child_without_room_is_passed_over_and_a_full_pool_refuses() -> None:
    async with pool_of(Deaf, size=2, mailbox=Mailbox(1)) as (kernel, pool, children):
        for child in children:
            child.send("in hand")
        await until(lambda: [child.mailbox_length for child in children] == [0, 0])
        children[0].send("waits")
        pool.send("goes to the second")
        await SupervisorRef.of(pool).count_children()
        assert [child.mailbox_length for child in children] == [1, 1]
        with pytest.raises(MailboxFull):
            await pool.request("too much")
        pool.send("too much")
        await SupervisorRef.of(pool).count_children()
        (letter,) = kernel.dead_letters.recent()
        assert (letter.message, letter.reason) == ("too much", "full")
        for child in children:
            child.kill()


# --- administration


async def test_a_pool_is_administered_as_a_supervisor_but_has_its_size() -> None:
    async with pool_of(size=2) as (_, pool, _):
        supervisor = SupervisorRef.of(pool)
        counts = await supervisor.count_children()
        assert (counts.specs, counts.active, counts.workers) == (2, 2, 2)
        assert [child.id for child in await supervisor.which_children()] == [
            "Worker-2",
            "Worker-1",
        ]
        assert await supervisor.child_spec("Worker-2") == ChildSpec("Worker-2", Worker)
        with pytest.raises(TypeError, match="has its size"):
            await supervisor.start_child(ChildSpec("x", Worker))
        with pytest.raises(TypeError, match="has its size"):
            await supervisor.delete_child("Worker-1")


async def test_a_pool_may_get_another_route_and_another_size() -> None:
    async with pool_of(size=2) as (_, pool, children):
        supervisor = SupervisorRef.of(pool)
        bigger = Pool(Worker, size=3, route="by_key", key="user", intensity=9)
        difference = await supervisor.reconfigure(bigger)  # type: ignore[arg-type]
        assert (difference.kept, difference.added) == (("Worker-1", "Worker-2"), ("Worker-3",))
        await supervisor.restart_child("Worker-3")
        assert {await pool.request({"user": user}) for user in range(50)} == set(
            await children_of(pool)
        )
        assert set(children) < set(await children_of(pool))


async def test_a_pool_of_processes_below_a_supervisor_stops_with_it() -> None:
    async def work(inbox: Inbox[Any]) -> None:
        async for _ in inbox:
            inbox.context.defer_reply().send(inbox.context.ref)

    with anyio.fail_after(20):
        async with Kernel("test") as kernel:
            spec = ChildSpec("pool", Pool(work, size=3, route="least_loaded"), name="pool")
            root = await kernel.start(Supervisor(children=[spec]))
            asked = [await kernel.named("pool").request(number) for number in range(6)]
            assert len(set(asked)) == 3
            root.stop("shutdown")
            await root.wait()
            assert kernel.actors() == []
