"""Components of 1.1 that take several messages in one push, or text as a string."""

import asyncio
from typing import Any

import pytest

from airssys_wasm.components import Limits, PayloadError, PayloadTooLarge, StatisticsRequest, Trap
from airssys_wasm.components.batches import MOST
from airssys_wasm.components.errors import ComponentError
from airssys_wasm.kernel import ActorExited, ActorRef, Mailbox
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio


async def answers(
    stage: Stage, ref: ActorRef[Any], *messages: object, sent: tuple[object, ...] = ()
) -> list[Any]:
    """What each of these gets that are in the mailbox together, in their order, after `sent`."""
    stage.kernel.suspend(ref)
    for message in sent:
        ref.send(message)
    asked = [asyncio.ensure_future(ref.request(message)) for message in messages]
    await stage.until(lambda: ref.mailbox_length == len(messages) + len(sent))
    stage.kernel.resume(ref)
    return list(await asyncio.gather(*asked, return_exceptions=True))


async def batching(stage: Stage, **options: Any) -> ActorRef[Any]:
    return await stage.start(guests.takes_batches(), **options)


async def test_one_message_is_handed_by_itself(stage: Stage) -> None:
    guest = await batching(stage)
    assert await guest.request(b"a") == b"message:a"


async def test_those_that_wait_are_handed_together_in_their_order(stage: Stage) -> None:
    guest = await batching(stage)
    assert await answers(stage, guest, b"a", b"b", b"c") == [b"1/3:a", b"2/3:b", b"3/3:c"]


async def test_what_was_sent_and_what_was_requested_go_together(stage: Stage) -> None:
    guest = await batching(stage)
    assert await answers(stage, guest, b"c", sent=(b"a", b"b")) == [b"3/3:c"]
    assert (await guest.request(StatisticsRequest())).messages == 3


async def test_64_at_most_go_together(stage: Stage) -> None:
    guest = await batching(stage)
    found = await answers(stage, guest, *(b"%d" % number for number in range(2 * MOST + 1)))
    assert found[0] == b"1/64:0"
    assert found[MOST] == b"1/64:64"
    assert found[-1] == b"message:128"


async def test_together_they_are_no_larger_than_one_may_be(stage: Stage) -> None:
    guest = await batching(stage, limits=Limits(payload=100))
    found = await answers(stage, guest, b"a" * 60, b"b" * 60, b"c" * 40)
    assert found == [b"message:" + b"a" * 60, b"1/2:" + b"b" * 60, b"2/2:" + b"c" * 40]


async def test_each_has_its_own_result(stage: Stage) -> None:
    guest = await batching(stage)
    first, failed, nothing, last = await answers(stage, guest, b"a", b"fail", b"nothing", b"d")
    assert (first, nothing, last) == (b"1/4:a", None, b"4/4:d")
    assert isinstance(failed, ComponentError)
    assert (failed.function, failed.case) == ("handle-batch", "runtime-error")
    assert (await guest.request(StatisticsRequest())).errors == 1


async def test_a_message_that_it_can_not_be_given_is_refused_alone(stage: Stage) -> None:
    guest = await batching(stage, limits=Limits(payload=100))
    first, unfit, large, last = await answers(stage, guest, b"a", 7, b"x" * 101, b"d")
    assert (first, last) == (b"1/2:a", b"2/2:d")
    assert isinstance(unfit, PayloadError)
    assert isinstance(large, PayloadTooLarge)


async def test_a_question_to_the_host_keeps_its_place(stage: Stage) -> None:
    guest = await batching(stage)
    first, statistics, last = await answers(stage, guest, b"a", StatisticsRequest(), b"b")
    assert (first, last) == (b"message:a", b"message:b")
    assert statistics.messages == 1


async def test_a_stop_keeps_its_place(stage: Stage) -> None:
    guest = await batching(stage)
    stage.kernel.suspend(guest)
    before = [asyncio.ensure_future(guest.request(message)) for message in (b"a", b"b")]
    await stage.until(lambda: guest.mailbox_length == 2)
    guest.stop()
    after = asyncio.ensure_future(guest.request(b"c"))
    await stage.until(lambda: guest.mailbox_length == 4)
    stage.kernel.resume(guest)
    assert await asyncio.gather(*before) == [b"1/2:a", b"2/2:b"]
    with pytest.raises(ActorExited):
        await after


async def test_a_trap_fails_all_that_went_together_and_no_other(stage: Stage) -> None:
    guest = await batching(stage)
    found = await answers(stage, guest, b"a", b"trap", b"c", sent=(b"sent",))
    assert all(isinstance(error, ActorExited) for error in found)
    assert {type(error.reason) for error in found} == {Trap}
    letters = stage.kernel.dead_letters.recent()
    told = [(letter.message, letter.request, letter.crashed) for letter in letters]
    assert sorted(told) == [
        (b"a", True, True),
        (b"c", True, True),
        (b"sent", False, True),
        (b"trap", True, True),
    ]


async def test_what_is_sent_is_handled_or_a_dead_letter(stage: Stage) -> None:
    before = stage.kernel.statistics().handled
    guest = await batching(stage)
    await answers(stage, guest, *(b"%d" % number for number in range(100)))
    await answers(stage, guest, b"a", b"trap", b"c")
    handled = stage.kernel.statistics().handled - before
    assert (handled, stage.kernel.dead_letters.count) == (100, 3)


async def test_a_kill_in_the_middle_of_a_batch_fails_all_of_it(stage: Stage) -> None:
    guest = await batching(stage)
    stage.kernel.suspend(guest)
    asked = [asyncio.ensure_future(guest.request(message)) for message in (b"sleep", b"b")]
    await stage.until(lambda: guest.mailbox_length == 2)
    stage.kernel.resume(guest)
    await stage.until(lambda: guest.mailbox_length == 0)
    guest.kill()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, ActorExited) for error in found)


async def test_too_few_results_end_it(stage: Stage) -> None:
    guest = await batching(stage)
    found = await answers(stage, guest, b"a", b"short")
    assert all(isinstance(error, ActorExited) for error in found)
    assert "handle-batch returned 1 results for 2 messages" in str(found[0])


async def test_a_bounded_mailbox_has_room_for_as_many_as_were_taken(stage: Stage) -> None:
    guest = await batching(stage, mailbox=Mailbox(capacity=2, overflow="block"))
    asked = [asyncio.ensure_future(guest.request(b"%d" % number)) for number in range(10)]
    found = await asyncio.gather(*asked)
    assert [answer.partition(b":")[2] for answer in found] == [b"%d" % n for n in range(10)]
    assert any(answer.startswith(b"2/") for answer in found)
    assert guest.mailbox_length == 0


# --- text


@pytest.mark.parametrize(
    ("codec", "message", "reply"),
    [
        ("raw", b"a", b"message:a"),
        ("msgpack", 7, None),
    ],
)
async def test_what_is_no_text_goes_to_handle_message(
    stage: Stage, codec: Any, message: object, reply: object
) -> None:
    guest = await stage.start(guests.takes_text(), codec=codec)
    if reply is None:
        with pytest.raises(PayloadError):  # "message:…" is no msgpack
            await guest.request(message)
    else:
        assert await guest.request(message) == reply


async def test_json_goes_to_handle_text(stage: Stage) -> None:
    guest = await stage.start(guests.takes_text(), codec="json")
    with pytest.raises(PayloadError, match="not json"):  # text:"grüße"
        await guest.request("gr\u00fc\u00dfe")
    error = await asyncio.gather(guest.request("fail"), return_exceptions=True)
    assert isinstance(error[0], PayloadError)  # it is "fail" in quotes


async def test_a_message_that_says_that_it_is_text_goes_to_handle_text(stage: Stage) -> None:
    from airssys_wasm.components import ComponentId, ComponentMessage, MessageMetadata

    guest = await stage.start(guests.takes_text())
    sender = ComponentId("", "desk", "")

    async def reply_to(payload: bytes, content_type: str) -> bytes:
        message = ComponentMessage(sender, payload, MessageMetadata(content_type=content_type))
        return bytes((await guest.request(message)).payload)

    assert await reply_to("grüße".encode(), "text/plain; charset=utf-8") == "text:grüße".encode()
    assert await reply_to(b"{}", "application/json") == b"text:{}"
    assert await reply_to(b"\xff", "text/plain") == b"message:\xff"
    assert await reply_to(b"a", "application/octet-stream") == b"message:a"
    with pytest.raises(ComponentError, match="handle-text returned runtime-error: asked to"):
        await reply_to(b"fail", "text/plain")
    assert await reply_to(b"nothing", "text/plain") == b""
