"""The wheel of timers by itself: ticks, their order, and what cancelled timers leave behind."""

import random
from math import ceil

import pytest

from airssys_wasm.kernel.timers import PIECE, TICK, TimerRef, TimerWheel


def nothing(_: TimerRef) -> None:
    """A callback."""


def test_a_tick_comes_out_when_its_time_has_come_and_not_a_tick_later() -> None:
    wheel = TimerWheel()
    wheel.add(0.0105, nothing)
    assert wheel.due(0.0104) == []
    assert [timer.due for timer in wheel.due(0.011)] == [0.0105]


def test_a_timer_that_is_added_to_the_tick_of_another_comes_out_before_it() -> None:
    wheel = TimerWheel()
    wheel.add(0.0109, nothing)
    assert wheel.due(0.0101) == []
    wheel.add(0.0102, nothing)
    assert [timer.due for timer in wheel.due(0.011)] == [0.0102, 0.0109]


def test_a_timer_is_not_early_where_its_tick_is_rounded_down() -> None:
    due = 1.0270000000000001
    assert ceil(due / TICK) * TICK < due
    wheel = TimerWheel()
    wheel.add(due, nothing)
    assert wheel.due(ceil(due / TICK) * TICK) == []
    assert wheel.next_due() == due
    assert [timer.due for timer in wheel.due(due)] == [due]


@pytest.mark.parametrize("order", ["as added", "backwards", "mixed"])
def test_a_tick_of_many_timers_comes_out_in_the_order_of_their_deadlines(order: str) -> None:
    deadlines = [1.0001 + number * 1e-7 for number in range(5 * PIECE + 7)]
    adding = list(deadlines)
    if order == "backwards":
        adding.reverse()
    elif order == "mixed":
        random.Random(1).shuffle(adding)
    wheel = TimerWheel()
    for due in adding:
        wheel.add(due, nothing)
    taken: list[float] = []
    for _ in range(100):
        taken += [timer.due for timer in wheel.due(1.002, most=100)]
    assert taken == deadlines


def test_a_cancelled_timer_leaves_nothing_behind_and_nothing_below_zero() -> None:
    wheel = TimerWheel()
    timers = [wheel.add(1.0 + number / 10, nothing) for number in range(1_000)]
    assert [wheel.cancel(timer, 5.0) for timer in timers[:40]] == [0.0] * 40
    for timer in timers[40:]:
        wheel.cancel(timer, 0.0)
    assert wheel.pending == 0
    assert sum(map(len, wheel._ticks.values())) == 0
    assert len(wheel._ticks) < 100  # they are swept
