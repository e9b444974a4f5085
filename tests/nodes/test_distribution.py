"""Nodes that are lost, cut off or started anew: what is told, to whom, and what goes on."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorExited, ActorSystem, Down, Exit
from airssys_wasm.broker.errors import NodeNameTaken
from airssys_wasm.broker.nodes.node_events import NodeDown, NodeUp
from airssys_wasm.broker.nodes.wire import Address
from airssys_wasm.testing.simulated_engine import SimulatedHub
from tests.nodes.actors import Keeper, Server, elsewhere, got_all
from tests.nodes.cluster import Cluster, Run, run_local, run_simulated, until


async def fall(system: ActorSystem) -> None:
    """The node is gone, without a word."""
    node: Any = system.node
    node.engine.send = lambda *_: None
    for subscription in node._subscriptions:
        subscription.stop()


@pytest.mark.rule("DIST-01")
def test_when_a_node_dies_monitors_links_requests_and_waits_are_told_noconnection(
    run: Run,
) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        far = elsewhere(a, b, b.spawn(Server))
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        plain = a.spawn(Keeper, [], False)
        monitor = await near.request(("monitor", far))
        near.send(("link", far))
        plain.send(("link", far))
        asked = asyncio.ensure_future(far.request("never", timeout=None))
        put = asyncio.ensure_future(a.node.named("nobody", "c").put("x"))
        waited = asyncio.ensure_future(far.wait())
        who = asyncio.ensure_future(a.node.whereis("x", "b"))
        await until(lambda: a.info(plain).links == (far,))
        await who
        await fall(b)
        late = asyncio.ensure_future(far.request("never", timeout=None))
        assert await waited == "noconnection"
        assert await plain.wait() == "noconnection"
        for question in (asked, late, put):
            with pytest.raises(ActorExited) as exited:
                await question
            assert exited.value.reason == "noconnection"
        await until(lambda: len(got) == 4)
        assert got[2:] == [Exit(far, "noconnection"), Down(far, "noconnection", monitor)]
        assert a.nodes() == []
        assert near.is_alive

    run(test)


@pytest.mark.rule("DIST-02")
def test_a_monitor_on_a_node_that_is_not_there_is_a_down_with_noconnection(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a = await cluster.node("a")
        nowhere = a.node.ref(Address("nowhere", "00000001-aaaaaaaa", 5))
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        monitor = await near.request(("monitor", nowhere))
        assert (await got_all(got, 2))[1] == Down(nowhere, "noconnection", monitor)
        nowhere.send("lost")  # a dead letter, once it is known that it never went out
        await until(lambda: a.dead_letters.count == 1)
        (letter,) = a.dead_letters.recent()
        assert (letter.message, letter.to, letter.reason) == ("lost", nowhere, "noconnection")

    run(test)


@pytest.mark.rule("DIST-05", "ORD-06")
def test_all_that_a_node_said_comes_before_the_news_that_it_is_down_and_nothing_after(
    run: Run,
) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        a.node.monitor_nodes(near)
        far = b.spawn(Keeper, [])
        near_there = elsewhere(b, a, near)
        for number in range(200):
            far.send(("send", near_there, number))
        await until(lambda: len(got) >= 100)
        await fall(b)
        await until(lambda: isinstance(got[-1], NodeDown))
        far.send(("send", near_there, "late"))
        await until(lambda: a.nodes() == [])
        numbers = got[:-1]
        assert numbers == list(range(len(numbers)))
        assert got[-1].node == "b"

    run(test)


@pytest.mark.rule("DIST-06")
def test_a_ref_of_an_earlier_life_of_a_node_is_noproc_at_once(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a = await cluster.node("a")
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        a.node.monitor_nodes(near)
        async with cluster.system("b") as b:
            await cluster.connected(a, b)
            old = elsewhere(a, b, b.spawn(Server))
            text = a.node.text(old)
            await old.request(("echo", 1))
        c = await cluster.node("b")
        await cluster.connected(a, c)
        c.spawn(Server)  # with the same number as the old one
        for ref in (old, a.node.from_text(text), c.node.from_text(text)):
            with pytest.raises(ActorExited) as exited:
                await ref.request("read", timeout=None)
            assert exited.value.reason == "noproc"
        new = await cluster.node("d")
        stale = new.node.from_text(text)  # of which it knows nothing
        with pytest.raises(ActorExited) as exited:
            await stale.request("read", timeout=None)
        assert exited.value.reason == "noproc"
        events = [m for m in got if isinstance(m, NodeUp | NodeDown)]
        assert [type(event) for event in events][:3] == [NodeUp, NodeDown, NodeUp]

    run(test)


@pytest.mark.rule("DIST-07", "GS-13")
def test_a_send_to_a_node_that_does_not_answer_holds_up_nobody(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        far = elsewhere(a, b, b.spawn(Server))
        await fall(b)
        for number in range(1_000):
            far.send(number)
            a.node.named("x", "nowhere").send(number)
        here = a.spawn(Server)
        assert await here.request(("twice", 1)) == 2

    run(test)


def test_a_node_that_closes_says_so_at_once_behind_the_ends_of_its_actors(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a = await cluster.node("a", settings={"patience": 30.0, "beat": 10.0})
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        async with cluster.system("b") as b:
            await cluster.connected(a, b)
            far = elsewhere(a, b, b.spawn(Server))
            monitor = await near.request(("monitor", far))
            a.node.monitor_nodes(near)
            await far.request(("echo", 1))
        await until(lambda: len(got) == 3)
        assert got[1] == Down(far, "shutdown", monitor)
        assert isinstance(got[2], NodeDown)
        assert "closed" in got[2].why

    run(test)


def test_a_ref_lives_on_when_a_cut_is_healed(run: Run) -> None:
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        a, b = await cluster.nodes("a", "b")
        received: list[Any] = []
        far = elsewhere(a, b, b.spawn(Server, received))
        got: list[Any] = []
        near = a.spawn(Keeper, got)
        first = await near.request(("monitor", far))
        hub.partition(["a"], ["b"])
        await until(lambda: len(got) == 2)
        assert got[1] == Down(far, "noconnection", first)
        hub.heal()
        await cluster.connected(a, b)
        assert far.is_alive
        assert await far.request(("twice", 2)) == 4
        second = await near.request(("monitor", far))
        await far.request(("stop", "enough"))
        await until(lambda: len(got) == 4)
        assert got[3] == Down(far, "enough", second)

    run_simulated(test)


def test_no_frame_is_lost_in_silence_one_that_is_missing_ends_the_connection() -> None:
    async def test(cluster: Cluster, hub: SimulatedHub) -> None:
        a, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        far = elsewhere(a, b, b.spawn(Server, got))
        near = a.spawn(Keeper, [])
        down = await near.request(("monitor", far))
        await far.request(("echo", 0))
        hub.cut("a", "b")
        far.send("lost")
        await anyio.sleep(0.01)
        hub.heal()
        await until(lambda: not down.active)
        assert got == [("echo", 0)]
        far.send("new")
        await until(lambda: got[-1] == "new")

    run_simulated(test)


def test_a_name_that_a_living_node_has_is_refused(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a = await cluster.node("a")
        with pytest.raises(NodeNameTaken, match="'a'"):
            await cluster.node("a")
        b = await cluster.node("b")
        await cluster.connected(a, b)

    run(test)


def test_a_node_that_woke_up_gives_way_to_the_one_that_took_its_name(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, logger="airssys_wasm")

    async def test(cluster: Cluster) -> None:
        old, b = await cluster.nodes("a", "b")
        got: list[Any] = []
        old.node.monitor_nodes(old.spawn(Keeper, got))
        stopped: Any = old.node  # as by SIGSTOP: it neither speaks nor hears
        send, stopped.engine.send = stopped.engine.send, lambda *_: None
        for subscription in stopped._subscriptions:
            subscription.active = False
        new = await cluster.node("a")
        await cluster.connected(new, b)
        stopped.engine.send = send
        for subscription in stopped._subscriptions:
            subscription.active = True
        await until(lambda: not old.node.is_open)
        await until(lambda: bool(got))
        assert isinstance(got[-1], NodeDown)
        assert new.node.is_open
        assert new.nodes() == ["b"]
        assert new.node.life > old.node.life
        with pytest.raises(ActorExited) as exited:
            await old.node.named("x", "b").request("x")
        assert exited.value.reason == "noconnection"

    run_local(test)


def test_who_is_told_of_a_loss_may_say_something_to_that_node_at_once() -> None:
    async def test(cluster: Cluster, _: SimulatedHub) -> None:
        a = await cluster.node("a")
        b = await cluster.node("b")
        await cluster.connected(a, b)
        told: list[str] = []

        def down(node: str, why: str) -> None:
            told.append(why)
            a.node.say(node, "greetings", "are you there")

        a.node.watch(lambda _: None, down)
        await fall(b)
        b.node.is_open = False
        again = await cluster.node("b")
        heard: list[Any] = []
        again.node.serve("greetings", lambda _, value: heard.append(value))
        await until(lambda: "are you there" in heard)
        await cluster.connected(a, again)
        await again.node.whereis("x", "a")
        assert len(told) == 1, told
        assert heard == ["are you there"]

    run_simulated(test)
