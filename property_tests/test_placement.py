"""Where subtrees are placed: never twice, never where they must not be, always where they can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.application.placement import Host, Subtree, placement

LABELS = st.dictionaries(st.sampled_from(["disk", "zone"]), st.sampled_from(["a", "b"]), max_size=2)
SUBTREES = st.lists(
    st.builds(Subtree, st.sampled_from("pqrstuvw"), LABELS, st.integers(1, 3)),
    max_size=6,
    unique_by=lambda subtree: subtree.id,
)
NODES = "abcde"


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Subtree], list[Host], dict[str, str]]:
    subtrees = draw(SUBTREES)
    places = [place for subtree in subtrees for place in subtree.places()]
    names = draw(st.lists(st.sampled_from(NODES), unique=True))
    hosts = [
        Host(
            name,
            draw(LABELS),
            draw(st.booleans()),
            draw(st.frozensets(st.sampled_from(places or ["x"]), max_size=2)),
        )
        for name in names
    ]
    now = draw(st.dictionaries(st.sampled_from([*places, "gone"]), st.sampled_from(NODES)))
    return subtrees, hosts, now


def parts(subtrees: Sequence[Subtree]) -> list[tuple[Subtree, str]]:
    return [(subtree, place) for subtree in subtrees for place in subtree.places()]


@given(worlds())
def test_nothing_is_placed_where_it_must_not_be(
    world: tuple[list[Subtree], list[Host], dict[str, str]],
) -> None:
    subtrees, hosts, now = world
    table = placement(subtrees, hosts, now)
    known = {host.name: host for host in hosts}
    assert set(table) <= {place for _, place in parts(subtrees)}
    for subtree, place in parts(subtrees):
        if place not in table:
            continue
        host = known[table[place]]
        assert host.suits(subtree)
        assert not host.draining or now.get(place) == host.name
    for subtree in subtrees:
        where = [table[place] for place in subtree.places() if place in table]
        assert len(where) == len(set(where))


@given(worlds())
def test_all_that_can_be_placed_is(
    world: tuple[list[Subtree], list[Host], dict[str, str]],
) -> None:
    subtrees, hosts, now = world
    table = placement(subtrees, hosts, now)
    for subtree in subtrees:
        able = {host.name for host in hosts if host.suits(subtree) and not host.draining}
        placed = {table[place] for place in subtree.places() if place in table}
        assert len(placed) >= min(subtree.copies, len(able))
        missing = subtree.copies - len(placed)
        assert not missing or able <= placed


@given(worlds())
def test_a_drained_node_keeps_only_what_no_other_can_take(
    world: tuple[list[Subtree], list[Host], dict[str, str]],
) -> None:
    subtrees, hosts, now = world
    table = placement(subtrees, hosts, now)
    known = {host.name: host for host in hosts}
    for subtree, place in parts(subtrees):
        if place in table and known[table[place]].draining:
            others = {table[other] for other in subtree.places() if other in table}
            assert not [
                host
                for host in hosts
                if host.suits(subtree)
                and not host.draining
                and host.name not in others
                and place not in host.failed
            ]


@given(worlds())
def test_what_can_stay_stays(world: tuple[list[Subtree], list[Host], dict[str, str]]) -> None:
    subtrees, hosts, now = world
    table = placement(subtrees, hosts, now)
    known = {host.name: host for host in hosts}
    for subtree in subtrees:
        taken: set[str] = set()
        for place in subtree.places():
            host = known.get(now.get(place, ""))
            if host is None or not host.suits(subtree) or host.name in taken:
                continue
            taken.add(host.name)
            if not host.draining and place not in host.failed:
                assert table[place] == host.name


@given(worlds())
def test_what_was_decided_is_decided_again(
    world: tuple[list[Subtree], list[Host], dict[str, str]],
) -> None:
    subtrees, hosts, now = world
    healthy = [Host(host.name, host.labels, host.draining) for host in hosts]
    table = placement(subtrees, healthy, now)
    assert placement(subtrees, list(reversed(healthy)), table) == table


@given(SUBTREES, st.lists(st.sampled_from(NODES), unique=True, min_size=1))
def test_a_new_cluster_is_loaded_evenly(subtrees: list[Subtree], names: list[str]) -> None:
    plain = [Subtree(subtree.id) for subtree in subtrees]
    table: Mapping[str, str] = placement(plain, map(Host, names), {})
    loads = [list(table.values()).count(name) for name in names]
    assert max(loads) - min(loads) <= 1


@given(worlds(), st.sampled_from(NODES))
def test_who_comes_back_takes_nothing_from_others(
    world: tuple[list[Subtree], list[Host], dict[str, str]], back: str
) -> None:
    subtrees, hosts, now = world
    healthy = [Host(h.name, h.labels) for h in hosts if h.name != back]
    table = placement(subtrees, healthy, now)
    after = placement(subtrees, [*healthy, Host(back, {"disk": "a", "zone": "a"})], table)
    assert table.items() <= after.items()
