"""Nodes over a real NATS server: TLS, users and permissions, restarts of the server, slow nodes."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorExited, ActorRef, ActorSystem, Down, RequestTimeout
from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from tests.nats_server import MISSING, SERVER, NatsServer
from tests.nodes.actors import Keeper, Server, elsewhere, got_all
from tests.nodes.cluster import until

pytestmark = pytest.mark.skipif(SERVER is None, reason=MISSING)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(30):
            await test()

    asyncio.run(main())


def system(name: str, engine: NatsEngine, **settings: Any) -> ActorSystem:
    node = NodeSettings(name, **settings)
    return ActorSystem("test", engine=engine, node=node, slow_after=None)


async def talk(one: NatsEngine, other: NatsEngine) -> None:
    """Two nodes with these engines find each other, and one asks the other something."""
    async with system("shop-1", one) as a, system("shop-2", other) as b:
        await until(lambda: a.nodes() == ["shop-2"])
        assert await elsewhere(a, b, b.spawn(Server)).request(("twice", 2)) == 4


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="airssys_wasm")


# --- who may


def certificates(folder: Path) -> None:
    """An authority, and a certificate of it for a server and for a client."""

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"),
        # Python looks for these from 3.13 on.
        *("-subj", "/CN=ca", "-addext", "keyUsage = critical, keyCertSign, cRLSign"),
    )
    for who in ("server", "client"):
        openssl("req", *key, "-keyout", f"{who}.key", "-out", f"{who}.csr", "-subj", f"/CN={who}")
        (folder / f"{who}.ext").write_text(
            "subjectAltName = IP:127.0.0.1\nauthorityKeyIdentifier = keyid\n"
        )
        openssl(
            *("x509", "-req", "-in", f"{who}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-out", f"{who}.pem", "-days", "2", "-extfile", f"{who}.ext"),
        )


def test_nodes_talk_over_tls_with_certificates_of_both_sides(tmp_path: Path, quiet: None) -> None:
    certificates(tmp_path)
    options = ["--tls", "--tlsverify"]
    for option, name in (("--tlscert", "server.pem"), ("--tlskey", "server.key")):
        options += [option, str(tmp_path / name)]
    options += ["--tlscacert", str(tmp_path / "ca.pem")]
    server = NatsServer(tmp_path / "data", options=options)
    server.start()
    trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    trusted.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
    stranger = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))

    async def test() -> None:
        await talk(NatsEngine(server.url, tls=trusted), NatsEngine(server.url, tls=trusted))
        for engine in (
            NatsEngine(server.url, tls=stranger, connect_timeout=0.5),
            NatsEngine(server.url, tls=ssl.create_default_context(), connect_timeout=0.5),
            NatsEngine(server.url, connect_timeout=0.5),
        ):
            with pytest.raises(EngineDown, match=str(server.port)):
                async with system("stranger", engine):
                    pass

    try:
        run(test)
    finally:
        server.stop()


def test_a_locked_down_account_lets_each_node_hear_only_what_is_for_it(
    tmp_path: Path, quiet: None
) -> None:
    config = tmp_path / "nats.conf"
    config.write_text(locked_down())
    server = NatsServer(tmp_path / "data", options=["-c", str(config)])
    server.start()

    def engine(user: str, password: str = "secret") -> NatsEngine:
        return NatsEngine(
            server.url,
            user=user,
            password=password,
            inbox=f"_INBOX.{user}",
            connect_timeout=1.0,
        )

    async def test() -> None:
        await talk(engine("shop-1"), engine("shop-2"))
        with pytest.raises(EngineDown, match=r"[Aa]uthorization"):
            async with system("shop-1", engine("shop-1", "wrong")):
                pass
        spy = engine("shop-2")
        async with system("shop-1", engine("shop-1")) as a:
            await spy.open("spy", a.kernel.platform)
            heard: list[Any] = []
            await spy.subscribe("node.shop-1", heard.append)
            async with system("shop-3", engine("shop-3")) as c:
                await until(lambda: a.nodes() == ["shop-3"])
                await elsewhere(c, a, a.spawn(Server)).request(("twice", 1))
            assert heard == []
            await spy.close()

    try:
        run(test)
    finally:
        server.stop()


def refusal(engine: NatsEngine) -> str:
    """What is told to who starts a node with this engine, which can't be used."""
    told = ""

    async def test() -> None:
        nonlocal told
        with pytest.raises(EngineDown) as raised:
            async with system("stranger", engine):
                pass
        told = str(raised.value)

    run(test)
    return told


def test_a_server_that_refuses_a_user_is_told_with_what_to_look_at_and_without_the_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="airssys_wasm.broker.nats")
    server = NatsServer(tmp_path, options=["--user", "shop", "--pass", "right"])
    server.start()
    try:
        told = refusal(NatsEngine(f"nats://shop:wr0ng@127.0.0.1:{server.port}", connect_timeout=1))
    finally:
        server.stop()
    assert f"no NATS server takes us at nats://127.0.0.1:{server.port}: " in told
    assert "Authorization" in told
    assert "are credentials, user, password or token right?" in told
    assert "wr0ng" not in told + caplog.text
    assert len(set(caplog.messages)) == len(caplog.messages)  # not once for each attempt


def test_a_server_without_jetstream_is_told_with_how_to_start_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = NatsServer(tmp_path, jetstream=False)
    server.start()
    try:
        told = refusal(NatsEngine(server.url))
    finally:
        server.stop()
    assert told == (
        "the NATS server has no JetStream for keys: start it with -js, and allow JetStream to the "
        "account"
    )
    assert caplog.messages == []  # that it is left after this is no news


def locked_down() -> str:
    """The example of docs/remote-actors.md."""
    text = (Path(__file__).parents[2] / "docs/remote-actors.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("```text\n# nats.conf")
    return rest.partition("```")[0]


# --- what happens to the server, and to those who are slow


def test_nodes_go_on_when_the_server_was_killed_and_started_anew(
    tmp_path: Path, quiet: None
) -> None:
    server = NatsServer(tmp_path)
    server.start()

    async def test() -> None:
        quick = {"beat": 0.1, "patience": 0.5, "announce": 0.2}
        async with (
            system("a", NatsEngine(server.url), **quick) as a,
            system("b", NatsEngine(server.url), **quick) as b,
        ):
            await until(lambda: a.nodes() == ["b"])
            there = elsewhere(a, b, b.spawn(Server))
            got: list[Any] = []
            near = a.spawn(Keeper, got)
            monitor = await near.request(("monitor", there))
            await there.request(("echo", 1))
            await asyncio.to_thread(server.kill)
            assert (await got_all(got, 2))[1] == Down(there, "noconnection", monitor)
            with pytest.raises(ActorExited):
                await there.request(("echo", 1), timeout=None)
            await asyncio.to_thread(server.start)
            await answers(there)
            assert len(got) == 2

    try:
        run(test)
    finally:
        server.stop()


async def answers(there: ActorRef[Any]) -> None:
    """Returns when it is reached again. Meanwhile a connection may begin and be lost once more."""
    while True:
        try:
            assert await there.request(("twice", 3)) == 6
        except (ActorExited, RequestTimeout):
            await anyio.sleep(0.05)
        else:
            return


def test_a_node_that_is_too_slow_loses_frames_and_its_senders_are_told(
    nats_server: NatsServer, quiet: None
) -> None:
    async def test() -> None:
        url = nats_server.url
        slow = NatsEngine(url, bucket="slow", pending=10)
        async with (
            system("a", NatsEngine(url, bucket="slow")) as a,
            system("b", slow, beat=0.2, patience=5.0) as b,
        ):
            await until(lambda: a.nodes() == ["b"])
            received: list[Any] = []
            there = elsewhere(a, b, b.spawn(Server, received))
            got: list[Any] = []
            monitor = await a.spawn(Keeper, got).request(("monitor", there))
            await there.request(("echo", 1))
            while monitor.active:  # more at once than may wait
                there.send("in a frame of its own")
                for _ in range(2_000):
                    a.node.engine.send("node.b", b"and these are none")
                await anyio.sleep(0.01)
            assert (await got_all(got, 2))[1] == Down(there, "noconnection", monitor)
            await answers(there)

    run(test)


def test_engines_of_different_buckets_know_nothing_of_each_other(nats_server: NatsServer) -> None:
    async def test() -> None:
        one, other = (NatsEngine(nats_server.url, bucket=name) for name in ("one", "other"))
        async with system("a", one) as a, system("a", other) as b:
            await anyio.sleep(0.1)
            assert a.nodes() == b.nodes() == []

    run(test)


@pytest.mark.parametrize(
    ("options", "match"),
    [({"bucket": "a b"}, "bucket"), ({"replicas": 0}, "replicas"), ({"pending": 0}, "pending")],
)
def test_what_could_never_be_right_is_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        NatsEngine("nats://127.0.0.1:4222", **options)
