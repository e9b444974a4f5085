"""Faults in links and monitors."""

from __future__ import annotations

from tests.planted.fault import Fault, Table

RELATIONS = "airssys_wasm/kernel/relations.py"

TABLE = Table(
    tests=(
        "tests/kernel",
        "property_tests/test_kernel_storm.py",
    ),
    faults=(
        Fault(
            "links-one-way",
            RELATIONS,
            """
            for one, other in ((ref, target), (target, ref)):
                extension = one._ext()
            """,
            """
            for one, other in ((ref, target),):
                extension = one._ext()
            """,
            why="the end of one side of a link is not told to the other",
            first="tests/kernel/test_links.py",
        ),
    ),
)
