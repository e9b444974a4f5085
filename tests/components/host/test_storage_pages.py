"""Pages and batches of `storage` 1.1, as the host answers them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from airssys_wasm.components import Capabilities, Limits, RateLimit, StorageGrant
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.caller import Caller
from airssys_wasm.components.host.gate import Gate
from airssys_wasm.components.host.storage import Space, Storage
from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.payload import CODECS
from airssys_wasm.components.security.audit import AuditTrail
from airssys_wasm.components.storage.memory_store import MemoryStore
from airssys_wasm.kernel import Actor, Kernel

pytestmark = pytest.mark.anyio

KEEPER = parse_id("keeper")
QUOTA_EXCEEDED = Err(Variant("quota-exceeded"))


class Host:
    """The functions of one caller, with what they are over."""

    def __init__(self, kernel: Kernel) -> None:
        self.store = MemoryStore()
        self.audit = AuditTrail()
        self.ref: Any = kernel.spawn(Actor)
        self.kernel = kernel

    def storage(self, grant: StorageGrant | None, quota: int = 10**9) -> Storage:
        gate = Gate(KEEPER, Capabilities(storage=grant), self.audit, self.kernel.platform.now)
        caller = Caller(KEEPER, self.ref, self.kernel, gate, CODECS["raw"], Limits())
        return Storage(caller, Space(self.store, KEEPER, quota) if grant else None)


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    async with Kernel("test") as kernel:
        yield Host(kernel)


def put(key: str, value: bytes = b"") -> Variant:
    return Variant("set", (key, value))


READS, WRITES = StorageGrant("read"), StorageGrant("read-write")


async def test_pages_lead_through_all_keys_of_a_prefix(host: Host) -> None:
    storage = host.storage(WRITES)
    assert await storage.batch([put(key) for key in ("a1", "a2", "a3", "b", "a4")]) == Ok()
    assert await storage.list_page("a", None, 2) == Ok((["a1", "a2"], "a2"))
    assert await storage.list_page("a", "a2", 2) == Ok((["a3", "a4"], None))
    assert await storage.list_page(None, "a4", 10) == Ok((["b"], None))
    assert await storage.list_page("c", None, 1) == Ok(([], None))


async def test_a_cursor_stays_good_when_its_key_is_gone(host: Host) -> None:
    storage = host.storage(WRITES)
    await storage.batch([put("a"), put("b"), put("c")])
    assert await storage.list_page(None, None, 2) == Ok((["a", "b"], "b"))
    await storage.batch([Variant("delete", "b"), put("b2")])
    assert await storage.list_page(None, "b", 2) == Ok((["b2", "c"], None))


@pytest.mark.parametrize("limit", [0, 10_001])
async def test_a_page_has_1_to_10_000_keys(host: Host, limit: int) -> None:
    answer = await host.storage(READS).list_page(None, None, limit)
    assert answer == Err(Variant("io-error", f"a page has 1 to 10,000 keys, not {limit}"))


async def test_a_cursor_that_is_no_key_is_invalid(host: Host) -> None:
    answer: Any = await host.storage(READS).list_page(None, "a\n", 1)
    assert answer.value.case == "invalid-key"


async def test_a_batch_is_made_whole_or_not_at_all(host: Host) -> None:
    storage = host.storage(WRITES, quota=4)
    assert await storage.batch([put("a", b"1"), put("b", b"1"), put("a", b"2")]) == Ok()
    over = await storage.batch([Variant("delete", "a"), put("c", b"1"), put("d", b"1")])
    assert over == QUOTA_EXCEEDED
    assert await storage.get("a") == Ok(b"2")
    invalid: Any = await storage.batch([Variant("delete", "a"), put("")])
    assert invalid.value.case == "invalid-key"
    assert await storage.exists("a") == Ok(True)
    assert host.audit.counts["over quota"] == 1


async def test_a_batch_has_bounds(host: Host) -> None:
    storage = host.storage(WRITES)
    bounds = Err(Variant("io-error", "a batch has at most 1,000 changes and 16 MiB"))
    assert await storage.batch([put(str(number)) for number in range(1_001)]) == bounds
    value = b"x" * 2**20
    assert await storage.batch([put(str(number), value) for number in range(16)]) == bounds
    assert await storage.batch([put("a", value + b"x")]) == QUOTA_EXCEEDED
    assert await storage.usage() == Ok((0, 10**9, 0))
    assert await storage.batch([]) == Ok()


async def test_pages_and_batches_need_their_grants(host: Host) -> None:
    for storage, answer in (
        (host.storage(None), "may not read 'storage'"),
        (host.storage(READS), "may not write to 'storage'"),
    ):
        denied: Any = await (
            storage.list_page(None, None, 1) if answer.startswith("may not read") else
            storage.batch([put("a")])
        )  # fmt: skip
        assert denied.value.case == "io-error"
        assert answer in denied.value.payload
    assert host.audit.counts["denied"] == 2


async def test_a_batch_counts_its_bytes(host: Host) -> None:
    storage = host.storage(StorageGrant("read-write", rate=RateLimit(bytes=10)))
    assert await storage.batch([put("a", b"x" * 100)]) == Ok()
    assert await storage.batch([put("a", b"")]) == QUOTA_EXCEEDED
