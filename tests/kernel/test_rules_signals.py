"""Signals of the dead and of the living, where the other tests of LINK-*, MON-* and ORD-* end."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorContext, ActorExited, ActorRef, Down, Exit, Kernel

pytestmark = pytest.mark.anyio


class Does(Actor[Any]):
    """Traps exits; calls each message with its context, and notes the others."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def init(self) -> None:
        self.context.trap_exit = True

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class DoesAsync(Does):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


@pytest.mark.rule("ORD-02")
@pytest.mark.parametrize("behaviour", [Does, DoesAsync])
@pytest.mark.parametrize("how", ["stop", "kill", "crash"])
async def test_what_an_actor_sent_before_it_died_comes_before_its_exit(
    kernel: Kernel, behaviour: type[Does], how: str
) -> None:
    log: list[Any] = []
    watcher = await kernel.start(Does, log)

    def last_words(context: ActorContext) -> None:
        context.link(watcher)
        watcher.send("one")
        watcher.send("two")
        match how:
            case "stop":
                context.stop("gone")
            case "kill":
                context.ref.kill()
            case "crash":
                raise ValueError("gone")

    for _ in range(50):
        target = await kernel.start(behaviour)
        monitor = await watcher.request(lambda context, target=target: context.monitor(target))
        target.send(last_words)
        reason = await target.wait()
        await watcher.request("after")
        assert log == ["one", "two", Exit(target, reason), Down(target, reason, monitor), "after"]
        log.clear()


@pytest.mark.rule("ORD-03")
async def test_an_exit_signal_of_an_actor_comes_in_its_place_among_what_that_sends(
    kernel: Kernel,
) -> None:
    log: list[Any] = []
    receiver = await kernel.start(Does, log)
    sender = await kernel.start(Does)

    def send(_: ActorContext) -> None:
        receiver.send("one")
        receiver.exit("two")
        receiver.send("three")

    for _ in range(300):
        await sender.request(send)
        await receiver.request("four")
        assert log == ["one", Exit(sender, "two"), "three", "four"]
        log.clear()


@pytest.mark.rule("LINK-09", "LINK-10")
@pytest.mark.parametrize("unlinks", [0, 1])
@pytest.mark.parametrize("dies", [0, 1])
async def test_an_unlink_from_either_end_unties_both(
    kernel: Kernel, unlinks: int, dies: int
) -> None:
    logs: list[list[Any]] = [[], []]
    pair = [await kernel.start(Does, log) for log in logs]
    await pair[0].request(lambda context: context.link(pair[1]))
    await pair[unlinks].request(lambda context: context.unlink(pair[1 - unlinks]))
    pair[dies].kill()
    await pair[1 - dies].request("after")
    assert logs[1 - dies] == ["after"]


@pytest.mark.rule("MON-12")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda context: context.monitor("service"),
        lambda context: context.monitor(7),
        lambda context: context.monitor(None),
        lambda context: context.demonitor(None),
    ],
)
async def test_what_is_neither_address_nor_monitor_is_refused(
    kernel: Kernel, wrong: Callable[[ActorContext], object]
) -> None:
    ref: ActorRef[Any] = await kernel.start(Does)
    with pytest.raises(ActorExited) as caught:
        await ref.request(wrong)
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.rule("LINK-11")
async def test_who_survives_a_linked_actor_forgets_it(kernel: Kernel) -> None:
    log: list[Any] = []
    survivor = await kernel.start(Does, log)
    gone: list[weakref.ref[ActorRef[Any]]] = []
    for _ in range(10):
        peer = await kernel.start(Does)
        gone.append(weakref.ref(peer))
        await survivor.request(lambda context, peer=peer: context.link(peer))
        peer.kill()
        await survivor.request("after")
        del peer
    assert [message for message in log if message != "after"] == [
        Exit(reference(), "killed") for reference in gone
    ]
    log.clear()
    await survivor.request("the last of what it handled")
    await kernel.spawn(Does).request("what a worker handled last")
    gc.collect()
    assert [reference() for reference in gone] == [None] * 10
