"""Keys that several nodes want, and what runs while one is had."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.errors import KeyChanged
from airssys_wasm.broker.leases.claim import (
    Free,
    Have,
    Holding,
    Take,
    Wait,
    bytes_of,
    holding_of,
    name_of,
    next_step,
    token_of,
)
from airssys_wasm.broker.leases.singleton_state import Finish, Kill, SingletonState, Start, Stop
from airssys_wasm.broker.store import KeyStore
from airssys_wasm.broker.topic import parse_pattern

NODES: tuple[str, ...] = ("a", "b", "c")


@given(st.text(min_size=1))
def test_any_name_is_one_token_of_a_key_and_comes_back(name: str) -> None:
    name = name.encode("utf-8", "ignore").decode()
    if not name:
        return
    token = token_of(name)
    assert name_of(token) == name
    assert parse_pattern(f"names.{token}") is not None
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=")


class Keys:
    """One key, and nodes that want it: each acts on what it has seen last, perhaps long ago."""

    def __init__(self) -> None:
        self.store = KeyStore()
        self.seen: dict[str, Entry | None] = dict.fromkeys(NODES)
        self.terms = dict.fromkeys(NODES, 1)
        self.wants: dict[str, bool] = dict.fromkeys(NODES, False)
        self.over: set[tuple[str, str, int]] = set()
        self.tokens: list[int] = []

    def holder(self) -> Holding | None:
        holding = holding_of(self.store.get("names.x"))
        return None if holding is None or holding.identity in self.over else holding

    def act(self, node: str) -> Take | Free | Have | Wait:
        want = Holding(node, "life", self.terms[node], 10.0) if self.wants[node] else None
        step = next_step(
            self.seen[node], want, (node, "life"), lambda held: held.identity in self.over
        )
        before = self.holder()
        try:
            match step:
                case Take(holding, None):
                    entry = self.store.create("names.x", bytes_of(holding))
                case Take(holding, int(revision)):
                    entry = self.store.update("names.x", bytes_of(holding), revision)
                case Free(revision):
                    entry = self.store.delete("names.x", revision)
                case _:
                    return step
        except KeyChanged:
            self.seen[node] = self.store.get("names.x")
            return step
        self.seen[node] = entry
        assert before is None or before.node == node, "it was taken from a node that counts"
        if isinstance(step, Take):
            assert not self.tokens or entry.revision > self.tokens[-1]
            self.tokens.append(entry.revision)
        return step


ACTS = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(["want", "release", "look", "act", "lost"])),
    max_size=60,
)


@given(ACTS)
def test_a_key_is_taken_from_nobody_who_counts_and_its_tokens_grow(
    acts: list[tuple[str, str]],
) -> None:
    keys = Keys()
    for node, act in acts:
        match act:
            case "want" | "release":
                keys.wants[node] = act == "want"
            case "look":
                keys.seen[node] = keys.store.get("names.x")
            case "lost":
                keys.over.add((node, "life", keys.terms[node]))
                keys.terms[node] += 1
            case _:
                keys.act(node)
    for node in NODES:
        keys.wants[node] = node == "b"
    for _ in range(3):  # the pair of it: who alone wants it gets it
        for node in NODES:
            keys.act(node)
            keys.seen[node] = keys.store.get("names.x")
    assert isinstance(keys.act("b"), Have)


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.booleans(), st.booleans()),
        st.sampled_from([("up",), ("gone",), ("last",), ("end",)]),
    ),
    max_size=40,
)


@given(EVENTS)
def test_a_singleton_is_there_only_while_it_is_had_and_is_ended_once(
    events: list[tuple[object, ...]],
) -> None:
    state, there, finished = SingletonState(), False, 0
    for event in events:
        match event:
            case ("look", bool(has), bool(safe)):
                actions = state.look(has=has, safe=safe)
                if there and not has:
                    assert Kill() in actions
                if not there and state.phase == "starting":
                    assert has
                    assert safe
            case ("up",):
                state.up()
                actions = []
            case ("gone",):
                actions = state.gone("crash") if there else []
                there = False
            case ("last",):
                actions = state.last_moment()
                assert actions == ([Kill()] if there else [])
            case _:
                actions = state.end("shutdown")
        for action in actions:
            match action:
                case Start():
                    assert not there
                    there = True
                case Stop():
                    assert there
                case Finish():
                    finished += 1
                    assert not there
        assert state.is_there == there
        assert finished <= 1
        assert (state.phase == "over") == (finished == 1)
    if finished == 0 and not there and state.phase == "waiting":
        assert state.look(has=True, safe=True) == [Start()]  # what must still happen
