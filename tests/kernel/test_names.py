"""Names: never stolen, free at death, and addresses that follow them."""

import operator
from collections.abc import Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    DeadLetter,
    Kernel,
    NamedRef,
    NameTaken,
    NotRegistered,
)

pytestmark = pytest.mark.anyio


class Notes(Actor[Any]):
    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def receive(self, message: Any) -> object:
        self.log.append(message)
        return message


async def test_a_name_leads_to_its_actor_while_it_lives(kernel: Kernel) -> None:
    ref = kernel.spawn(Notes, name="store")
    assert kernel.whereis("store") is ref
    assert ref.name == "store"
    ref.kill()
    assert kernel.whereis("store") is None
    assert ref.name is None


@pytest.mark.rule("REG-01")
async def test_a_dead_actor_and_a_reserved_word_are_not_registered(kernel: Kernel) -> None:
    dead, living = kernel.spawn(Notes), kernel.spawn(Notes)
    dead.kill()
    with pytest.raises(ActorExited):
        kernel.register("store", dead)
    for name in ["undefined", "", " store", "sto\nre"]:
        with pytest.raises(ValueError, match="name"):
            kernel.register(name, living)
        with pytest.raises(ValueError, match="name"):
            kernel.spawn(Notes, name=name)
    with pytest.raises(TypeError):
        kernel.spawn(Notes, name=7)  # type: ignore[call-overload]
    assert kernel.actors() == [living]


@pytest.mark.rule("REG-02")
async def test_a_taken_name_is_not_stolen_and_an_actor_has_one_name(kernel: Kernel) -> None:
    first, second = kernel.spawn(Notes, name="store"), kernel.spawn(Notes)
    with pytest.raises(NameTaken) as caught:
        kernel.register("store", second)
    assert caught.value.ref is first
    with pytest.raises(ValueError, match="registered as 'store' already"):
        kernel.register("shop", first)
    assert kernel.whereis("store") is first


@pytest.mark.rule("REG-03")
async def test_an_unknown_name_cannot_be_unregistered(kernel: Kernel) -> None:
    with pytest.raises(NotRegistered):
        kernel.unregister("nobody")
    ref = kernel.spawn(Notes, name="store")
    kernel.unregister("store")
    assert (kernel.whereis("store"), ref.name, ref.is_alive) == (None, None, True)


@pytest.mark.rule("REG-04")
async def test_a_killed_actors_name_can_be_taken_at_once(kernel: Kernel) -> None:
    for _ in range(3_000):
        kernel.spawn(Notes, name="store").kill()
    assert kernel.actors() == []


async def test_a_named_ref_follows_its_name_from_one_actor_to_the_next(kernel: Kernel) -> None:
    first_log: list[Any] = []
    second_log: list[Any] = []
    store = kernel.named("store")
    first = kernel.spawn(Notes, first_log, name="store")
    store.send("one")
    assert await store.request("two") == "two"
    first.kill()
    store.send("nobody")
    await store.put("nobody again")
    with pytest.raises(ActorExited):
        await store.request("nobody at all")
    kernel.spawn(Notes, second_log, name="store")
    await store.put("three")
    assert await store.request("four") == "four"
    assert (first_log, second_log) == (["one", "two"], ["three", "four"])
    assert kernel.dead_letters.recent() == (
        DeadLetter("nobody", "store", "noproc"),
        DeadLetter("nobody again", "store", "noproc"),
    )


async def test_stop_exit_and_kill_through_a_name(kernel: Kernel) -> None:
    store = kernel.named("store")
    ends: list[tuple[Callable[[], None], str]] = [
        (lambda: store.stop("done"), "done"),
        (lambda: store.exit("bye"), "bye"),
        (store.kill, "killed"),
    ]
    for end, reason in ends:
        ref = kernel.spawn(Notes, name="store")
        end()
        assert await ref.wait() == reason
        end()  # nobody has the name: nothing happens


@pytest.mark.rule("GS-13", "ORD-05")
async def test_a_send_to_the_dead_or_unknown_never_raises(kernel: Kernel) -> None:
    ref = kernel.spawn(Notes)
    ref.kill()
    ref.send("to the dead")
    kernel.named("nobody").send("to the unknown")
    assert [letter.reason for letter in kernel.dead_letters.recent()] == ["noproc", "noproc"]


async def test_a_named_ref_equals_its_like_and_no_actor_ref(kernel: Kernel) -> None:
    ref = kernel.spawn(Notes, name="store")
    assert kernel.named("store") == kernel.named("store")
    assert len({kernel.named("store"), kernel.named("store"), ref}) == 2
    assert kernel.named("store") != ref
    assert kernel.named("store") != NamedRef(Kernel("another"), "store")
    assert repr(kernel.named("store")) == "<NamedRef test/store>"
    with pytest.raises(ValueError, match="name"):
        kernel.named("")


@pytest.mark.rule("ORD-04")
async def test_messages_by_ref_and_by_name_keep_their_order(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Notes, log, name="store")
    for number in range(0, 1_000, 2):
        ref.send(number)
        kernel.named("store").send(number + 1)
    ref.stop()
    await ref.wait()
    assert log == list(range(1_000))


@pytest.mark.rule("ORD-01")
async def test_messages_between_two_actors_keep_their_order(kernel: Kernel) -> None:
    log: list[Any] = []
    receiver = kernel.spawn(Notes, log)

    class Sender(Actor[int]):
        def receive(self, number: int) -> None:
            receiver.send(number)

    sender = kernel.spawn(Sender)
    for number in range(20_000):
        sender.send(number)
    sender.stop()
    await sender.wait()
    receiver.stop()
    await receiver.wait()
    assert log == list(range(20_000))


@pytest.mark.rule("ORD-03")
async def test_an_exit_signal_comes_after_the_messages_of_the_same_sender(kernel: Kernel) -> None:
    class Traps(Notes):
        def init(self) -> None:
            self.context.trap_exit = True

    log: list[Any] = []
    receiver = await kernel.start(Traps, log)
    receiver.send("one")
    receiver.exit("two")
    receiver.send("three")
    await receiver.request("four")
    assert [message if isinstance(message, str) else message.reason for message in log] == [
        "one",
        "two",
        "three",
        "four",
    ]


async def test_refs_are_equal_or_not_and_in_no_order(kernel: Kernel) -> None:
    one, other = kernel.spawn(Notes), kernel.spawn(Notes)
    assert one == one._scheduler.kernel.actors()[0]
    assert one != other
    assert len({one, other, one}) == 2
    compare: Any = operator.lt
    with pytest.raises(TypeError):
        compare(one, other)
    with pytest.raises(TypeError):
        compare(kernel.named("b"), kernel.named("a"))
