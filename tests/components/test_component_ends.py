"""How components end: limits, traps, stops and kills, and what is left of them: nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from airssys_wasm.broker.delivery import Published
from airssys_wasm.components import Capabilities, Limit, Limits, StorageGrant, Trap
from airssys_wasm.kernel import Actor, ActorExited, ActorRef, DeadLetter, Mailbox, StartError
from airssys_wasm.supervision import ChildSpec, GaveUp, Supervisor
from tests.components.conftest import Stage, lifecycle
from tests.guests import guests

pytestmark = pytest.mark.anyio

SMALL = Limits(memory=2**24, call=0.2)


class Counter(Actor[str]):
    """Answers with how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    def receive(self, message: str) -> int:
        self.count += 1
        return self.count


# --- limits and traps


async def test_a_guest_that_spins_ends_with_its_limit_while_others_answer(stage: Stage) -> None:
    guest = await stage.start(guests.spins(), limits=SMALL)
    other = await stage.start(guests.echo(), name="other")
    counter = stage.kernel.spawn(Counter)
    guest.send(b"")
    answers = 0
    while guest.is_alive:
        answers = await counter.request("how often?")
        assert (await other.request(b"")).startswith(b"%d:" % answers)
    assert answers > 1
    reason = guest.exit_reason
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.limit) == ("call", 0.2)


async def test_a_guest_that_asks_for_a_gigabyte_ends_with_the_limit_of_memory(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.grows(), limits=SMALL)
    guest.send(b"")
    reason = await guest.wait()
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.limit, reason.trap) == ("memory", 2**24, "unreachable")


async def test_a_guest_that_recurses_without_end_overflows_its_own_stack(stage: Stage) -> None:
    guest = await stage.start(guests.recurses())
    guest.send(b"")
    reason = await guest.wait()
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.trap) == ("stack", "stack overflow")


async def test_fuel_is_a_budget_for_each_message(stage: Stage) -> None:
    frugal = await stage.start(guests.echo(), limits=Limits(fuel=100_000), name="frugal")
    for number in range(1, 101):
        assert await frugal.request(b"") == b"%d:" % number
    greedy = await stage.start(guests.spins(), limits=Limits(fuel=100_000), name="greedy")
    greedy.send(b"")
    reason = await greedy.wait()
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.limit) == ("fuel", 100_000)


async def test_a_trap_in_a_handler_fails_the_request_with_the_trap(stage: Stage) -> None:
    guest = await stage.start(guests.divides_by_zero())
    with pytest.raises(ActorExited) as caught:
        await guest.request(b"")
    assert isinstance(caught.value.reason, Trap)
    assert caught.value.reason.kind == "division by zero"
    assert await guest.wait() == caught.value.reason


async def test_a_trap_in_initialize_is_a_failed_start(stage: Stage) -> None:
    with pytest.raises(StartError) as caught:
        await stage.start(guests.traps_at_start())
    assert isinstance(caught.value.reason, Trap)
    assert caught.value.reason.kind == "unreachable"


async def test_a_guest_that_spins_in_initialize_is_a_failed_start(stage: Stage) -> None:
    with pytest.raises(StartError) as caught:
        await stage.start(guests.spins_at_start(), limits=SMALL)
    assert isinstance(caught.value.reason, Limit)
    assert caught.value.reason.kind == "call"


async def test_an_end_by_trap_is_reported_with_its_kind_and_without_secrets(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await stage.start(guests.divides_by_zero(), config={"key": "hidden"})
    guest.send(b"")
    await guest.wait()
    assert "crashed: trap: division by zero" in caplog.text
    assert "hidden" not in caplog.text


async def test_a_host_call_that_takes_too_long_ends_the_guest_with_its_limit(
    stage: Stage,
) -> None:
    guest = await stage.start(guests.sleeps(), limits=Limits(host_call=0.01))
    guest.send(b"")
    reason = await guest.wait()
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.limit) == ("host_call", 0.01)


async def test_the_poisoned_message_is_a_dead_letter_with_the_trap(stage: Stage) -> None:
    guest = await stage.start(guests.divides_by_zero())
    order = Published("orders", b"poison")
    guest.send(order)
    await guest.wait()
    letter = stage.kernel.dead_letters.recent()[0]
    assert letter == DeadLetter(order, guest, guest.exit_reason, request=False, crashed=True)
    assert isinstance(letter.reason, Trap)


# --- restarts


async def supervised(
    stage: Stage, source: bytes, mailbox: Mailbox | None = None, **options: Any
) -> ActorRef[Any]:
    """A supervisor of one component named `guest`, which may be restarted twice."""
    child = ChildSpec("guest", stage.component(source, **options), name="guest", mailbox=mailbox)
    return await stage.kernel.start(
        Supervisor(children=[child], intensity=2, period=60.0), name="supervisor"
    )


@pytest.mark.parametrize(
    ("guest", "kind"),
    [
        (guests.divides_by_zero, "division by zero"),
        (guests.recurses, "stack"),
        (guests.grows, "memory"),
        (guests.spins, "call"),
    ],
)
async def test_a_guest_is_restarted_up_to_the_budget_and_then_the_supervisor_gives_up(
    stage: Stage, guest: Callable[[], bytes], kind: str
) -> None:
    counter = stage.kernel.spawn(Counter)
    supervisor = await supervised(stage, guest(), limits=SMALL)
    seen: list[ActorRef[Any]] = []
    for number in range(3):
        await stage.until(lambda: stage.kernel.whereis("guest") not in (None, *seen))
        child = stage.kernel.whereis("guest")
        assert child is not None
        seen.append(child)
        child.send(b"")
        await child.wait()
        assert await counter.request("how often?") == number + 1
    assert await supervisor.wait() == "shutdown"
    assert isinstance(supervisor.cause, GaveUp)
    reason = supervisor.cause.reason
    assert isinstance(reason, Trap | Limit)
    assert reason.kind == kind


async def test_a_restart_begins_anew_and_a_kept_mailbox_goes_on(stage: Stage) -> None:
    await supervised(stage, lifecycle(), Mailbox(keep_on_restart=True), limits=SMALL)
    guest = stage.kernel.named("guest")
    before = guest.resolve()
    for message in (b"c", b"u", b"c", b"c"):
        guest.send(message)
    assert await guest.request(b"c") == (3).to_bytes(4, "little")
    assert guest.resolve() is not before
    assert [letter.message for letter in stage.kernel.dead_letters.recent()] == [b"u"]


async def test_what_was_stored_outlives_the_incarnation(stage: Stage) -> None:
    await supervised(
        stage,
        lifecycle(),
        Mailbox(keep_on_restart=True),
        capabilities=Capabilities(storage=StorageGrant("read-write")),
    )
    guest = stage.kernel.named("guest")
    assert await guest.request(b"pkey") == b"ok"
    guest.send(b"u")
    assert await guest.request(b"qkey") == b"key"


# --- stops and kills


async def test_shutdown_is_called_after_an_orderly_stop(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="airssys_wasm.guest")
    guest = await stage.start(guests.every_function())
    guest.stop()
    assert await guest.wait() == "normal"
    assert "guest: shutdown" in caplog.messages


@pytest.mark.parametrize("end", [lambda ref: ref.kill(), lambda ref: ref.exit("broken")])
async def test_shutdown_is_not_called_after_any_other_end(
    stage: Stage, caplog: pytest.LogCaptureFixture, end: Callable[[ActorRef[Any]], None]
) -> None:
    caplog.set_level("INFO", logger="airssys_wasm.guest")
    guest = await stage.start(guests.every_function())
    end(guest)
    await guest.wait()
    assert "guest: shutdown" not in caplog.messages


async def test_a_guest_that_hangs_in_shutdown_ends_all_the_same(stage: Stage) -> None:
    guest = await stage.start(guests.hangs_at_shutdown(), limits=SMALL)
    guest.stop()
    assert await guest.wait() == "normal"


@pytest.mark.parametrize(
    "end", [lambda ref: ref.kill(), lambda ref: ref.exit("shutdown")], ids=["kill", "exit"]
)
async def test_a_guest_can_be_ended_while_it_waits_for_the_host(
    stage: Stage, end: Callable[[ActorRef[Any]], None]
) -> None:
    guest = await stage.start(guests.sleeps())
    guest.send(b"")
    await stage.until(lambda: stage.kernel.statistics().timers == 1)
    end(guest)
    assert await guest.wait() in ("killed", "shutdown")
    await stage.until(lambda: stage.kernel.statistics().timers == 0)


async def test_a_guest_that_spins_can_be_killed(stage: Stage) -> None:
    guest = await stage.start(guests.spins())
    other = await stage.start(guests.echo(), name="other")
    guest.send(b"")
    await other.request(b"")
    guest.kill()
    assert await guest.wait() == "killed"
    assert await other.request(b"") == b"2:"


@pytest.mark.parametrize("message", [None, b""], ids=["idle", "waiting"])
async def test_the_store_of_a_killed_component_is_closed_at_once(
    stage: Stage, message: bytes | None
) -> None:
    guest = await stage.start(guests.sleeps())
    instance = guest._receive.__self__._instance  # nothing else tells
    if message is not None:
        guest.send(message)
        await stage.until(lambda: stage.kernel.statistics().timers == 1)
    assert instance.is_alive
    guest.kill()
    assert not instance.is_alive
    assert stage.services.directory.ids() == []
    await stage.until(lambda: stage.kernel.statistics().timers == 0)


async def test_a_hundred_guests_wait_for_the_host_while_others_answer(stage: Stage) -> None:
    if stage.services.engine.path == "slow":
        pytest.skip("the slow path has 32 threads and promises no more")
    sleeping = [await stage.start(guests.sleeps(), name=None) for _ in range(100)]
    for guest in sleeping:
        guest.send(b"")
    await stage.until(lambda: stage.kernel.statistics().timers == 100)
    other = await stage.start(guests.echo(), name="other")
    assert await other.request(b"") == b"1:"
    for guest in sleeping:
        guest.kill()
    await stage.until(lambda: stage.kernel.statistics().timers == 0)
