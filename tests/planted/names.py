"""Faults in names."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

REGISTRY = "airssys_wasm/kernel/registry.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
    ),
    faults=(
        Fault(
            "names-stolen",
            REGISTRY,
            "if holder is not None:",
            "if False:",
            why="a second actor takes a name that another has",
            first="tests/kernel/test_names.py",
        ),
    ),
)
