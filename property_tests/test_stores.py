"""Every backend of storage is held against a dictionary, through all that can be asked of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.storage.opening import open_store
from airssys_wasm.components.storage.places import InMemory, InRocks, InSqlite, StoragePlace
from airssys_wasm.components.storage.store import Change, KeyValueStore, QuotaExceeded, Usage
from airssys_wasm.kernel.real_platform import RealPlatform

Step: TypeAlias = tuple[Any, ...]

# Parts and keys that are alike when they are joined, or when bytes are taken for characters.
spaces = st.builds(
    ComponentId,
    st.sampled_from(["", "a"]),
    st.sampled_from(["a", "ab"]),
    st.sampled_from(["", "b"]),
)
keys = st.text("ab/é\U0010ffff", min_size=1, max_size=3)
values = st.binary(max_size=6)
quotas = st.sampled_from([0, 8, 20, 10**9])
steps = st.one_of(
    st.tuples(st.just("write"), spaces, st.lists(st.tuples(keys, st.none() | values)), quotas),
    st.tuples(st.just("set"), spaces, keys, values, quotas),
    st.tuples(st.just("delete"), spaces, keys),
    st.tuples(st.just("keys"), spaces, st.just("") | keys, st.integers(1, 4), st.none() | keys),
    st.tuples(st.just("open again")),
)


PLACES: dict[str, Callable[[Path], StoragePlace]] = {
    "memory": lambda path: InMemory(),
    "sqlite": InSqlite,
    "rocks": InRocks,
}


class Model:
    """What a store is, without a thought about time or disks."""

    def __init__(self) -> None:
        self.spaces: dict[ComponentId, dict[str, bytes]] = {}

    def usage(self, space: ComponentId) -> Usage:
        return _usage(self.spaces.get(space, {}))

    def write(self, space: ComponentId, changes: Sequence[Change], quota: int) -> Usage | None:
        before = self.spaces.get(space, {})
        after = dict(before)
        for key, value in changes:
            if value is None:
                after.pop(key, None)
            else:
                after[key] = value
        if _usage(after).used > max(quota, _usage(before).used):
            return None
        self.spaces[space] = after
        return _usage(after)

    def delete(self, space: ComponentId, key: str) -> bool:
        return self.spaces.get(space, {}).pop(key, None) is not None

    def keys(self, space: ComponentId, prefix: str, limit: int, after: str | None) -> list[str]:
        found = sorted(key for key in self.spaces.get(space, {}) if key.startswith(prefix))
        return [key for key in found if after is None or key > after][:limit]


def _usage(pairs: dict[str, bytes]) -> Usage:
    return Usage(sum(len(key.encode()) + len(value) for key, value in pairs.items()), len(pairs))


async def answer(store: KeyValueStore, step: Step) -> object:
    try:
        return await getattr(store, step[0])(*step[1:])
    except QuotaExceeded:
        return None


def expected(model: Model, step: Step) -> object:
    name, *arguments = step
    if name == "set":
        space, key, value, quota = arguments
        return model.write(space, [(key, value)], quota)
    return getattr(model, name)(*arguments)


async def compare(kind: str, asked: list[Step], folder: Path) -> None:
    place = PLACES[kind](folder / "store")
    offload = RealPlatform().offload
    store, model = open_store(place, offload), Model()
    for step in asked:
        if step[0] != "open again":
            assert await answer(store, step) == expected(model, step), step
        elif kind != "memory":
            await store.close()
            store = open_store(place, offload)
    for space, pairs in model.spaces.items():
        assert await store.usage(space) == model.usage(space)
        assert await store.keys(space, "", 1_000) == sorted(pairs)
        assert {key: await store.get(space, key) for key in pairs} == pairs
        assert [await store.exists(space, key) for key in ("a", "b")] == [
            "a" in pairs,
            "b" in pairs,
        ]
    await store.close()


@pytest.mark.parametrize("kind", PLACES)
@settings(max_examples=25, deadline=None)
@given(asked=st.lists(steps, max_size=30))
def test_a_store_answers_as_a_dictionary_would(kind: str, asked: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(kind, asked, Path(folder)))
