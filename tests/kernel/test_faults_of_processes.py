"""What a fault in process functions would break, seen from outside."""

from __future__ import annotations

import asyncio

import pytest

from airssys_wasm.kernel import Inbox, Kernel
from tests.kernel.cast import held_process
from tests.kernel.conftest import Until

pytestmark = pytest.mark.anyio


async def test_what_a_receive_has_refused_while_it_waited_the_next_one_gets(
    kernel: Kernel, until: Until
) -> None:
    log: list[str] = []

    async def choosy(inbox: Inbox[str]) -> None:
        log.append(await inbox.receive(lambda message: message == "wanted"))
        log.append(await inbox.receive(timeout=0))

    ref = kernel.spawn(choosy)
    ref.send("unwanted")
    for _ in range(5):  # it looks at that, and waits
        await asyncio.sleep(0)
    ref.send("wanted")
    await ref.wait()
    assert log == ["wanted", "unwanted"]


async def test_of_two_stops_the_first_gives_the_reason(kernel: Kernel) -> None:
    ref = kernel.spawn(held_process, asyncio.Event(), [])
    ref.stop("first")
    ref.stop("second")
    assert await ref.wait() == "first"


async def test_what_is_sent_after_the_stop_of_a_process_is_a_dead_letter(kernel: Kernel) -> None:
    gate, log = asyncio.Event(), list[str]()
    ref = kernel.spawn(held_process, gate, log)
    ref.send("before")
    ref.stop("over")
    ref.send("after")
    gate.set()
    await ref.wait()
    assert log == ["before"]
    assert [(one.message, one.reason) for one in kernel.dead_letters.recent()] == [
        ("after", "over")
    ]


async def test_a_receive_that_is_over_leaves_no_timer(kernel: Kernel, until: Until) -> None:
    async def waits(inbox: Inbox[str]) -> None:
        await inbox.receive(timeout=100.0)
        await inbox.receive()

    ref = kernel.spawn(waits)
    await until(lambda: kernel.statistics().timers == 1)
    ref.send("message")
    await until(lambda: kernel.statistics().timers == 0)
    ref.send("message")
    await ref.wait()


@pytest.mark.parametrize("turns", range(5))
async def test_a_process_is_ended_at_any_moment_of_its_beginning(
    kernel: Kernel, turns: int
) -> None:
    ref = kernel.spawn(held_process, asyncio.Event(), [])
    for _ in range(turns):
        await asyncio.sleep(0)
    ref.exit("over")
    await asyncio.wait_for(ref.wait(), 5)
    assert not ref.is_alive


async def test_what_a_process_had_refused_is_the_first_of_its_dead_letters(
    kernel: Kernel, until: Until
) -> None:
    async def choosy(inbox: Inbox[str]) -> None:
        await inbox.receive(lambda message: message == "wanted")

    ref = kernel.spawn(choosy)
    ref.send("refused")
    for _ in range(5):
        await asyncio.sleep(0)
    ref.send("not seen")
    ref.kill()
    messages = [letter.message for letter in kernel.dead_letters.recent()]
    assert messages == ["refused", "not seen"]
