"""Faults in timers."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

TIMERS = "airssys_wasm/kernel/timers.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
        "property_tests/test_timers_wheel.py",
    ),
    faults=(
        Fault(
            "timers-early",
            TIMERS,
            "if timer.due > now:",
            "if timer.due > now + TICK:",
            why="a timer fires up to a tick early",
            first="tests/kernel/test_timers.py",
        ),
    ),
)
