"""What a fault in timers, idle times or the alarm of a machine would break, seen from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    Idle,
    KeepState,
    Kernel,
    NamedTimeout,
    StateMachine,
    StateTimeout,
    TimedOut,
    TimerRef,
    state,
)
from airssys_wasm.kernel.timers import PIECE, SPENT, TimerWheel
from tests.kernel.cast import Clock, Notes, Parent
from tests.kernel.conftest import Until
from tests.kernel.test_timers import Does, SetClock, Timed

pytestmark = pytest.mark.anyio


@pytest.fixture
async def timed(anyio_backend: object) -> AsyncIterator[Timed]:
    """A kernel and the clock that it goes by."""
    clock = SetClock()
    async with Kernel("timed", platform=clock) as kernel:
        yield kernel, clock
    assert kernel.statistics().timers == 0


def nothing(_: TimerRef) -> None:
    pass


# --- the wheel


def test_a_timer_that_is_wound_up_again_keeps_its_place_among_those_of_its_tick() -> None:
    wheel = TimerWheel()
    again = wheel.add(0.0001, nothing)
    assert wheel.due(0.001) == [again]
    wheel.add_again(again, 2.0015, nothing)
    wheel.add(2.0012, nothing)
    assert wheel.due(2.0011) == []
    assert [timer.due for timer in wheel.due(2.0021)] == [2.0012, 2.0015]


def test_a_tick_of_very_many_timers_is_put_in_order_over_several_turns() -> None:
    wheel = TimerWheel()
    count = 20 * PIECE
    for number in range(count):
        wheel.add(1.0 - number * 1e-9, nothing)
    assert wheel.due(1.0, 500) == []  # the first turn is spent on sorting some of them
    assert wheel.next_due() < 1.0
    turns = []
    while wheel.pending:
        turns.append([timer.due for timer in wheel.due(1.0, 500)])
    assert max(map(len, turns)) <= 500
    assert [due for turn in turns for due in turn] == sorted(1.0 - n * 1e-9 for n in range(count))


def test_a_timer_that_comes_late_to_a_tick_keeps_its_place_in_it() -> None:
    wheel = TimerWheel()
    wheel.add(1.0018, print)
    assert wheel.due(1.0011) == []
    wheel.add(1.0012, print)
    assert [timer.due for timer in wheel.due(1.002)] == [1.0012, 1.0018]


def test_timers_that_were_cancelled_leave_nothing_in_the_wheel() -> None:
    wheel = TimerWheel()
    for second in range(1_000):
        wheel.cancel(wheel.add(float(second), print), 0.0)
    assert len(wheel._ticks) < 100


def test_of_two_timers_for_one_time_the_one_made_first_comes_first() -> None:
    wheel = TimerWheel()
    first, second = wheel.add(1.0, nothing), wheel.add(1.0, nothing)
    assert wheel.due(1.0) == [first, second]


def test_the_next_time_is_the_earliest_after_many_timers_were_cancelled_too() -> None:
    wheel = TimerWheel()
    cancelled = [wheel.add(100.0 + number, nothing) for number in range(SPENT)]
    kept = [wheel.add(due, nothing) for due in (7.0, 9.0, 8.0, 5.0, 6.0)]
    for timer in cancelled:
        wheel.cancel(timer, 0.0)
    assert wheel.next_due() == pytest.approx(5.0)
    assert wheel.due(9.0) == sorted(kept, key=lambda timer: timer.due)


# --- the kernel's one wake-up


async def test_an_interval_that_is_due_before_all_others_does_not_wait_for_them(
    timed: Timed,
) -> None:
    kernel, clock = timed
    actor: Any = kernel.spawn(Does)
    actor.send(lambda context: context.send_after(10.0, context.ref, "late") and None)
    actor.send(lambda context: context.send_every(1.0, context.ref, "tick") and None)
    await clock.advance(2.0)
    assert (await kernel.get_state(actor))["log"] == ["tick", "tick"]


async def test_a_timer_to_what_is_no_address_is_refused_at_the_call(kernel: Kernel) -> None:
    refused = []

    def set_it(context: Any) -> None:
        with pytest.raises(TypeError, match="'ledger' is not an address"):
            context.send_after(1.0, "ledger", "pay")
        refused.append(kernel.statistics().timers)

    actor = kernel.spawn(Does)
    await actor.request(set_it)
    assert refused == [0]


# --- idle times


class Waits(Actor[Any]):
    """Is told after five seconds without a message; a function is called with the context."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def init(self) -> None:
        self.context.set_idle_timeout(5.0)

    async def receive(self, message: Any) -> object:
        if not isinstance(message, str | Idle):
            return await message(self.context)
        self.seen.append(message)
        return None


async def test_a_message_ends_the_idle_time_and_nobody_begins_another(timed: Timed) -> None:
    kernel, clock = timed
    actor = await kernel.start(Waits)
    await clock.advance(3.0)
    actor.send("in time")
    await clock.advance(10.0)
    assert (await kernel.get_state(actor))["seen"] == ["in time"]
    assert kernel.statistics().timers == 0


async def test_who_has_mail_when_the_idle_time_is_up_is_not_idle(timed: Timed) -> None:
    kernel, clock = timed
    actor = await kernel.start(Waits)
    go_on = asyncio.Event()

    async def wait(context: Any) -> None:
        context.set_idle_timeout(1.0)
        await go_on.wait()

    actor.send(wait)
    await clock.advance(0.5)
    actor.send("mail")
    await clock.advance(1.0)
    go_on.set()
    await clock.advance(0.0)
    assert (await kernel.get_state(actor))["seen"] == ["mail"]


async def test_an_idle_time_can_be_taken_back_and_replaced(timed: Timed) -> None:
    kernel, clock = timed
    actor = await kernel.start(Waits)

    async def replace(context: Any) -> None:
        context.set_idle_timeout(1.0)
        context.set_idle_timeout(4.0)

    async def take_back(context: Any) -> None:
        context.set_idle_timeout(1.0)
        context.set_idle_timeout(None)

    actor.send(replace)
    await clock.advance(3.0)
    assert kernel.statistics().timers == 1
    assert (await kernel.get_state(actor))["seen"] == []
    await clock.advance(1.0)
    assert (await kernel.get_state(actor))["seen"] == [Idle()]
    actor.send(take_back)
    await clock.advance(10.0)
    assert (await kernel.get_state(actor))["seen"] == [Idle()]


async def test_an_actor_whose_idle_time_has_passed_is_as_quick_as_before(timed: Timed) -> None:
    kernel, clock = timed
    actor: Any = await kernel.start(Does)
    before = actor._mode
    await actor.request(lambda context: context.set_idle_timeout(1.0))
    assert actor._mode != before  # each message is looked at
    await clock.advance(2.0)
    assert (await kernel.get_state(actor))["log"] == [Idle()]
    assert actor._mode == before


# --- the alarm of a state machine


class Machine(StateMachine[Any]):
    """Sets the timeouts that a message lists; one that comes with a list sets those."""

    initial = "only"

    def __init__(self) -> None:
        self.names: list[object] = []

    @state("only")
    def only(self, event: Any) -> KeepState:
        if isinstance(event, TimedOut):
            self.names.append(event.name)
            event = event.payload or []
        return KeepState(*event)


async def test_a_timeout_that_is_replaced_leaves_no_timer_behind(timed: Timed) -> None:
    kernel, clock = timed
    machine = await kernel.start(Machine)
    for seconds in (20.0, 10.0, 30.0):
        machine.send([StateTimeout(seconds)])
    await clock.advance(0.0)
    assert kernel.statistics().timers == 1


async def test_a_time_too_short_for_the_clock_is_a_time_too(timed: Timed) -> None:
    kernel, clock = timed
    machine: Any = await kernel.start(Machine)
    shorter = NamedTimeout("second", 1e-15, [NamedTimeout("third", 0.0)])
    assert clock.time + 5.0 + shorter.seconds == clock.time + 5.0
    machine.send([NamedTimeout("first", 5.0, [shorter])])
    await clock.advance(6.0)
    assert (await kernel.get_state(machine))[1]["names"] == ["first", "second", "third"]


# --- timers of an actor


async def test_a_timer_that_is_due_before_all_others_brings_the_wake_up_forward(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        kernel.timers.send_after(ref, 3600, ref, "late")
        kernel.timers.send_after(ref, 1, ref, "early")
        clock.move(1_002.0)
        await until(lambda: log)
        assert [message for message, _ in log] == ["early"]


async def test_a_wake_up_for_a_timer_that_was_cancelled_plans_that_for_the_next(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        cancelled = kernel.timers.send_after(ref, 1, ref, "cancelled")
        kernel.timers.send_after(ref, 2, ref, "next")
        kernel.timers.cancel(cancelled)
        clock.move(1_003.0)
        await until(lambda: log)
        assert [message for message, _ in log] == ["next"]


async def test_a_timer_that_repeats_does_not_drift_when_it_fires_late(
    anyio_backend: object, until: Until
) -> None:
    clock, log = Clock(), list[Any]()
    async with Kernel("timed", platform=clock) as kernel:
        ref = await kernel.start(Notes, log)
        kernel.timers.send_every(ref, 0.0105, ref, "again")  # between two ticks of the wheel
        clock.move(1_001.0)
        await until(lambda: len(log) >= 90)
        await until(lambda: ref.mailbox_length == 0)
        assert len(log) == 95


async def test_a_timer_that_has_fired_is_none_of_its_owner_s_timers(
    kernel: Kernel, until: Until
) -> None:
    log: list[Any] = []
    ref = await kernel.start(Notes, log)
    kernel.timers.send_after(ref, 0, ref, "now")
    await until(lambda: log)
    assert kernel.info(ref).timers == 0


async def test_an_idle_timeout_ends_with_its_actor(kernel: Kernel) -> None:
    ref = await kernel.start(Parent, [])
    await ref.request(lambda context: context.set_idle_timeout(3600))
    ref.kill()
    assert kernel.statistics().timers == 0
