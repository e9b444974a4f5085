"""Monitors: one Down for each, at its place among the messages; the order of a death."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    Down,
    Error,
    Kernel,
    MonitorRef,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class Does(Actor[Any]):
    """Calls each message with its context; other messages are noted."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


class DoesAsync(Does):
    async def receive(self, message: Any) -> object:
        return super().receive(message)


def monitor(target: Any) -> Callable[[ActorContext], MonitorRef]:
    return lambda context: context.monitor(target)


@pytest.mark.rule("MON-01", "MON-10")
async def test_each_monitor_gets_one_down_with_the_reason(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    first = await watcher.request(monitor(target))
    second = await watcher.request(monitor(target))
    target.exit("boom")
    await target.wait()
    await watcher.request("after")
    assert log == [Down(target, "boom", first), Down(target, "boom", second), "after"]
    assert watcher.is_alive


@pytest.mark.rule("MON-02")
async def test_the_dead_and_the_unknown_give_a_down_at_once(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    target.kill()
    dead = await watcher.request(monitor(target))
    unknown = await watcher.request(monitor(kernel.named("nobody")))
    await watcher.request("after")
    assert log == [Down(target, "noproc", dead), Down("nobody", "noproc", unknown), "after"]


@pytest.mark.rule("MON-03", "MON-05")
async def test_demonitor_before_the_death_says_true_and_no_down_comes(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    reference = await watcher.request(monitor(target))
    assert await watcher.request(lambda context: context.demonitor(reference)) is True
    assert await watcher.request(lambda context: context.demonitor(reference)) is False
    target.kill()
    await watcher.request("after")
    assert log == ["after"]


@pytest.mark.rule("MON-04", "MON-05")
@pytest.mark.parametrize("behaviour", [Does, DoesAsync])
@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize("others", [0, 3, 1_000])
async def test_demonitor_after_the_death_says_false_and_flush_takes_out_the_down(
    kernel: Kernel, until: Until, behaviour: type[Does], flush: bool, others: int
) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(behaviour, log), kernel.spawn(Does)
    reference = await watcher.request(monitor(target))
    answers: list[bool] = []
    # They are one batch: the Down is behind the handler that takes it out.
    watcher.send(lambda context: answers.append(context.demonitor(reference, flush=flush)))
    for number in range(others):
        watcher.send(number)
    target.kill()
    watcher.send("behind it")
    await until(lambda: "behind it" in log)
    assert answers == [False]
    down = [] if flush else [Down(target, "killed", reference)]
    assert log == [*range(others), *down, "behind it"]
    assert kernel.statistics().handled == 2 + others + len(down) + 1


async def test_a_flush_of_one_monitor_leaves_the_downs_of_others(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    first = await watcher.request(monitor(target))
    second = await watcher.request(monitor(target))
    watcher.send(lambda context: context.demonitor(first, flush=True) and None)
    target.kill()
    await watcher.request("after")
    assert log == [Down(target, "killed", second), "after"]


async def test_a_stop_behind_a_flush_is_still_a_stop(kernel: Kernel) -> None:
    """A long backlog, of which a flush takes so much that the stop comes within the slice."""
    log: list[Any] = []
    watcher = kernel.spawn(Does, log)
    targets = [kernel.spawn(Does) for _ in range(600)]
    references = [await watcher.request(monitor(target)) for target in targets]

    def flush_all(context: ActorContext) -> None:
        for reference in references:
            context.demonitor(reference, flush=True)
        context.ref.stop("done")

    watcher.send(flush_all)
    for target in targets:
        target.kill()
    # Not by a request, nor by a stop from here: the mailbox is to hold bare messages only.
    assert await watcher.wait() == "done"
    assert log == []


@pytest.mark.rule("MON-06")
async def test_monitoring_oneself_never_fires(kernel: Kernel) -> None:
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    await ref.request(lambda context: context.monitor(context.ref))
    ref.kill()
    assert log == []
    assert kernel.dead_letters.count == 0


@pytest.mark.rule("MON-07")
async def test_a_dead_watcher_is_forgotten_by_its_target(kernel: Kernel) -> None:
    watcher, target = kernel.spawn(Does), kernel.spawn(Does)
    await watcher.request(monitor(target))
    watcher.kill()
    extension = target._extension
    assert extension is None or not extension.watchers


@pytest.mark.rule("MON-08", "REG-04")
async def test_on_down_the_name_is_free(kernel: Kernel) -> None:
    taken: list[object] = []

    class Successor(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                taken.append(self.context.spawn(Does, name="contested"))

    for _ in range(200):
        target = kernel.spawn(Does, name="contested")
        watcher = kernel.spawn(Successor)
        kernel.monitor(watcher, target)
        target.exit("boom")
        watcher.stop()
        await watcher.wait()
        successor = kernel.whereis("contested")
        assert taken.pop() is successor
        assert successor is not None
        successor.kill()


@pytest.mark.rule("MON-09")
async def test_a_monitor_by_name_is_bound_to_the_actor_that_had_it(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, first, second = kernel.spawn(Does, log), kernel.spawn(Does), kernel.spawn(Does)
    kernel.register("service", first)
    reference = await watcher.request(monitor(kernel.named("service")))
    kernel.unregister("service")
    kernel.register("service", second)
    second.kill()
    await watcher.request("nothing yet")
    first.exit("boom")
    await first.wait()
    await watcher.request("after")
    assert log == ["nothing yet", Down(first, "boom", reference), "after"]


@pytest.mark.rule("MON-12")
async def test_a_wrong_reference_and_someone_elses_are_refused(kernel: Kernel) -> None:
    owner, thief, target = kernel.spawn(Does), kernel.spawn(Does), kernel.spawn(Does)
    reference = await owner.request(monitor(target))
    for wrong, error in [("nonsense", TypeError), (reference, ValueError)]:
        with pytest.raises(ActorExited) as caught:
            await thief.request(lambda context, wrong=wrong: context.demonitor(wrong))
        assert isinstance(caught.value.__cause__, error)
        thief = kernel.spawn(Does)


@pytest.mark.rule("MON-13")
async def test_a_large_reason_arrives_as_it_was(kernel: Kernel) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    await watcher.request(monitor(target))
    reason = {"numbers": list(range(10_000))}
    target.exit(reason)
    await target.wait()
    await watcher.request("after")
    assert log[0].reason is reason


@pytest.mark.rule("ORD-02")
@pytest.mark.parametrize("behaviour", [Does, DoesAsync])
async def test_what_an_actor_sent_before_it_died_comes_before_its_down(
    kernel: Kernel, behaviour: type[Does]
) -> None:
    log: list[Any] = []
    watcher = kernel.spawn(Does, log)

    def last_words(context: ActorContext) -> None:
        watcher.send("one")
        kernel.named("watcher").send("two")
        context.stop("gone")

    kernel.register("watcher", watcher)
    for _ in range(200):
        target = kernel.spawn(behaviour)
        reference = await watcher.request(monitor(target))
        target.send(last_words)
        await target.wait()
        await watcher.request("after")
        assert log == ["one", "two", Down(target, "gone", reference), "after"]
        log.clear()


async def test_at_the_time_of_down_the_actor_is_dead_and_its_hooks_have_run(
    kernel: Kernel,
) -> None:
    steps: list[object] = []

    class Looks(Actor[Any]):
        def receive(self, message: Any) -> None:
            steps.append((type(message).__name__, target.is_alive, kernel.whereis("target")))

    target = kernel.spawn(Does, name="target")
    watcher = kernel.spawn(Looks)
    kernel.monitor(watcher, target)
    kernel.on_exit(target, lambda ref, successor: steps.append(("hook", ref is target, successor)))
    target.exit("boom")
    watcher.stop()
    await watcher.wait()
    assert steps == [("hook", True, None), ("Down", False, None)]


async def test_a_hook_that_raises_does_not_hold_up_the_death(kernel: Kernel) -> None:
    called: list[object] = []
    log: list[Any] = []
    target, watcher = kernel.spawn(Does), kernel.spawn(Does, log)
    reference = await watcher.request(monitor(target))

    def broken(ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        raise RuntimeError("a broken hook")

    kernel.on_exit(target, broken)
    kernel.on_exit(target, lambda ref, _: called.append(ref))
    target.kill()
    await watcher.request("after")
    assert called == [target]
    assert log == [Down(target, "killed", reference), "after"]


async def test_a_hook_for_a_dead_actor_is_called_at_once(kernel: Kernel) -> None:
    called: list[object] = []
    target = kernel.spawn(Does)
    target.kill()
    kernel.on_exit(target, lambda ref, _: called.append(ref))
    assert called == [target]


async def test_while_ten_thousand_watchers_are_told_others_run(
    kernel: Kernel, until: Until
) -> None:
    logs: list[list[Any]] = [[] for _ in range(10_000)]
    target = kernel.spawn(Does)
    watchers = [kernel.spawn(Does, log) for log in logs]
    references = [kernel.monitor(watcher, target) for watcher in watchers]
    target.kill()
    # Not all at once: the last ones are told in later turns. Until then a demonitor is in time,
    # and a new monitor finds a dead actor.
    assert any(reference.active for reference in references)
    assert kernel.demonitor(watchers[-1], references[-1], flush=False) is True
    late = kernel.monitor(watchers[-1], target)
    await until(lambda: not any(reference.active for reference in references))
    await until(lambda: all(logs))
    assert logs[:-1] == [[Down(target, "killed", reference)] for reference in references[:-1]]
    assert logs[-1] == [Down(target, "noproc", late)]


async def test_of_many_watchers_the_next_to_be_told_may_still_take_its_monitor_back(
    kernel: Kernel, until: Until
) -> None:
    logs: list[list[Any]] = [[] for _ in range(3_000)]
    target = kernel.spawn(Does)
    for _ in range(7):  # links go first, so that no piece of work ends with a thousand watchers
        linked = kernel.spawn(Does)
        await linked.request(lambda context: context.link(target))
    watchers = [kernel.spawn(Does, log) for log in logs]
    references = [kernel.monitor(watcher, target) for watcher in watchers]
    target.kill()
    following = next(at for at, reference in enumerate(references) if reference.active)
    assert kernel.demonitor(watchers[following], references[following], flush=False) is True
    await until(lambda: not any(reference.active for reference in references))
    await until(lambda: all(log for at, log in enumerate(logs) if at != following))
    await watchers[following].request("after")
    assert logs[following] == ["after"]


@pytest.mark.rule("GS-17")
async def test_spawning_with_a_monitor_is_one_step(kernel: Kernel) -> None:
    log: list[Any] = []

    class DiesAtOnce(Actor[object]):
        def init(self) -> None:
            raise ValueError("stillborn")

    parent = kernel.spawn(Does, log)
    child: ActorRef[Any] = await parent.request(
        lambda context: context.spawn(DiesAtOnce, monitor=True)
    )
    await child.wait()
    await parent.request("after")
    assert [(down.ref, down.reason) for down in log[:-1]] == [
        (child, Error("ValueError", "stillborn"))
    ]


async def test_the_watchers_of_a_second_death_wait_until_those_of_the_first_were_told(
    kernel: Kernel,
) -> None:
    """Else each death would take a turn's worth of the loop, at once."""
    log: list[Any] = []
    watcher = kernel.spawn(Does, log)
    dying = [kernel.spawn(Does) for _ in range(3)]
    for ref in dying:
        await watcher.request(lambda context, ref=ref: [context.monitor(ref) for _ in range(3_000)])
    dying[0].kill()
    told = watcher.mailbox_length
    assert 0 < told <= 1_000
    dying[1].kill()
    dying[2].kill()
    assert watcher.mailbox_length == told
    for _ in range(1_000):
        await watcher.request(lambda context: None)
    assert [down.ref for down in log if isinstance(down, Down)] == [
        ref for ref in dying for _ in range(3_000)
    ]


async def test_until_its_turn_comes_a_monitor_of_the_dead_is_active_and_a_new_one_is_not(
    kernel: Kernel,
) -> None:
    log: list[Any] = []
    watcher, target = kernel.spawn(Does, log), kernel.spawn(Does)
    await watcher.request(lambda context: [context.monitor(target) for _ in range(3_000)])
    last = await watcher.request(monitor(target))
    answers: list[Any] = []

    def look(context: ActorContext) -> None:
        target.kill()
        answers.append(context.demonitor(last))
        answers.append(context.monitor(target))

    await watcher.request(look)
    for _ in range(100):
        await watcher.request(lambda context: None)
    demonitored, new = answers
    assert demonitored is True
    downs = [down for down in log if isinstance(down, Down)]
    assert len(downs) == 3_001
    assert last not in [down.monitor for down in downs]
    assert [down.reason for down in downs if down.monitor is new] == ["noproc"]
    assert sum(down.reason == "killed" for down in downs) == 3_000
