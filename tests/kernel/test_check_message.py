"""An actor can refuse messages as they are sent: who sends is told, and nothing is queued."""

from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorRef, AirssysError, DeadLetter, Kernel, Mailbox
from airssys_wasm.kernel.address import Address
from airssys_wasm.kernel.checked_ref import checked
from airssys_wasm.kernel.incoming import send_in
from airssys_wasm.kernel.ref import MailboxRef

pytestmark = pytest.mark.anyio


class NotEven(AirssysError):
    pass


class Takes(Actor[Any]):
    """Takes numbers, and says which came."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    def receive(self, message: Any) -> list[int]:
        if isinstance(message, int):
            self.taken.append(message)
        return self.taken


class Evens(Takes):
    def check_message(self, message: Any) -> None:
        if isinstance(message, int) and message % 2:
            raise NotEven(message)


class Later(Actor[tuple[Address, int]]):
    """Sends on, by a timer."""

    def receive(self, message: tuple[Address, int]) -> None:
        to, number = message
        self.context.send_after(0, to, number)


MAILBOXES = [
    None,
    Mailbox(),
    Mailbox(capacity=4),
    Mailbox(capacity=4, overflow="drop_old"),
    Mailbox(order="priority"),
]


@pytest.fixture(params=MAILBOXES, ids=str)
def mailbox(request: pytest.FixtureRequest) -> Mailbox | None:
    chosen: Mailbox | None = request.param
    return chosen


async def test_who_sends_what_is_refused_is_told_whatever_the_mailbox(
    kernel: Kernel, mailbox: Mailbox | None
) -> None:
    ref: ActorRef[Any] = kernel.spawn(Evens, mailbox=mailbox, name="evens")
    ref.send(2)
    for send in (ref.send, kernel.named("evens").send):
        with pytest.raises(NotEven):
            send(3)
    for put in (ref.put, kernel.named("evens").put):
        with pytest.raises(NotEven):
            await put(5)
    await ref.put(4)
    assert await ref.request("all") == [2, 4]
    assert kernel.dead_letters.count == 0


async def test_options_of_a_mailbox_go_with_a_message_that_is_looked_at(kernel: Kernel) -> None:
    ref: MailboxRef[Any] = kernel.spawn(Evens, mailbox=Mailbox(order="priority"), name="evens")
    ref.send(2, priority=1)
    kernel.named("evens").send(4, priority=3)
    for address in (ref, kernel.named("evens")):
        with pytest.raises(NotEven):
            address.send(3, priority=9)
    with pytest.raises(NotEven):
        kernel.spawn(Evens).send(3)
    assert await ref.request("all") == [4, 2]


async def test_an_actor_that_looks_at_messages_has_a_ref_like_any_other(
    kernel: Kernel, mailbox: Mailbox | None
) -> None:
    checking = kernel.spawn(Evens, mailbox=mailbox)
    other = kernel.spawn(Takes, mailbox=mailbox)
    assert repr(checking).replace("Evens#1", "Takes#2") == repr(other)
    assert isinstance(checking, type(other))
    assert checking.capacity == other.capacity
    assert type(checking) is checked(type(other))


async def test_what_is_sent_to_a_dead_actor_is_a_dead_letter_and_not_looked_at(
    kernel: Kernel,
) -> None:
    ref = kernel.spawn(Evens)
    ref.kill()
    await ref.wait()
    ref.send(3)
    assert [letter.reason for letter in kernel.dead_letters.recent()] == ["noproc"]


async def test_a_timer_has_nobody_to_tell_so_the_actor_gets_what_it_refuses(
    kernel: Kernel,
) -> None:
    ref = kernel.spawn(Evens, name="evens")
    later = kernel.spawn(Later)
    for address, number in ((ref, 3), (kernel.named("evens"), 5), (ref, 2)):
        later.send((address, number))
    while (taken := await ref.request("all")) != [3, 5, 2]:
        assert taken in ([], [3], [3, 5])


async def test_dead_letters_come_to_an_actor_that_would_refuse_them(kernel: Kernel) -> None:
    class OnlyEvens(Takes):
        def check_message(self, message: Any) -> None:
            raise NotEven(message)

        def receive(self, message: Any) -> Any:
            if isinstance(message, DeadLetter) and isinstance(message.message, int):
                self.taken.append(message.message)
            return self.taken

    ref = kernel.spawn(OnlyEvens)
    kernel.dead_letters.subscribe(ref)
    kernel.named("nobody").send(7)
    assert await ref.request("all") == [7]


async def test_what_comes_from_outside_of_the_kernel_has_nobody_to_tell_either(
    kernel: Kernel, mailbox: Mailbox | None
) -> None:
    ref: ActorRef[Any] = kernel.spawn(Evens, mailbox=mailbox)
    send_in(ref, 3, priority=0, ttl=None)
    assert await ref.request("all") == [3]
