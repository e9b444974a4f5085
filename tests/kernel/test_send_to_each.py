"""One message to many at once: as `send` to each would do it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, Inbox, Kernel, Mailbox
from tests.kernel.conftest import Until

pytestmark = pytest.mark.anyio


class Notes(Actor[Any]):
    def __init__(self, log: list[Any]) -> None:
        self.log = log

    def receive(self, message: Any) -> object:
        self.log.append((self.context.ref, message))
        return None


class NotesAsync(Notes):
    async def receive(self, message: Any) -> object:
        await asyncio.sleep(0)
        return super().receive(message)


async def notes(inbox: Inbox[Any], log: list[Any]) -> None:
    async for message in inbox:
        note = (inbox.context.ref, message)
        log.append(note)


def never(target: object, message: object) -> None:
    pytest.fail(f"{target} refused {message!r}")


@pytest.mark.parametrize("behaviour", [Notes, NotesAsync, notes])
async def test_each_gets_it_in_the_order_of_what_it_is_sent(
    kernel: Kernel, until: Until, behaviour: Any
) -> None:
    log: list[Any] = []
    refs = [kernel.spawn(behaviour, log) for _ in range(3)]
    for number in range(5):
        kernel.scheduler.send_to_each(refs, number, never)
        refs[0].send("between")
    await until(lambda: len(log) == 20)
    for ref in refs[1:]:
        assert [message for to, message in log if to is ref] == [0, 1, 2, 3, 4]
    first = [message for to, message in log if to is refs[0]]
    assert first == [0, "between", 1, "between", 2, "between", 3, "between", 4, "between"]


async def test_who_is_idle_is_run(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    ref = await kernel.start(Notes, log)
    for _ in range(10):
        await asyncio.sleep(0)
    kernel.scheduler.send_to_each([ref], "hello", never)
    await until(lambda: log)
    assert log == [(ref, "hello")]


async def test_who_is_listed_twice_gets_it_twice(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Notes, log)
    kernel.scheduler.send_to_each([ref, ref], "hello", never)
    await until(lambda: len(log) == 2)
    assert log == [(ref, "hello")] * 2


async def test_an_actor_of_another_system_is_run_there(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    async with Kernel("other") as other:
        ref = other.spawn(Notes, log)
        kernel.scheduler.send_to_each([ref], "hello", never)
        await until(lambda: log)
        assert (other.statistics().handled, kernel.statistics().handled) == (1, 0)


async def test_a_full_mailbox_is_told_and_the_others_get_it(kernel: Kernel, until: Until) -> None:
    log: list[Any] = []
    refused: list[object] = []
    full = kernel.spawn(Notes, log, mailbox=Mailbox(1, "reject"))
    other = kernel.spawn(Notes, log)
    full.send("before")
    kernel.scheduler.send_to_each(
        [full, other], "hello", lambda target, message: refused.append((target, message))
    )
    assert refused == [(full, "hello")]
    await until(lambda: len(log) == 2)
    assert log == [(full, "before"), (other, "hello")]


async def test_what_the_dead_are_sent_is_a_dead_letter(kernel: Kernel) -> None:
    ref = kernel.spawn(Notes, [])
    ref.kill()
    kernel.scheduler.send_to_each([ref], "hello", never)
    assert [(one.message, one.reason) for one in kernel.dead_letters.recent()] == [
        ("hello", "noproc")
    ]
