"""The timer wheel against a sorted list: the same timers, at the same time, in the same order."""

from math import inf
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airssys_wasm.kernel.timers import SPENT, TimerRef, TimerWheel

MOMENTS = st.one_of(
    st.floats(0, 100),
    st.integers(0, 100_000).map(lambda ticks: ticks / 1000),  # just on a tick
    st.sampled_from([0.0, 0.0005, 0.001, 0.29, 0.57, 1.1, 4.35, 1e6]),
)


class Wheel(RuleBasedStateMachine):
    """Adds, cancels and takes due timers, as the clock goes forwards."""

    def __init__(self) -> None:
        super().__init__()
        self.wheel = TimerWheel()
        self.now = 0.0
        self.pending: dict[TimerRef, tuple[float, int]] = {}
        self.added: list[TimerRef] = []

    @rule(delay=MOMENTS)
    def add(self, delay: float) -> None:
        due = self.now + delay
        timer = self.wheel.add(due, lambda _: None)
        self.pending[timer] = (due, len(self.added))
        self.added.append(timer)

    @rule(delay=MOMENTS, number=st.integers(1, 200))
    def add_and_cancel_many(self, delay: float, number: int) -> None:
        for place in range(number):
            due = self.now + delay + place
            assert self.wheel.cancel(self.wheel.add(due, lambda _: None), self.now) is not None

    @precondition(lambda self: self.added)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(self.added))
        left = self.wheel.cancel(timer, self.now)
        if timer in self.pending:
            due, _ = self.pending.pop(timer)
            assert left == max(0.0, due - self.now)
        else:
            assert left is None

    @rule(delay=MOMENTS, number=st.integers(1, 2_000), seed=st.randoms(use_true_random=False))
    def add_many_to_one_tick(self, delay: float, number: int, seed: Random) -> None:
        moments = [self.now + delay + seed.random() / 1_000 for _ in range(number)]
        if number % 2:
            moments.sort()
        for due in moments:
            timer = self.wheel.add(due, lambda _: None)
            self.pending[timer] = (due, len(self.added))
            self.added.append(timer)

    @rule(step=MOMENTS, most=st.sampled_from([1, 7, 100, 1_000, inf]))
    def advance(self, step: float, most: float) -> None:
        self.now += step
        fired = self.wheel.due(self.now, most)
        while self.wheel.next_due() <= self.now:
            assert self.wheel.pending == len(self.pending) - len(fired)
            fired += (more := self.wheel.due(self.now, most))
            assert len(more) <= most
        for timer in fired:
            timer.callback = None  # as the kernel does before it calls
        expected = [timer for timer, (due, _) in self.pending.items() if due <= self.now]
        for timer in fired:
            assert timer.due <= self.now, "early"
            assert timer in expected, "not pending"
        assert fired == sorted(fired, key=self.pending.__getitem__)
        # A tick is taken when it is complete: what is due may wait for the rest of its millisecond.
        for timer in set(expected) - set(fired):
            assert self.pending[timer][0] > self.now - 0.001001, "late by more than a tick"
        for timer in fired:
            del self.pending[timer]

    @invariant()
    def knows_what_is_pending(self) -> None:
        assert self.wheel.pending == len(self.pending)

    @invariant()
    def wakes_up_in_time(self) -> None:
        earliest = min((due for due, _ in self.pending.values()), default=float("inf"))
        assert self.wheel.next_due() <= earliest + 0.001001

    @invariant()
    def cancelled_timers_leave_nothing_behind(self) -> None:
        assert len(self.wheel._ticks) == len(self.wheel._order)
        empty = sum(not slot for slot in self.wheel._ticks.values())
        assert empty <= max(SPENT, len(self.wheel._ticks) / 2)


TestWheel = Wheel.TestCase
