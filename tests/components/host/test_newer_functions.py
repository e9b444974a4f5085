"""`pubsub`, `calls` and `actors` of the world 1.1 as a guest sees them, on both paths."""

import asyncio
import json
from typing import Any

import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentMessage,
    Limits,
    MessagingGrant,
    StatisticsRequest,
    StorageGrant,
    UngrantedImports,
)
from airssys_wasm.components.host.pubsub import MAX_SUBSCRIPTIONS
from airssys_wasm.components.security.quota import RateLimit
from airssys_wasm.kernel import Actor, ActorRef, Failed, Mailbox, StartError
from airssys_wasm.supervision import ChildSpec, DynamicSupervisor, DynamicSupervisorRef
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

ALL = Capabilities(
    MessagingGrant(
        send=["*", "*/*/*"],
        request=["*", "*/*/*"],
        publish=[">"],
        subscribe=[">"],
        spawn=["*", "*/*/*"],
    )
)
DENIED = b"capability-denied: guest may not "


async def caller(stage: Stage, name: str = "guest", **options: Any) -> ActorRef[Any]:
    return await stage.start(guests.newer_functions(), name, **{"capabilities": ALL, **options})


async def ask(ref: ActorRef[Any], message: bytes) -> str:
    return bytes(await ref.request(message)).decode()


async def callbacks(stage: Stage, guest: ActorRef[Any], count: int = 1) -> list[list[str]]:
    """Id, content type and payload of each callback, once there are `count`."""
    while (await guest.request(StatisticsRequest())).callbacks < count:
        await stage.until(lambda: True)
    return [line.split(" ", 2) for line in (await ask(guest, b"callbacks")).splitlines()]


def broker_of(stage: Stage) -> Any:
    system: Any = stage.kernel.system
    assert isinstance(system, ActorSystem)
    return system.broker


# --- pubsub


async def test_what_a_component_publishes_reaches_those_who_subscribed(whole: Stage) -> None:
    messages = whole.record("desk")
    broker_of(whole).subscribe("orders.*", whole.kernel.whereis("desk"))
    guest = await caller(whole, codec="raw")
    assert await ask(guest, b"publish:orders.new:42") == "ok"
    await whole.until(lambda: messages)
    [published] = messages
    assert published.topic == "orders.new"
    assert isinstance(published.message, ComponentMessage)
    assert published.message.payload == b"42"
    assert published.message.sender == ("", "guest", "")
    assert published.message.decode() == b"42"


async def test_nobody_listens_and_that_is_no_error(whole: Stage) -> None:
    guest = await caller(whole)
    assert await ask(guest, b"publish:orders.new:42") == "ok"
    assert whole.kernel.dead_letters.count == 1


async def test_a_component_hears_what_it_subscribed_to_until_it_unsubscribes(whole: Stage) -> None:
    guest, other = await caller(whole), await caller(whole, "other")
    for message in (b"subscribe:orders.>", b"subscribe:orders.>"):
        assert await ask(guest, message) == "ok"
    assert await ask(other, b"publish:orders.eu.new:a") == "ok"
    broker_of(whole).publish("orders.us", b"b")
    broker_of(whole).publish("prices", b"not for it")
    assert await ask(guest, b"heard") == "topic/orders.eu.new/ a\ntopic/orders.us/ b\n"
    assert await ask(guest, b"unsubscribe:orders.>") == "ok"
    assert await ask(other, b"publish:orders.eu.new:c") == "ok"
    assert (await ask(guest, b"heard")).count("\n") == 2
    assert await ask(guest, b"unsubscribe:orders.>") == (
        "error:2:this component has not subscribed to 'orders.>'"
    )


async def test_unsubscribe_ends_what_the_tree_had_it_subscribe_to(whole: Stage) -> None:
    guest = await caller(whole)
    broker = broker_of(whole)
    broker.subscribe("orders", guest, group="workers")
    broker.subscribe("prices", guest, lasting=True)
    assert await ask(guest, b"unsubscribe:orders") == "ok"
    assert await ask(guest, b"unsubscribe:prices") == "ok"
    assert broker.subscriptions(guest) == ()


async def test_a_subscription_ends_with_its_incarnation(whole: Stage) -> None:
    guest = await caller(whole)
    assert await ask(guest, b"subscribe:orders") == "ok"
    guest.kill()
    assert broker_of(whole).statistics().subscriptions == 0


@pytest.mark.parametrize(
    ("message", "doing"),
    [
        (b"publish:orders.new:x", b"publish to 'orders.new'"),
        (b"subscribe:orders.*", b"subscribe to 'orders.*'"),
        (b"call:peer:9:x", b"ask 'peer'"),
        (b"monitor:peer", b"ask 'peer'"),
        (b"spawn:workers:/workers/1", b"spawn what is installed as 'workers'"),
    ],
)
async def test_nothing_is_done_without_a_grant(whole: Stage, message: bytes, doing: bytes) -> None:
    messages = whole.record("peer")
    guest = await caller(whole, capabilities=Capabilities())
    answer = await guest.request(message)
    assert DENIED + doing in answer
    assert answer.startswith(b"error:4" if message.startswith(b"spawn") else b"error:0")
    assert whole.services.audit.counts["denied"] == 1
    assert (await guest.request(StatisticsRequest())).denials == 1
    assert messages == []


async def test_a_grant_to_subscribe_has_to_cover_the_whole_pattern(whole: Stage) -> None:
    grants = Capabilities(MessagingGrant(subscribe=["orders.*"], publish=["orders.*"]))
    guest = await caller(whole, capabilities=grants)
    assert await ask(guest, b"subscribe:orders.new") == "ok"
    assert await ask(guest, b"subscribe:orders.*") == "ok"
    assert (await ask(guest, b"subscribe:orders.>")).startswith("error:0:capability-denied")
    assert (await ask(guest, b"publish:orders.eu.new:x")).startswith("error:0:capability-denied")


@pytest.mark.parametrize("message", [b"publish:orders.*:x", b"publish::x", b"subscribe:a..b"])
async def test_what_is_no_topic_is_an_invalid_message(whole: Stage, message: bytes) -> None:
    assert (await ask(await caller(whole), message)).startswith("error:2:")


async def test_publications_count_against_the_rate_of_messages(whole: Stage) -> None:
    grants = Capabilities(MessagingGrant(publish=[">"], rate=RateLimit(calls=2)))
    guest = await caller(whole, capabilities=grants)
    answers = [await ask(guest, b"publish:orders:x") for _ in range(3)]
    assert answers == ["ok", "ok", "error:3:"]


async def test_subscriptions_of_one_incarnation_are_bounded(whole: Stage) -> None:
    guest = await caller(whole)
    for number in range(MAX_SUBSCRIPTIONS):
        broker_of(whole).subscribe(f"t.{number}", guest)
    assert await ask(guest, b"subscribe:one.more") == "error:3:"
    assert await ask(guest, b"subscribe:t.7") == "ok"  # it is there already


async def test_a_kernel_without_a_system_has_no_broker(stage: Stage) -> None:
    guest = await caller(stage)
    for message in (b"publish:orders:x", b"subscribe:orders"):
        assert (await ask(guest, message)).startswith("error:0:this system has no broker")


async def test_a_message_over_the_limit_ends_who_publishes_it(whole: Stage) -> None:
    guest = await caller(whole, limits=Limits(payload=100))
    sender = await caller(whole, "sender", limits=Limits(payload=1000))
    assert await ask(sender, b"publish:orders:" + b"x" * 900) == "ok"
    assert guest.is_alive


# --- calls


async def test_a_call_waits_for_the_reply(whole: Stage) -> None:
    messages = whole.record("peer", answer=b"pong")
    guest = await caller(whole)
    assert await ask(guest, b"call:peer::ping") == "some:pong"
    [message] = messages
    assert (message.sender, message.payload) == (("", "guest", ""), b"ping")
    assert message.metadata.correlation_id is not None
    assert whole.services.waits == {}


async def test_one_component_calls_another(whole: Stage) -> None:
    guest, other = await caller(whole), await caller(whole, "other")
    assert await ask(guest, b"call:other::config") == "some:"
    assert await ask(guest, b"call:other::nothing to say") == "none"
    assert await ask(other, b"heard") == "/guest/ nothing to say\n"


class Waiter(Actor[Any]):
    """Never answers."""

    def receive(self, message: Any) -> object:
        self.context.defer_reply()
        return None


class Breaks(Actor[Any]):
    """Answers with an error, or ends."""

    def receive(self, message: Any) -> object:
        if message.payload == b"die":
            raise RuntimeError("boom")
        return Failed(ValueError("no such order"))


async def test_a_call_that_is_not_answered_in_time_says_so(whole: Stage) -> None:
    whole.kernel.spawn(Waiter, name="peer")
    guest = await caller(whole)
    answer = await ask(guest, b"call:peer:1:ping")
    assert answer.startswith("error:1:")
    assert len(answer.removeprefix("error:1:")) == 32


async def test_a_call_never_lasts_as_long_as_a_host_call_may(whole: Stage) -> None:
    whole.kernel.spawn(Waiter, name="peer")
    guest = await caller(whole, limits=Limits(host_call=0.5))
    assert (await ask(guest, b"call:peer:60000:ping")).startswith("error:1:")
    assert guest.is_alive


async def test_a_target_that_fails_or_ends_is_a_failed_delivery(whole: Stage) -> None:
    whole.kernel.spawn(Breaks, name="peer")
    guest = await caller(whole)
    assert await ask(guest, b"call:peer::x") == "error:0:ValueError: no such order"
    answer = await ask(guest, b"call:peer::die")
    assert answer.startswith("error:0:peer ended: RuntimeError: boom")
    assert await ask(guest, b"call:peer::x") == "error:4:/peer/"


async def test_a_full_mailbox_and_an_answer_that_can_not_be_told(whole: Stage) -> None:
    full = whole.kernel.spawn(Waiter, name="full", mailbox=Mailbox(capacity=1, overflow="reject"))
    whole.kernel.suspend(full)
    full.send(1)
    whole.record("odd", answer=object())
    whole.record("large", answer=b"x" * 2000)
    guest = await caller(whole, limits=Limits(payload=1000))
    assert await ask(guest, b"call:full::x") == "error:3:"
    assert await ask(guest, b"call:odd::x") == (
        "error:0:PayloadError: codec raw: takes bytes, not object"
    )
    assert (await ask(guest, b"call:large::x")).startswith("error:0:PayloadTooLarge")


async def test_a_call_to_oneself_would_never_end_and_fails_at_once(whole: Stage) -> None:
    assert await ask(await caller(whole), b"call:guest::x") == "error:0:busy: call cycle"


async def test_a_call_back_into_one_that_waits_fails_at_once(whole: Stage) -> None:
    guest = await caller(whole)
    for name in ("b", "c"):
        await caller(whole, name)
    # guest calls b, which calls c, which calls guest
    answer = await ask(guest, b"call:b::call:c::call:guest::x")
    assert answer == "some:some:error:0:busy: call cycle"
    assert whole.services.waits == {}


class Relay(Actor[Any]):
    """Asks another before it answers."""

    def __init__(self, message: bytes) -> None:
        self.message = message

    async def receive(self, _: Any) -> object:
        return await self.context.system.whereis("guest").request(self.message)


async def test_a_call_back_into_an_actor_that_waits_for_the_component_fails_at_once(
    whole: Stage,
) -> None:
    await caller(whole)
    relay = whole.kernel.spawn(Relay, b"call:relay::x", name="relay")
    assert await relay.request("go") == b"error:0:busy: call cycle"


async def test_others_run_while_one_waits_and_what_comes_to_it_is_kept(whole: Stage) -> None:
    whole.kernel.spawn(Waiter, name="peer")
    guest, other = await caller(whole), await caller(whole, "other")
    waiting = asyncio.ensure_future(guest.request(b"call:peer:200:x"))
    await whole.until(lambda: whole.services.waits)
    guest.send(b"kept")
    assert await ask(other, b"heard") == ""
    assert not waiting.done()
    assert (await waiting).startswith(b"error:1:")
    assert await ask(guest, b"heard") == "// kept\n"


async def test_one_that_waits_can_be_killed(whole: Stage) -> None:
    whole.kernel.spawn(Waiter, name="peer")
    guest = await caller(whole)
    waiting = asyncio.ensure_future(guest.request(b"call:peer:60000:x"))
    await whole.until(lambda: whole.services.waits)
    guest.kill()
    await whole.until(lambda: not whole.services.waits)
    assert (await asyncio.gather(waiting, return_exceptions=True))[0] is not None


# --- actors


async def installed(stage: Stage, name: str = "workers", **options: Any) -> DynamicSupervisorRef:
    component = stage.component(
        guests.newer_functions(), **{"capabilities": ALL, "config": {"of": "the tree"}, **options}
    )
    template = ChildSpec("worker", component, restart="transient")
    ref = await stage.kernel.start(DynamicSupervisor(template, max_children=3), name=name)
    return DynamicSupervisorRef.of(ref)


async def test_a_component_starts_what_is_installed(whole: Stage) -> None:
    workers = await installed(whole)
    guest = await caller(whole)
    assert await ask(guest, b"spawn:workers:/workers/7") == "/workers/7"
    assert await ask(guest, b"call:/workers/7::config") == 'some:{"of":"the tree"}'
    assert (await workers.count_children()).active == 1


async def test_what_is_started_may_be_given_a_config_of_its_own(whole: Stage) -> None:
    await installed(whole, "shop/workers/")
    guest = await caller(whole)
    assert await ask(guest, b"spawn:shop/workers/:shop/workers/eu:its own") == "shop/workers/eu"
    assert await ask(guest, b"call:shop/workers/eu::config") == "some:its own"


async def test_it_keeps_its_name_and_its_config_over_restarts(whole: Stage) -> None:
    await installed(whole)
    guest = await caller(whole)
    assert await ask(guest, b"spawn:workers:/workers/7:its own") == "/workers/7"
    first = whole.kernel.whereis("/workers/7")
    assert first is not None
    first.kill()
    await whole.until(lambda: whole.kernel.whereis("/workers/7") not in (None, first))
    assert await ask(guest, b"call:/workers/7::config") == "some:its own"


async def test_what_was_started_has_a_storage_of_its_own(whole: Stage) -> None:
    component = whole.component(
        guests.every_function(), capabilities=Capabilities(storage=StorageGrant("read-write"))
    )
    await whole.kernel.start(DynamicSupervisor(component), name="keepers")
    guest = await caller(whole)
    for name in (b"a", b"b"):
        assert await ask(guest, b"spawn:keepers:/keepers/" + name) == "/keepers/" + name.decode()
        assert await ask(guest, b"call:/keepers/" + name + b"::set:key:" + name) == "some:ok"
    assert await ask(guest, b"call:/keepers/a::get:key") == "some:some:a"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (b"spawn:nobody:/nobody/1", "error:4:nothing is installed as nobody"),
        (b"spawn:desk:/desk/1", "error:4:nothing is installed as desk"),
        (b"spawn:actors:/actors/1", "error:4:nothing is installed as actors"),
        (b"spawn:workers:other", "called /workers/INSTANCE, not other"),
        (b"spawn:workers:shop/workers/1", "called /workers/INSTANCE"),
        (b"spawn:workers:workers", "called /workers/INSTANCE"),
        (b"spawn:workers:/workers/UP", "no component id"),
        (b"spawn:a/b/c:a/b/d", "error:4:a/b/c has an instance"),
    ],
)
async def test_what_can_not_be_started_so_is_an_invalid_state(
    whole: Stage, message: bytes, told: str
) -> None:
    workers = await installed(whole)
    whole.record("desk")
    await whole.kernel.start(DynamicSupervisor(Waiter), name="actors")
    answer = await ask(await caller(whole), message)
    assert answer.startswith("error:4:")
    assert told in answer
    assert (await workers.count_children()).active == 0


async def test_a_name_that_is_taken_is_already_initialized(whole: Stage) -> None:
    await installed(whole)
    guest = await caller(whole)
    assert await ask(guest, b"spawn:workers:/workers/7") == "/workers/7"
    assert await ask(guest, b"spawn:workers:/workers/7") == "error:1:"


async def test_what_does_not_start_says_why(whole: Stage) -> None:
    refuses = whole.component(guests.refuses_to_start("no licence"))
    await whole.kernel.start(DynamicSupervisor(refuses, restart="temporary"), name="bad")
    await installed(whole)
    guest = await caller(whole)
    answer = await ask(guest, b"spawn:bad:/bad/1")
    assert answer.startswith("error:0:/bad/1 did not start: ")
    assert "no licence" in answer
    for number in range(3):
        assert await ask(guest, b"spawn:workers:/workers/%d" % number) == f"/workers/{number}"
    assert (await ask(guest, b"spawn:workers:/workers/9")).startswith("error:0:")


async def test_two_that_start_under_one_name_are_one(whole: Stage) -> None:
    workers = await installed(whole)
    first, second = await caller(whole, "first"), await caller(whole, "second")
    answers = await asyncio.gather(
        ask(first, b"spawn:workers:/workers/7"), ask(second, b"spawn:workers:/workers/7")
    )
    assert sorted(answers) == ["/workers/7", "error:1:"]
    assert (await workers.count_children()).active == 1


def test_a_component_takes_no_other_arguments() -> None:
    with pytest.raises(TypeError, match="a component is started with a Spawned"):
        Component("x.wasm").incarnate("fast")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda ref: ref.stop(), "normal"),
        (lambda ref: ref.stop("shutdown"), "shutdown"),
        (lambda ref: ref.stop(("shutdown", "upgrade")), "shutdown"),
        (lambda ref: ref.kill(), "killed"),
        (lambda ref: ref.exit("out of paper"), "out of paper"),
    ],
)
async def test_the_end_of_who_is_monitored_is_a_callback(
    whole: Stage, end: Any, reason: str
) -> None:
    peer = whole.kernel.spawn(Waiter, name="peer")
    guest = await caller(whole)
    id = await ask(guest, b"monitor:peer")
    end(peer)
    [[told, content_type, payload]] = await callbacks(whole, guest)
    assert told == id
    assert content_type == "application/vnd.airssys.down+json"
    assert json.loads(payload) == {"reason": reason}


async def test_nobody_of_that_name_has_ended_already(whole: Stage) -> None:
    guest = await caller(whole)
    id = await ask(guest, b"monitor:nobody")
    [[told, _, payload]] = await callbacks(whole, guest)
    assert (told, json.loads(payload)) == (id, {"reason": "noproc"})


async def test_a_monitor_that_is_taken_back_has_no_callback(whole: Stage) -> None:
    peer = whole.kernel.spawn(Waiter, name="peer")
    guest = await caller(whole)
    first, second = await ask(guest, b"monitor:peer"), await ask(guest, b"monitor:peer")
    assert await ask(guest, b"demonitor:" + first.encode()) == "ok"
    peer.kill()
    [[told, _, _]] = await callbacks(whole, guest)
    assert told == second
    for id in (first, second, "nonsense"):
        answer = await ask(guest, b"demonitor:" + id.encode())
        assert answer == f"error:2:no monitor of this component is {id!r}"


async def test_with_strict_imports_it_does_not_start_without_the_grants(whole: Stage) -> None:
    with pytest.raises(StartError) as caught:
        await caller(whole, capabilities=Capabilities(), strict_imports=True)
    assert isinstance(caught.value.__cause__, UngrantedImports)
    assert len(caught.value.__cause__.problems) == 3
