"""One node among several: who is there, what they say to each other, and refs as text."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm import ActorSystem
from tests.nodes.cluster import Cluster, Run, until


def test_nodes_find_each_other_through_the_engine_alone(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b, c = await cluster.nodes("a", "b", "c")
        assert (a.nodes(), b.nodes(), c.nodes()) == (["b", "c"], ["a", "c"], ["a", "b"])
        assert a.node.name == "a"
        assert a.node.life != b.node.life

    run(test)


def test_a_service_hears_what_other_nodes_say_to_it_in_their_order(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        heard: list[tuple[str, Any]] = []
        b.node.serve("numbers", lambda node, value: heard.append((node, value)))
        for number in range(100):
            a.node.say("b", "numbers", {"n": number})
        await until(lambda: len(heard) == 100)
        assert heard == [("a", {"n": number}) for number in range(100)]
        with pytest.raises(ValueError, match="'numbers' is served already"):
            b.node.serve("numbers", print)

    run(test)


def test_those_who_watch_are_told_of_nodes_that_come_and_go(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        told: list[tuple[str, ...]] = []
        watching = a.node.watch(lambda n: told.append(("up", n)), lambda n, w: told.append((n, w)))
        assert told == [("up", "b")]
        async with cluster.system("c"):
            await until(lambda: ("up", "c") in told)
        await until(lambda: len(told) == 3)
        assert told[-1][0] == "c"
        watching.stop()
        watching.stop()
        await cluster.node("d")
        await until(lambda: "d" in a.nodes())
        assert len(told) == 3
        await until(lambda: b.nodes() == ["a", "d"])

    run(test)


def test_a_node_is_known_to_be_connected_before_anything_that_it_says_comes(run: Run) -> None:
    """Also what it says as soon as it is told itself, which comes with its greeting."""

    async def test(cluster: Cluster) -> None:
        (a,) = await cluster.nodes("a")
        told: list[tuple[str, str]] = []
        a.node.watch(lambda node: told.append(("up", node)), lambda node, _: None)
        a.node.serve("greetings", lambda node, _: told.append(("said", node)))
        for name in ("b", "c", "d"):
            system = cluster.system(name)
            async with system:
                system.node.watch(
                    lambda node, s=system: s.node.say(node, "greetings", "hello"),
                    lambda *_: None,
                )
                await until(lambda name=name: ("said", name) in told)  # type: ignore[misc]
        assert told == [(what, name) for name in ("b", "c", "d") for what in ("up", "said")]

    run(test)


def test_a_ref_becomes_a_text_and_a_ref_again_on_any_node(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")

        async def answering(inbox: Any) -> None:
            pass

        ref = a.spawn(answering)
        text = a.node.text(ref)
        assert a.node.from_text(text) == ref
        elsewhere = b.node.from_text(text)
        assert b.node.text(elsewhere) == text
        assert b.node.from_text(text) == elsewhere
        for wrong in ("", "a", "a/b", "a/b/c", "a/b/1/2", "/b/1", "a//1", "a/b/-1"):
            with pytest.raises(ValueError, match="is no ref"):
                b.node.from_text(wrong)

    run(test)


def test_a_system_without_an_engine_is_no_node() -> None:
    asyncio.run(without_an_engine())


async def without_an_engine() -> None:
    async with ActorSystem("alone") as system:
        assert system.nodes() == []
        with pytest.raises(RuntimeError, match="no engine"):
            _ = system.node
    with pytest.raises(TypeError, match="without an engine"):
        ActorSystem("alone", node="a")
