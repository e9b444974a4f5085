"""What a type checker must follow: from a behaviour to its ref, from a message to its reply.

Nothing here runs. mypy and pyright read it with the rest: `assert_type` says what must be known,
and an `ignore` that is not needed is an error, so each says what must be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, assert_type

from airssys_wasm import (
    Actor,
    ActorRef,
    ActorSystem,
    Component,
    Inbox,
    Mailbox,
    MailboxRef,
    NamedRef,
    Request,
    Supervisor,
)


@dataclass(frozen=True)
class CountOf(Request[int]):
    """How often has this word come?"""

    word: str


class Counter(Actor[str | CountOf]):
    def __init__(self, start: int = 0) -> None:
        self.start = start

    def receive(self, message: str | CountOf) -> object:
        return self.start


class AsyncCounter(Actor[str | CountOf]):
    async def receive(self, message: str | CountOf) -> object:
        return 0


async def collect(inbox: Inbox[bytes], limit: int) -> None:
    assert_type(await inbox.receive(), bytes)
    async for chunk in inbox:
        assert_type(chunk, bytes)


def a_class_gives_a_ref_of_its_messages(system: ActorSystem) -> None:
    counter = system.spawn(Counter, 5, name="counter")
    assert_type(counter, ActorRef[str | CountOf])
    assert_type(system.spawn(Counter), ActorRef[str | CountOf])
    assert_type(system.spawn(AsyncCounter), ActorRef[str | CountOf])
    assert_type(system.spawn(lambda: Counter(start=7)), ActorRef[str | CountOf])
    counter.send("tea")
    counter.send(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_process_function_gives_a_ref_of_its_inbox(system: ActorSystem) -> None:
    collector = system.spawn(collect, 10)
    assert_type(collector, ActorRef[bytes])
    collector.send("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def arguments_are_those_of_the_behaviour(system: ActorSystem) -> None:
    system.spawn(Counter, "five")  # type: ignore[arg-type]  # pyright: ignore
    system.spawn(collect)  # type: ignore[call-arg, arg-type]  # pyright: ignore
    system.spawn(collect, 1, 2)  # type: ignore[call-arg, arg-type]  # pyright: ignore


def a_description_gives_a_ref(system: ActorSystem) -> None:
    assert_type(system.spawn(Supervisor()), ActorRef[Any])
    assert_type(system.spawn(Component("prices.wasm")), ActorRef[Any])


async def the_keywords_of_send_need_a_mailbox(system: ActorSystem, named: NamedRef) -> None:
    plain = system.spawn(Counter)
    plain.send("tea", ttl=2.0)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await plain.put("tea", ttl=2.0)
    named.send("tea", ttl=2.0)
    ordered = system.spawn(Counter, 5, mailbox=Mailbox(order="priority"))
    assert_type(ordered, MailboxRef[str | CountOf])
    ordered.send("tea", priority=3, ttl=2.0)
    assert_type(await system.start(collect, 1, mailbox=Mailbox(10)), MailboxRef[bytes])


async def a_request_gives_the_reply_that_its_message_names(
    system: ActorSystem, counter: ActorRef[str | CountOf], named: NamedRef
) -> None:
    assert_type(await counter.request(CountOf("tea")), int)
    assert_type(await named.request(CountOf("tea"), timeout=1.0), int)
    assert_type(await (await system.start(Counter)).request(CountOf("tea")), int)
    await counter.request(3)  # type: ignore[call-overload]  # pyright: ignore
