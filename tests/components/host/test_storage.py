"""`storage` as a guest sees it: grants, edges, quota."""

import pytest

from airssys_wasm.components import Capabilities, Limits, StorageGrant
from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.security.quota import RateLimit
from airssys_wasm.kernel import ActorRef
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

NOT_FOUND, QUOTA_EXCEEDED, INVALID_KEY, IO_ERROR = (
    b"error:0:",
    b"error:2:",
    b"error:3:",
    b"error:4:",
)
DENIED = IO_ERROR + b"capability-denied: guest may not "
ALL = StorageGrant("read-write")


async def keeper(
    stage: Stage, grant: StorageGrant | None = ALL, name: str = "guest"
) -> ActorRef[object]:
    return await stage.start(
        guests.every_function(), name=name, capabilities=Capabilities(storage=grant)
    )


async def test_everything_is_denied_without_a_grant(stage: Stage) -> None:
    guest = await keeper(stage, None)
    for command in (b"get:k", b"exists:k", b"keys", b"usage"):
        assert (await guest.request(command)).startswith(DENIED + b"read 'storage'")
    for command in (b"set:k:v", b"delete:k"):
        assert (await guest.request(command)).startswith(DENIED + b"write to 'storage'")
    assert stage.services.audit.counts["denied"] == 6


async def test_who_may_read_may_not_write(stage: Stage) -> None:
    guest = await keeper(stage, StorageGrant("read"))
    assert await guest.request(b"get:k") == b"none"
    assert (await guest.request(b"set:k:v")).startswith(DENIED + b"write to 'storage'")


async def test_values_are_kept(stage: Stage) -> None:
    guest = await keeper(stage)
    answers = [
        await guest.request(command)
        for command in (
            b"get:k", b"exists:k", b"set:k:value", b"get:k", b"exists:k",
            b"delete:k", b"get:k", b"delete:k",
        )
    ]  # fmt: skip
    assert answers == [
        b"none", b"false", b"ok", b"some:value", b"true", b"ok", b"none", NOT_FOUND + b"k",
    ]  # fmt: skip


@pytest.mark.parametrize("key", [b"", b"a\nb", b"k" * 257])
async def test_a_key_that_is_none_is_named_so(stage: Stage, key: bytes) -> None:
    guest = await keeper(stage)
    for command in (b"get:" + key, b"set:%s:v" % key, b"delete:" + key, b"exists:" + key):
        assert (await guest.request(command)).startswith(INVALID_KEY)


async def test_keys_are_listed_in_order_within_a_prefix(stage: Stage) -> None:
    guest = await keeper(stage)
    for key in (b"b", b"a/2", b"a/1"):
        await guest.request(b"set:%s:" % key)
    assert await guest.request(b"keys") == b"a/1,a/2,b"
    assert await guest.request(b"keys:a/") == b"a/1,a/2"
    assert await guest.request(b"keys:c") == b""


async def test_too_many_keys_are_an_error_that_says_what_to_do(stage: Stage) -> None:
    guest = await keeper(stage)
    store = stage.services.store(stage.kernel.platform.offload)
    for number in range(10_000):
        await store.set(parse_id("guest"), f"k{number}", b"", 10**9)
    assert len((await guest.request(b"keys")).split(b",")) == 10_000
    await store.set(parse_id("guest"), "one more", b"", 10**9)
    assert await guest.request(b"keys") == IO_ERROR + b"too many keys, narrow the prefix"
    assert await guest.request(b"keys:o") == b"one more"


async def test_the_quota_bounds_keys_and_values_together(stage: Stage) -> None:
    guest = await keeper(stage, StorageGrant("read-write", quota=10))
    assert await guest.request(b"set:key:1234567") == b"ok"
    assert await guest.request(b"set:key:12345678") == QUOTA_EXCEEDED
    assert await guest.request(b"set:k:") == QUOTA_EXCEEDED
    assert await guest.request(b"usage") == b"10 10 1"
    assert await guest.request(b"get:key") == b"some:1234567"


async def test_a_value_of_more_than_a_mebibyte_is_over_the_quota(stage: Stage) -> None:
    guest = await keeper(stage)
    overhead = len(b"set:k:")
    assert await guest.request(b"set:k:" + b"x" * (2**20 - overhead)) == b"ok"
    big = await stage.start(
        guests.every_function(),
        name="big",
        capabilities=Capabilities(storage=StorageGrant("read-write")),
        limits=Limits(payload=2**22),
    )
    assert await big.request(b"set:k:" + b"x" * 2**20) == b"ok"
    assert await big.request(b"set:k:" + b"x" * (2**20 + 1)) == QUOTA_EXCEEDED


async def test_components_see_nothing_of_each_other(stage: Stage) -> None:
    one, two = await keeper(stage), await keeper(stage, name="shop/guest/")
    await one.request(b"set:k:one")
    assert await two.request(b"get:k") == b"none"
    assert await two.request(b"keys") == b""


async def test_what_was_kept_is_there_after_a_restart(stage: Stage) -> None:
    guest = await keeper(stage)
    await guest.request(b"set:k:v")
    guest.kill()
    await guest.wait()
    assert await (await keeper(stage)).request(b"get:k") == b"some:v"


async def test_what_does_not_fit_is_audited_and_so_is_a_quota_that_is_nearly_full(
    stage: Stage,
) -> None:
    guest = await keeper(stage, StorageGrant("read-write", quota=10))
    for command in (b"set:k:1234567", b"set:k:123456789", b"set:k:1234567890"):
        await guest.request(command)
    told = [(record.outcome, record.detail) for record in stage.services.audit.recent()]
    assert ("warning", "80% of 10 bytes of storage") in told
    assert ("critical", "100% of 10 bytes of storage") in told
    assert stage.services.audit.counts["over quota"] == 1


async def test_over_the_rate_is_over_the_quota_until_time_has_passed(stage: Stage) -> None:
    guest = await keeper(stage, StorageGrant("read-write", rate=RateLimit(calls=2)))
    answers = [await guest.request(b"exists:k") for _ in range(20)]
    assert answers[:2] == [b"false", b"false"]
    assert QUOTA_EXCEEDED in answers
    assert stage.services.audit.counts["over rate"] == answers.count(QUOTA_EXCEEDED)


async def test_only_what_is_written_counts_as_bytes(stage: Stage) -> None:
    guest = await keeper(stage, StorageGrant("read-write", rate=RateLimit(bytes=1)))
    assert await guest.request(b"set:k:much more than a byte") == b"ok"
    assert await guest.request(b"set:k:more") == QUOTA_EXCEEDED
    assert await guest.request(b"get:k") == b"some:much more than a byte"


async def test_who_has_no_name_has_the_storage_of_its_pool_and_who_has_one_its_own(
    stage: Stage,
) -> None:
    workers = [
        await stage.start(
            guests.every_function(),
            name=name,
            pool="workers",
            capabilities=Capabilities(storage=ALL),
        )
        for name in (None, None, "one/of/them")
    ]
    await workers[0].request(b"set:k:v")
    assert [await worker.request(b"get:k") for worker in workers] == [
        b"some:v", b"some:v", b"none",
    ]  # fmt: skip
    store = stage.services.store(stage.kernel.platform.offload)
    assert await store.get(parse_id("workers"), "k") == b"v"
