"""The tables of planted faults fit the code as it is."""

import ast
from collections import Counter

import pytest

from tests.planted.fault import Fault
from tests.planted.runner import PROJECT
from tests.planted.tables import TABLES, chosen
from tests.planted.verdict import verdict

ALL = [fault for _, fault in chosen([])]


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_a_planted_fault_fits_its_file_once_and_leaves_python(fault: Fault) -> None:
    source = (PROJECT / fault.file).read_text()
    planted = fault.planted(source)
    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(source))


def test_each_fault_has_a_name_of_its_own_and_says_why_it_is_one() -> None:
    counts = Counter(fault.name for fault in ALL)
    assert [name for name, count in counts.items() if count > 1] == []
    assert [fault.name for fault in ALL if not fault.why] == []


def test_the_tests_that_have_to_notice_exist() -> None:
    tests = {test for table in TABLES.values() for test in table.tests}
    tests |= {fault.first for fault in ALL if fault.first}
    assert [test for test in sorted(tests) if not (PROJECT / test.split("::")[0]).exists()] == []


def test_only_a_failed_test_or_its_own_time_out_counts_as_caught() -> None:
    running = "tests/test_a.py::test_b[x y] "
    assert verdict(1, f"{running}FAILED [  1%]\nFAILED tests/test_a.py::test_b[x y]").by == (
        "tests/test_a.py::test_b[x y]"
    )
    assert verdict(1, f"{running}\nTimeout (0:00:20)!\nThread 0x1").kind == "hung"
    assert verdict(None, running).kind == "unconfirmed"
    assert verdict(2, "ERROR tests/test_a.py - SyntaxError").kind == "unconfirmed"
    assert verdict(-9, running).kind == "unconfirmed"
    assert verdict(1, "FAILED tests/test_a.py::test_b", "it can't").is_good is False
