"""The state machine of a supervisor against the model, on random trees and scripts.

`supervision_scripts.py` makes the scripts, and runs many more of them from the command line.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.testing.model_supervisor import Design, Tree
from airssys_wasm.testing.model_world import ModelWorld
from property_tests.supervision_scripts import Comparison, Difference, live_through


@pytest.mark.parametrize("block", range(8))
def test_the_machine_does_what_the_model_does_in_the_same_scripts_every_time(block: int) -> None:
    for seed in range(100 * block, 100 * (block + 1)):
        random = Random(seed)
        live_through(random, random.randrange(40))


@given(st.randoms(use_true_random=False), st.integers(0, 30))
def test_the_machine_does_what_the_model_does(random: Random, length: int) -> None:
    live_through(random, length)


# --- the comparison sees what it should


def worlds() -> Comparison:
    tree = Tree("one_for_one", 1, 1000, "never", (Design("a"), Design("b")))
    return Comparison(tree, {})


def test_a_model_that_restarts_too_little_is_seen() -> None:
    comparison = worlds()
    comparison.model.processes["root"].tree = Tree("one_for_one", 0, 1000, "never", ())
    with pytest.raises(Difference, match="log"):
        comparison.take(("die", "root/a", "boom"))


def test_a_model_that_takes_another_order_is_seen() -> None:
    comparison = worlds()
    comparison.model.processes["root"].kids.reverse()
    with pytest.raises(Difference, match="children of root"):
        comparison.compare()


def test_a_model_that_forgets_what_was_spent_is_seen() -> None:
    comparison = worlds()
    comparison.take(("die", "root/a", "boom"))
    comparison.model.processes["root"].spent.clear()
    with pytest.raises(Difference, match="budget of root"):
        comparison.compare()


def test_the_model_gives_up_by_itself() -> None:
    world = ModelWorld()
    world.begin(Tree("one_for_one", 0, 1000, "never", (Design("a"), Design("b"))))
    world.run()
    world.die(world.bodies["root/a"], "boom")
    world.run()
    assert world.end == ("shutdown", ("gave up", "a", "boom", None))
    assert world.log["root"] == [
        "start a", "up a", "start b", "up b", "ended a boom True", "stop b", "stopped b shutdown",
    ]  # fmt: skip
