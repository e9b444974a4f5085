"""An unbounded mailbox that grows beyond all reason is reported, once."""

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Inbox, Kernel, Mailbox
from airssys_wasm.kernel.mailbox import WARN_LENGTH

pytestmark = pytest.mark.anyio


class Plain(Actor[Any]):
    def receive(self, message: Any) -> None:
        pass


class Waits(Actor[Any]):
    async def receive(self, message: Any) -> None:
        if message == 5:
            await asyncio.sleep(0)


async def process(inbox: Inbox[Any]) -> None:
    async for _ in inbox:
        pass


@pytest.mark.parametrize("mailbox", [None, Mailbox(order="priority")], ids=["fifo", "priority"])
@pytest.mark.parametrize("behaviour", [Plain, Waits, process])
async def test_a_hundred_thousand_queued_messages_are_a_warning_with_the_name_once(
    kernel: Kernel, caplog: pytest.LogCaptureFixture, behaviour: Any, mailbox: Mailbox | None
) -> None:
    ref = kernel.spawn(behaviour, name="slow", mailbox=mailbox)
    for number in range(WARN_LENGTH + 10):
        ref.send(number)
    ref.stop()
    await ref.wait()
    # A machine that does much else may find that the loop was held, too.
    (record,) = (told for told in caplog.records if "held the loop" not in told.getMessage())
    assert "test/slow#" in record.getMessage()
    assert "100,0" in record.getMessage()
    assert kernel.statistics().long_mailboxes == 1


async def test_fewer_messages_are_no_reason_to_warn(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    ref = kernel.spawn(Plain)
    bounded = kernel.spawn(Plain, mailbox=Mailbox(WARN_LENGTH))
    for number in range(WARN_LENGTH // 2):
        ref.send(number)
    for number in range(WARN_LENGTH):
        bounded.send(number)
    for actor in (ref, bounded):
        actor.stop()
        await actor.wait()
    assert caplog.records == []
