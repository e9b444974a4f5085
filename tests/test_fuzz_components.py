"""A moment of the fuzzer of components, and that it finds what it is there to find."""

import os
import random
import re
from pathlib import Path

import pytest

from airssys_wasm.components.engine.engine import Engine
from tests.component_inputs import CORPUS, Input, corpus, made
from tests.fuzz_components import DIED, child, fuzz


def test_nothing_that_nobody_would_build_harms_the_process() -> None:
    tally = fuzz(400, 2611)
    assert (tally.failures, tally.done) == ([], 400)
    assert tally.ran > 40
    assert len(tally.outcomes) > 20


def test_an_input_is_made_from_its_number_alone() -> None:
    assert [made(1, n).binary for n in range(30)] == [made(1, n).binary for n in range(30)]
    assert made(1, 7).binary != made(1, 8).binary
    # Some of these begin with what is damaged already: no sections, or no end.
    assert len({made(3003, n).kind for n in range(900)}) == 14
    assert len(corpus()) >= 12


def test_what_was_found_before_harms_the_process_on_neither_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = [file.read_bytes() for file in sorted(CORPUS.glob("*.wasm"))]

    def one_of_them(_: int, number: int) -> Input:
        return Input("kept", kept[number // 2], random.Random(number))

    monkeypatch.setattr("tests.fuzz_components.made", one_of_them)
    tally = child(tmp_path, 1, 0, 2 * len(kept))  # even numbers on the one, odd ones on the other
    assert (tally.failures, tally.done) == ([], 2 * len(kept))
    assert tally.done > 60


def test_what_raises_is_told_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, trusted: bool) -> object:
        raise KeyError("planted")

    monkeypatch.setattr(Engine, "load", broken)
    tally = child(tmp_path, 1, 0, 3)
    assert [number for number, _ in tally.failures] == [0, 1, 2]
    assert "planted" in tally.failures[0][1]


def test_a_process_that_dies_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz_components.DATA", 2**20)
    tally = fuzz(2, 1)
    assert [how.split()[0] for _, how in tally.failures] == [DIED, DIED]
    assert tally.done == 2


def test_a_file_that_stays_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz_components.WARM", 2)
    opened: list[int] = []
    load = Engine.load

    async def leaky(self: Engine, source: Path | bytes, *, trusted: bool = False) -> object:
        opened.append(os.open("/dev/null", os.O_RDONLY))
        return await load(self, source, trusted=trusted)

    monkeypatch.setattr(Engine, "load", leaky)
    tally = child(tmp_path, 1, 0, 12)
    for fd in opened:
        os.close(fd)
    [(_, how)] = tally.failures
    assert re.match(r"leaked: \d+ files", how)
