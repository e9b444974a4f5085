"""What every backend of storage does. Backends to come are added to `STORES`."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest
from rocksdict import Rdict
from sqlite_utils import Database

from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.components.security.capability import StorageGrant
from airssys_wasm.components.storage.disk_store import DiskStore
from airssys_wasm.components.storage.memory_store import MemoryStore
from airssys_wasm.components.storage.namespaces import NamespaceConflict, Namespaces
from airssys_wasm.components.storage.opening import open_store
from airssys_wasm.components.storage.places import InRocks
from airssys_wasm.components.storage.rocks_store import RocksDirectory
from airssys_wasm.components.storage.sqlite_store import SqliteFile
from airssys_wasm.components.storage.store import (
    KeyValueStore,
    QuotaExceeded,
    StoreUnavailable,
    Usage,
    key_problem,
)
from airssys_wasm.kernel.real_platform import RealPlatform

pytestmark = pytest.mark.anyio

A = parse_id("a")
B = parse_id("b")


Make: TypeAlias = Callable[[Path], DiskStore]


def sqlite(path: Path) -> DiskStore:
    return DiskStore(SqliteFile(path), RealPlatform().offload)


def rocks(path: Path) -> DiskStore:
    return DiskStore(RocksDirectory(path), RealPlatform().offload)


@pytest.fixture(params=[sqlite, rocks])
def on_disk(request: pytest.FixtureRequest) -> Make:
    """Makes a store of one backend that keeps its pairs on disk."""
    make: Make = request.param
    return make


@pytest.fixture(
    params=[lambda path: MemoryStore(), sqlite, rocks], ids=["memory", "sqlite", "rocks"]
)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyValueStore]:
    made: KeyValueStore = request.param(tmp_path / "pairs.db")
    yield made
    await made.close()


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


async def test_a_listing_goes_on_behind_the_key_where_the_last_one_ended(
    store: KeyValueStore,
) -> None:
    everything = [f"a{number:02}" for number in range(10)]
    for key in (*everything, "b"):
        await store.set(A, key, b"", 1_000)
    found: list[str] = []
    while page := await store.keys(A, "a", 3, after=found[-1] if found else None):
        found += page
    assert found == everything
    assert await store.keys(A, "b", 3, after="a05") == ["b"]
    assert await store.keys(A, "a", 3, after="b") == []


async def test_changes_are_made_together_or_not_at_all(store: KeyValueStore) -> None:
    await store.write(A, [("a", b"1"), ("b", b"2"), ("a", b"3")], 4)
    assert [await store.get(A, key) for key in "ab"] == [b"3", b"2"]
    with pytest.raises(QuotaExceeded):
        await store.write(A, [("a", None), ("c", b"4"), ("d", b"5")], 4)
    assert await store.keys(A, "", 10) == ["a", "b"]
    await store.write(A, [("a", None), ("c", b"4"), ("nobody", None)], 4)
    assert await store.keys(A, "", 10) == ["b", "c"]
    assert await store.usage(A) == Usage(4, 2)


async def test_who_writes_is_told_what_the_namespace_then_holds(store: KeyValueStore) -> None:
    assert await store.set(A, "k", b"123", 100) == Usage(4, 1)
    assert await store.write(A, [("k", None), ("l", b""), ("m", b"1")], 100) == Usage(3, 2)


async def test_what_shrinks_is_taken_though_the_quota_has_become_smaller(
    store: KeyValueStore,
) -> None:
    await store.set(A, "k", b"123456", 7)
    await store.set(A, "k", b"1234", 3)
    assert await store.usage(A) == Usage(5, 1)


async def test_many_at_once_lose_nothing_and_hold_the_quota(store: KeyValueStore) -> None:
    taken: list[int] = []

    async def write(number: int) -> None:
        try:
            await store.set(A, f"{number:03}", b"1234567", 1_000)
        except QuotaExceeded:
            return
        taken.append(number)

    async with anyio.create_task_group() as group:
        for number in range(300):
            group.start_soon(write, number)
    assert len(taken) == 100
    assert await store.keys(A, "", 1_000) == sorted(f"{number:03}" for number in taken)
    assert await store.usage(A) == Usage(1_000, 100)


async def test_who_gives_up_waiting_harms_nobody_else(store: KeyValueStore) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(store.set, A, "a", b"1", 100)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.set(A, "b", b"2", 100)
        group.start_soon(store.set, A, "c", b"3", 100)
    found = await store.keys(A, "", 10)
    assert {"a", "c"} <= set(found)


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
    with pytest.raises(NamespaceConflict, match=r"a uses it; to share it, both need .*shared"):
        namespaces.claim(B, StorageGrant(namespace="a"))


@pytest.mark.parametrize("shared", [(True, False), (False, True)])
def test_one_who_shares_is_not_enough(shared: tuple[bool, bool]) -> None:
    namespaces = Namespaces()
    namespaces.claim(A, StorageGrant(shared=shared[0]))
    with pytest.raises(NamespaceConflict, match="both need"):
        namespaces.claim(B, StorageGrant(namespace="a", shared=shared[1]))


def test_those_who_share_have_one_namespace_and_one_quota() -> None:
    namespaces = Namespaces()
    namespaces.claim(A, StorageGrant(quota=10, shared=True))
    assert namespaces.claim(B, StorageGrant(quota=10, namespace="a", shared=True)) == A
    with pytest.raises(NamespaceConflict, match="its quota is 10 and 20 bytes"):
        namespaces.claim(B, StorageGrant(quota=20, namespace="a", shared=True))


def test_who_is_alone_may_come_back_with_another_quota() -> None:
    namespaces = Namespaces()
    namespaces.claim(A, StorageGrant(quota=10))
    assert namespaces.claim(A, StorageGrant(quota=20)) == A


def test_a_component_without_a_name_has_to_be_given_a_namespace() -> None:
    with pytest.raises(NamespaceConflict, match="without a name"):
        Namespaces().claim(ComponentId("", "", ""), StorageGrant())


# --- on disk


async def test_what_was_written_is_there_at_the_next_start(tmp_path: Path, on_disk: Make) -> None:
    path = tmp_path / "pairs.db"
    first = on_disk(path)
    await first.set(A, "k", b"\x00\xff", 100)
    await first.close()
    again = on_disk(path)
    assert await again.get(A, "k") == b"\x00\xff"
    assert await again.usage(A) == Usage(3, 1)
    await again.close()


async def test_two_stores_of_one_file_hold_one_quota(tmp_path: Path) -> None:
    stores = [sqlite(tmp_path / "pairs.db") for _ in range(2)]
    taken: list[str] = []

    async def write(number: int) -> None:
        try:
            await stores[number % 2].set(A, f"{number:02}", b"12345678", 100)
        except QuotaExceeded:
            return
        taken.append(f"{number:02}")

    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(write, number)
    assert len(taken) == 10
    assert await stores[0].keys(A, "", 100) == await stores[1].keys(A, "", 100) == sorted(taken)
    for one in stores:
        await one.close()


async def test_many_stores_may_begin_with_one_new_file_at_once(tmp_path: Path) -> None:
    for number in range(20):
        path = tmp_path / f"{number}.db"
        stores = [sqlite(path) for _ in range(4)]
        async with anyio.create_task_group() as group:
            for one in stores:
                group.start_soon(one.set, A, "k", b"", 100)
        for one in stores:
            await one.close()


async def test_a_second_store_of_a_file_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / "pairs.db"
    first = sqlite(path)
    await first.set(A, "k", b"", 100)
    script = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('PRAGMA journal_mode=delete')"
    second = sqlite(path)
    await second.set(A, "k", b"", 100)
    # To leave write-ahead logging needs the file alone: refused while a lock is held.
    told = await anyio.run_process([sys.executable, "-c", script], check=False)
    assert b"database is locked" in told.stderr
    for one in (first, second):
        await one.close()


async def test_the_file_is_its_owners(tmp_path: Path) -> None:
    store = sqlite(tmp_path / "pairs.db")
    await store.set(A, "k", b"", 100)
    modes = {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in os.listdir(tmp_path)}
    assert modes == {0o600}
    await store.close()


async def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "others.db"
    others = Database(path)
    others.table("orders").insert({"id": 1})
    others.close()
    store = sqlite(path)
    with pytest.raises(StoreUnavailable, match="is a database of something else"):
        await store.set(A, "k", b"", 100)
    await store.close()
    others = Database(path)
    assert others.table_names() == ["orders"]
    others.close()


async def test_a_file_of_another_format_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pairs.db"
    first = sqlite(path)
    await first.set(A, "k", b"1", 100)
    await first.close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    store = sqlite(path)
    with pytest.raises(StoreUnavailable, match="has format 2, and not 1"):
        await store.get(A, "k")
    await store.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
async def test_a_file_that_is_no_database_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.db"
    path.write_bytes(content)
    store = sqlite(path)
    with pytest.raises(StoreUnavailable, match=r"pairs\.db: file is not a database"):
        await store.get(A, "k")
    await store.close()
    assert path.read_bytes() == content


async def test_a_place_where_no_file_can_be_is_an_error(tmp_path: Path) -> None:
    store = sqlite(tmp_path / "nowhere" / "pairs.db")
    with pytest.raises(StoreUnavailable, match="No such file or directory"):
        await store.get(A, "k")
    (tmp_path / "nowhere").mkdir()
    assert await store.get(A, "k") is None  # it is tried again
    await store.close()


async def test_a_closed_store_takes_nothing(tmp_path: Path, on_disk: Make) -> None:
    store = on_disk(tmp_path / "pairs.db")
    await store.set(A, "k", b"", 100)
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        await store.get(A, "k")


def acknowledged_before_a_kill(writer: str, path: Path, count: int) -> list[int]:
    """What a process printed that was killed after its first `count` lines."""
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        os.kill(process.pid, signal.SIGKILL)
        lines += process.stdout.read().splitlines()
    return [int(line) for line in lines]


async def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, on_disk: Make) -> None:
    writer = """
import asyncio, sys
from pathlib import Path
from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.storage.opening import open_store
from airssys_wasm.components.storage.places import InRocks, InSqlite
from airssys_wasm.kernel.real_platform import RealPlatform

async def main():
    store = open_store(PLACE(Path(sys.argv[1])), RealPlatform().offload)

    async def write(first):
        for number in range(first, 10**9, 8):
            pair = [(f"{number:09}", b"x" * 100), (f"{number:09}-twin", b"x" * 100)]
            await store.write(parse_id("a"), pair, 10**9)
            print(number, flush=True)

    await asyncio.gather(*(write(first) for first in range(8)))

asyncio.run(main())
"""
    writer = writer.replace("PLACE", "InSqlite" if on_disk is sqlite else "InRocks")
    for life in range(3):
        path = tmp_path / f"{life}.db"
        acknowledged = acknowledged_before_a_kill(writer, path, 200 * (life + 1))
        store = on_disk(path)
        found = await store.keys(A, "", 10**6)
        assert {f"{number:09}" for number in acknowledged} <= set(found)
        halves = {key.removesuffix("-twin") for key in found}
        assert len(found) == 2 * len(halves)
        assert await store.usage(A) == Usage(sum(len(key) + 100 for key in found), len(found))
        await store.close()


async def test_a_full_disk_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    backend = SqliteFile(tmp_path / "pairs.db")
    store = DiskStore(backend, RealPlatform().offload)
    await store.set(A, "k", b"1", 10**9)
    pages = backend._database.conn.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[union-attr]
    backend._database.conn.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[union-attr]
    async with anyio.create_task_group() as group:

        async def too_large() -> None:
            with pytest.raises(StoreUnavailable, match="full"):
                await store.set(A, "large", b"x" * 100_000, 10**9)

        group.start_soon(too_large)
        group.start_soon(store.set, A, "small", b"2", 10**9)
    assert await store.keys(A, "", 10) == ["k", "small"]
    assert await store.usage(A) == Usage(8, 2)
    await store.close()


async def test_a_directory_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "others"
    others = Rdict(str(path))
    others["a"] = 1
    others.close()
    store = rocks(path)
    with pytest.raises(StoreUnavailable, match="is a database of something else"):
        await store.set(A, "k", b"", 100)
    await store.close()


async def test_a_directory_that_another_store_holds_is_an_error(tmp_path: Path) -> None:
    first, second = rocks(tmp_path / "pairs"), rocks(tmp_path / "pairs")
    await first.set(A, "k", b"", 100)
    with pytest.raises(StoreUnavailable, match=r"(?i)lock"):
        await second.get(A, "k")
    await first.close()
    assert await second.get(A, "k") == b""
    await second.close()


async def test_a_file_where_the_directory_should_be_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pairs").write_bytes(b"a file")
    store = rocks(tmp_path / "pairs")
    with pytest.raises(StoreUnavailable, match="pairs"):
        await store.get(A, "k")
    await store.close()


async def test_a_place_whose_library_is_not_installed_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    monkeypatch.delitem(sys.modules, "airssys_wasm.components.storage.rocks_store")
    with pytest.raises(StoreUnavailable, match=r"pip install 'airssys-wasm\[rocksdb\]'"):
        open_store(InRocks(tmp_path), RealPlatform().offload)
