"""Messages and requests between actors of two nodes: as inside of one, on each engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from typing import Any

import anyio
import pytest

from airssys_wasm import (
    ActorExited,
    ActorRef,
    Error,
    Mailbox,
    MailboxFull,
    RequestTimeout,
)
from airssys_wasm.broker.errors import NotEncodable, RemoteError, TooLarge
from tests.nodes.actors import Keeper, Server, elsewhere, got_all
from tests.nodes.cluster import Cluster, Run, until


@pytest.mark.rule("ORD-01")
def test_messages_to_another_node_keep_their_order(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        there = elsewhere(a, b, b.spawn(Server, got))
        for number in range(2_000):
            there.send(number)
        assert await got_all(got, 2_000) == list(range(2_000))

    run(test)


@pytest.mark.rule("ORD-04")
def test_ref_and_name_of_another_node_keep_the_order_of_one_sender(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        there = elsewhere(a, b, b.spawn(Server, got, name="server"))
        named = a.node.named("server", "b")
        again = a.node.from_text(a.node.text(named))
        for number in range(0, 300, 3):
            there.send(number)
            named.send(number + 1)
            again.send(number + 2)
        assert await got_all(got, 300) == list(range(300))

    run(test)


@pytest.mark.rule("ORD-05")
def test_a_send_to_the_dead_or_to_nobody_on_another_node_is_a_dead_letter(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref = b.spawn(Server)
        there = elsewhere(a, b, ref)
        ref.kill()
        there.send("late")
        a.node.named("nobody", "b").send("lost")
        await until(lambda: b.dead_letters.count == 2)
        letters = [(letter.message, letter.reason) for letter in b.dead_letters.recent()]
        assert letters == [("late", "noproc"), ("lost", "noproc")]

    run(test)


@dataclass(frozen=True)
class Order:
    number: int
    lines: tuple[str, ...]
    reply_to: ActorRef[Any] | None = None


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize("codec", ["msgpack", "json", "cbor"])
def test_values_come_as_they_were_by_each_codec(codec: str) -> None:
    from tests.nodes.cluster import run_local

    async def test(cluster: Cluster) -> None:
        settings = {"messages": [Order, Colour], "codec": codec}
        a, b = await cluster.nodes("a", "b", settings=settings)
        there = elsewhere(a, b, b.spawn(Server))
        for value in (
            None,
            True,
            [1, (2, [3, {"x": {4}}]), -(2**70), 1.5, float("inf")],
            {"$": [1, 2], "b": b"\0\xff", (1, 2): "key"},
            Order(1, ("a", "b")),
            Colour.RED,
            Error("ValueError", "no"),
        ):
            assert await there.request(("echo", value)) == value
        assert await there.request(("echo", Order(1, (), there))) == Order(1, (), there)

    run_local(test)


def test_bytes_go_as_they_are_and_nothing_else_by_the_raw_codec(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b", settings={"codec": "raw"})
        got: list[Any] = []
        there = elsewhere(a, b, b.spawn(Server, got))
        there.send(b"\0\xff")
        with pytest.raises(NotEncodable, match="str can't be sent"):
            there.send("text")
        assert await got_all(got, 1) == [b"\0\xff"]

    run(test)


def test_what_cannot_be_encoded_fails_at_the_sender_with_the_name_of_its_type(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        there = elsewhere(a, b, b.spawn(Server))
        with pytest.raises(NotEncodable, match="Order can't be sent to another node") as refused:
            there.send(Order(1, ()))
        assert refused.value.type == "Order"
        with pytest.raises(NotEncodable, match="object"):
            await there.request({"deep": [object()]})
        with pytest.raises(NotEncodable, match="builtin"):
            await there.put([{1}, {print}])
        endless: list[Any] = []
        endless.append(endless)
        with pytest.raises(NotEncodable, match="values deep"):
            there.send(endless)
        with pytest.raises(RemoteError, match="NotEncodable: object can't be sent"):
            await there.request("object")
        assert await there.request(("twice", 4)) == 8  # nothing of it did any harm

    run(test)


def test_what_is_too_large_fails_at_the_sender_and_the_connection_stays(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        there = elsewhere(a, b, b.spawn(Server))
        huge = "x" * (a.node.engine.max_payload + 1)
        for attempt in (there.send, there.request):
            with pytest.raises(TooLarge):
                result = attempt(huge)
                assert result is not None
                await result
        with pytest.raises(RemoteError, match="TooLarge"):
            await there.request(("twice", huge[: len(huge) * 2 // 3]))
        assert a.nodes() == ["b"]
        almost = "x" * (a.node.room - 100)
        assert await there.request(("echo", almost)) == almost

    run(test)


def test_a_request_is_answered_from_another_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref = b.spawn(Server)
        there = elsewhere(a, b, ref)
        assert await there.request(("twice", 21)) == 42
        assert await there.request("self") == there
        assert await there.request(("echo", a.spawn(Server)))

    run(test)


def test_a_failed_answer_is_an_error_with_its_type_and_text(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        there = elsewhere(a, b, b.spawn(Server))
        with pytest.raises(RemoteError, match="ValueError: no stock") as failed:
            await there.request(("fail", "no stock"))
        assert (failed.value.type, failed.value.text) == ("ValueError", "no stock")
        assert there.is_alive

    run(test)


@pytest.mark.rule("GS-09")
def test_a_request_fails_at_once_with_the_reason_when_the_server_ends(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        for reason in ("boom", "shutdown", ("shutdown", {"why": 1}), "killed"):
            got: list[Any] = []
            ref = b.spawn(Server, got)
            there = elsewhere(a, b, ref)
            asked = asyncio.ensure_future(there.request("never", timeout=None))
            await got_all(got, 1)
            ref.kill() if reason == "killed" else ref.exit(reason)
            with pytest.raises(ActorExited) as exited:
                await asked
            assert (exited.value.target, exited.value.reason) == (there, reason)
        there = elsewhere(a, b, b.spawn(Server))
        with pytest.raises(ActorExited) as exited:
            await there.request("crash")
        assert isinstance(exited.value.reason, Error)
        assert exited.value.reason == Error("LookupError", "no such order")
        assert exited.value.reason.stack[-1].function == "receive"

    run(test)


@pytest.mark.rule("GS-08")
def test_a_request_to_the_dead_or_unknown_on_another_node_is_noproc(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref = b.spawn(Server)
        there = elsewhere(a, b, ref)
        ref.kill()
        with pytest.raises(ActorExited) as exited:
            await there.request("read")
        assert exited.value.reason == "noproc"
        with pytest.raises(ActorExited) as exited:
            await a.node.named("nobody", "b").request("read")
        assert exited.value.reason == "noproc"

    run(test)


@pytest.mark.rule("GS-22")
def test_a_wait_that_gives_up_abandons_its_request_to_another_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        there = elsewhere(a, b, b.spawn(Server, got))
        with pytest.raises(RequestTimeout):
            await there.request("never", timeout=0.05)
        asked = asyncio.ensure_future(there.request("never", timeout=None))
        await until(lambda: len(got) == 2)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await there.request(("twice", 1)) == 2  # the server was not touched
        made = asyncio.ensure_future(there.request(("twice", 2)))
        done, _ = await asyncio.wait([made], timeout=0)
        assert not done
        assert await made == 4

    run(test)


@pytest.mark.rule("GS-16")
def test_an_actor_elsewhere_is_stopped_and_waited_for(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        there = elsewhere(a, b, b.spawn(Server, got))
        there.send("first")
        there.stop(("shutdown", "enough"))
        assert await there.wait() == ("shutdown", "enough")
        assert got == ["first"]
        assert not there.is_alive
        assert there.exit_reason == ("shutdown", "enough")
        there.stop()  # nothing, as inside of one node
        assert await a.node.named("nobody", "b").wait() == "noproc"

    run(test)


@pytest.mark.rule("GS-29")
def test_a_request_to_many_nodes_gives_the_replies_and_who_gave_none(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        refs = [a.spawn(Server), *(elsewhere(a, s, s.spawn(Server)) for s in (b, c))]
        dead = b.spawn(Server)
        gone = elsewhere(a, b, dead)
        dead.kill()
        nowhere = a.node.named("server", "d")  # no such node
        replies = await a.multicall([*refs, gone, nowhere], ("twice", 2), timeout=3.0)
        assert replies.replies == dict.fromkeys(refs, 4)
        assert set(replies.failed) == {gone, nowhere}

    run(test)


def test_put_waits_for_room_on_another_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        ref = b.spawn(Server, got, mailbox=Mailbox(capacity=1))
        there = elsewhere(a, b, ref)
        b.suspend(ref)
        await there.put(1)
        second = asyncio.ensure_future(there.put(2))
        with anyio.move_on_after(0.05):
            await asyncio.shield(second)
        assert not second.done()
        given_up = asyncio.ensure_future(there.put(3))
        asked = asyncio.ensure_future(there.request(("echo", 4)))
        with anyio.move_on_after(0.05):
            await asyncio.shield(asked)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        there.send("dropped")
        await until(lambda: b.dead_letters.count == 1)
        b.resume(ref)
        await second
        assert await asked == 4
        assert got == [1, 2, ("echo", 4)]

    run(test)


def test_a_full_mailbox_on_another_node_refuses_as_one_on_this_would(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        ref = b.spawn(Server, mailbox=Mailbox(capacity=1, overflow="reject"))
        there = elsewhere(a, b, ref)
        b.suspend(ref)
        await there.put(1)
        for attempt in (there.put("more"), there.request("more")):
            with pytest.raises(MailboxFull) as full:
                await attempt
            assert (full.value.target, full.value.undelivered) == (there, "more")
            assert full.value.capacity == 1

    run(test)


def test_priority_and_ttl_go_with_the_message(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        ref = b.spawn(Server, got, mailbox=Mailbox(order="priority"))
        there = elsewhere(a, b, ref)
        b.suspend(ref)
        await there.put("low")
        await there.put("high", priority=5)
        await there.put("short", ttl=0.01)
        await anyio.sleep(0.05)
        b.resume(ref)
        await until(lambda: len(got) + b.dead_letters.count == 3)
        assert got == ["high", "low"]
        plain = elsewhere(a, b, b.spawn(Server))
        with pytest.raises(RemoteError, match="ValueError: priority"):
            await plain.request("x", priority=1)

    run(test)


def test_a_ref_of_a_third_node_can_be_handed_on_and_used(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        got: list[Any] = []
        third = c.spawn(Server, got)
        known_by_b = elsewhere(b, c, third)
        there = elsewhere(a, b, b.spawn(Keeper, []))
        there.send(("send", a.node.ref(b.node.address(known_by_b)), "from b"))
        assert await got_all(got, 1) == ["from b"]
        back = elsewhere(a, b, b.spawn(Server))
        assert await back.request(("echo", elsewhere(a, c, third))) == elsewhere(a, c, third)

    run(test)


def test_a_ref_that_comes_home_is_the_actor_itself(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        mine = a.spawn(Server)
        there = elsewhere(a, b, b.spawn(Server))
        assert await there.request(("echo", mine)) is mine
        assert await there.request(("echo", a.node.named("x", "b"))) == a.node.named("x", "b")
        assert await there.request(("echo", a.named("x"))) == a.named("x")

    run(test)


def test_the_state_of_an_actor_elsewhere_is_not_to_be_had(run: Run) -> None:
    from airssys_wasm import OpaqueState

    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        there = elsewhere(a, b, b.spawn(Server))
        with pytest.raises(OpaqueState, match="another node"):
            await a.get_state(there)
        with pytest.raises(OpaqueState, match="another node"):
            a.suspend(there)

    run(test)
