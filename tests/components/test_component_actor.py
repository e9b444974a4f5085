"""A component as an actor: how it starts, what it is handed, and what comes of its answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentError,
    ComponentMessage,
    HealthCheck,
    Limit,
    Limits,
    MessageMetadata,
    MessagingGrant,
    MetadataRequest,
    PayloadError,
    PayloadTooLarge,
    StatisticsRequest,
    StorageGrant,
)
from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.kernel import Actor, ActorRef, Error, OpaqueState, StartError
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

ASKER = ComponentId("", "asker", "")


async def test_the_value_that_handle_message_returns_is_the_reply(stage: Stage) -> None:
    guest = await stage.start(guests.echo())
    assert await guest.request(b"hello") == b"1:hello"


async def test_state_lives_between_messages_and_not_longer(stage: Stage) -> None:
    guest = await stage.start(guests.echo())
    guest.send(b"one")
    assert await guest.request(b"two") == b"2:two"
    guest.stop()
    await guest.wait()
    again = await stage.start(guests.echo())
    assert await again.request(b"three") == b"1:three"


async def test_a_guest_that_answers_nothing_answers_none(stage: Stage) -> None:
    guest = await stage.start(guests.every_function(), codec="raw")
    assert await guest.request(b"reply") is None


async def test_the_state_of_a_component_is_its_own_and_can_not_be_read(stage: Stage) -> None:
    guest = await stage.start(guests.echo())
    for look in (stage.kernel.get_state(guest), stage.kernel.replace_state(guest, lambda _: {})):
        with pytest.raises(OpaqueState):
            await look
    stage.kernel.suspend(guest)
    guest.send(b"queued")
    stage.kernel.resume(guest)
    assert await guest.request(b"hello") == b"2:hello"


@pytest.mark.parametrize("name", ["/shop/eu", "shop/guest/eu", "guest"])
async def test_a_component_knows_its_name(stage: Stage, name: str) -> None:
    guest = await stage.start(guests.every_function(), name=name)
    assert await guest.request(b"self") == "/".join(parse_id(name)).encode()


async def test_a_component_without_a_name_is_nobody(stage: Stage) -> None:
    guest = await stage.start(guests.every_function(), name=None)
    assert await guest.request(b"self") == b"//"


async def test_initialize_gets_config_as_json_env_and_the_limits(stage: Stage) -> None:
    guest = await stage.start(
        guests.every_function(),
        config={"tax": 19, "né": None},
        env={"A": "1", "B": "two"},
        limits=Limits(memory=2**20, fuel=10**9, call=2.5),
    )
    assert await guest.request(b"config") == '{"tax":19,"né":null}'.encode()
    assert await guest.request(b"environment") == b"A=1\nB=two\n1048576 2500 1000000000"


async def test_without_config_there_is_no_config_data(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    assert await guest.request(b"config") == b""
    assert await guest.request(b"environment") == b"67108864 5000"


async def test_a_codec_stands_between_python_values_and_payloads(stage: Stage) -> None:
    guest = await stage.start(guests.every_function(), codec="json")
    with pytest.raises(PayloadError, match="not json"):
        await guest.request("count")  # the guest sees `"count"`, in quotes, and answers nothing


async def test_a_publication_names_its_topic_as_sender(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    reply = await guest.request(Published("orders.received", b"sender"))
    assert reply == b"topic/orders.received/"


async def test_a_request_names_the_actor_that_asks(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    replies: list[bytes] = []

    class Asker(Actor[Any]):
        async def receive(self, message: bytes) -> None:
            replies.append(await guest.request(message))

    asker = stage.kernel.spawn(Asker, name="shop/asker/")
    for question in (b"sender", b"reply-to", b"content-type"):
        asker.send(question)
    await stage.until(lambda: len(replies) == 3)
    assert replies == [b"shop/asker/", b"shop/asker/", b"application/octet-stream"]


async def test_who_has_no_name_is_nobody_and_has_a_correlation_id_all_the_same(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.every_function())
    assert await guest.request(b"sender") == b"//"
    assert await guest.request(b"reply-to") == b""
    first, second = [await guest.request(b"correlation") for _ in range(2)]
    assert len(first) == len(second) == 32
    assert first != second


async def test_a_message_of_a_component_keeps_its_sender_bytes_and_content_type(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.every_function(), codec="json")

    def message(text: bytes) -> ComponentMessage:
        return ComponentMessage(ASKER, text, MessageMetadata("id-7", None, 0.0, "text/plain"))

    answers = [await guest.request(message(b)) for b in (b"sender", b"content-type", b"reply-to")]
    assert [answer.payload for answer in answers] == [b"/asker/", b"text/plain", b"/asker/"]
    assert (await guest.request(message(b"correlation"))).payload == b"id-7"
    assert answers[0].sender == ("", "guest", "")
    assert answers[0].metadata.content_type == "application/json"
    empty = await guest.request(message(b"reply"))
    assert (empty.payload, empty.metadata.content_type) == (b"", None)


async def test_an_error_of_handle_message_fails_the_request_and_the_component_lives(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.fails())
    with pytest.raises(ComponentError) as caught:
        await guest.request(b"")
    error = caught.value
    assert (error.function, error.case, error.detail) == (
        "handle-message", "runtime-error", "out of stock",
    )  # fmt: skip
    guest.send(b"")
    assert (await guest.request(StatisticsRequest())).errors == 2
    assert stage.kernel.dead_letters.count == 0


async def test_a_value_that_the_codec_cannot_express_never_reaches_the_guest(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    with pytest.raises(PayloadError, match="not int"):
        await guest.request(7)
    with pytest.raises(PayloadError, match="not int"):
        guest.send(7)
    with pytest.raises(PayloadError, match="not int"):
        await guest.put(7)
    assert await guest.request(b"count") == b"1"
    assert stage.kernel.dead_letters.count == 0


class Later(Actor[ActorRef[Any]]):
    """Sends 8, by a timer."""

    def receive(self, message: ActorRef[Any]) -> None:
        self.context.send_after(0, message, 8)


async def test_what_has_nobody_to_tell_and_cannot_be_expressed_is_a_dead_letter(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.every_function())
    guest.send(Published("orders", 7))
    stage.kernel.spawn(Later).send(guest)
    await stage.until(lambda: stage.kernel.dead_letters.count == 2)
    assert await guest.request(b"count") == b"1"
    letters = stage.kernel.dead_letters.recent()
    assert [letter.message for letter in letters] == [Published("orders", 7), 8]
    assert {letter.reason for letter in letters} == {("unencodable", "int")}


async def test_what_is_changed_after_it_was_sent_is_looked_at_when_it_is_taken(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.echo(), codec="json")
    order: dict[str, object] = {"id": 7}
    guest.send(order)
    order["by"] = object()
    await stage.until(lambda: stage.kernel.dead_letters.count)
    assert stage.kernel.dead_letters.recent()[-1].reason == ("unencodable", "object")


async def test_a_payload_over_the_limit_is_refused_and_the_component_lives(stage: Stage) -> None:
    guest = await stage.start(guests.echo(), limits=Limits(payload=10))
    with pytest.raises(PayloadTooLarge, match="11 bytes"):
        await guest.request(b"12345678901")
    guest.send(b"12345678901")
    assert await guest.request(b"ok") == b"1:ok"
    assert stage.kernel.dead_letters.recent()[-1].reason == Limit("payload", 10, 11)


async def test_a_reply_over_the_limit_ends_the_component(stage: Stage) -> None:
    guest = await stage.start(guests.echo(), limits=Limits(payload=10))
    guest.send(b"1234567890")
    assert await guest.wait() == Limit("payload", 10, 12)


async def test_health_metadata_and_statistics_are_asked_with_requests(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    assert await guest.request(HealthCheck()) == "healthy"
    await guest.request(b"health:2")
    assert await guest.request(HealthCheck()) == "unhealthy"
    metadata = await guest.request(MetadataRequest())
    assert (metadata.name, metadata.version, metadata.stateful) == (
        "every-function", "1.0.0", True,
    )  # fmt: skip
    assert metadata.supported_operations == ("messaging", "services", "storage")
    statistics = await guest.request(StatisticsRequest())
    assert statistics.messages == 1
    assert statistics.memory_used == statistics.memory_peak == 131072


# --- what keeps one from starting


async def refusal(stage: Stage, source: bytes | Path, name: str = "guest", **options: Any) -> Error:
    with pytest.raises(StartError) as caught:
        await stage.start(source, name=name, **options)
    assert stage.kernel.actors() == []
    assert stage.kernel.whereis(name) is None
    reason = caught.value.reason
    assert isinstance(reason, Error)
    return reason


@pytest.mark.parametrize(
    ("guest", "says"),
    [
        (guests.damaged, "damaged"),
        (guests.core_module, "core"),
        (guests.for_another_world, "does not export airssys:core/component-lifecycle"),
        (guests.with_changed_import, "sleep-millis differs"),
        (guests.with_changed_export, "health differs"),
        (guests.with_missing_export, "handle-callback"),
        (guests.with_foreign_import, "wasi:nn/graph"),
    ],
)
async def test_what_does_not_fit_the_world_does_not_start_and_says_why(
    stage: Stage, guest: Any, says: str
) -> None:
    reason = await refusal(stage, guest())
    assert reason.type == "ComponentInvalid"
    assert says in reason.message
    assert reason.stack == ()


async def test_a_missing_file_is_named(stage: Stage, tmp_path: Path) -> None:
    reason = await refusal(stage, tmp_path / "none.wasm")
    assert str(tmp_path / "none.wasm") in reason.message


async def test_an_error_of_initialize_is_the_reason_of_the_failed_start(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    reason = await refusal(stage, guests.refuses_to_start("no licence"))
    assert reason == Error(
        "ComponentError", "initialize returned initialization-failed: no licence"
    )
    assert isinstance(reason.exception, ComponentError)
    assert "crashed" not in caplog.text


async def test_a_name_that_is_no_component_id_is_refused(stage: Stage) -> None:
    reason = await refusal(stage, guests.echo(), name="Guest")
    assert reason.type == "InvalidId"


async def test_two_claims_to_one_storage_are_refused(stage: Stage) -> None:
    mine = Capabilities(storage=StorageGrant(namespace="shared"))
    await stage.start(guests.silent(), name="one", capabilities=mine)
    with pytest.raises(StartError, match="one uses it"):
        await stage.start(guests.silent(), name="two", capabilities=mine)


async def test_an_ungranted_import_is_a_warning_once_with_the_line_to_add(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    messaging = Capabilities(MessagingGrant(send=["ledger"]))
    for _ in range(2):
        guest = await stage.start(guests.every_function(), capabilities=messaging)
        guest.stop()
        await guest.wait()
    warnings = [record.getMessage() for record in caplog.records if "imports" in record.message]
    assert warnings == [
        "guest imports airssys:core/storage@1.0.0, but is granted no storage; "
        "add capabilities: {storage: {access: read-write}}"
    ]


async def test_an_ungranted_import_is_an_error_where_imports_are_strict(stage: Stage) -> None:
    reason = await refusal(stage, guests.every_function(), strict_imports=True)
    assert reason.type == "UngrantedImports"
    assert "granted no storage" in reason.message
    assert "granted no messaging" in reason.message


# --- the description


def test_a_description_that_can_never_be_right_is_refused_when_it_is_written() -> None:
    with pytest.raises(PayloadError):
        Component("a.wasm", config={"a": object()})
    with pytest.raises(TypeError, match="env"):
        Component("a.wasm", env={"A": 1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="codec"):
        Component("a.wasm", codec="yaml")  # type: ignore[arg-type]


def test_a_description_is_named_after_its_file_and_shows_no_secret() -> None:
    described = Component("shop/prices.wasm", config={"key": "secret"}, env={"TOKEN": "secret"})
    assert described.label == "prices"
    assert "secret" not in repr(described)
    assert replace(described, label="other").label == "other"
