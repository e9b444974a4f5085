"""A moment of the fuzzer, and that it finds what it is there to find."""

import tracemalloc
from pathlib import Path

import pytest

from airssys_wasm.components.engine.compiler import read_binary
from airssys_wasm.schema import reader
from tests.fuzz_inputs import files
from tests.fuzz_trees import DIED, Tally, child, fuzz


def test_nothing_that_nobody_would_write_makes_check_fail() -> None:
    tally = fuzz(150, 2611)
    assert (tally.failures, tally.done) == ([], 150)
    assert tally.memory < 256 * 2**20


def test_what_is_named_as_a_component_is_read_into_no_more_room_than_it_needs(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.wasm").write_bytes(b"no component")
    tracemalloc.start()
    read_binary(tmp_path / "a.wasm", "a.wasm")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_an_input_is_made_from_its_number_alone() -> None:
    assert files(1, 7) == files(1, 7) != files(1, 8)


def test_what_raises_is_told_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise KeyError("planted")

    monkeypatch.setattr(reader, "convert", broken)
    tally = child(tmp_path, 1, 0, 30)
    assert tally.failures
    assert "planted" in tally.failures[0][1]


def test_a_process_that_dies_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz_trees.MEMORY", 2**20)
    tally: Tally = fuzz(2, 1)
    assert [how.split()[0] for _, how in tally.failures] == [DIED, DIED]
    assert tally.done == 2
