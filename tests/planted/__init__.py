"""Faults planted on purpose: each has to make a test fail, or a test is missing.

    python -m tests.planted                       every fault of every table
    python -m tests.planted links names-stolen    those of a table, and one by its name
    python -m tests.planted 'timers-*'            by a pattern
    python -m tests.planted --list                what there is, and why each is a fault

A table is a module beside this one, listed in `tables.py`: it says which tests have to notice, and
each `Fault` is a replacement of a piece of text that occurs exactly once in its file:

    TABLE = Table(
        tests=("tests/kernel", "property_tests/test_kernel_storm.py"),
        faults=(
            Fault(
                "links-one-way",
                "airssys_wasm/kernel/lifecycle.py",
                "other._links[ref] = None",
                "pass",
                why="the death of one side of a link is not told to the other",
            ),
        ),
    )

`first="tests/kernel/test_links.py"` names tests that are run before the table's, to be quick;
`equivalent="…"` says why no test can notice, and then it is a mistake when one does.

The runner copies the project to a temporary directory, makes sure that the tests pass there, plants
one fault after the other and runs the tests until one fails. For each fault it says one of

    caught        by the test that failed
    hung          the test that was named hung until its own time-out: caught, too
    survived      all tests passed: one is missing (or the fault is equivalent; then say why)
    equivalent    all tests passed, as they should
    unconfirmed   neither a failure nor a time-out of one test within the time for all: not caught

and ends with 1 unless all were caught or equivalent. `test_tables.py` runs with all tests, and sees
to it that each fault still fits its file.
"""
