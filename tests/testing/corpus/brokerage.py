"""Acts: publications and subscriptions, whatever comes first."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel

from airssys_wasm.broker import Broker, Published
from airssys_wasm.kernel import (
    Actor,
    ActorRef,
    Kernel,
    Mailbox,
)
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.simulation import Simulation
from tests.testing.corpus.scenario import (
    Listener,
    Slow,
    scenario,
)


async def _listeners(kernel: Kernel, count: int) -> list[ActorRef[Any]]:
    return [kernel.spawn(Listener) for _ in range(count)]


async def _topics(ref: ActorRef[Any]) -> list[Any]:
    return [m.message for m in await ref.request("got") if isinstance(m, Published)]


@scenario()
async def subscribers_get_what_matches_in_order(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    broker = Broker(kernel)
    exact, some, rest = await _listeners(kernel, 3)
    broker.subscribe("prices.gold", exact)
    broker.subscribe("prices.*", some)
    broker.subscribe(">", rest)

    class Publisher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for number in range(4):
                broker.publish("prices.gold", (message, number))
                broker.publish("prices.tin", (message, number))
                await anyio.lowlevel.checkpoint()

    for number in range(2):
        kernel.spawn(Publisher).send(number)
    await simulation.sleep(1)
    counts = [len(await _topics(ref)) for ref in (exact, some, rest)]
    assert counts == [8, 16, 16]
    for number in range(2):
        own = [m for m in await _topics(exact) if m[0] == number]
        assert own == sorted(own)
    broker.unsubscribe("prices.*", some)
    broker.publish("prices.gold", "last")
    await simulation.sleep(1)
    assert len(await _topics(some)) == 16
    assert (await _topics(exact))[-1] == "last"


@scenario()
async def of_a_group_one_gets_each_message(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    broker = Broker(kernel)
    members = await _listeners(kernel, 3)
    for member in members:
        broker.subscribe("jobs.>", member, "workers")
    for number in range(6):
        broker.publish("jobs.new", number)
    await simulation.sleep(1)
    got = [await _topics(member) for member in members]
    assert sorted(message for own in got for message in own) == list(range(6))
    assert [len(own) for own in got] == [2, 2, 2]
    members[1].kill()
    for number in range(6, 12):
        broker.publish("jobs.new", number)
    await simulation.sleep(1)
    assert len(await _topics(members[0])) == 5
    assert len(await _topics(members[2])) == 5
    assert broker.statistics().subscriptions == 2


@scenario()
async def a_dead_subscriber_is_forgotten(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    broker = Broker(kernel)
    one, other = await _listeners(kernel, 2)
    for ref in (one, other):
        broker.subscribe("a.b", ref)
        broker.subscribe("a.>", ref)
    broker.publish("a.b", 1)
    one.stop()
    await simulation.sleep(1)
    before = kernel.dead_letters.count
    broker.publish("a.b", 2)
    await simulation.sleep(1)
    assert kernel.dead_letters.count == before
    assert broker.statistics().subscriptions == 2
    assert await _topics(other) == [1, 1, 2, 2]
    other.kill()
    await simulation.sleep(1)
    broker.publish("a.b", 3)
    assert kernel.dead_letters.count == before + 1
    assert broker.statistics().subscriptions == 0


@scenario()
async def lasting_subscriptions_follow_the_mailbox(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    broker = Broker(kernel)
    handled: list[Any] = []

    class Keeper(Actor[Any]):
        def receive(self, message: Any) -> None:
            if message == "boom":
                raise ValueError("boom")
            handled.append(message.message)

    def attach(ref: ActorRef[Any]) -> None:
        broker.subscribe("a.*", ref, lasting=True)

    spec = ChildSpec("k", Keeper, name="k", mailbox=Mailbox(keep_on_restart=True), attach=attach)
    await kernel.start(Supervisor(intensity=100, children=[spec]), name="root")

    class Publisher(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for number in range(8):
                broker.publish("a.b", number)
                if number in (2, 5):
                    kernel.named("k").send("boom")
                await anyio.lowlevel.checkpoint()

    kernel.spawn(Publisher).send("go")
    await simulation.sleep(1)
    assert handled == list(range(8)), handled
    assert broker.statistics().subscriptions == 1


@scenario("full mailbox")
async def publications_wait_for_room(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    broker = Broker(kernel)
    slow = kernel.spawn(Slow, mailbox=Mailbox(capacity=1))
    fast = kernel.spawn(Listener)
    broker.subscribe("t", slow)
    broker.subscribe("t", fast)
    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(broker.put, "t", number)
    await simulation.sleep(3)
    assert sorted(await _topics(slow)) == [0, 1, 2, 3]
    assert sorted(await _topics(fast)) == [0, 1, 2, 3]
