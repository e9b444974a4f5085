"""Links: how the end of one actor becomes the end of another, or a message."""

import itertools
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorContext, ActorExited, ActorRef, Error, Exit, Kernel

pytestmark = pytest.mark.anyio


class Does(Actor[Any]):
    """Calls each message with its context; other messages are noted."""

    def __init__(self, trap_exit: bool = False, log: list[object] | None = None) -> None:
        self.trap_exit = trap_exit
        self.log = log if log is not None else []

    def init(self) -> None:
        self.context.trap_exit = self.trap_exit

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None

    def terminate(self, reason: object) -> None:
        self.log.append(("terminate", reason))


async def linked(kernel: Kernel, *trapping: bool) -> tuple[list[ActorRef[Any]], list[list[object]]]:
    """Actors linked in a chain, and what each of them has got."""
    logs: list[list[object]] = [[] for _ in trapping]
    refs = [await kernel.start(Does, trap, log) for trap, log in zip(trapping, logs, strict=True)]
    for one, other in itertools.pairwise(refs):
        await one.request(lambda context, other=other: context.link(other))
    return refs, logs


@pytest.mark.rule("LINK-06")
async def test_an_abnormal_reason_passes_unchanged_through_a_chain_of_links(
    kernel: Kernel,
) -> None:
    refs, _ = await linked(kernel, False, False, False, False)
    refs[1].exit(("code", 7))
    assert [await ref.wait() for ref in refs] == [("code", 7)] * 4


class Incomparable:
    """As an array of numbers is: nobody learns whether it is equal to a word."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        raise ValueError("nobody compares me")


@pytest.mark.rule("LINK-06")
@pytest.mark.parametrize("pair", [False, True])
async def test_a_reason_that_cannot_be_compared_passes_through_links_as_any_other(
    kernel: Kernel, pair: bool
) -> None:
    value = Incomparable()
    reason = (value, "detail") if pair else value
    refs, _ = await linked(kernel, False, False, False)
    refs[1].exit(reason)
    assert [await ref.wait() is reason for ref in refs] == [True] * 3


async def test_an_actor_may_stop_with_a_reason_that_cannot_be_compared(kernel: Kernel) -> None:
    reason = Incomparable()
    refs, _ = await linked(kernel, False, False)
    refs[0].send(lambda context: context.stop(reason))
    assert [await ref.wait() is reason for ref in refs] == [True] * 2
    kernel.spawn(Does).stop(reason)


@pytest.mark.rule("LINK-06")
async def test_a_normal_end_does_not_pass_through_a_link(kernel: Kernel) -> None:
    refs, _ = await linked(kernel, False, False)
    refs[0].stop("normal")
    await refs[0].wait()
    await refs[1].request("still there")


@pytest.mark.rule("LINK-11")
async def test_an_actor_that_traps_gets_one_exit_message_for_each_link(kernel: Kernel) -> None:
    refs, logs = await linked(kernel, True, False)
    refs[1].exit("boom")
    await refs[1].wait()
    await refs[0].request("after")
    assert logs[0] == [Exit(refs[1], "boom"), "after"]


@pytest.mark.rule("LINK-04")
async def test_a_link_reports_an_actor_that_ended_with_the_reason_kill_as_just_that(
    kernel: Kernel,
) -> None:
    refs, logs = await linked(kernel, True, False)
    refs[1].stop("kill")
    await refs[1].wait()
    await refs[0].request("after")
    assert logs[0] == [Exit(refs[1], "kill"), "after"]


@pytest.mark.rule("LINK-05")
async def test_the_reason_kill_stays_kill_through_a_chain(kernel: Kernel) -> None:
    refs, logs = await linked(kernel, True, False, False, False)
    refs[3].stop("kill")
    await refs[1].wait()
    await refs[0].request("after")
    assert logs[0] == [Exit(refs[1], "kill"), "after"]


@pytest.mark.rule("LINK-03")
async def test_a_killed_actor_is_killed_to_its_links(kernel: Kernel) -> None:
    refs, logs = await linked(kernel, True, False)
    refs[1].kill()
    await refs[0].request("after")
    assert logs[0] == [Exit(refs[1], "killed"), "after"]


@pytest.mark.rule("LINK-08")
async def test_a_link_to_the_dead_is_a_message_or_an_error(kernel: Kernel) -> None:
    gone = kernel.spawn(Does)
    gone.kill()
    log: list[object] = []
    trapping = await kernel.start(Does, True, log)
    await trapping.request(lambda context: context.link(gone))
    await trapping.request("after")
    assert log == [Exit(gone, "noproc"), "after"]
    plain = await kernel.start(Does)
    with pytest.raises(ActorExited) as caught:
        await plain.request(lambda context: context.link(gone))
    assert isinstance(caught.value.__cause__, ActorExited)
    assert caught.value.__cause__.reason == "noproc"


@pytest.mark.rule("LINK-09")
async def test_after_unlink_no_exit_of_that_peer_arrives(kernel: Kernel) -> None:
    refs, logs = await linked(kernel, True, False)

    def unlink_after_its_death(context: ActorContext) -> None:
        context.unlink(refs[1])
        refs[1].exit("boom")

    await refs[0].request(unlink_after_its_death)
    await refs[1].wait()
    await refs[0].request("after")
    assert logs[0] == ["after"]


@pytest.mark.rule("LINK-10")
async def test_two_links_are_one_and_one_unlink_removes_it(kernel: Kernel) -> None:
    refs, logs = await linked(kernel, True, False)
    await refs[0].request(lambda context: context.link(refs[1]))
    await refs[1].request(lambda context: context.link(refs[0]))
    await refs[0].request(lambda context: context.link(context.ref))
    await refs[1].request(lambda context: context.unlink(refs[0]))
    refs[1].exit("boom")
    await refs[1].wait()
    await refs[0].request("after")
    assert logs[0] == ["after"]


@pytest.mark.rule("LINK-15")
async def test_spawning_with_a_link_is_one_step(kernel: Kernel) -> None:
    log: list[object] = []

    class DiesAtOnce(Actor[object]):
        def init(self) -> None:
            raise ValueError("stillborn")

    parent = await kernel.start(Does, True, log)
    child: ActorRef[Any] = await parent.request(
        lambda context: context.spawn(DiesAtOnce, link=True)
    )
    await child.wait()
    await parent.request("after")
    assert log == [Exit(child, Error("ValueError", "stillborn")), "after"]


@pytest.mark.rule("LINK-15")
async def test_a_linked_child_dies_of_its_parent(kernel: Kernel) -> None:
    children: list[ActorRef[Any]] = []

    def spawn_and_die(context: ActorContext) -> None:
        children.append(context.spawn(Does, link=True))
        children.append(context.spawn(Does))
        context.stop("boom")

    parent = await kernel.start(Does)
    parent.send(spawn_and_die)
    assert await children_wait(children, parent) == "boom"
    await children[1].request("the one without a link lives")


async def children_wait(children: list[ActorRef[Any]], parent: ActorRef[Any]) -> object:
    await parent.wait()
    return await children[0].wait()


@pytest.mark.rule("GS-21")
async def test_the_exit_of_its_parent_ends_an_actor_though_it_traps(kernel: Kernel) -> None:
    log: list[object] = []
    parent = await kernel.start(Does)
    child: ActorRef[Any] = await parent.request(
        lambda context: context.spawn(Does, True, log, link=True)
    )
    await child.request("init is over")
    parent.exit("bye")
    assert await child.wait() == "bye"
    assert log == ["init is over", ("terminate", "bye")]


async def test_a_behaviour_that_handles_its_parents_exit_gets_it_as_a_message(
    kernel: Kernel,
) -> None:
    log: list[object] = []

    class Handles(Does):
        handles_parent_exit = True

    parent = await kernel.start(Does)
    child: ActorRef[Any] = await parent.request(
        lambda context: context.spawn(Handles, True, log, link=True)
    )
    parent.exit("bye")
    await parent.wait()
    await child.request("after")
    assert log == [Exit(parent, "bye"), "after"]
    child.kill()


async def test_a_chain_of_links_of_any_length_ends_without_recursion(kernel: Kernel) -> None:
    length = 50_000
    refs = [kernel.spawn(Idle) for _ in range(length)]
    for one, other in itertools.pairwise(refs):
        kernel.link(one, other)
    refs[0].exit("boom")
    assert await refs[-1].wait() == "boom"
    assert kernel.actors() == []


class Idle(Actor[object]):
    def receive(self, message: object) -> None:
        pass


async def test_a_star_of_links_ends(kernel: Kernel) -> None:
    centre = kernel.spawn(Idle)
    rim = [kernel.spawn(Idle) for _ in range(5_000)]
    for ref in rim:
        kernel.link(centre, ref)
    rim[7].exit("boom")
    assert {await ref.wait() for ref in rim} == {"boom"}


async def test_a_ring_of_links_ends_once(kernel: Kernel) -> None:
    ring = [kernel.spawn(Does, True) for _ in range(3)]
    plain = [kernel.spawn(Idle) for _ in range(100)]
    for one, other in zip(plain, plain[1:] + plain[:1], strict=True):
        kernel.link(one, other)
    plain[0].exit("boom")
    assert {await ref.wait() for ref in plain} == {"boom"}
    assert all(ref.is_alive for ref in ring)
