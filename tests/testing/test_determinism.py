"""The same seed gives the same trace, byte for byte, wherever it runs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor
from airssys_wasm.testing.errors import NotDeterministic
from airssys_wasm.testing.searching import run_seed, search
from airssys_wasm.testing.simulation import Simulation
from airssys_wasm.testing.trace import describe
from tests.testing.scenario import traced

ROOT = Path(__file__).parent.parent.parent


def _digests(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.testing.scenario", "0", "20"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_another_process_with_another_hash_seed_gives_the_same_traces() -> None:
    first = _digests("1")
    assert first.count("\n") == 20
    assert len({line.split()[1] for line in first.splitlines()}) > 15
    assert _digests("2") == first


def test_a_second_run_in_this_process_gives_the_same_trace() -> None:
    for seed in range(10):
        assert traced(seed).trace == traced(seed).trace


def test_a_run_that_fails_in_a_task_group_gives_the_same_trace_again() -> None:
    async def fails(number: int) -> None:
        with anyio.move_on_after(5):
            await anyio.sleep(number / 10)
            if number == 2:
                raise ValueError

    async def test(simulation: Simulation) -> None:
        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(fails, number)

    traces = {run_seed(test, 1, recorded=True).trace for _ in range(20)}
    assert len(traces) == 1


def test_the_state_of_the_global_generator_is_as_it_was_before() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    traced(3)
    assert random.random() == expected


def test_no_trace_holds_an_address() -> None:
    class Message:
        pass

    assert describe(Message()) == "<Message>"
    assert describe({"x": [Message(), lambda: None]}).count("0x") == 0
    assert not any(" at 0x" in str(entry) for seed in range(5) for entry in traced(seed).trace)


def test_a_test_that_is_not_deterministic_is_told_with_the_place_of_the_first_difference() -> None:
    counter = iter(range(1_000_000))

    class Odd(Actor[Any]):
        def receive(self, message: Any) -> None:
            pass

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        kernel.spawn(Odd).send(next(counter))
        await simulation.sleep(1)
        raise AssertionError

    with pytest.raises(NotDeterministic, match="Odd#1") as caught:
        search(test, range(10))
    assert caught.value.actor == "Odd#1"
