"""Faults in the scheduler."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

SCHEDULER = "airssys_wasm/kernel/scheduler.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
    ),
    faults=(
        Fault(
            "scheduler-never-idle",
            SCHEDULER,
            """
            if not ref._queue and ref._one is NOTHING:
                ref._queue = None
            """,
            """
            if not ref._queue and ref._one is NOTHING:
                pass
            """,
            why="an actor that has settled looks busy and is never woken",
        ),
    ),
)
