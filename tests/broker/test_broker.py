"""Publishing to actors: who gets what, what becomes of the rest, and for how long."""

from collections.abc import AsyncIterator
from types import MappingProxyType
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from airssys_wasm.broker import Broker, Published, TopicError
from airssys_wasm.broker.errors import NoResponders
from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorRef,
    DeadLetter,
    Down,
    Inbox,
    Kernel,
    Mailbox,
    RequestTimeout,
    Started,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def kernel() -> AsyncIterator[Kernel]:
    async with Kernel("test") as kernel:
        yield kernel


@pytest.fixture
def broker(kernel: Kernel) -> Broker:
    return Broker(kernel)


class Collector(Actor[Any]):
    """Keeps what was published; tells it when asked."""

    def __init__(self) -> None:
        self.taken: list[Published] = []

    def receive(self, message: Any) -> object:
        match message:
            case Published():
                self.taken.append(message)
                return None
            case "taken":
                return self.taken
            case _:
                return self.unhandled(message)


async def a_few_turns() -> None:
    """Let whoever can go on do so."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def taken(ref: ActorRef[Any]) -> list[object]:
    return [published.message for published in await ref.request("taken")]


async def handles_when_told(inbox: Inbox[Any], taken: list[object]) -> None:
    """A process that takes what was published only when it gets "next"."""
    while True:
        await inbox.receive(lambda message: message == "next")
        published = await inbox.receive(lambda message: isinstance(message, Published))
        taken.append(published.message)


def closed_door(kernel: Kernel, capacity: int = 1, overflow: Any = "block") -> ActorRef[Any]:
    """An actor that never takes a message, so that its mailbox fills."""

    async def never(inbox: Inbox[Any]) -> None:
        await anyio.sleep_forever()

    return kernel.spawn(never, mailbox=Mailbox(capacity, overflow))


async def test_an_actor_gets_topic_message_and_headers(kernel: Kernel, broker: Broker) -> None:
    actor = kernel.spawn(Collector)
    broker.subscribe("orders.*.created", actor)
    headers = {"trace": "7"}
    broker.publish("orders.eu.created", {"id": 1}, headers)
    headers["trace"] = "changed by the publisher afterwards"
    (published,) = await actor.request("taken")
    assert published == Published("orders.eu.created", {"id": 1}, MappingProxyType({"trace": "7"}))
    with pytest.raises(AttributeError):
        published.topic = "other"


async def test_all_receivers_share_one_object(kernel: Kernel, broker: Broker) -> None:
    first, second = kernel.spawn(Collector), kernel.spawn(Collector)
    for actor in (first, second):
        broker.subscribe("a", actor)
    broker.publish("a", 1)
    assert (await first.request("taken"))[0] is (await second.request("taken"))[0]


async def test_headers_are_strings(broker: Broker) -> None:
    with pytest.raises(TypeError, match="headers are strings"):
        broker.publish("a", 1, {"n": 1})  # type: ignore[dict-item]  # the mistake itself


async def test_order_is_kept_from_one_publisher_to_one_subscriber(
    kernel: Kernel, broker: Broker
) -> None:
    actor = kernel.spawn(Collector)
    broker.subscribe("a.*", actor)
    for number in range(50):
        broker.publish(f"a.{number % 3}", number)
        await broker.put(f"a.{number % 2}", number + 0.5)
    assert await taken(actor) == [half / 2 for half in range(100)]


async def test_same_pattern_twice_is_one_copy_and_overlapping_patterns_one_each(
    kernel: Kernel, broker: Broker
) -> None:
    actor = kernel.spawn(Collector)
    for pattern in ("a.*", "a.*", "a.>"):
        broker.subscribe(pattern, actor)
    broker.publish("a.b", 1)
    assert await taken(actor) == [1, 1]
    assert broker.subscriptions(actor) == (("a.*", None), ("a.>", None))


async def test_a_group_gives_each_message_to_one_member(kernel: Kernel, broker: Broker) -> None:
    first, second = kernel.spawn(Collector), kernel.spawn(Collector)
    for actor in (first, second):
        broker.subscribe("jobs.>", actor, group="workers")
    for number in range(4):
        broker.publish(f"jobs.{number}", number)
    await broker.put("jobs.x", 4)
    assert await taken(first) == [0, 2, 4]
    assert await taken(second) == [1, 3]


async def test_what_nobody_takes_is_a_dead_letter(kernel: Kernel, broker: Broker) -> None:
    broker.publish("a.b", 1)
    await broker.put("a.c", 2)
    assert kernel.dead_letters.recent() == (
        DeadLetter(Published("a.b", 1), "a.b", "noproc"),
        DeadLetter(Published("a.c", 2), "a.c", "noproc"),
    )
    assert broker.statistics().undeliverable == 2


@pytest.mark.parametrize("topic", ["a..b", "a.*", "", "a b"])
async def test_a_wrong_topic_is_refused_at_the_call(broker: Broker, topic: str) -> None:
    with pytest.raises(TopicError):
        broker.publish(topic, 1)
    with pytest.raises(TopicError):
        await broker.put(topic, 1)
    assert broker.statistics().published == 0


async def test_a_wrong_subscription_is_refused_at_the_call(kernel: Kernel, broker: Broker) -> None:
    actor = kernel.spawn(Collector, name="collector")
    with pytest.raises(TopicError):
        broker.subscribe("a.>.b", actor)
    with pytest.raises(TypeError, match="an ActorRef subscribes"):
        broker.subscribe("a", kernel.named("collector"))  # type: ignore[arg-type]  # the mistake
    with pytest.raises(TypeError, match="a group is named"):
        broker.subscribe("a", actor, group="")
    assert broker.statistics().subscriptions == 0


async def test_unsubscribing_ends_it_and_is_harmless_twice(kernel: Kernel, broker: Broker) -> None:
    actor = kernel.spawn(Collector)
    broker.subscribe("a", actor)
    broker.subscribe("b", actor)
    broker.publish("a", 1)
    broker.unsubscribe("a", actor)
    broker.unsubscribe("a", actor)
    broker.publish("a", 2)
    broker.publish("b", 3)
    assert await taken(actor) == [1, 3]
    assert broker.subscriptions(actor) == (("b", None),)


# Full mailboxes.


@pytest.mark.parametrize("overflow", ["block", "reject"])
async def test_publish_drops_for_a_full_subscriber_and_serves_the_others(
    kernel: Kernel, broker: Broker, overflow: str
) -> None:
    full, other = closed_door(kernel, 1, overflow), kernel.spawn(Collector)
    broker.subscribe("a", full)
    broker.subscribe("a", other)
    broker.publish("a", 1)
    broker.publish("a", 2)
    assert await taken(other) == [1, 2]
    assert kernel.dead_letters.recent() == (DeadLetter(Published("a", 2), full, "full"),)
    statistics = broker.statistics()
    assert (statistics.published, statistics.delivered, statistics.dropped) == (2, 3, 1)


async def test_publish_drops_for_a_full_member_of_a_group(kernel: Kernel, broker: Broker) -> None:
    full = closed_door(kernel)
    broker.subscribe("a", full, group="g")
    broker.publish("a", 1)
    broker.publish("a", 2)
    assert kernel.dead_letters.recent() == (DeadLetter(Published("a", 2), full, "full"),)
    assert broker.statistics().dropped == 1


async def test_put_waits_for_room_and_serves_the_others_at_once(
    kernel: Kernel, broker: Broker
) -> None:
    slow_took: list[object] = []
    slow = kernel.spawn(handles_when_told, slow_took)
    first_full, second_full = closed_door(kernel), closed_door(kernel)
    quick = kernel.spawn(Collector)
    for actor in (first_full, slow, second_full, quick):
        broker.subscribe("a", actor)
    broker.publish("a", 1)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
        assert await taken(quick) == [1, 2]
        slow.send("next")
        slow.send("next")
        await a_few_turns()
        assert slow_took == [1, 2]
        first_full.kill()
        second_full.kill()
    assert broker.statistics().delivered == 8


async def test_put_hands_its_copies_to_all_who_have_room_before_it_waits(
    kernel: Kernel, broker: Broker
) -> None:
    full = [closed_door(kernel), closed_door(kernel)]
    for actor in full:
        broker.subscribe("a", actor)
    broker.publish("a", 1)
    roomy = closed_door(kernel, capacity=5)
    broker.subscribe("a", roomy)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await anyio.lowlevel.checkpoint()
        assert roomy.mailbox_length == 1
        waiting.cancel_scope.cancel()


async def test_only_the_caller_of_put_waits(kernel: Kernel, broker: Broker) -> None:
    full, other = closed_door(kernel), kernel.spawn(Collector)
    broker.subscribe("a", full)
    broker.subscribe("b", other)
    broker.publish("a", 1)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
        await broker.put("b", 3)
        assert await taken(other) == [3]
        waiting.cancel_scope.cancel()


async def test_a_cancelled_put_leaves_nothing_behind(kernel: Kernel, broker: Broker) -> None:
    first, second = closed_door(kernel), closed_door(kernel)
    for actor in (first, second):
        broker.subscribe("a", actor)
    broker.publish("a", 1)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
        waiting.cancel_scope.cancel()
    assert [actor.mailbox_length for actor in (first, second)] == [1, 1]
    first.kill()
    second.kill()
    lost = [letter.message for letter in kernel.dead_letters.recent()]
    assert lost == [Published("a", 1), Published("a", 1)]


async def test_a_subscriber_that_dies_is_waited_for_no_longer(
    kernel: Kernel, broker: Broker
) -> None:
    full = closed_door(kernel)
    broker.subscribe("a", full)
    broker.publish("a", 1)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
        full.kill()
    letters = kernel.dead_letters.recent()
    assert [(letter.message, letter.to) for letter in letters] == [
        (Published("a", 1), full),
        (Published("a", 2), full),
    ]


async def test_put_to_a_mailbox_that_refuses_to_be_waited_for_is_a_dead_letter(
    kernel: Kernel, broker: Broker
) -> None:
    full = closed_door(kernel, 1, "reject")
    broker.subscribe("a", full)
    await broker.put("a", 1)
    await broker.put("a", 2)
    assert kernel.dead_letters.recent() == (DeadLetter(Published("a", 2), full, "full"),)
    statistics = broker.statistics()
    assert (statistics.delivered, statistics.dropped) == (1, 1)


# For how long.


async def test_a_subscription_ends_with_its_actor(kernel: Kernel, broker: Broker) -> None:
    actor = kernel.spawn(Collector)
    broker.subscribe("a", actor)
    broker.subscribe("jobs", actor, group="g")
    actor.stop()
    await actor.wait()
    assert broker.statistics().subscriptions == 0
    broker.publish("a", 1)
    (letter,) = kernel.dead_letters.recent()
    assert letter.to == "a"


async def test_a_subscription_is_gone_before_anyone_learns_of_the_death(
    kernel: Kernel, broker: Broker
) -> None:
    seen: list[int] = []

    class Watcher(Actor[Any]):
        def __init__(self, watched: ActorRef[Any]) -> None:
            self.watched = watched

        def init(self) -> None:
            self.context.monitor(self.watched)

        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                seen.append(broker.statistics().subscriptions)
                self.context.stop()

    actor = kernel.spawn(Collector)
    broker.subscribe("a", actor)
    watcher = await kernel.start(Watcher, actor)
    actor.kill()
    await watcher.wait()
    assert seen == [0]


async def test_subscribing_a_dead_actor_is_no_subscription(kernel: Kernel, broker: Broker) -> None:
    actor = kernel.spawn(Collector)
    actor.kill()
    broker.subscribe("a", actor)
    await actor.wait()
    broker.subscribe("a", actor, lasting=True)
    assert broker.statistics().subscriptions == 0
    with pytest.raises(TopicError):
        broker.subscribe("a..b", actor)


class WatchesMuch(Actor[Any]):
    def __init__(self, watched: ActorRef[Any], times: int) -> None:
        self.watched = watched
        self.times = times

    def init(self) -> None:
        for _ in range(self.times):
            self.context.monitor(self.watched)

    def receive(self, message: Any) -> None:
        assert isinstance(message, Down)


async def test_subscribing_a_dead_actor_whose_watchers_are_still_being_told(
    kernel: Kernel, broker: Broker
) -> None:
    actor = kernel.spawn(Collector)
    await kernel.start(WatchesMuch, actor, 5_000)
    actor.kill()
    broker.subscribe("a", actor)
    assert broker.statistics().subscriptions == 0


class Parent(Actor[Any]):
    """Restarts its one child as a supervisor does: the mailbox is kept and handed over."""

    def __init__(self, starts: list[ActorRef[Any]]) -> None:
        self.starts = starts
        self.mailbox = Mailbox(keep_on_restart=True)

    def receive(self, message: Any) -> object:
        context: ActorContext = self.context
        match message:
            case "start":
                child = context.spawn_child(Collector, mailbox=self.mailbox)
                self.starts.append(child)
                return child
            case "restart":
                old = self.starts[-1]
                child = context.spawn_child(Collector, mailbox=self.mailbox, adopt=old)
                self.starts.append(child)
                return child
            case "release":
                context.release(self.starts[-1])
                return None
            case Started() | Down():
                return None
            case _:
                return self.unhandled(message)


async def test_a_lasting_subscription_goes_on_with_the_kept_mailbox(
    kernel: Kernel, broker: Broker
) -> None:
    starts: list[ActorRef[Any]] = []
    parent = kernel.spawn(Parent, starts)
    first = await parent.request("start")
    broker.subscribe("a", first, lasting=True)
    broker.subscribe("a", first)  # takes nothing back
    broker.subscribe("jobs", first, group="g", lasting=True)
    broker.subscribe("passing", first)
    first.kill()
    broker.publish("a", "while it is dead")
    second = await parent.request("restart")
    broker.publish("a", "afterwards")
    broker.publish("jobs", "a job")
    broker.publish("passing", "for nobody")
    assert await taken(second) == ["while it is dead", "afterwards", "a job"]
    assert broker.subscriptions(second) == (("a", None), ("jobs", "g"))
    assert broker.subscriptions(first) == ()
    assert [letter.to for letter in kernel.dead_letters.recent()] == ["passing"]

    second.kill()
    third = await parent.request("restart")
    broker.publish("a", "and again")
    assert await taken(third) == ["and again"]


async def test_a_lasting_subscription_ends_when_the_mailbox_is_given_up(
    kernel: Kernel, broker: Broker
) -> None:
    starts: list[ActorRef[Any]] = []
    parent = kernel.spawn(Parent, starts)
    first = await parent.request("start")
    broker.subscribe("a", first, lasting=True)
    first.kill()
    broker.publish("a", 1)
    await parent.request("release")
    assert broker.statistics().subscriptions == 0
    (letter,) = kernel.dead_letters.recent()
    assert (letter.message, letter.to) == (Published("a", 1), first)


async def test_put_goes_on_waiting_over_a_restart_that_keeps_the_mailbox(
    kernel: Kernel, broker: Broker
) -> None:
    starts: list[ActorRef[Any]] = []
    parent_ref = kernel.spawn(KeepsOne, starts)
    first = await parent_ref.request("start")
    broker.subscribe("a", first, lasting=True)
    first.send("block")
    await a_few_turns()
    broker.publish("a", 1)
    async with anyio.create_task_group() as waiting:
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
        first.kill()
        await a_few_turns()
        second = await parent_ref.request("restart")
        assert await taken(second) == [1, 2]
    assert kernel.dead_letters.count == 1  # "block", under whose handler the first one died


class BlockedCollector(Collector):
    async def receive(self, message: Any) -> object:
        if message == "block":
            await anyio.sleep_forever()
        return super().receive(message)


class KeepsOne(Parent):
    def __init__(self, starts: list[ActorRef[Any]]) -> None:
        super().__init__(starts)
        self.mailbox = Mailbox(1, keep_on_restart=True)

    def receive(self, message: Any) -> object:
        if message not in ("start", "restart"):
            return super().receive(message)
        old = self.starts[-1] if self.starts else None
        child = self.context.spawn_child(BlockedCollector, mailbox=self.mailbox, adopt=old)
        self.starts.append(child)
        return child


# Streams.


async def test_a_stream_gives_what_is_published_while_its_block_runs(broker: Broker) -> None:
    broker.publish("prices.eu", 0)
    async with broker.stream("prices.>") as prices:
        broker.publish("prices.eu", 1)
        await broker.put("prices.us", 2)
        got = [await prices.receive(), await prices.receive()]
        assert got == [Published("prices.eu", 1), Published("prices.us", 2)]
    broker.publish("prices.eu", 3)
    statistics = broker.statistics()
    assert (statistics.streams, statistics.subscriptions, statistics.undeliverable) == (0, 0, 2)


async def test_a_stream_holds_its_capacity_and_publish_drops_the_rest(
    kernel: Kernel, broker: Broker
) -> None:
    async with broker.stream("a", capacity=2) as stream:
        for number in range(3):
            broker.publish("a", number)
        assert [(await stream.receive()).message for _ in range(2)] == [0, 1]
    assert kernel.dead_letters.recent() == (DeadLetter(Published("a", 2), "<stream of a>", "full"),)


async def test_put_waits_for_a_full_stream(broker: Broker) -> None:
    async with broker.stream("a", capacity=1) as stream:

        async def publish_all() -> None:
            for number in range(5):
                await broker.put("a", number)

        async with anyio.create_task_group() as waiting:
            waiting.start_soon(publish_all)
            got = [(await stream.receive()).message for _ in range(5)]
            assert got == [0, 1, 2, 3, 4]


async def test_leaving_a_stream_lets_a_waiting_put_go_on(broker: Broker) -> None:
    async with anyio.create_task_group() as waiting, broker.stream("a", capacity=1):
        broker.publish("a", 1)
        waiting.start_soon(broker.put, "a", 2)
        await a_few_turns()
    assert broker.statistics().streams == 0


async def test_closing_the_broker_ends_streams_after_what_they_hold(broker: Broker) -> None:
    async with broker.stream("a") as stream:
        broker.publish("a", 1)
        broker.close()
        broker.publish("a", 2)
        assert [published.message async for published in stream] == [1]


@pytest.mark.parametrize("capacity", [0, -1])
async def test_a_stream_without_room_is_refused(broker: Broker, capacity: int) -> None:
    with pytest.raises(ValueError, match="below 1 message"):
        async with broker.stream("a", capacity):
            pass
    assert broker.statistics().subscriptions == 0


async def test_a_stream_of_a_wrong_pattern_is_refused(broker: Broker) -> None:
    with pytest.raises(TopicError):
        async with broker.stream("a..b"):
            pass


# --- requests to a topic


class Echo(Actor[Any]):
    """Answers what is asked of a topic, with its own name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def receive(self, published: Any) -> object:
        return self.name, published.topic, published.message, dict(published.headers)


async def test_a_request_to_a_topic_is_answered_by_the_next_member_of_its_first_group(
    kernel: Kernel, broker: Broker
) -> None:
    broker.subscribe("ask.*", kernel.spawn(Echo, "direct"))
    for name in ("one", "two"):
        broker.subscribe("ask.>", kernel.spawn(Echo, name), "answering")
    replies = [await broker.request("ask.me", number, headers={"n": "1"}) for number in range(3)]
    assert [name for name, *_ in replies] == ["one", "two", "one"]
    assert replies[0] == ("one", "ask.me", 0, {"n": "1"})


async def test_without_a_group_the_actor_that_subscribed_first_is_asked(
    kernel: Kernel, broker: Broker
) -> None:
    async with broker.stream("ask.me") as stream:  # it can't answer
        with pytest.raises(NoResponders):
            await broker.request("ask.me", 1)
        for name in ("one", "two"):
            broker.subscribe("ask.me", kernel.spawn(Echo, name))
        assert [(await broker.request("ask.me", 1))[0] for _ in range(2)] == ["one", "one"]
        broker.publish("ask.me", 2)
        assert (await stream.receive()).message == 2  # a request is no publication


async def test_a_request_that_nobody_can_answer_fails_at_once(
    kernel: Kernel, broker: Broker
) -> None:
    with pytest.raises(NoResponders, match=r"nobody answers requests to 'ask\.me'"):
        await broker.request("ask.me", 1, timeout=None)
    with pytest.raises(TopicError):
        await broker.request("ask.*", 1)
    ref = kernel.spawn(Echo, "one")
    broker.subscribe("ask.me", ref)
    ref.kill()
    with pytest.raises(NoResponders):
        await broker.request("ask.me", 1, timeout=None)


async def test_a_request_to_a_topic_has_a_limit(kernel: Kernel, broker: Broker) -> None:
    async def never(inbox: Inbox[Any]) -> None:
        await anyio.sleep_forever()

    broker.subscribe("ask.me", kernel.spawn(never))
    with pytest.raises(RequestTimeout, match=r"no reply from ask\.me within 0\.01 s"):
        await broker.request("ask.me", 1, timeout=0.01)


# --- what is retained


async def test_a_later_subscriber_gets_the_last_message_that_was_retained(
    kernel: Kernel, broker: Broker
) -> None:
    for number in range(3):
        broker.publish("prices.eur", number, {"n": "1"}, retain=True)
    broker.publish("prices.usd", 9, retain=True)
    broker.publish("prices.usd", 10)  # in the meantime; it is not kept
    letters = kernel.dead_letters.recent()  # what is kept is none
    assert [letter.message for letter in letters] == [Published("prices.usd", 10)]
    actor = kernel.spawn(Collector)
    broker.subscribe("prices.>", actor)
    broker.subscribe("prices.>", actor)  # it has it already
    broker.subscribe("prices.usd", actor, "a group")
    assert await actor.request("taken") == [
        Published("prices.eur", 2, {"n": "1"}, retained=True),
        Published("prices.usd", 9, retained=True),
    ]
    async with broker.stream("prices.usd") as stream:
        assert (await stream.receive()).message == 9
    assert broker.statistics().retained == 2


async def test_who_subscribed_gets_a_retained_message_once_as_any_other(
    kernel: Kernel, broker: Broker
) -> None:
    actor = kernel.spawn(Collector)
    broker.subscribe("a", actor)
    broker.publish("a", 1, retain=True)
    assert await actor.request("taken") == [Published("a", 1)]


async def test_what_was_forgotten_is_retained_no_longer(kernel: Kernel, broker: Broker) -> None:
    broker.publish("a", 1, retain=True)
    broker.forget("a")
    broker.forget("b")  # harmless
    assert broker.statistics().retained == 0
    actor = kernel.spawn(Collector)
    broker.subscribe("*", actor)
    assert await taken(actor) == []
    broker.publish("a", 2, retain=True)
    assert broker.statistics().retained == 1
    with pytest.raises(TopicError):
        broker.forget("a.*")


async def test_a_retained_message_that_finds_no_room_is_a_dead_letter(
    kernel: Kernel, broker: Broker
) -> None:
    for topic in ("a", "b"):
        broker.publish(topic, topic, retain=True)
    broker.subscribe("*", closed_door(kernel, 1, "reject"))
    (letter,) = kernel.dead_letters.recent()
    assert letter.reason == "full"
    assert letter.message == Published("b", "b", retained=True)


class Refusing(Collector):
    """Is sent questions only, and gets what is published all the same."""

    def check_message(self, message: Any) -> None:
        if not isinstance(message, str):
            raise TypeError(message)


@pytest.mark.parametrize("mailbox", [None, Mailbox(5)], ids=str)
async def test_a_publication_is_not_looked_at_as_it_is_sent(
    kernel: Kernel, broker: Broker, mailbox: Mailbox | None
) -> None:
    one, other, member = (kernel.spawn(Refusing, mailbox=mailbox) for _ in range(3))
    with pytest.raises(TypeError):
        one.send(0)
    broker.subscribe("alone", one)
    broker.subscribe("many", one)
    broker.subscribe("many", other)
    broker.subscribe("many", member, group="workers")
    broker.publish("alone", 1)
    broker.publish("many", 2)
    await broker.put("many", 3)
    await broker.put("alone", 4)
    assert [await taken(ref) for ref in (one, other, member)] == [[1, 2, 3, 4], [2, 3], [2, 3]]
