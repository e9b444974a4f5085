"""Durable mailboxes over a real NATS server, which is killed and started anew."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm import Actor, ActorSystem, ChildSpec, DeadLetter, Failed, Inbox, Supervisor
from airssys_wasm.broker.durable_settings import DurableSettings
from airssys_wasm.broker.errors import EngineDown, NotEncodable, TooLarge
from airssys_wasm.broker.local_engine import LocalEngine
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from tests.nats_server import NatsServer

pytestmark = pytest.mark.anyio

SOON = DurableSettings(ack_wait=0.5, max_deliver=3)


@dataclass(frozen=True)
class Order:
    number: int


class Book:
    """What the actors of one test saw; it outlives them."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.poison: set[Any] = set()
        self.refused: set[Any] = set()


class Ledger(Actor[Any]):
    def __init__(self, book: Book) -> None:
        self.book = book

    def receive(self, message: Any) -> object:
        self.book.seen.append(message)
        if message in self.book.poison:
            raise ValueError(f"poison {message}")
        if message in self.book.refused:
            return Failed(ValueError("not today"))
        return None


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110
            await anyio.sleep(0.005)


def system(server: NatsServer, node: str, root: Any = None) -> ActorSystem:
    settings = NodeSettings(node, messages=[Order])
    return ActorSystem("shop", root=root, engine=NatsEngine(server.url), node=settings)


@pytest.fixture
async def a(server: NatsServer) -> AsyncIterator[ActorSystem]:
    async with system(server, "a") as running:
        yield running


@pytest.fixture
async def b(server: NatsServer) -> AsyncIterator[ActorSystem]:
    async with system(server, "b") as running:
        yield running


@pytest.fixture
def book() -> Book:
    return Book()


def supervised(book: Book, settings: DurableSettings = SOON) -> Supervisor:
    """A ledger that is fed again after each restart."""

    def attach(ref: Any) -> None:
        running: ActorSystem = ref._scheduler.kernel.system
        running.durable("ledger", settings).feed(ref)

    child = ChildSpec("ledger", Ledger, args=[book], name="ledger", attach=attach)
    return Supervisor(intensity=1_000, period=1.0, children=[child])


# --- sending


async def test_what_any_node_sends_is_handled_where_the_actor_is_in_the_senders_order(
    a: ActorSystem, b: ActorSystem, book: Book
) -> None:
    a.durable("ledger").feed(a.spawn(Ledger, book))
    for number in range(50):
        b.durable("ledger").send(Order(number))
        a.durable("ledger").send(number)
    await until(lambda: len(book.seen) == 100)
    assert [m for m in book.seen if isinstance(m, Order)] == [Order(n) for n in range(50)]
    assert [m for m in book.seen if isinstance(m, int)] == list(range(50))


async def test_what_is_put_waits_for_an_actor_that_comes_later(
    a: ActorSystem, b: ActorSystem, book: Book
) -> None:
    await b.durable("ledger").put("early")
    assert await b.durable("ledger").waiting() == 1
    a.durable("ledger").feed(a.spawn(Ledger, book))
    await until(lambda: book.seen == ["early"])
    with anyio.fail_after(30):
        while await b.durable("ledger").waiting():  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def test_what_is_sent_to_the_name_is_durable_and_requests_go_to_the_actor_itself(
    a: ActorSystem, book: Book
) -> None:
    mailbox = a.durable("ledger")
    a.named("ledger").send("before there is anybody")
    await until(lambda: mailbox.statistics().sent == 1)
    mailbox.feed(a.spawn(Ledger, book, name="ledger"))
    await a.named("ledger").put("put")
    await until(lambda: len(book.seen) == 2)
    assert await a.named("ledger").request("asked") is None
    assert mailbox.statistics().sent == 2


async def test_a_second_message_with_an_id_is_dropped(
    a: ActorSystem, b: ActorSystem, book: Book
) -> None:
    await a.durable("ledger").put("once", id="order-7")
    await b.durable("ledger").put("once", id="order-7")
    await b.durable("ledger").put("last")
    a.durable("ledger").feed(a.spawn(Ledger, book))
    await until(lambda: "last" in book.seen)
    assert book.seen == ["once", "last"]


async def test_a_full_mailbox_lets_put_wait_for_room(a: ActorSystem, book: Book) -> None:
    mailbox = a.durable("ledger", DurableSettings(capacity=2))
    await mailbox.put(1)
    await mailbox.put(2)
    third = asyncio.ensure_future(mailbox.put(3))
    await anyio.sleep(0.2)
    assert not third.done()
    mailbox.feed(a.spawn(Ledger, book))
    await third
    await until(lambda: book.seen == [1, 2, 3])


async def test_what_can_not_be_sent_is_said_at_the_call(a: ActorSystem) -> None:
    mailbox = a.durable("ledger")
    with pytest.raises(NotEncodable, match="object"):
        mailbox.send(object())
    with pytest.raises(TooLarge):
        await mailbox.put(b"." * 2_000_000)


async def test_a_system_with_another_engine_has_no_durable_mailboxes() -> None:
    async with ActorSystem("shop", engine=LocalEngine(), node="a") as running:
        with pytest.raises(RuntimeError, match="kept by a NATS server"):
            running.durable("ledger")


async def test_one_name_has_one_mailbox_with_one_kind_of_settings(a: ActorSystem) -> None:
    assert a.durable("ledger", SOON) is a.durable("ledger")
    with pytest.raises(ValueError, match="max_deliver=3"):
        a.durable("ledger", DurableSettings(max_deliver=7))


async def test_what_is_not_stored_when_the_system_ends_is_a_dead_letter(
    server: NatsServer,
) -> None:
    async with system(server, "a") as running:
        mailbox = running.durable("ledger")
        await mailbox.put("safe")
        server.kill()
        mailbox.send("late")
        waiting = asyncio.ensure_future(mailbox.put("later"))
        await anyio.lowlevel.checkpoint()
    with pytest.raises(EngineDown):
        await waiting
    [letter] = running.dead_letters.recent()
    assert (letter.message, letter.to, letter.reason) == ("late", "ledger", "noconnection")


# --- failing


async def test_a_message_over_which_its_actor_crashes_comes_again_before_those_behind_it(
    server: NatsServer, book: Book
) -> None:
    async with system(server, "a", supervised(book)) as running:
        book.poison.add(2)
        for number in range(1, 5):
            await running.durable("ledger").put(number)
        await until(lambda: book.seen.count(2) == 2)
        book.poison.clear()
        await until(lambda: 4 in book.seen)
    assert book.seen == [1, 2, 2, 2, 3, 4]
    assert running.dead_letters.count == 0


async def test_after_max_deliver_a_message_is_a_dead_letter_here_and_at_the_server(
    server: NatsServer, book: Book
) -> None:
    book.poison.add("poison")
    book.refused.add("refused")
    async with system(server, "a", supervised(book)) as running:
        mailbox = running.durable("ledger")
        for message in ("poison", "refused", "good"):
            await mailbox.put(message, id=message)
        await until(lambda: "good" in book.seen)
        assert book.seen == ["poison"] * 3 + ["refused"] * 3 + ["good"]
        first, second = await mailbox.dead_letters()
        assert (first.id, first.message, first.tries) == ("poison", "poison", 3)
        assert "poison poison" in first.reason
        assert (second.message, second.reason) == ("refused", "ValueError: not today")
        letters = [letter for letter in running.dead_letters.recent() if letter.crashed]
        assert [letter.message for letter in letters] == ["poison", "refused"]
        assert mailbox.statistics().buried == 2
    async with system(server, "b") as another:
        assert len(await another.durable("ledger", SOON).dead_letters()) == 2


async def test_what_no_node_understands_is_buried_at_once(
    a: ActorSystem, server: NatsServer, book: Book
) -> None:
    await a.durable("ledger").put(Order(1))
    await a.durable("ledger").put("plain")
    async with ActorSystem("shop", engine=NatsEngine(server.url), node="old") as old:
        old.durable("ledger").feed(old.spawn(Ledger, book))
        await until(lambda: book.seen == ["plain"])
        [letter] = await a.durable("ledger").dead_letters()
        assert letter.message == Order(1)
        assert "Order" in letter.reason


async def test_a_handler_that_takes_longer_than_ack_wait_is_not_disturbed(
    a: ActorSystem, book: Book
) -> None:
    async def slow(inbox: Inbox[Any]) -> None:
        async for message in inbox:
            book.seen.append((message, mailbox.delivery))
            await anyio.sleep(1.2)

    mailbox = a.durable("ledger", SOON)
    mailbox.feed(a.spawn(slow))
    await mailbox.put("long", id="l")
    await mailbox.put("next", id="n")
    await until(lambda: len(book.seen) == 2)
    assert [(m, d.id, d.tries) for m, d in book.seen] == [("long", "l", 1), ("next", "n", 1)]


async def test_an_actor_that_ends_in_order_leaves_its_messages_to_another_node(
    a: ActorSystem, b: ActorSystem, book: Book
) -> None:
    other = Book()
    ref = a.spawn(Ledger, book)
    a.durable("ledger").feed(ref)
    await b.durable("ledger").put(1)
    await until(lambda: book.seen == [1])
    ref.stop()
    await ref.wait()
    b.durable("ledger").feed(b.spawn(Ledger, other))
    for number in (2, 3):
        await a.durable("ledger").put(number)
    await until(lambda: other.seen == [2, 3])
    assert book.seen == [1]


# --- the server dies


@pytest.mark.parametrize("in_flight", [1, 16])
async def test_a_server_that_is_killed_and_started_again_loses_no_message_and_keeps_the_order(
    server: NatsServer, book: Book, in_flight: int
) -> None:
    settings = DurableSettings(ack_wait=0.5, max_in_flight=in_flight)
    async with system(server, "b") as sender, system(server, "a") as running:
        running.durable("ledger", settings).feed(running.spawn(Ledger, book))
        mailbox = sender.durable("ledger", settings)
        for number in range(300):
            mailbox.send(number)
        await until(lambda: len(book.seen) > 50)
        server.kill()
        for number in range(300, 320):
            mailbox.send(number)
        server.start()
        await until(lambda: 319 in book.seen)
        assert book.seen == list(range(320))
        await until(lambda: mailbox.statistics().unsent == 0)
        assert running.durable("ledger").statistics().buried == 0


async def test_dead_letters_are_told_to_who_subscribes(server: NatsServer, book: Book) -> None:
    class Watcher(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, DeadLetter):
                told.append(message.message)

    told: list[Any] = []
    book.refused.add("refused")
    async with system(server, "a", supervised(book)) as running:
        running.dead_letters.subscribe(running.spawn(Watcher))
        await running.durable("ledger").put("refused")
        await until(lambda: told == ["refused"])


async def test_a_message_is_acknowledged_only_when_what_its_handler_sent_on_is_stored(
    a: ActorSystem, book: Book
) -> None:
    class Courier(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.system.named("ledger").send(message)

    ledger, courier = a.durable("ledger", DurableSettings(capacity=1)), a.durable("courier")
    await ledger.put("fills it")
    await courier.put("parcel")
    courier.feed(a.spawn(Courier))
    await until(lambda: courier.statistics().handled == 1)
    await anyio.sleep(0.3)
    assert await courier.waiting() == 1
    ledger.feed(a.spawn(Ledger, book))
    await until(lambda: "parcel" in book.seen)
    with anyio.fail_after(5):
        while await courier.waiting():  # noqa: ASYNC110
            await anyio.sleep(0.01)


async def test_two_full_mailboxes_of_one_node_do_not_wait_for_each_other(
    a: ActorSystem, book: Book
) -> None:
    other = Book()
    one = DurableSettings(capacity=1)
    for number in range(5):
        a.durable("x", one).send(number)
        a.durable("y", one).send(number)
    a.durable("x").feed(a.spawn(Ledger, book))
    a.durable("y").feed(a.spawn(Ledger, other))
    await until(lambda: len(book.seen) == len(other.seen) == 5)


async def test_what_a_handler_sent_on_before_its_actor_stopped_is_waited_for_as_well(
    a: ActorSystem, book: Book
) -> None:
    class Last(Actor[Any]):
        def receive(self, message: Any) -> None:
            self.context.system.named("ledger").send(message)
            self.context.stop()

    ledger, last = a.durable("ledger", DurableSettings(capacity=1)), a.durable("last")
    await ledger.put("fills it")
    await last.put("parcel")
    last.feed(a.spawn(Last))
    await until(lambda: last.statistics().handled == 1)
    await anyio.sleep(0.3)
    assert await last.waiting() == 1
    ledger.feed(a.spawn(Ledger, book))
    await until(lambda: "parcel" in book.seen)


async def test_a_server_that_lost_its_files_gets_its_mailboxes_anew(
    server: NatsServer, book: Book, tmp_path: Path
) -> None:
    async with system(server, "a") as running:
        mailbox = running.durable("ledger", SOON)
        mailbox.feed(running.spawn(Ledger, book))
        await mailbox.put(1)
        await mailbox.put(2)
        await until(lambda: book.seen == [1, 2])
        server.kill()
        shutil.rmtree(tmp_path / "nats")
        mailbox.send(3)
        server.start()
        await until(lambda: book.seen == [1, 2, 3])


async def test_an_actor_that_is_restarted_often_leaves_no_subscriptions_behind(
    server: NatsServer, book: Book
) -> None:
    async with system(server, "a", supervised(book)) as running:
        client: Any = running.node.engine.client  # type: ignore[attr-defined]  # a NatsEngine
        mailbox = running.durable("ledger")
        await mailbox.put(0)
        await until(lambda: book.seen == [0])
        before = len(client._subs)
        book.poison.update((1, 2))
        await mailbox.put(1)
        await mailbox.put(2)
        await until(lambda: mailbox.statistics().buried == 2)
        assert len(client._subs) == before
