"""What a component may use: what is allowed, what is refused, and what it then ends with."""

import pytest

from airssys_wasm.components.engine.limits import (
    MIB,
    CallTime,
    Limits,
    MemoryAccount,
    end_of,
    fuel_for_call,
    host_call_limit,
    payload_limit,
)
from airssys_wasm.components.engine.traps import Limit, Trap

STACK = 512 * 1024


def test_the_defaults_are_those_of_the_manual() -> None:
    limits = Limits()
    assert (limits.memory, limits.payload) == (64 * MIB, MIB)
    assert (limits.fuel, limits.call_total) == (None, None)
    assert (limits.call, limits.host_call) == (5.0, 30.0)


@pytest.mark.parametrize("field", ["memory", "fuel", "call", "call_total", "host_call", "payload"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_allows_nothing_is_refused(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        Limits(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("memory", 1.5),
        ("memory", True),
        ("payload", "1MiB"),
        ("fuel", 1e6),
        ("call", "5s"),
        ("call", False),
        ("host_call", None),
        ("memory", None),
    ],
)
def test_a_limit_of_another_type_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(TypeError, match=field):
        Limits(**{field: value})  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_a_duration_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="call"):
        Limits(call=value)


def test_more_fuel_than_the_engine_counts_is_refused() -> None:
    with pytest.raises(ValueError, match="fuel"):
        Limits(fuel=1 << 63)


def test_a_payload_of_exactly_the_limit_passes() -> None:
    assert payload_limit(Limits(payload=10), 10) is None
    assert payload_limit(Limits(payload=10), 11) == Limit("payload", 10, 11)


def test_a_host_call_of_exactly_the_limit_passes() -> None:
    assert host_call_limit(Limits(host_call=2.0), 2.0) is None
    assert host_call_limit(Limits(host_call=2.0), 2.5) == Limit("host_call", 2.0, 2.5)


def test_without_a_budget_the_store_gets_more_fuel_than_can_be_burnt() -> None:
    assert fuel_for_call(Limits(fuel=7)) == 7
    assert fuel_for_call(Limits()) > 10**18


def test_waiting_for_the_host_is_not_time_of_the_guest() -> None:
    time = CallTime(Limits(call=1.0), 0.0)
    time.enter(0.0)
    time.leave(0.5)
    time.enter(100.5)
    assert time.passed(101.0) is None
    assert time.guest(101.0) == 1.0
    assert time.total(101.0) == 101.0


def test_the_guest_time_of_all_polls_is_added_up() -> None:
    time = CallTime(Limits(call=1.0), 0.0)
    for start in (0.0, 10.0, 20.0):
        time.enter(start)
        time.leave(start + 0.5)
    assert time.passed(30.0) == Limit("call", 1.0, 1.5)


def test_call_total_counts_the_waits_too() -> None:
    time = CallTime(Limits(call_total=10.0), 0.0)
    time.enter(0.0)
    time.leave(0.5)
    assert time.passed(10.0) is None
    assert time.passed(10.5) == Limit("call_total", 10.0, 10.5)


def test_what_is_left_of_call_total_bounds_the_next_wait() -> None:
    assert CallTime(Limits(call_total=10.0), 100.0).wait_left(104.0) == 6.0
    assert CallTime(Limits(call_total=10.0), 100.0).wait_left(200.0) == 0.0
    assert CallTime(Limits(), 100.0).wait_left(104.0) is None


def test_leaving_twice_counts_once() -> None:
    time = CallTime(Limits(), 0.0)
    time.enter(0.0)
    time.leave(1.0)
    time.leave(2.0)
    assert time.guest(3.0) == 1.0


def test_all_memories_count_together() -> None:
    memory = MemoryAccount(Limits(memory=100))
    assert memory.grow(60)
    assert not memory.grow(60)
    assert memory.grow(40)
    assert (memory.used, memory.refused) == (100, 120)


def test_the_peak_outlives_a_memory_that_is_gone() -> None:
    memory = MemoryAccount(Limits(memory=100))
    memory.grow(89)
    assert not memory.nearly_full
    memory.release(89)
    memory.grow(90)
    memory.release(90)
    assert (memory.used, memory.peak, memory.nearly_full) == (0, 90, True)


def test_a_trap_of_its_own_stays_a_trap() -> None:
    trap = Trap("division by zero", "integer divide by zero")
    limits = Limits()
    assert end_of(trap, limits, MemoryAccount(limits), STACK) is trap


def test_a_trap_after_a_refused_growth_is_the_memory_limit() -> None:
    limits = Limits(memory=100)
    memory = MemoryAccount(limits)
    memory.grow(200)
    reason = end_of(Trap("unreachable", "…"), limits, memory, STACK)
    assert reason == Limit("memory", 100, 200, "unreachable")


def test_running_out_of_the_budget_is_the_fuel_limit() -> None:
    limits = Limits(fuel=1000)
    reason = end_of(Trap("out of fuel", "…", (), 1000), limits, MemoryAccount(limits), STACK)
    assert reason == Limit("fuel", 1000, 1000, "out of fuel")


def test_a_stack_that_overflows_is_the_limit_of_the_stack() -> None:
    limits = Limits()
    reason = end_of(Trap("stack overflow", "…"), limits, MemoryAccount(limits), STACK)
    assert reason == Limit("stack", STACK, None, "stack overflow")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("instance count too high at 4", Limit("instances", 3, 4)),
        ("table count too high at 6", Limit("tables", 5, 6)),
        ("memory count too high at 10020", Limit("memories", 10_000, 10_020)),
    ],
)
def test_too_many_of_a_kind_is_a_limit(said: str, expected: Limit) -> None:
    limits = Limits(instances=3, tables=5)
    trap = Trap("other", f"resource limit exceeded: {said}")
    assert end_of(trap, limits, MemoryAccount(limits), STACK) == expected
