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
            (
                "                ref._queue = None\n"
                "            else:\n"
                "                self.push(ref)\n"
                "                if not self.armed:"
            ),
            (
                "                pass\n"
                "            else:\n"
                "                self.push(ref)\n"
                "                if not self.armed:"
            ),
            why="an actor that has settled looks busy and is never woken",
        ),
    ),
)
