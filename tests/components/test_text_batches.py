"""Components of 1.1 that take several texts in one push, as one string."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components import (
    ComponentId,
    ComponentMessage,
    Limits,
    MessageMetadata,
    StatisticsRequest,
    Trap,
)
from airssys_wasm.components.batches import MOST
from airssys_wasm.kernel import ActorRef, Mailbox
from tests.components.conftest import Stage
from tests.guests.text_batches import takes_text_batches

pytestmark = pytest.mark.anyio


def text(
    payload: str | bytes, content_type: str | None = "text/plain", sender: str = "desk"
) -> Any:
    """A message that says that it is text."""
    raw = payload.encode() if isinstance(payload, str) else payload
    metadata = MessageMetadata(content_type=content_type)
    return ComponentMessage(ComponentId("", sender, ""), raw, metadata)


def no_text(payload: bytes) -> Any:
    return text(payload, None)


class Asked:
    """A message that is requested, among others that are sent."""

    def __init__(self, message: object) -> None:
        self.message = message


async def wait_in(stage: Stage, ref: ActorRef[Any], messages: Sequence[object]) -> list[Any]:
    """Have these in the mailbox together; gives the requests among them."""
    stage.kernel.suspend(ref)
    asked = []
    for message in messages:
        if isinstance(message, Asked):
            asked.append(asyncio.ensure_future(ref.request(message.message)))
            await length(stage, ref, ref.mailbox_length + 1)
        else:
            ref.send(message)
    stage.kernel.resume(ref)
    return asked


async def length(stage: Stage, ref: ActorRef[Any], count: int) -> None:
    await stage.until(lambda: ref.mailbox_length == count)


async def log_of(stage: Stage, ref: ActorRef[Any]) -> bytes:
    """How the guest was given what it has got so far."""
    await length(stage, ref, 0)
    return bytes((await ref.request(no_text(b"log"))).payload)


async def pushed(stage: Stage, ref: ActorRef[Any], *messages: object) -> bytes:
    """How the guest was given these, which waited together."""
    asked = await wait_in(stage, ref, messages)
    await asyncio.gather(*asked)
    return await log_of(stage, ref)


async def started(stage: Stage, *, also: str = "", **options: Any) -> ActorRef[Any]:
    guest = takes_text_batches(text="text" in also, batches="batch" in also)
    return await stage.start(guest, **options)


async def ended(stage: Stage, ref: ActorRef[Any], *messages: object) -> object:
    """Why the guest has ended that was given these, which waited together."""
    asked = await wait_in(stage, ref, messages)
    await asyncio.gather(*asked, return_exceptions=True)
    return await ref.wait()


async def test_texts_that_wait_are_handed_together_in_their_order(stage: Stage) -> None:
    guest = await started(stage)
    assert await pushed(stage, guest, text("a"), text("bc"), text("d")) == b"desk[a|bc|d]"


async def test_a_single_text_goes_to_handle_message(stage: Stage) -> None:
    guest = await started(stage)
    assert await pushed(stage, guest, text("a")) == b"m:a;"


async def test_a_single_text_goes_to_handle_text_where_that_is_exported(stage: Stage) -> None:
    guest = await started(stage, also="text")
    assert await pushed(stage, guest, text("a"), no_text(b"b"), text("c"), text("d")) == (
        b"t:a;m:b;desk[c|d]"
    )


@pytest.mark.parametrize(
    ("between", "given"),
    [
        pytest.param(text("x", "text/html"), b"m:x;", id="another content type"),
        pytest.param(text("x", sender="shelf"), b"m:x;", id="another sender"),
        pytest.param(no_text(b"x"), b"m:x;", id="no content type"),
        pytest.param(text("x", "application/msgpack"), b"m:x;", id="no text"),
        pytest.param(text(b"\xff"), b"m:\xff;", id="no UTF-8"),
        pytest.param(Published("a.topic", text("x")), b"m:x;", id="a publication"),
        pytest.param(b"x", b"m:x;", id="bytes"),
        pytest.param(Asked(text("x")), b"m:x;", id="a request"),
        pytest.param(Asked(StatisticsRequest()), b"", id="a question to the host"),
        pytest.param(StatisticsRequest(), b"", id="a question whose answer is for nobody"),
    ],
)
async def test_what_does_not_fit_is_not_overtaken(
    stage: Stage, between: object, given: bytes
) -> None:
    guest = await started(stage)
    waiting = (text("a"), text("b"), between, text("c"), text("d"))
    assert await pushed(stage, guest, *waiting) == b"desk[a|b]" + given + b"desk[c|d]"


@pytest.mark.parametrize(
    "first", [no_text(b"x"), text(b"\xff"), Asked(text("x"))], ids=["no text", "no UTF-8", "asked"]
)
async def test_what_is_no_text_or_was_requested_begins_no_push_of_texts(
    stage: Stage, first: object
) -> None:
    guest = await started(stage)
    log = await pushed(stage, guest, first, text("a"), text("b"))
    assert log in (b"m:x;desk[a|b]", b"m:\xff;desk[a|b]")


async def test_a_stop_is_not_overtaken(stage: Stage) -> None:
    guest = await started(stage)
    stage.kernel.suspend(guest)
    for payload in ("a", "b"):
        guest.send(text(payload))
    guest.stop()
    guest.send(text("c"))
    stage.kernel.resume(guest)
    await stage.until(lambda: not guest.is_alive)
    (letter,) = stage.kernel.dead_letters.recent()
    assert letter.message == text("c")


async def test_values_of_a_codec_that_is_text_are_texts_of_nobody(stage: Stage) -> None:
    guest = await started(stage, codec="json")
    assert await pushed(stage, guest, "grün", 7, None) == '["grün"|7|null]'.encode()


async def test_publications_of_one_topic_go_together(stage: Stage) -> None:
    guest = await started(stage, codec="json")
    waiting = [Published("orders", 1), Published("orders", 2), Published("prices", 3)]
    assert await pushed(stage, guest, *waiting) == b"orders[1|2]m:3;"


async def test_64_texts_at_most_go_together(stage: Stage) -> None:
    guest = await started(stage)
    log = await pushed(stage, guest, *(text(str(number)) for number in range(2 * MOST + 1)))
    first, second, rest = log.split(b"]")
    assert first == b"desk[" + b"|".join(b"%d" % number for number in range(MOST))
    assert second == b"desk[" + b"|".join(b"%d" % number for number in range(MOST, 2 * MOST))
    assert rest == b"m:%d;" % (2 * MOST)


async def test_texts_together_are_no_larger_than_one_may_be(stage: Stage) -> None:
    guest = await started(stage, limits=Limits(payload=100))
    waiting = [text("a" * 60), text("b" * 60), text("ü" * 20), text("c")]
    assert await pushed(stage, guest, *waiting) == "m:aaaaaaaa;desk[bbbbbbbb|üüüü]m:c;".encode()


async def test_texts_may_be_empty_and_have_characters_of_any_length(stage: Stage) -> None:
    guest = await started(stage)
    waiting = [text(""), text("ü"), text("€"), text(""), text("😀"), text("a"), text("")]
    assert await pushed(stage, guest, *waiting) == "desk[|ü|€||😀|a|]".encode()
    assert await pushed(stage, guest, text(""), text("")) == "desk[|ü|€||😀|a|]desk[|]".encode()


async def test_halves_of_a_character_are_no_texts(stage: Stage) -> None:
    guest = await started(stage)
    waiting = [text("a"), text("b"), text(b"\xe2\x82"), text(b"\xac"), text("c"), text("d")]
    assert await pushed(stage, guest, *waiting) == b"desk[a|b]m:\xe2\x82;m:\xac;desk[c|d]"


async def test_a_text_that_it_can_not_be_given_is_a_dead_letter_and_the_rest_go_together(
    stage: Stage,
) -> None:
    guest = await started(stage, limits=Limits(payload=100))
    large, unfit = text("x" * 101), Published("orders", 7)
    assert await pushed(stage, guest, text("a"), large, unfit, text("b")) == b"desk[a|b]"
    assert [letter.message for letter in stage.kernel.dead_letters.recent()] == [large, unfit]
    statistics = await guest.request(StatisticsRequest())
    assert (statistics.messages, statistics.errors) == (3, 2)  # the log was asked for


async def test_texts_go_together_before_a_batch_does(stage: Stage) -> None:
    guest = await started(stage, also="batch")
    waiting = [text("a"), text("b"), no_text(b"c"), text("d"), text("e")]
    assert await pushed(stage, guest, *waiting) == b"desk[a|b]3;"
    assert await pushed(stage, guest, text("a"), Asked(text("b"))) == b"desk[a|b]3;2;"


async def test_texts_that_failed_are_counted_and_the_others_are_not(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await started(stage)
    with caplog.at_level(logging.DEBUG, "airssys_wasm.components"):
        await pushed(stage, guest, text("!1 ü"), text("!2"), text("c"))
    told = [record.getMessage() for record in caplog.records if "returned" in record.message]
    assert told == [
        "guest: handle-text-batch returned runtime-error: !1 ü",
        "guest: handle-text-batch returned runtime-error: !2",
    ]
    statistics = await guest.request(StatisticsRequest())
    assert (statistics.messages, statistics.errors) == (4, 2)
    assert statistics.calls == 4  # initialize, metadata, the texts and the log
    assert stage.kernel.dead_letters.count == 0


@pytest.mark.parametrize(
    ("named", "told"),
    [
        (("!3", "b", "c"), "number 3 for 3 messages"),
        (("!1", "!1", "c"), "number 1 after number 1"),
        (("!2", "!0", "c"), "number 0 after number 2"),
    ],
)
async def test_numbers_that_are_not_of_these_messages_or_not_in_order_end_it(
    stage: Stage, named: tuple[str, ...], told: str
) -> None:
    guest = await started(stage)
    reason = await ended(stage, guest, *map(text, named))
    assert isinstance(reason, Trap)
    assert (reason.kind, reason.message) == ("other", f"handle-text-batch returned {told}")
    assert stage.kernel.dead_letters.count == len(named)


async def test_a_trap_makes_dead_letters_of_all_that_went_together_and_no_other(
    stage: Stage,
) -> None:
    before = stage.kernel.statistics().handled
    guest = await started(stage)
    await pushed(stage, guest, text("a"), text("b"))
    reason = await ended(stage, guest, text("c"), text("#"), text("d"), Asked(text("e")))
    assert isinstance(reason, Trap)
    assert reason.kind == "unreachable"
    letters = stage.kernel.dead_letters.recent()
    told = [(letter.message, letter.request, letter.crashed) for letter in letters]
    expected = [
        (text("#"), False, True),
        (text("c"), False, True),
        (text("d"), False, True),
        (text("e"), True, False),
    ]
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert stage.kernel.statistics().handled - before == 3  # a, b and the log


async def test_a_kill_in_the_middle_makes_dead_letters_of_all(stage: Stage) -> None:
    guest = await started(stage)
    await wait_in(stage, guest, [text("?"), text("b")])
    await length(stage, guest, 0)
    guest.kill()
    await stage.until(lambda: stage.kernel.dead_letters.count == 2)
    lost = [letter.message for letter in stage.kernel.dead_letters.recent()]
    assert sorted(lost, key=str) == sorted((text("?"), text("b")), key=str)


async def test_a_bounded_mailbox_has_room_for_as_many_texts_as_were_taken(stage: Stage) -> None:
    guest = await started(stage, mailbox=Mailbox(capacity=2, overflow="block"))
    await asyncio.gather(*(guest.put(text(str(number))) for number in range(9)))
    log = await log_of(stage, guest)
    assert b"desk[" in log
    for sign in (b"desk[", b"]", b"m:", b"|", b";"):
        log = log.replace(sign, b" ")
    assert log.split() == [b"%d" % number for number in range(9)]
    assert guest.mailbox_length == 0
