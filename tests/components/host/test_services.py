"""`host-services` as a guest sees it: its log, its clock, and whom it may know of."""

import logging

import pytest

from airssys_wasm.components import (
    Capabilities,
    HealthCheck,
    MessagingGrant,
    StatisticsRequest,
)
from airssys_wasm.components.host.log_record import log_record
from tests.components.conftest import Stage, lifecycle
from tests.guests import guests

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def guest_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="airssys_wasm.guest")


def of_guests(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "airssys_wasm.guest"]


async def test_a_record_has_the_level_the_text_and_the_context_of_the_guest(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await stage.start(guests.every_function())
    assert await guest.request(b"log:3:disk is full") == b"ok"
    [record] = of_guests(caplog)
    assert (record.levelname, record.getMessage()) == ("WARNING", "guest: disk is full")
    assert record.__dict__["component"] == "guest"
    assert record.__dict__["guest_context"] == (("command", "log"),)


async def test_what_a_guest_says_is_never_a_format_and_never_a_second_record(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await stage.start(guests.every_function())
    await guest.request(b"log:2:%s %d {0}\n2026 ERROR faked\x1b[2J")
    [record] = of_guests(caplog)
    assert record.getMessage() == "guest: %s %d {0}\\n2026 ERROR faked\\x1b[2J"


async def test_a_long_record_is_cut(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    guest = await stage.start(guests.every_function())
    await guest.request(b"log:2:" + b"x" * 100_000)
    [record] = of_guests(caplog)
    assert len(record.getMessage().encode()) <= 8 * 1024 + len("guest: ")
    assert record.getMessage().endswith("…")


async def test_a_hundred_records_a_second_are_kept_and_the_rest_is_counted(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    guest = await stage.start(lifecycle())
    for _ in range(1_000):
        guest.send(b"lnoise")
    statistics = await guest.request(StatisticsRequest(), timeout=30.0)
    kept = len(of_guests(caplog))
    assert statistics.log_records_dropped >= 800
    assert kept + statistics.log_records_dropped >= 1_000
    guest.stop()
    await guest.wait()
    told = [record for record in of_guests(caplog) if "dropped, more than 100" in record.message]
    assert sum(record.__dict__["dropped"] for record in told) == statistics.log_records_dropped


def test_a_context_is_cut_to_sixty_four_pairs_and_to_what_fits() -> None:
    _, many = log_record("many", [(f"k{n}", "v\n") for n in range(100)])
    assert many == tuple((f"k{n}", "v\\n") for n in range(64))
    text, large = log_record("large", [("key", "v" * 10_000), ("next", "w")])
    assert [key for key, _ in large] == ["key"]
    assert len((text + large[0][0] + large[0][1]).encode()) <= 8 * 1024


async def test_a_guest_is_told_the_time_of_the_platform(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    platform = stage.kernel.platform
    before = platform.timestamp()
    seconds, nanoseconds = map(int, (await guest.request(b"time")).split())
    millis = int(await guest.request(b"millis"))
    after = platform.timestamp()
    assert before - 0.000_001 <= seconds + nanoseconds / 1e9 <= after
    assert int(before * 1000) <= millis <= int(after * 1000)
    delivered, _ = map(int, (await guest.request(b"timestamp")).split())
    assert int(before) <= delivered <= int(platform.timestamp())


async def test_a_guest_that_sleeps_wakes_and_goes_on(stage: Stage) -> None:
    guest = await stage.start(guests.every_function())
    assert await guest.request(b"sleep:1") == b"ok"
    assert await guest.request(b"sleep:0") == b"ok"


# --- whom a component may know of


async def test_a_component_sees_those_that_its_grants_reach(stage: Stage) -> None:
    for name in ("shop/a/", "shop/b/", "c", "d"):
        await stage.start(guests.silent(), name=name)
    stage.record("python")
    reach = Capabilities(MessagingGrant(send=["shop/*/*", "python"], request=["d"]))
    guest = await stage.start(guests.every_function(), capabilities=reach)
    assert await guest.request(b"list") == b"/d/,shop/a/,shop/b/"


async def test_a_component_without_grants_sees_nobody(stage: Stage) -> None:
    await stage.start(guests.silent(), name="other")
    guest = await stage.start(guests.every_function())
    assert await guest.request(b"list") == b""
    denied = await guest.request(b"info:other")
    assert denied.startswith(b"error:4:capability-denied: guest may not ask 'other'")


async def test_what_a_component_says_of_itself_can_be_read(stage: Stage) -> None:
    other = await stage.start(guests.every_function(), name="other")
    reach = Capabilities(MessagingGrant(request=["other"]))
    guest = await stage.start(guests.every_function(), capabilities=reach)
    assert await guest.request(b"info:other") == b"/other/ every-function 1.0.0 unknown"
    await other.request(b"health:1")
    await other.request(HealthCheck())
    assert await guest.request(b"info:other") == b"/other/ every-function 1.0.0 degraded"
    other.stop()
    await other.wait()
    assert await guest.request(b"info:other") == b"error:4:no component other is running"
    assert await guest.request(b"list") == b""
