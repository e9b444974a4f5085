"""What every engine keeps: local, simulated and NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest

from airssys_wasm.broker.engine import Carried, Engine, Entry
from airssys_wasm.broker.errors import (
    EngineDown,
    EngineTimeout,
    KeyChanged,
    NoResponders,
    TooLarge,
)
from airssys_wasm.broker.local_engine import LocalHub
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.testing.choices import Fifo
from airssys_wasm.testing.runs import run_once
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation
from tests.nats_server import NatsServer

Test = Callable[[Engine, Engine], Awaitable[None]]
Run = Callable[[Test], None]


@pytest.fixture(params=["local", "simulated", "nats"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a test with two engines that reach each other."""
    if request.param == "simulated":
        return run_simulated
    if request.param == "local":

        def two() -> tuple[Engine, Engine]:
            hub = LocalHub()
            return hub.engine(), hub.engine()

    else:
        server: NatsServer = request.getfixturevalue("nats_server")
        bucket = f"b{abs(hash(request.node.name))}"

        def two() -> tuple[Engine, Engine]:
            return NatsEngine(server.url, bucket=bucket), NatsEngine(server.url, bucket=bucket)

    def run_real(test: Test) -> None:
        async def main() -> None:
            await between(*two(), RealPlatform(), test)

        asyncio.run(main())

    return run_real


async def between(a: Engine, b: Engine, platform: Any, test: Test) -> None:
    await a.open("a", platform)
    await b.open("b", platform)
    try:
        with anyio.fail_after(10):
            await test(a, b)
    finally:
        await a.close()
        await b.close()
        await b.close()  # harmless


def run_simulated(test: Test) -> None:
    async def main(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        await between(hub.engine(), hub.engine(), simulation.platform, test)

    failure = run_once(main, 1, lambda _: Fifo()).failure
    if failure is not None:
        raise failure


class Inbox:
    """What an engine has delivered."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self._came = asyncio.Event()

    def __call__(self, what: Any) -> None:
        self.got.append(what)
        self._came.set()

    async def until(self, count: int) -> list[Any]:
        while len(self.got) < count:
            self._came.clear()
            await self._came.wait()
        return self.got


def test_frames_of_one_engine_come_in_their_order(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        inbox = Inbox()
        await b.subscribe("node.b", inbox)
        await settled(a, b)
        for number in range(500):
            a.send("node.b", b"%d" % number)
        got = await inbox.until(500)
        assert [int(carried.body) for carried in got] == list(range(500))
        assert got[0] == Carried("node.b", b"0", None)

    run(test)


async def settled(a: Engine, b: Engine) -> None:
    """Both have done what they were told: an answered question says so."""
    for one, other, subject in ((a, b, "settle.a"), (b, a, "settle.b")):
        answering = await one.subscribe(subject, partial(answer, one))
        for _ in range(100):
            try:
                await other.request(subject, b"", 5.0)
                break
            except NoResponders:
                await anyio.sleep(0.01)
        answering.stop()


def answer(engine: Engine, carried: Carried, body: bytes = b"yes") -> None:
    assert carried.reply is not None
    engine.send(carried.reply, body)


def test_a_pattern_takes_what_it_stands_for(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        one, rest = Inbox(), Inbox()
        await b.subscribe("topic.*.created", one)
        await b.subscribe("topic.>", rest)
        await settled(a, b)
        for subject in (
            "topic.eu.created",
            "topic.eu.paid",
            "other.eu.created",
            "topic.us.created",
        ):
            a.send(subject, b"")
        assert [c.subject for c in await one.until(2)] == ["topic.eu.created", "topic.us.created"]
        assert len(await rest.until(3)) == 3

    run(test)


def test_of_a_group_one_member_gets_each_frame(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        inbox = Inbox()
        await a.subscribe("jobs", lambda c: inbox(("a", c.body)), "workers")
        await b.subscribe("jobs", lambda c: inbox(("b", c.body)), "workers")
        await settled(a, b)
        for number in range(100):
            a.send("jobs", b"%d" % number)
        got = await inbox.until(100)
        assert sorted(int(body) for _, body in got) == list(range(100))
        assert {who for who, _ in got} == {"a", "b"}

    run(test)


def test_a_stopped_subscription_hears_nothing(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        stopped, other = Inbox(), Inbox()
        subscription = await b.subscribe("news", stopped)
        await b.subscribe("news", other)
        subscription.stop()
        subscription.stop()
        await settled(a, b)
        a.send("news", b"")
        await other.until(1)
        assert stopped.got == []

    run(test)


def test_a_request_is_answered_or_fails_at_once_where_nobody_listens(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        await b.subscribe("ask", lambda carried: answer(b, carried, carried.body * 2))
        await b.subscribe("mute", lambda carried: None)
        await settled(a, b)
        assert await a.request("ask", b"ab", 5.0) == b"abab"
        with pytest.raises(NoResponders, match="nobody"):
            await a.request("nobody", b"", 5.0)
        with pytest.raises(EngineTimeout, match="mute"):
            await a.request("mute", b"", 0.05)

    run(test)


def test_a_frame_that_is_too_large_is_refused(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        with pytest.raises(TooLarge) as refused:
            a.send("node.b", b"x" * (a.max_payload + 1))
        assert refused.value.limit == a.max_payload

    run(test)


def test_of_two_that_create_a_key_one_has_it(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        assert await a.get("name.stock") is None
        first = await a.create("name.stock", b"a")
        with pytest.raises(KeyChanged, match=r"name\.stock"):
            await b.create("name.stock", b"b")
        assert await b.get("name.stock") == Entry("name.stock", b"a", first)

    run(test)


def test_a_key_changes_only_from_the_revision_that_was_expected(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        first = await a.create("lease.a", b"1")
        second = await b.update("lease.a", b"2", first)
        assert second > first
        with pytest.raises(KeyChanged):
            await a.update("lease.a", b"3", first)
        with pytest.raises(KeyChanged):
            await a.delete("lease.a", first)
        await a.delete("lease.a", second)
        assert await b.get("lease.a") is None
        third = await b.create("lease.a", b"4")
        assert third > second  # a fencing token never comes twice, not even of a freed key

    run(test)


def test_a_watcher_gets_what_is_there_and_then_each_change(run: Run) -> None:
    async def test(a: Engine, b: Engine) -> None:
        inbox = Inbox()
        one = await a.create("name.one", b"1")
        await a.create("lease.a", b"")
        watch = await b.watch("name.*", inbox)
        await inbox.until(1)
        two = await a.create("name.two", b"2")
        three = await a.update("name.one", b"3", one)
        await a.delete("name.two", two)
        got = await inbox.until(4)
        assert got[:3] == [
            Entry("name.one", b"1", one),
            Entry("name.two", b"2", two),
            Entry("name.one", b"3", three),
        ]
        assert got[3].key == "name.two"
        assert got[3].value is None
        assert got[3].revision > three
        watch.stop()
        await a.create("name.four", b"")
        await settled(a, b)
        assert len(inbox.got) == 4

    run(test)


def test_a_server_that_is_not_there_is_an_error_that_names_it() -> None:
    async def main() -> None:
        with pytest.raises(EngineDown, match=r"127\.0\.0\.1:1"):
            await NatsEngine("nats://127.0.0.1:1", connect_timeout=0.3).open("a", RealPlatform())

    asyncio.run(main())
