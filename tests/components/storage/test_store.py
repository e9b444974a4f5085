"""What every backend of storage does. Backends to come are added to `STORES`."""

from collections.abc import Callable

import pytest

from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.components.security.capability import StorageGrant
from airssys_wasm.components.storage.memory_store import MemoryStore
from airssys_wasm.components.storage.namespaces import NamespaceConflict, Namespaces
from airssys_wasm.components.storage.store import KeyValueStore, QuotaExceeded, Usage, key_problem

pytestmark = pytest.mark.anyio

STORES: list[Callable[[], KeyValueStore]] = [MemoryStore]
A = parse_id("a")
B = parse_id("b")


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> KeyValueStore:
    made: KeyValueStore = request.param()
    return made


async def test_what_was_set_is_what_is_got(store: KeyValueStore) -> None:
    await store.set(A, "k", b"one", 100)
    await store.set(A, "k", b"two", 100)
    assert await store.get(A, "k") == b"two"
    assert await store.exists(A, "k")


async def test_a_key_that_was_never_set_or_was_deleted_is_not_there(store: KeyValueStore) -> None:
    await store.set(A, "k", b"one", 100)
    assert await store.delete(A, "k")
    assert not await store.delete(A, "k")
    assert await store.get(A, "k") is None
    assert not await store.exists(A, "k")
    assert not await store.exists(B, "k")
    assert await store.usage(A) == await store.usage(B) == Usage(0, 0)


async def test_a_namespace_sees_nothing_of_another(store: KeyValueStore) -> None:
    joined = [ComponentId("a", "b", ""), ComponentId("", "a", "b"), ComponentId("", "a", "")]
    for number, namespace in enumerate(joined):
        await store.set(namespace, "k", b"%d" % number, 100)
    assert [await store.get(namespace, "k") for namespace in joined] == [b"0", b"1", b"2"]


async def test_keys_come_in_order_and_within_their_prefix(store: KeyValueStore) -> None:
    for key in ("b", "a:2", "a:10", "a", "é", "a\U0010ffff", "z"):
        await store.set(A, key, b"", 1_000)
    assert await store.keys(A, "", 100) == ["a", "a:10", "a:2", "a\U0010ffff", "b", "z", "é"]
    assert await store.keys(A, "a:", 100) == ["a:10", "a:2"]
    assert await store.keys(A, "", 2) == ["a", "a:10"]
    assert await store.keys(B, "", 100) == []


async def test_the_quota_counts_keys_and_values_and_a_refused_value_changes_nothing(
    store: KeyValueStore,
) -> None:
    await store.set(A, "key", b"1234567", 10)
    with pytest.raises(QuotaExceeded):
        await store.set(A, "key", b"12345678", 10)
    with pytest.raises(QuotaExceeded):
        await store.set(A, "k", b"", 10)
    assert await store.get(A, "key") == b"1234567"
    assert await store.usage(A) == Usage(10, 1)
    await store.set(A, "key", b"", 10)
    assert await store.usage(A) == Usage(3, 1)


async def test_a_key_counts_in_bytes(store: KeyValueStore) -> None:
    await store.set(A, "éé", b"1", 5)
    assert await store.usage(A) == Usage(5, 1)


@pytest.mark.parametrize("key", ["", "a\x00", "\n", "\x7f", "\x85", "a" * 257, "é" * 129])
def test_empty_long_and_unprintable_keys_are_refused(key: str) -> None:
    assert key_problem(key) is not None


@pytest.mark.parametrize("key", ["a", " ", "a/b:c", "a" * 256, "é" * 128, "\U0001f600"])
def test_all_other_keys_are_taken(key: str) -> None:
    assert key_problem(key) is None


def test_a_namespace_is_the_id_of_its_component_unless_named() -> None:
    namespaces = Namespaces()
    assert namespaces.claim(A, StorageGrant()) == A
    assert namespaces.claim(A, StorageGrant(namespace="shop/data/")) == ("shop", "data", "")


def test_a_restart_finds_its_namespace_and_a_stranger_does_not_get_it() -> None:
    namespaces = Namespaces()
    namespaces.claim(A, StorageGrant())
    assert namespaces.claim(A, StorageGrant()) == A
    with pytest.raises(NamespaceConflict, match="it belongs to a"):
        namespaces.claim(B, StorageGrant(namespace="a"))


def test_two_quotas_for_one_namespace_are_an_error() -> None:
    namespaces = Namespaces()
    namespaces.claim(A, StorageGrant(quota=10))
    with pytest.raises(NamespaceConflict, match="its quota is 10 and 20 bytes"):
        namespaces.claim(A, StorageGrant(quota=20))


def test_a_component_without_a_name_has_to_be_given_a_namespace() -> None:
    with pytest.raises(NamespaceConflict, match="without a name"):
        Namespaces().claim(ComponentId("", "", ""), StorageGrant())
