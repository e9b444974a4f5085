"""Laws of the routing of pools, in pairs: what must never happen, and what must still happen."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.supervision.routing import Rota, place_of

works = st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=12)
plain_keys = st.none() | st.text() | st.binary() | st.integers() | st.floats(allow_nan=False)
keys = st.recursive(plain_keys, lambda inner: st.tuples(inner, inner), max_leaves=6)
sizes = st.integers(1, 300)


@given(st.lists(works, min_size=1, max_size=20), st.booleans())
def test_a_message_goes_to_a_child_that_takes_it_and_to_nobody_only_if_there_is_none(
    rounds: list[list[int | None]], balanced: bool
) -> None:
    size = len(rounds[0])
    rota = Rota(size)
    for round in rounds:
        work = (round * size)[:size]
        choose = rota.least_loaded if balanced else rota.round_robin
        place = choose(work.__getitem__)
        if place is None:
            assert all(load is None for load in work)
        else:
            assert work[place] is not None


@given(st.integers(1, 12), st.integers(1, 50))
def test_round_robin_gives_no_child_two_more_than_another_and_each_its_turn(
    size: int, messages: int
) -> None:
    rota = Rota(size)
    places = [rota.round_robin(lambda place: 0) for _ in range(messages)]
    counts = [places.count(place) for place in range(size)]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) == messages


@given(works, st.integers(0, 30))
def test_round_robin_comes_to_every_child_that_takes_messages(
    work: list[int | None], before: int
) -> None:
    rota = Rota(len(work))
    for _ in range(before):
        rota.round_robin(lambda place: 0)
    takers = {place for place, load in enumerate(work) if load is not None}
    assert {rota.round_robin(work.__getitem__) for _ in takers} - {None} == takers


@given(works)
def test_nobody_who_takes_messages_has_less_to_do_than_the_one_chosen(
    work: list[int | None],
) -> None:
    place = Rota(len(work)).least_loaded(work.__getitem__)
    loads = [load for load in work if load is not None]
    assert place is None or work[place] == min(loads)


@given(st.integers(1, 12), st.integers(0, 60), st.data())
def test_children_that_keep_what_they_get_end_up_with_equal_loads(
    size: int, messages: int, data: st.DataObject
) -> None:
    load = data.draw(st.lists(st.integers(0, 5), min_size=size, max_size=size))
    rota = Rota(size)
    for _ in range(messages):
        place = rota.least_loaded(load.__getitem__)
        assert place is not None
        load[place] += 1
    if messages >= 5 * size:
        assert max(load) - min(load) <= 1


@given(keys, sizes)
def test_a_key_has_one_place_and_it_is_one_of_the_pool(key: object, size: int) -> None:
    place = place_of(key, size)
    assert 0 <= place < size
    assert place_of(key, size) == place


@given(keys, sizes)
def test_a_key_moves_to_the_new_place_or_not_at_all_when_a_pool_grows_by_one(
    key: object, size: int
) -> None:
    before, after = place_of(key, size), place_of(key, size + 1)
    assert after in (before, size)


@given(st.integers(1, 16))
def test_many_keys_come_to_every_place_and_none_has_much_more_than_its_share(size: int) -> None:
    counts = [0] * size
    for key in range(500 * size):
        counts[place_of(key, size)] += 1
    assert min(counts) > 350
    assert max(counts) < 650


@given(keys, keys)
def test_equal_keys_have_one_place_in_every_pool(one: object, other: object) -> None:
    if one == other:
        for size in (2, 7, 1_000_003):
            assert place_of(one, size) == place_of(other, size)


@given(plain_keys, plain_keys)
def test_different_keys_are_told_apart(one: object, other: object) -> None:
    if one != other:
        assert place_of(one, 2**40) != place_of(other, 2**40)
        assert place_of((one, other), 2**40) != place_of((other, one), 2**40)


def test_the_place_does_not_depend_on_the_salt_of_a_process() -> None:
    code = (
        "from airssys_wasm.supervision.routing import place_of\n"
        "print([place_of(key, 1000) for key in ('a', b'a', 7, 2.5, None, ('a', 7))])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    expected = [place_of(key, 1000) for key in ("a", b"a", 7, 2.5, None, ("a", 7))]
    assert printed == {f"{expected}\n"}
