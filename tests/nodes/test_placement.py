"""One tree file on several nodes, on the local engine, the simulated one and over NATS."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm import Actor, ActorSystem, Singleton
from airssys_wasm.application.cluster import ClusterView
from airssys_wasm.application.observing import Known, status_view, tree_view
from airssys_wasm.application.running import system_of
from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.components import ComponentMessage
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.config import NodeConfig, load
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.schema import report
from tests.guests import guests
from tests.nodes.cluster import Cluster, Run, run_local, until

ACTORS = '''
from airssys_wasm import Actor

class Where(Actor):
    """Says on which node it runs."""
    def __init__(self, fails_on=""):
        self.fails_on = fails_on

    def init(self):
        if self.context.system.node.name == self.fails_on:
            raise RuntimeError("it can't run here")

    def receive(self, message):
        return self.context.system.node.name
'''
HEAD = "version: 1\nname: shop\nengine: {nats: 'nats://127.0.0.1:4222', lease: 2s}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "where_actors.py").write_text(ACTORS)
    return tmp_path / "shop.yaml"


class Shop:
    """Nodes that run one file."""

    def __init__(self, cluster: Cluster, file: Path, text: str, lease: str = "2s") -> None:
        self.cluster, self.file = cluster, file
        file.write_text(HEAD.replace("2s", lease) + text)

    def system(self, name: str, **labels: str) -> ActorSystem:
        """A node, not yet entered."""
        loaded = load(self.file, environment={})
        assert loaded.config is not None, report(loaded.problems)
        config = dataclasses.replace(loaded.config, node=NodeConfig(name=name, labels=labels))
        made, platform = self.cluster.engine(), self.cluster.platform
        return system_of(config, self.file.parent, engine=made, platform=platform)

    async def node(self, name: str, **labels: str) -> ActorSystem:
        """A running one, which ends with the test."""
        return await self.cluster.enter(self.system(name, **labels))


async def where(system: ActorSystem, name: str) -> str | None:
    """The node on which the actor of that name runs, as `system` finds it; None: on none."""
    try:
        node: str = await system.named(name).request("where", timeout=5.0)
    except ActorExited:
        return None
    return node


async def placed(system: ActorSystem, **wanted: str) -> ClusterView:
    """Returns when the cluster runs these places on these nodes, as `system` sees it."""

    def is_so() -> bool:
        view = system.cluster_view()
        running = {
            place: node.name
            for node in view.nodes
            for place, phase in node.subtrees.items()
            if phase == "running"
        }
        names = [name for name in wanted if "#" not in name]
        return running == wanted and all(system.whereis(name) is not None for name in names)

    await until(is_so)
    return system.cluster_view()


THREE = """children:
  - {id: ledger, actor: "where_actors:Where"}
  - {id: prices, actor: "where_actors:Where"}
  - id: mails
    supervisor:
      children: [{id: mailer, actor: "where_actors:Where"}]
"""


def test_each_child_of_the_root_is_there_once_and_its_name_leads_to_it(
    run: Run, tree: Path
) -> None:
    async def test(cluster: Cluster) -> None:
        shop = Shop(cluster, tree, THREE)
        systems = [await shop.node(name) for name in "abc"]
        await cluster.connected(*systems)
        for system in systems:
            await placed(system, ledger="a", prices="b", mails="c")
            await until(lambda: system.whereis("mailer") is not None)  # noqa: B023
            found = [await where(system, name) for name in ("ledger", "prices", "mailer")]
            assert found == ["a", "b", "c"]

    run(test)


def test_what_a_node_ran_that_is_stopped_goes_to_others_at_once(run: Run, tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        shop = Shop(cluster, tree, THREE)
        a, b = await shop.node("a"), await shop.node("b")
        async with shop.system("c") as c:
            await placed(c, ledger="a", prices="b", mails="c")
        await placed(a, ledger="a", prices="b", mails="a")
        await until(lambda: b.whereis("mailer") is not None)
        assert await where(b, "mailer") == "a"

    run(test)


def test_a_drained_node_hands_over_and_gets_nothing_until_that_is_undone(
    run: Run, tree: Path
) -> None:
    async def test(cluster: Cluster) -> None:
        shop = Shop(cluster, tree, THREE)
        a, b = await shop.node("a"), await shop.node("b")
        await placed(b, ledger="a", prices="b", mails="a")
        assert await a.drain(10.0) == ()
        view = await placed(b, ledger="b", prices="b", mails="b")
        assert [node.state for node in view.nodes] == ["draining", "up"]
        left = await b.drain()  # there is no other node
        assert sorted(left) == ["ledger", "mails", "prices"]
        a.cluster.undrain()
        await placed(b, ledger="a", prices="a", mails="a")

    run(test)


def test_a_child_runs_where_its_labels_are_and_waits_for_such_a_node(run: Run, tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        text = """children:
  - {id: ledger, actor: "where_actors:Where", placement: {labels: {disk: ssd}}}
  - {id: prices, actor: "where_actors:Where"}
"""
        shop = Shop(cluster, tree, text)
        a = await shop.node("a")
        view = await placed(a, prices="a")
        assert view.table == {"ledger": None, "prices": "a"}
        assert await where(a, "ledger") is None
        await shop.node("b", disk="ssd")
        view = await placed(a, prices="a", ledger="b")
        assert view.table == {"ledger": "b", "prices": "a"}
        assert [dict(node.labels) for node in view.nodes] == [{}, {"disk": "ssd"}]
        assert [node.places for node in view.nodes] == [True, False]
        assert [node.here for node in view.nodes] == [True, False]
        assert all(0 < node.lease_left <= 2.0 for node in view.nodes)

    run(test)


def test_a_child_may_run_on_several_nodes_or_on_each(run: Run, tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        text = """children:
  - {id: mailer, actor: "where_actors:Where", placement: {mode: spread, copies: 2}}
  - {id: web, actor: "where_actors:Where", placement: {mode: everywhere}}
"""
        shop = Shop(cluster, tree, text)
        systems = [await shop.node(name) for name in "abc"]
        await placed(systems[0], **{"mailer#1": "a", "mailer#2": "b"})
        assert [await where(system, "web") for system in systems] == ["a", "b", "c"]
        assert [await where(system, "mailer") for system in systems] == ["a", "b", None]
        assert systems[0].global_names() == []

    run(test)


def test_what_does_not_start_on_a_node_goes_to_another(run: Run, tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        text = 'children: [{id: ledger, actor: "where_actors:Where", args: {fails_on: a}}]\n'
        shop = Shop(cluster, tree, text)
        a, _ = await shop.node("a"), await shop.node("b")
        view = await placed(a, ledger="b")
        assert view.nodes[0].failed == ("ledger",)

    run(test)


def test_children_that_rely_on_each_other_stay_together(run: Run, tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        shop = Shop(cluster, tree, "strategy: rest_for_one\n" + THREE)
        a, b = await shop.node("a"), await shop.node("b")
        await placed(b, **{"shop": "a"}) if False else None
        await until(lambda: all(b.whereis(n) is not None for n in ("ledger", "mailer")))
        assert [await where(b, name) for name in ("ledger", "prices", "mailer")] == ["a"] * 3
        assert a.cluster_view().table == {"shop": "a"}

    run(test)


def test_the_tree_of_a_node_shows_where_the_children_of_the_others_run(
    run: Run, tree: Path
) -> None:
    async def test(cluster: Cluster) -> None:
        shop = Shop(cluster, tree, THREE)
        a, _ = await shop.node("a"), await shop.node("b")
        await placed(a, ledger="a", prices="b", mails="a")
        config = load(tree, environment={}).config
        assert config is not None
        known = Known(config, "shop.yaml", 0.0, 0.0)
        root = (await tree_view(a, known, most=10)).root
        shown = [(child.id, child.kind, child.status) for child in root.children]
        assert shown == [
            ("ledger", "actor", "running"),
            ("prices", "actor", "on b"),
            ("mails", "supervisor", "running"),
        ]
        assert [child.name for child in root.children[2].children] == ["mailer"]
        paths = [view.path for view in (await status_view(a, known)).supervisors]
        assert paths == [(), ("mails",)]

    run(test)


def test_a_component_of_another_node_is_asked_as_one_of_this(tree: Path) -> None:
    async def test(cluster: Cluster) -> None:
        (tree.parent / "echo.wasm").write_bytes(guests.echo())
        text = """children:
  - id: echo
    component: echo.wasm
    trusted: true
    placement: {labels: {runs: components}}
"""
        shop = Shop(cluster, tree, text, lease="6s")  # what compiles for the first time is loaded
        a, _ = await shop.node("a"), await shop.node("b", runs="components")
        await placed(a, echo="b")
        assert await a.named("echo").request(b"hello") == b"1:hello"
        message = ComponentMessage(ComponentId("", "desk", ""), b"hello")
        answer = await a.named("echo").request(message)
        assert isinstance(answer, ComponentMessage)
        assert answer.payload == b"2:hello"

    run_local(test)


class Counted(Actor[Any]):
    """Adds itself to a list."""

    def __init__(self, started: list[str]) -> None:
        self.started = started

    def init(self) -> None:
        self.started.append(self.context.system.node.name)

    def receive(self, message: Any) -> None:
        raise RuntimeError("crashed")


def test_a_singleton_runs_on_one_node_and_on_another_when_it_has_ended(run: Run) -> None:
    async def test(cluster: Cluster) -> None:
        a, b = await cluster.nodes("a", "b")
        started: list[str] = []
        one = a.spawn(Singleton("mailer", Counted, started))
        await until(lambda: started == ["a"])
        token = a.cluster.singletons.token("mailer")
        b.spawn(Singleton("mailer", Counted, started))
        one.stop()
        await until(lambda: started == ["a", "b"])
        assert (b.cluster.singletons.token("mailer") or 0) > (token or 0)
        assert a.cluster.singletons.token("mailer") is None

    run(test)


def test_a_singleton_without_an_engine_ends_with_an_error_that_says_so() -> None:
    async def main() -> None:
        async with ActorSystem("alone") as system:
            with pytest.raises(Exception, match="has no engine"):
                await system.start(Singleton("mailer", Counted, []))
            with pytest.raises(RuntimeError, match="has no engine"):
                await system.register_global("mailer", system.spawn(Counted, []))

    asyncio.run(main())


def test_an_engine_that_is_not_there_is_an_error_that_names_it(tree: Path) -> None:
    text = HEAD.replace("4222", "1") + THREE
    tree.write_text(text)
    config = load(tree, environment={}).config
    assert config is not None

    async def main() -> None:
        with pytest.raises(EngineDown, match=r"127\.0\.0\.1:1"):
            async with system_of(config, tree.parent):
                pass

    asyncio.run(main())
