"""Durable mailboxes as tree files say them, and for users who may do only what they need."""

from __future__ import annotations

import re
from pathlib import Path

import anyio
import pytest

from airssys_wasm import Actor, ActorSystem, Failed
from airssys_wasm.application.running import system_of
from airssys_wasm.broker.durable_settings import DurableSettings
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.config import load
from tests.nats_server import NatsServer

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs"
TREE = """
version: 1
name: shop
node: {{name: {node}, labels: {{role: {node}}}}}
engine: {{nats: "{url}", lease: 5s}}
children:
  - id: ledger
    actor: book:Ledger
    args: {{path: "{folder}/handled"}}
    mailbox: {{durable: true, max_deliver: 2, ack_wait: 1s}}
    placement: {{labels: {{role: a}}}}
  - {{id: courier, actor: "book:Courier", placement: {{mode: everywhere}}}}
"""
BOOK = """
from airssys_wasm import Actor

class Ledger(Actor):
    def __init__(self, path):
        self.path = path

    def receive(self, message):
        if message == "poison":
            raise ValueError(message)
        with open(self.path, "a") as file:
            print(message, file=file)

class Courier(Actor):
    def receive(self, message):
        self.context.system.named("ledger").send(message)
"""


def node(folder: Path, server: NatsServer, name: str) -> ActorSystem:
    file = folder / f"{name}.yaml"
    file.write_text(TREE.format(node=name, url=server.url, folder=folder))
    (folder / "book.py").write_text(BOOK)
    loaded = load(file, environment={})
    assert loaded.config is not None, loaded.problems
    return system_of(loaded.config, folder)


async def test_what_any_node_of_a_tree_sends_to_the_name_is_kept_until_it_was_handled(
    tmp_path: Path, server: NatsServer
) -> None:
    async with node(tmp_path, server, "b") as b:
        for message in ("early", "poison"):
            b.named("courier").send(message)
        with anyio.fail_after(20):
            while b.durable("ledger").statistics().sent < 2:  # noqa: ASYNC110
                await anyio.sleep(0.01)
        async with node(tmp_path, server, "a") as a:
            a.named("courier").send("late")
            mailbox = a.durable("ledger")
            with anyio.fail_after(30):
                while mailbox.statistics().handled + mailbox.statistics().buried < 3:  # noqa: ASYNC110
                    await anyio.sleep(0.01)
            [letter] = await b.durable("ledger").dead_letters()
    assert (letter.message, letter.tries) == ("poison", 2)
    assert sorted((tmp_path / "handled").read_text().split()) == ["early", "late"]


class Refusing(Actor[object]):
    def receive(self, message: object) -> object:
        return Failed(ValueError("never")) if message == "refused" else None


async def test_users_who_may_do_only_what_the_manual_says_have_durable_mailboxes(
    tmp_path: Path,
) -> None:
    [config] = re.findall(
        r"^```text\n(# nats.conf\n.*?)^```$",
        (DOCS / "remote-actors.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    [more] = re.findall(r"^```text\n(.*?)^```$", (DOCS / "nodes.md").read_text(), re.M | re.S)
    allowed = ", ".join(f'"{subject}"' for subject in re.split(r",\s*", more.strip()))
    path = tmp_path / "nats.conf"
    path.write_text(config.replace("SAY: [", f"SAY: [ {allowed},"))
    server = NatsServer(tmp_path / "nats", options=["-c", str(path)])
    server.start()
    try:
        engine = NatsEngine(server.url, user="shop-1", password="secret", inbox="_INBOX.shop-1")
        async with ActorSystem("shop", engine=engine, node="shop-1") as system:
            mailbox = system.durable("ledger", DurableSettings(max_deliver=2))
            mailbox.feed(system.spawn(Refusing))
            with anyio.fail_after(20):
                for message in ("good", "refused", "last"):
                    await mailbox.put(message)
                while await mailbox.waiting():  # noqa: ASYNC110
                    await anyio.sleep(0.01)
                [letter] = await mailbox.dead_letters()
            assert (letter.message, letter.tries) == ("refused", 2)
    finally:
        server.kill()
