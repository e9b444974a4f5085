"""`host-messaging` as a guest sees it: who may be sent to and asked, and what comes back."""

import json
from typing import Any

import pytest

from airssys_wasm.components import (
    Capabilities,
    ComponentMessage,
    Limits,
    MessagingGrant,
    StatisticsRequest,
)
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.requests import MAX_PENDING
from airssys_wasm.components.security.quota import RateLimit
from airssys_wasm.kernel import Actor, ActorRef, Failed, Mailbox, MailboxFull
from airssys_wasm.kernel.events import EVENTS, Event
from airssys_wasm.supervision import ChildSpec, Supervisor
from tests.components.conftest import Stage, lifecycle
from tests.guests import guests

pytestmark = pytest.mark.anyio

ALL = Capabilities(MessagingGrant(send=["*", "*/*/*"], request=["*", "*/*/*"]))
DENIED = b"error:0:capability-denied: guest may not "
NOT_FOUND = b"error:4:/peer/"
QUEUE_FULL = b"error:3:"


async def caller(stage: Stage, **options: Any) -> ActorRef[Any]:
    return await stage.start(guests.every_function(), **{"capabilities": ALL, **options})


async def callbacks(stage: Stage, guest: ActorRef[Any], count: int = 1) -> list[list[str]]:
    """Id, content type and payload of each callback, once there are `count`."""
    while (await guest.request(StatisticsRequest())).callbacks < count:
        await stage.until(lambda: True)
    text = (await guest.request(b"callbacks")).decode()
    return [line.split(" ", 2) for line in text.splitlines()]


# --- send


async def test_nothing_is_sent_without_a_grant(stage: Stage) -> None:
    messages = stage.record("peer")
    guest = await caller(stage, capabilities=Capabilities())
    answers = [
        await guest.request(message)
        for message in (b"send:peer:hi", b"request:peer:1000:hi", b"broadcast:peer:hi")
    ]
    assert answers == [
        DENIED + b"send to 'peer'; add capabilities: {messaging: {send: [\"peer\"]}}",
        DENIED + b"ask 'peer'; add capabilities: {messaging: {request: [\"peer\"]}}",
        DENIED + b"send to 'peer'; add capabilities: {messaging: {send: [\"peer\"]}}",
    ]
    assert messages == []
    assert stage.services.audit.counts["denied"] == 3
    assert guest.is_alive


async def test_a_python_actor_gets_a_message_with_sender_payload_and_content_type(
    stage: Stage,
) -> None:
    messages = stage.record("peer")
    guest = await caller(stage, name="shop/guest/", codec="raw")
    assert await guest.request(b"send:peer:hi") == b"ok"
    await stage.until(lambda: messages)
    [message] = messages
    assert isinstance(message, ComponentMessage)
    assert (message.sender, message.payload) == (("shop", "guest", ""), b"hi")
    assert message.metadata.content_type == "application/octet-stream"
    assert message.metadata.correlation_id is None
    assert message.metadata.timestamp > 1_700_000_000
    assert message.decode() == b"hi"


async def test_a_component_gets_the_same_pushed(stage: Stage) -> None:
    guest = await caller(stage)
    peer = await stage.start(guests.every_function(), name="peer", codec="json")
    assert await guest.request(b"send:peer:count") == b"ok"
    assert (await peer.request(StatisticsRequest())).messages == 1


@pytest.mark.parametrize("command", [b"send:peer:hi", b"request:peer:9:hi", b"broadcast:peer:hi"])
async def test_an_unknown_target_is_not_found(stage: Stage, command: bytes) -> None:
    guest = await caller(stage)
    assert await guest.request(command) == NOT_FOUND


@pytest.mark.parametrize("target", [b"Peer", b"topic/peer/", b"a b"])
async def test_a_target_that_is_no_id_is_an_invalid_message(stage: Stage, target: bytes) -> None:
    guest = await caller(stage)
    answer = await guest.request(b"send:%s:hi" % target)
    assert answer.startswith(b"error:2:")
    assert b"no component id" in answer


async def test_a_full_mailbox_is_queue_full(stage: Stage) -> None:
    async def deaf(inbox: Any) -> None:
        await inbox.receive(lambda message: message == "never")

    stage.kernel.spawn(deaf, name="peer", mailbox=Mailbox(2))
    guest = await caller(stage)
    await stage.until(lambda: True)
    assert [await guest.request(b"send:peer:hi") for _ in range(3)] == [b"ok", b"ok", QUEUE_FULL]
    assert await guest.request(b"request:peer:1000:hi") == QUEUE_FULL
    assert await guest.request(b"broadcast:peer:hi") == QUEUE_FULL


async def test_a_target_that_restarts_with_its_mailbox_kept_gets_what_was_sent(
    stage: Stage,
) -> None:
    keep = Mailbox(keep_on_restart=True)
    child = ChildSpec("peer", stage.component(lifecycle()), name="peer", mailbox=keep)
    await stage.kernel.start(Supervisor(children=[child]))
    guest = await caller(stage)
    old = stage.kernel.whereis("peer")
    assert old is not None
    assert await guest.request(b"send:peer:u") == b"ok"
    await old.wait()
    assert await guest.request(b"send:peer:c") == b"ok"
    peer = stage.kernel.named("peer")
    assert (await peer.request(StatisticsRequest())).messages == 1


@pytest.mark.parametrize("command", [b"send:desk:hi", b"broadcast:one,desk:hi"])
async def test_a_receiver_of_other_codecs_is_an_invalid_message_and_nobody_gets_it(
    stage: Stage, command: bytes
) -> None:
    messages = stage.record("one")
    await stage.start(guests.echo(), name="desk", codec="json", multicodec=["json"])
    guest = await caller(stage)
    told = await guest.request(command)
    assert told == b"error:2:codec multicodec: the payload is 0x68, the receiver takes json (0x200)"
    assert messages == []
    assert stage.kernel.dead_letters.count == 0


# --- broadcast


async def test_a_broadcast_reaches_all(stage: Stage) -> None:
    one, two = stage.record("one"), stage.record("two")
    guest = await caller(stage)
    assert await guest.request(b"broadcast:one,two:hi") == b"ok"
    await stage.until(lambda: one and two)
    assert [message.payload for message in one + two] == [b"hi", b"hi"]


async def test_a_broadcast_that_cannot_reach_all_reaches_nobody(stage: Stage) -> None:
    async def deaf(inbox: Any) -> None:
        await inbox.receive(lambda message: message == "never")

    stage.kernel.spawn(deaf, name="full", mailbox=Mailbox(1))
    one = stage.record("one")
    only_one = Capabilities(MessagingGrant(send=["one", "peer", "full"]))
    guest = await caller(stage, capabilities=only_one)
    assert (await guest.request(b"broadcast:one,two:hi")).startswith(DENIED)
    assert await guest.request(b"broadcast:one,peer:hi") == NOT_FOUND
    assert await guest.request(b"broadcast:one,full,full:hi") == QUEUE_FULL
    assert one == []
    assert await guest.request(b"broadcast:one,full:hi") == b"ok"


async def test_a_broadcast_of_more_than_a_thousand_targets_is_an_invalid_message(
    stage: Stage,
) -> None:
    one = stage.record("one")
    guest = await caller(stage)
    host = guest._receive.__self__._host.functions  # the guest of these tests has 16 at most
    targets = [("", "one", "")] * 1_000
    interface = "airssys:core/host-messaging@1.0.0"
    answer = host(interface, "broadcast", ([*targets, ("", "one", "")], b"hi"))
    assert answer == Err(Variant("invalid-message", "a broadcast has at most 1000 targets"))
    assert host(interface, "broadcast", (targets, b"hi")) == Ok()
    await stage.until(lambda: len(one) == 1_000)


# --- request


async def test_the_answer_to_a_request_comes_as_a_callback_with_its_id(stage: Stage) -> None:
    messages = stage.record("peer", answer=b"pong")
    guest = await caller(stage)
    id = (await guest.request(b"request:peer:60000:ping")).decode()
    assert await callbacks(stage, guest) == [[id, "application/octet-stream", "pong"]]
    [message] = messages
    assert message.metadata.correlation_id == id
    assert message.metadata.reply_to == message.sender == ("", "guest", "")


async def test_a_python_answer_goes_through_the_codec_of_who_asked(stage: Stage) -> None:
    stage.record("peer", answer={"cents": 250})
    guest = await stage.start(guests.every_function(), capabilities=ALL, codec="json")
    asker = ComponentMessage(("", "x", ""), b"request:peer:60000:ping")  # type: ignore[arg-type]
    id = (await guest.request(asker)).payload.decode()
    while (await guest.request(StatisticsRequest())).callbacks < 1:
        await stage.until(lambda: True)
    told = await guest.request(ComponentMessage(asker.sender, b"callbacks"))
    assert told.payload.decode() == f'{id} application/json {{"cents":250}}\n'


async def test_two_components_ask_each_other_and_bytes_stay_as_they_are(stage: Stage) -> None:
    guest = await caller(stage)
    await stage.start(guests.echo(), name="peer", codec="json")
    id = (await guest.request(b"request:peer:60000:ping")).decode()
    assert await callbacks(stage, guest) == [[id, "application/json", "1:ping"]]


async def test_a_component_can_ask_itself(stage: Stage) -> None:
    guest = await caller(stage)
    id = (await guest.request(b"request:guest:60000:count")).decode()
    [[answered, _, count]] = await callbacks(stage, guest)
    assert (answered, count) == (id, "2")


class Refuser(Actor[Any]):
    def receive(self, message: Any) -> object:
        return Failed(LookupError("no such order"))


class Crasher(Actor[Any]):
    def receive(self, message: Any) -> object:
        raise RuntimeError("boom")


class Waiter(Actor[Any]):
    """Never answers."""

    def receive(self, message: Any) -> None:
        self.reply = self.context.defer_reply()


async def failure(stage: Stage, guest: ActorRef[Any]) -> tuple[str, str]:
    [[_, content_type, payload]] = await callbacks(stage, guest)
    assert content_type == "application/vnd.airssys.error+json"
    told = json.loads(payload)
    return told["error"], told["detail"]


@pytest.mark.parametrize(
    ("behaviour", "timeout", "expected"),
    [
        (Refuser, 60_000, ("failed", "LookupError: no such order")),
        (Crasher, 60_000, ("failed", "peer ended: RuntimeError: boom")),
        (Waiter, 1, ("timeout", "no reply within 0.001 s")),
    ],
)
async def test_a_request_that_fails_is_told_what_became_of_it(
    stage: Stage, behaviour: type[Actor[Any]], timeout: int, expected: tuple[str, str]
) -> None:
    stage.kernel.spawn(behaviour, name="peer")
    guest = await caller(stage)
    await guest.request(b"request:peer:%d:ping" % timeout)
    error, detail = await failure(stage, guest)
    assert error == expected[0]
    assert detail.startswith(expected[1])


async def test_an_answer_that_cannot_be_expressed_is_a_failure(stage: Stage) -> None:
    stage.record("peer", answer=object())
    guest = await caller(stage)
    await guest.request(b"request:peer:60000:ping")
    assert await failure(stage, guest) == ("failed", "codec raw: takes bytes, not object")


async def test_an_answer_over_the_limit_is_a_failure(stage: Stage) -> None:
    stage.record("peer", answer=b"x" * 2_000)
    guest = await caller(stage, limits=Limits(payload=1_000))
    await guest.request(b"request:peer:60000:ping")
    error, detail = await failure(stage, guest)
    assert (error, detail) == (
        "failed",
        "a payload of 2000 bytes is over the component's limit of 1000",
    )


async def test_a_target_that_ends_before_it_answers_is_a_failure(stage: Stage) -> None:
    peer = stage.kernel.spawn(Waiter, name="peer")
    guest = await caller(stage)
    await guest.request(b"request:peer:60000:ping")
    peer.kill()
    assert await failure(stage, guest) == ("failed", "peer ended: killed")


async def test_a_cancelled_request_has_no_callback(stage: Stage) -> None:
    peer = stage.kernel.spawn(Waiter, name="peer")
    guest = await caller(stage)
    id = await guest.request(b"request:peer:60000:ping")
    assert (await guest.request(StatisticsRequest())).pending == 1
    assert await guest.request(b"cancel:" + id) == b"ok"
    peer.kill()
    assert (await guest.request(b"cancel:" + id)).startswith(b"error:2:no request")
    assert await guest.request(b"callbacks") == b""
    assert (await guest.request(StatisticsRequest())).pending == 0


async def test_a_component_cannot_cancel_a_request_of_another(stage: Stage) -> None:
    stage.kernel.spawn(Waiter, name="peer")
    guest, other = await caller(stage), await caller(stage, name="other")
    id = await guest.request(b"request:peer:60000:ping")
    assert (await other.request(b"cancel:" + id)).startswith(b"error:2:no request")
    assert (await guest.request(StatisticsRequest())).pending == 1


async def test_a_request_keeps_its_place_among_the_messages_sent(stage: Stage) -> None:
    messages = stage.record("peer")
    guest = await caller(stage)
    for command in (b"send:peer:1", b"request:peer:60000:2", b"send:peer:3"):
        await guest.request(command)
    await stage.until(lambda: len(messages) == 3)
    assert [message.payload for message in messages] == [b"1", b"2", b"3"]


async def test_callbacks_come_in_the_order_of_the_answers(stage: Stage) -> None:
    waiters = [stage.kernel.spawn(Waiter, name=name) for name in ("a", "b")]
    guest = await caller(stage)
    ids = [(await guest.request(b"request:%s:60000:x" % name)).decode() for name in (b"a", b"b")]
    for waiter in reversed(waiters):
        waiter.kill()
        await stage.until(lambda: True)
    assert [id for id, _, _ in await callbacks(stage, guest, 2)] == ids[::-1]


async def test_a_callback_has_room_in_a_mailbox_that_is_full(stage: Stage) -> None:
    peer = stage.kernel.spawn(Waiter, name="peer")
    guest = await caller(stage, mailbox=Mailbox(1))
    id = (await guest.request(b"request:peer:60000:ping")).decode()
    guest.send(b"sleep:1")
    await stage.until(lambda: guest.mailbox_length == 0)
    guest.send(b"count")
    with pytest.raises(MailboxFull):
        guest.send(b"count")
    peer.kill()
    assert [answered for answered, _, _ in await callbacks(stage, guest)] == [id]


async def test_what_is_pending_ends_with_the_incarnation_and_is_counted(stage: Stage) -> None:
    stage.kernel.spawn(Waiter, name="peer")
    guest = await caller(stage)
    await guest.request(b"request:peer:60000:ping")
    guest.kill()
    await guest.wait()
    assert stage.services.callbacks_dropped == 1
    assert stage.kernel.statistics().timers == 0


async def test_a_callback_in_a_kept_mailbox_is_not_for_the_next_incarnation(stage: Stage) -> None:
    stage.record("peer", answer=b"pong")
    child = ChildSpec(
        "guest",
        stage.component(guests.every_function(), capabilities=ALL),
        name="guest",
        mailbox=Mailbox(keep_on_restart=True),
    )
    await stage.kernel.start(Supervisor(children=[child]))
    guest = stage.kernel.named("guest")
    first = guest.resolve()
    assert first is not None
    await guest.request(b"request:peer:60000:ping")
    first.exit("broken")
    await first.wait()
    assert await guest.request(b"callbacks") == b""
    assert guest.resolve() is not first


async def test_requests_without_an_answer_are_bounded(stage: Stage) -> None:
    stage.kernel.spawn(Waiter, name="peer")
    guest = await caller(stage)
    requests = guest._receive.__self__._host.requests  # ten thousand calls would take seconds
    pending = dict.fromkeys(range(MAX_PENDING))
    requests._pending, kept = pending, requests._pending
    assert await guest.request(b"request:peer:60000:ping") == QUEUE_FULL
    requests._pending = kept
    assert stage.services.audit.counts["over quota"] == 1


# --- rates


@pytest.mark.parametrize("rate", [RateLimit(calls=2), RateLimit(bytes=4)])
async def test_more_than_the_rate_allows_is_a_full_queue(stage: Stage, rate: RateLimit) -> None:
    messages = stage.record("peer")
    grant = MessagingGrant(send=["peer"], request=["peer"], rate=rate)
    guest = await caller(stage, capabilities=Capabilities(grant))
    commands = (b"send:peer:hi", b"broadcast:peer:hi", b"send:peer:hi", b"request:peer:9:hi") * 5
    answers = [await guest.request(command) for command in commands]
    refused = answers.count(QUEUE_FULL)
    assert answers[:2] == [b"ok", b"ok"]
    assert refused
    assert stage.services.audit.counts["over rate"] == refused
    assert stage.services.audit.counts["critical"] >= 1
    await stage.until(lambda: len(messages) == len(answers) - refused)


async def test_telemetry_is_told_what_was_refused_and_of_quotas_that_are_nearly_used_up(
    stage: Stage,
) -> None:
    stage.record("peer")
    grant = MessagingGrant(send=["peer"], rate=RateLimit(calls=1))
    guest = await caller(stage, capabilities=Capabilities(grant))
    events: list[Event] = []
    stage.kernel.telemetry.attach("component.*", events.append)
    for command in (b"send:peer:hi", b"request:peer:9:hi"):
        await guest.request(command)
    quota, refused = events
    assert quota.name == "component.quota"
    assert (quota.metadata["level"], quota.metadata["function"]) == (
        "critical", "host-messaging.send",
    )  # fmt: skip
    assert refused.name == "component.refused"
    assert (refused.metadata["outcome"], refused.metadata["target"]) == ("denied", "peer")
    assert refused.metadata["ref"] is guest
    specs = {spec.name: spec for spec in EVENTS}
    for event in events:
        assert set(event.metadata) == set(specs[event.name].metadata)
