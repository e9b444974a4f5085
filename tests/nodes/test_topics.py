"""Topics over several nodes: who gets what is published, and what becomes of the rest."""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker import Published
from airssys_wasm.broker.errors import NoResponders, NotEncodable, RemoteError
from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorRef,
    Failed,
    Inbox,
    Mailbox,
    RequestTimeout,
)
from airssys_wasm.testing.simulated_engine import SimulatedHub
from tests.nodes.cluster import Cluster, Run, run_simulated, until


class Collector(Actor[Any]):
    """Keeps what was published."""

    def __init__(self, taken: list[Published]) -> None:
        self.taken = taken

    def receive(self, message: Any) -> None:
        self.taken.append(message)


def collector(
    system: ActorSystem, pattern: str, group: str | None = None
) -> tuple[ActorRef[Any], list[Published]]:
    """An actor that subscribed, and what it has got."""
    taken: list[Published] = []
    ref = system.spawn(Collector, taken)
    system.broker.subscribe(pattern, ref, group)
    return ref, taken


async def wanted(system: ActorSystem, patterns: int) -> None:
    """Returns when that node knows of so many patterns of other nodes."""
    await until(lambda: system.broker.statistics().wanted == patterns)


def letters(system: ActorSystem) -> list[tuple[object, object]]:
    """Message and reason of each dead letter of a publication."""
    recent = system.dead_letters.recent()
    return [(d.message.message, d.reason) for d in recent if isinstance(d.message, Published)]


def messages(taken: list[Published]) -> list[Any]:
    return [published.message for published in taken]


def test_a_subscriber_gets_what_is_published_on_any_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        _, taken = collector(b, "orders.*.created")
        await wanted(a, 1)
        a.broker.publish("orders.eu.created", {"id": 1}, {"trace": "7"})
        a.broker.publish("orders.eu.paid", {"id": 1})
        b.broker.publish("orders.us.created", {"id": 2})
        await until(lambda: len(taken) == 2)
        assert {published.topic: published.message for published in taken} == {
            "orders.eu.created": {"id": 1},
            "orders.us.created": {"id": 2},
        }
        headers = {p.topic: dict(p.headers) for p in taken}
        assert headers == {"orders.eu.created": {"trace": "7"}, "orders.us.created": {}}
        assert letters(a) == [({"id": 1}, "noproc")]

    run(test)


def test_a_subscriber_elsewhere_gets_one_copy_a_pattern(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref, taken = collector(b, "a.*")
        for pattern in ("a.*", "a.>"):
            b.broker.subscribe(pattern, ref)
        await wanted(a, 2)
        a.broker.publish("a.b", 1)
        b.broker.unsubscribe("a.>", ref)
        await wanted(a, 1)
        a.broker.publish("a.b", 2)
        await until(lambda: 2 in messages(taken))
        assert messages(taken)[-1:] == [2]
        assert messages(taken).count(1) in (1, 2)  # the second pattern ended on its way, or not
        assert a.broker.statistics().sent == 2  # one a node, however many patterns

    run(test)


def test_a_publication_goes_to_the_nodes_that_want_it_and_to_no_other(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        _, of_b = collector(b, "prices.>")
        _, of_c = collector(c, "orders.>")
        await wanted(a, 2)
        events: list[Any] = []
        a.telemetry.attach("topic.sent", events.append)
        for number in range(10):
            a.broker.publish("prices.eur", number)
        a.broker.publish("orders.1", "one")
        await until(lambda: len(of_b) == 10 and len(of_c) == 1)
        assert b.broker.statistics().received == 10
        assert c.broker.statistics().received == 1
        assert a.broker.statistics().sent == 11
        assert [event.measurements["nodes"] for event in events] == [1] * 11

    run(test)


def test_order_is_kept_from_one_publisher_to_one_subscriber_elsewhere(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        _, taken = collector(b, "a.*")
        await wanted(a, 1)
        for number in range(50):
            a.broker.publish(f"a.{number % 3}", number)
            await a.broker.put(f"a.{number % 2}", number + 0.5)
        await until(lambda: len(taken) == 100)
        assert messages(taken) == [half / 2 for half in range(100)]

    run(test)


def test_who_hears_of_a_subscription_can_publish_to_it(run: Run) -> None:
    """It is told in order with messages: nothing has to be waited for."""

    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")

        class Publishes(Actor[Any]):
            def receive(self, topic: Any) -> None:
                a.broker.publish(topic, "at once")

        publishes = b.node.from_text(a.node.text(a.spawn(Publishes)))
        got = [collector(b, f"to.{number}")[1] for number in range(1)]
        for number in range(1, 20):
            got.append(collector(b, f"to.{number}")[1])
            publishes.send(f"to.{number}")
        publishes.send("to.0")
        await until(lambda: all(got))
        assert letters(a) == []

    run(test)


def test_each_message_goes_to_one_member_of_a_group_over_all_nodes(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        taken = [
            collector(system, pattern, "workers")[1]
            for system, pattern in ((a, "jobs.>"), (b, "jobs.>"), (b, "jobs.*"), (c, "jobs.1"))
        ]
        await wanted(a, 3)
        await wanted(c, 3)
        for number in range(40):
            a.broker.publish("jobs.1", number)
        for number in range(40, 80):
            await c.broker.put("jobs.1", number)
        await until(lambda: sum(map(len, taken)) == 80)
        assert sorted(number for got in taken for number in messages(got)) == list(range(80))
        counts = Counter({place: len(got) for place, got in enumerate(taken)})
        assert min(counts.values()) >= 10  # nobody is passed over
        assert letters(a) == letters(b) == letters(c) == []

    run(test)


def test_a_group_on_another_node_alone_takes_even_turns(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        taken = [collector(s, "jobs", "workers")[1] for s in (b, b, b, c)]
        await until(lambda: len(a.broker._subscriptions.resolve("jobs").choices) == 1)
        await until(lambda: len(a.broker._subscriptions.resolve("jobs").choices[0].members) == 4)
        for number in range(80):
            a.broker.publish("jobs", number)
        await until(lambda: sum(map(len, taken)) == 80)
        assert [len(got) for got in taken] == [20] * 4

    run(test)


def test_what_nobody_takes_anywhere_is_a_dead_letter_where_it_was_published(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        a.broker.publish("nobody", 1)
        assert letters(a) == [(1, "noproc")]
        ref, taken = collector(b, "nobody")
        await wanted(a, 1)
        a.broker.publish("nobody", 2)
        await until(lambda: messages(taken) == [2])
        ref.kill()  # a subscription ends with its actor, for all nodes
        await wanted(a, 0)
        a.broker.publish("nobody", 3)
        await a.broker.put("nobody", 4)
        assert letters(a) == [(1, "noproc"), (3, "noproc"), (4, "noproc")]
        assert letters(b) == []

    run(test)


def test_what_comes_when_its_subscriber_has_gone_is_a_dead_letter_there(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for group in (None, "workers"):
            ref, _ = collector(b, "late", group)
            await wanted(a, 1)
            ref.kill()
            a.broker.publish("late", group)  # a does not know yet
            await wanted(a, 0)
        await until(lambda: letters(b) == [(None, "noproc"), ("workers", "noproc")])
        assert letters(a) == []

    run(test)


def test_a_full_mailbox_on_another_node_is_a_dead_letter_there(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")

        async def never(inbox: Inbox[Any]) -> None:
            await anyio.sleep_forever()

        b.broker.subscribe("full", b.spawn(never, mailbox=Mailbox(2, "reject")))
        await wanted(a, 1)
        for number in range(4):
            a.broker.publish("full", number)
        await a.broker.put("full", 4)  # who refuses to be waited for is not waited for
        await until(lambda: letters(b)[:3] == [(2, "full"), (3, "full"), (4, "full")])
        assert letters(a) == []
        assert b.broker.statistics().dropped == 3

    run(test)


async def one_at_a_time(inbox: Inbox[Any], taken: list[Any]) -> None:
    """A process that takes what was published only when it gets "next"."""
    while True:
        await inbox.receive(lambda message: message == "next")
        published = await inbox.receive(lambda message: isinstance(message, Published))
        taken.append(published.message)


def test_put_waits_for_room_in_mailboxes_of_other_nodes(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        taken: list[Any] = []
        slow = b.spawn(one_at_a_time, taken, mailbox=Mailbox(1, "block"))
        b.broker.subscribe("work", slow)
        _, quick = collector(c, "work")
        await wanted(a, 2)
        await a.broker.put("work", 1)
        done: list[int] = []

        async def put(number: int) -> None:
            await a.broker.put("work", number)
            done.append(number)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(put, 2)
            await until(lambda: messages(quick) == [1, 2])  # who has room gets it at once
            await until(lambda: b.broker.statistics().received == 2)
            assert done == []
            slow._deliver("next")
            await until(lambda: done == [2])
        assert taken == [1]
        assert slow.mailbox_length == 1

    run(test)


def test_who_gives_up_a_put_leaves_out_those_without_room(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        taken: list[Any] = []
        slow = b.spawn(one_at_a_time, taken, mailbox=Mailbox(1, "block"))
        b.broker.subscribe("work", slow)
        _, behind = collector(b, "behind")
        await wanted(a, 2)
        await a.broker.put("work", 1)
        with anyio.move_on_after(0.1):
            await a.broker.put("work", 2)
        a.broker.publish("behind", "that it was given up")
        await until(lambda: len(behind) == 1)
        for _ in range(2):
            slow._deliver("next")
        await until(lambda: taken == [1])
        await a.broker.put("work", 3)
        await until(lambda: taken == [1, 3])

    run(test)


def test_put_does_not_wait_for_a_node_that_is_lost(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        (a,) = await cluster.nodes("a")
        async with cluster.system("b", shutdown_timeout=1.0) as b:
            await cluster.connected(a, b)
            slow = b.spawn(one_at_a_time, [], mailbox=Mailbox(1, "block"))
            b.broker.subscribe("work", slow)
            await wanted(a, 1)
            await a.broker.put("work", 1)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(a.broker.put, "work", 2)
                await until(lambda: b.broker.statistics().received == 2)
                await b.node.close()
        await wanted(a, 0)

    run(test)


def test_a_stream_gets_what_other_nodes_publish(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        async with b.broker.stream("prices.>", capacity=2) as prices:
            await wanted(a, 1)
            for number in range(3):
                a.broker.publish("prices.eur", number)
            await until(lambda: b.broker.statistics().received == 3)
            assert [(await prices.receive()).message for _ in range(2)] == [0, 1]
            assert letters(b) == [(2, "full")]
        await wanted(a, 0)

    run(test)


class Answers(Actor[Any]):
    """Answers what is asked of a topic."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def receive(self, published: Any) -> object:
        match published.message:
            case "fail":
                return Failed(ValueError("no such order"))
            case "die":
                self.context.stop("done")
                self.context.defer_reply()
                return None
            case "wait":
                await anyio.sleep_forever()
            case "odd":
                return object()
        return (self.name, published.topic, published.message, dict(published.headers))


def test_a_request_to_a_topic_is_answered_by_one_member_of_a_group_on_any_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        for system in (b, c):
            system.broker.subscribe("ask.*", system.spawn(Answers, system.node.name), "answering")
        await wanted(a, 2)
        replies = [
            await a.broker.request("ask.me", number, headers={"n": "1"}) for number in range(4)
        ]
        assert sorted(replies) == [
            ("b", "ask.me", number, {"n": "1"})
            for number, (name, *_) in enumerate(replies)
            if name == "b"
        ] + [
            ("c", "ask.me", number, {"n": "1"})
            for number, (name, *_) in enumerate(replies)
            if name == "c"
        ]
        assert {name for name, *_ in replies} == {"b", "c"}

    run(test)


def test_a_request_to_a_topic_that_nobody_subscribed_to_fails_at_once(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        with pytest.raises(NoResponders, match=r"nobody answers requests to 'ask\.me'"):
            await a.broker.request("ask.me", 1, timeout=None)
        async with b.broker.stream("ask.>"):  # it can't answer
            await wanted(a, 1)
            with pytest.raises(NoResponders):
                await a.broker.request("ask.me", 1, timeout=None)
        ref = b.spawn(Answers, "b")
        b.broker.subscribe("ask.>", ref)
        await wanted(a, 1)
        assert (await a.broker.request("ask.me", 1))[0] == "b"
        ref.kill()
        with pytest.raises((NoResponders, ActorExited)):  # whether a knows of it or not
            await a.broker.request("ask.me", 1, timeout=None)

    run(test)


def test_a_request_to_a_topic_fails_as_a_request_to_its_responder(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        b.broker.subscribe("ask", b.spawn(Answers, "b"))
        await wanted(a, 1)
        with pytest.raises(RemoteError, match="ValueError: no such order"):
            await a.broker.request("ask", "fail")
        with pytest.raises(RemoteError, match="NotEncodable"):
            await a.broker.request("ask", "odd")
        with pytest.raises(NotEncodable, match="object"):
            await a.broker.request("ask", object())
        with pytest.raises(RequestTimeout, match=r"no reply from ask within 0\.1 s"):
            await a.broker.request("ask", "wait", timeout=0.1)
        b.broker.subscribe("end", b.spawn(Answers, "b"))
        await wanted(a, 2)
        with pytest.raises(ActorExited, match="done") as ended:
            await a.broker.request("end", "die")
        assert ended.value.reason == "done"

    run(test)


def test_a_request_to_a_topic_ends_when_the_node_of_its_responder_is_lost(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        (a,) = await cluster.nodes("a")
        async with cluster.system("b") as b:
            await cluster.connected(a, b)
            b.broker.subscribe("ask", b.spawn(Answers, "b"))
            await wanted(a, 1)
            ended: list[ActorExited] = []

            async def ask() -> None:
                with pytest.raises(ActorExited) as exited:
                    await a.broker.request("ask", "wait", timeout=None)
                ended.append(exited.value)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                await until(lambda: b.broker.statistics().received == 1)
                await b.node.close()
            assert ended[0].reason == "noconnection"

    run(test)


def test_what_is_retained_comes_to_who_subscribes_later_on_any_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for number in range(3):
            a.broker.publish("prices.eur", number, {"n": "1"}, retain=True)
        a.broker.publish("prices.usd", 9, retain=True)
        assert letters(a) == []  # it is kept: nobody had to take it
        await until(lambda: b.broker.statistics().retained == 2)
        _, taken = collector(b, "prices.*")
        await until(lambda: len(taken) == 2)
        assert taken == [
            Published("prices.eur", 2, {"n": "1"}, retained=True),
            Published("prices.usd", 9, retained=True),
        ]
        a.broker.publish("prices.eur", 3, retain=True)
        await until(lambda: len(taken) == 3)
        assert taken[2] == Published("prices.eur", 3)  # it came as it was published
        c = await cluster.node("c")
        _, later = collector(c, "prices.eur")  # before c knows of any other node, or after
        await until(lambda: len(later) == 1)
        assert later == [Published("prices.eur", 3, retained=True)]
        b.broker.forget("prices.eur")
        await until(lambda: all(s.broker.statistics().retained == 1 for s in (a, b, c)))
        _, nothing = collector(a, "prices.eur")
        a.broker.publish("prices.eur", 4)
        await until(lambda: messages(nothing) == [4])

    run(test)


def test_what_was_retained_last_holds_on_both_sides_of_a_split_once_it_heals() -> None:
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        a, b = await cluster.nodes("a", "b")
        _, of_a = collector(a, "state")
        _, of_b = collector(b, "state")
        hub.partition({"a"}, {"b"})
        await until(lambda: a.nodes() == b.nodes() == [])
        a.broker.publish("state", "of a", retain=True)
        await anyio.sleep(0.1)
        b.broker.publish("state", "of b", retain=True)
        hub.heal()
        await until(lambda: messages(of_a) == ["of a", "of b"])
        assert messages(of_b) == ["of b"]
        assert [p.retained for p in of_a] == [False, True]
        for system in (a, b):
            _, later = collector(system, "state")
            await until(lambda later=later: len(later) == 1)  # type: ignore[misc]
            assert messages(later) == ["of b"]

    run_simulated(test)


def test_what_can_not_be_sent_is_a_dead_letter_if_another_node_wants_it(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        events: list[Any] = []
        a.telemetry.attach("topic.unsent", events.append)
        _, here = collector(a, "things.>")
        thing = object()
        a.broker.publish("things.1", thing)
        assert letters(a) == []  # nobody elsewhere wants it
        _, elsewhere = collector(b, "things.>")
        await wanted(a, 1)
        a.broker.publish("things.1", thing)
        await a.broker.put("things.2", "x" * (a.node.engine.max_payload))
        a.broker.publish("things.3", "small")
        await until(lambda: messages(elsewhere) == ["small"])
        assert messages(here)[:2] == [thing, thing]
        assert len(here) == 4
        assert [reason for _, reason in letters(a)] == ["unsent", "unsent"]
        assert [type(e.metadata["error"]).__name__ for e in events] == ["NotEncodable", "TooLarge"]
        assert a.broker.statistics().unsent == 2
        assert a.dead_letters.statistics().by_reason["unsent"] == 2

    run(test)


def test_an_actor_subscribes_on_its_own_node_only(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref, _ = collector(a, "x")
        elsewhere = b.node.ref(a.node.address(ref))
        with pytest.raises(ValueError, match="subscribes on its own node only"):
            b.broker.subscribe("x", elsewhere)

    run(test)


def test_the_patterns_of_a_lost_node_are_gone_and_are_back_when_it_is() -> None:
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        a, b = await cluster.nodes("a", "b")
        _, taken = collector(b, "x.>")
        gone, nothing = collector(b, "y", "workers")
        await wanted(a, 2)
        hub.partition({"a"}, {"b"})
        await wanted(a, 0)
        a.broker.publish("x.1", 1)
        assert letters(a) == [(1, "noproc")]
        gone.kill()
        collector(b, "z")
        hub.heal()
        await wanted(a, 2)
        a.broker.publish("x.1", 2)
        a.broker.publish("y", 3)
        await until(lambda: messages(taken) == [2])
        assert letters(a) == [(1, "noproc"), (3, "noproc")]
        assert nothing == []

    run_simulated(test)


def test_a_node_that_says_nonsense_of_topics_is_not_believed() -> None:
    async def test(cluster: Cluster, __: SimulatedHub) -> None:
        from airssys_wasm.broker import topic_frames as frames

        a, b = await cluster.nodes("a", "b")
        parcel = frames.Parcel("a..b", None, a.node.encode(1))
        for nonsense in (
            "no frame",
            b"\xc1",
            frames.encode([99]),
            frames.encode(frames.Wants([(("a.>.b", None), 1)])),
            frames.encode(frames.Publish(parcel)),
            frames.encode(frames.Publish(frames.Parcel("x", None, b"\xc1"))),
            frames.encode(frames.Done(77)),
            frames.encode(frames.GiveUp(77)),
            frames.encode(frames.Put(1, frames.Parcel("x", None, b"\xc1"))),
        ):
            a.node.say("b", "topics", nonsense)
        _, taken = collector(b, "x")
        await wanted(a, 1)
        a.broker.publish("x", "still there")
        await until(lambda: messages(taken) == ["still there"])
        assert a.nodes() == ["b"]

    run_simulated(test)
