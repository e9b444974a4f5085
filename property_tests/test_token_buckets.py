"""Laws of quotas a second, in pairs: what must never pass, and what must still pass."""

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.components.security.quota import (
    CRITICAL,
    WARNING,
    Gauge,
    RateLimit,
    Throttle,
    TokenBucket,
)

rates = st.integers(1, 50)
# Waits and costs in fractions that floats hold exactly, so that no law needs a tolerance.
waits = st.integers(0, 32).map(lambda sixteenths: sixteenths / 16)
asks = st.lists(st.tuples(waits, st.integers(1, 60)), min_size=1, max_size=60)


@given(rates, asks)
def test_no_window_holds_more_than_its_time_and_a_second_allow(
    rate: int, asked: list[tuple[float, int]]
) -> None:
    bucket, now = TokenBucket(rate), 100.0
    taken: list[tuple[float, int]] = []
    for wait, cost in asked:
        now += wait
        if bucket.take(now, cost):
            taken.append((now, cost))
    for first, (began, _) in enumerate(taken):
        total = 0
        for at, cost in taken[first:]:
            # The excess of a message over a second's worth is paid for afterwards.
            assert total + min(cost, rate) <= rate * (at - began + 1)
            total += cost


@given(rates, asks)
def test_what_is_refused_could_not_have_passed_in_a_steady_flow(
    rate: int, asked: list[tuple[float, int]]
) -> None:
    bucket, now, spent = TokenBucket(rate), 100.0, 0.0
    for wait, cost in asked:
        now += wait
        spent = max(0.0, spent - wait * rate)  # what is not yet filled again
        fits = rate - spent >= min(cost, rate)
        assert bucket.take(now, cost) is fits
        spent += cost if fits else 0


@given(rates, st.integers(1, 10**9))
def test_whatever_its_size_it_passes_in_the_end(rate: int, cost: int) -> None:
    bucket = TokenBucket(rate)
    assert bucket.take(0.0, cost)
    assert not bucket.take(0.0, 1) or cost < rate
    assert bucket.take(cost / rate + 1, cost)


@given(rates, rates, asks)
def test_a_refusal_takes_nothing_of_either_bucket(
    calls: int, size: int, asked: list[tuple[float, int]]
) -> None:
    both = Throttle(RateLimit(calls=calls, bytes=size), "messages")
    one, other, now = TokenBucket(calls), TokenBucket(size), 100.0
    for wait, cost in asked:
        now += wait
        allowed = one.has(now, 1) and other.has(now, cost)
        assert (both.over(now, 1, cost) is None) is allowed
        if allowed:
            assert one.take(now, 1)
            assert other.take(now, cost)


@given(st.lists(st.floats(0, 1.5), max_size=50))
def test_a_level_is_told_when_it_is_reached_and_not_again_before_it_was_left(
    shares: list[float],
) -> None:
    gauge, level = Gauge(), 0
    for share in shares:
        reached = (share >= WARNING) + (share >= CRITICAL)
        told = gauge.risen(share)
        if told is not None:
            assert told == ("warning", "critical")[reached - 1]
            level = reached
        elif reached > level:
            raise AssertionError(f"{share} was not told")
        else:
            level = level if share >= WARNING - 0.1 else 0
            level = min(level, 1) if share < CRITICAL - 0.1 else level
