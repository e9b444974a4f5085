"""Faults in mailboxes."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

MAILBOX = "airssys_wasm/kernel/mailbox.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
        "property_tests/test_mailbox_policies.py",
        "property_tests/test_priority_mailboxes.py",
    ),
    faults=(
        Fault(
            "mailbox-one-too-many",
            MAILBOX,
            "if load < capacity:",
            "if load <= capacity:",
            why="one message more than the capacity gets in",
            first="tests/kernel/test_mailboxes.py",
        ),
    ),
)
