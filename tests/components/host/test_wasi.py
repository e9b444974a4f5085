"""WASI 0.2 as toolchains leave it in: served under capabilities, on both paths."""

import logging
import struct
from typing import Any

import pytest

from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentInvalid,
    StatisticsRequest,
    Trap,
    UngrantedImports,
)
from airssys_wasm.components.engine.runtime_host import host_world
from airssys_wasm.components.engine.wasi import unreachable, wasi
from airssys_wasm.components.host.wasi import Wasi
from airssys_wasm.kernel import ActorExited, ActorRef, StartError
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from tests.components.conftest import Stage
from tests.guests.wasi import uses_wasi

pytestmark = pytest.mark.anyio

COMMANDS = (b"n", b"w", b"p", b"n", b"r", b"s")
ALL = Capabilities(time=True, random=True)


async def wasi_guest(stage: Stage, **options: Any) -> ActorRef[Any]:
    return await stage.start(uses_wasi(), **{"capabilities": ALL, **options})


async def numbers(guest: ActorRef[Any], command: bytes, form: str) -> tuple[int, ...]:
    return struct.unpack(form, await guest.request(command))


async def end_of(guest: ActorRef[Any], command: bytes) -> Trap:
    with pytest.raises(ActorExited) as caught:
        await guest.request(command)
    assert isinstance(caught.value.reason, Trap)
    assert caught.value.reason.kind == "other"
    return caught.value.reason


async def test_clocks_are_those_of_the_platform(stage: Stage) -> None:
    guest = await wasi_guest(stage)
    before = stage.kernel.platform.now()
    (now,) = await numbers(guest, b"n", "<Q")
    assert before <= now / 1e9 <= stage.kernel.platform.now()
    seconds, nanoseconds = await numbers(guest, b"w", "<QI")
    assert abs(stage.kernel.platform.timestamp() - seconds - nanoseconds / 1e9) < 60


async def test_chance_is_that_of_the_platform(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def random_bytes(count: int) -> bytes:
        return bytes(range(1, count + 1))

    monkeypatch.setattr(stage.kernel.platform, "random_bytes", random_bytes)
    guest = await wasi_guest(stage)
    assert await guest.request(b"r") == bytes(range(1, 9))
    assert await guest.request(b"b") == bytes(range(1, 5))
    assert await guest.request(b"s") == bytes(range(1, 9)) * 2


async def test_two_guests_draw_different_numbers(stage: Stage) -> None:
    first, second = await wasi_guest(stage), await wasi_guest(stage, name="second")
    assert await first.request(b"r") != await second.request(b"r")


async def test_what_is_written_is_in_the_log_line_by_line(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airssys_wasm.guest")
    guest = await wasi_guest(stage)
    assert await guest.request(b"o") == b"\0"
    assert await guest.request(b"e") == b"\0"
    records = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert records == [
        ("INFO", "guest: one"),
        ("INFO", "guest: two, and"),
        ("WARNING", "guest: one"),
        ("WARNING", "guest: two, and"),
    ]
    caplog.clear()
    guest.kill()  # what has no end is written at the end
    assert [record.getMessage() for record in caplog.records] == [
        "guest: \N{REPLACEMENT CHARACTER}",
        "guest: \N{REPLACEMENT CHARACTER}",
    ]


async def test_standard_input_is_at_its_end(stage: Stage) -> None:
    failed, case = await numbers(await wasi_guest(stage), b"i", "<II")
    assert (failed & 0xFF, case & 0xFF) == (1, 1)  # err(closed)


async def test_the_first_wait_that_is_over_ends_a_poll(stage: Stage) -> None:
    guest = await wasi_guest(stage)
    assert await numbers(guest, b"p", "<I") == (1,)
    assert await numbers(guest, b"k", "<BB") == (0, 1)


async def test_waits_that_are_dropped_leave_nothing(stage: Stage) -> None:
    guest = await wasi_guest(stage)
    assert await guest.request(b"d", timeout=60) is None
    assert await numbers(guest, b"k", "<BB") == (0, 1)


async def test_more_waits_than_1_000_end_it(stage: Stage) -> None:
    end = await end_of(await wasi_guest(stage), b"D")
    assert end.message == "more than 1,000 pollables that it has not dropped"


async def test_its_environment_is_what_it_was_given(stage: Stage) -> None:
    guest = await wasi_guest(stage, env={"A": "1", "B": "2"})
    assert await numbers(guest, b"v", "<I") == (2,)


async def test_there_are_no_directories(stage: Stage) -> None:
    assert await numbers(await wasi_guest(stage), b"f", "<I") == (0,)


async def test_a_socket_is_denied_counted_and_told(stage: Stage) -> None:
    guest = await wasi_guest(stage)
    failed, code = (await guest.request(b"t"))[::4]
    assert (failed, code) == (1, 1)  # err(access-denied)
    assert (await guest.request(StatisticsRequest())).denials == 1
    assert stage.services.audit.counts["denied"] == 1
    assert stage.services.audit.recent()[-1].function == "wasi:sockets/tcp-create-socket"


async def test_exit_ends_the_incarnation(stage: Stage) -> None:
    end = await end_of(await wasi_guest(stage), b"x")
    assert end.message == "the guest has ended itself as failed (wasi:cli/exit)"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (b"n", "capability-denied: guest may not read the time by 'wasi:clocks/monotonic-clock'; "
         "add capabilities: {time: true}"),
        (b"w", "capability-denied: guest may not read the time by 'wasi:clocks/wall-clock'; "
         "add capabilities: {time: true}"),
        (b"p", "capability-denied: guest may not read the time by 'wasi:clocks/monotonic-clock'; "
         "add capabilities: {time: true}"),
        (b"r", "capability-denied: guest may not take randomness from 'wasi:random/random'; "
         "add capabilities: {random: true}"),
    ],
)  # fmt: skip
async def test_without_a_grant_a_call_that_has_no_error_ends_it(
    stage: Stage, command: bytes, told: str
) -> None:
    guest = await wasi_guest(stage, capabilities=Capabilities())
    assert (await end_of(guest, command)).message == told
    assert stage.services.audit.counts["denied"] == 1


async def test_without_a_grant_the_seed_is_always_the_same(stage: Stage) -> None:
    guest = await wasi_guest(stage, capabilities=Capabilities())
    assert await guest.request(b"s") == bytes(16)


async def test_what_it_imports_and_was_not_granted_is_told_at_its_start(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await wasi_guest(stage, capabilities=Capabilities())
    told = {record.getMessage().partition("add ")[2] for record in caplog.records}
    assert told == {"capabilities: {time: true}", "capabilities: {random: true}"}
    with pytest.raises(StartError) as caught:
        await wasi_guest(stage, name="strict", capabilities=Capabilities(), strict_imports=True)
    assert isinstance(caught.value.__cause__, UngrantedImports)


async def test_a_function_of_another_type_is_not_linked(stage: Stage) -> None:
    changed = uses_wasi().replace(b"get-random-u64", b"get-random-u65")
    with pytest.raises(StartError) as caught:
        await stage.start(changed)
    assert isinstance(caught.value.__cause__, ComponentInvalid)
    assert "imports wasi:random/random@0.2.3#get-random-u65, which the world" in str(caught.value)


def test_every_function_of_the_world_is_served() -> None:
    served = Wasi.interfaces(_Anything())  # type: ignore[arg-type]
    named = {
        (interface.partition("@")[0], function)
        for interface, functions in wasi().functions.items()
        for function in functions
    } | {
        (interface.partition("@")[0], function)
        for interface, functions in unreachable().items()
        for function in functions
    }
    missing = {(i, f) for i, f in named if f not in served.get(i, {})}
    assert missing == set()
    assert set(wasi().functions) <= set(host_world().imports)


class _Anything:
    def __getattr__(self, name: str) -> Any:
        found = getattr(Wasi, name, None)
        return found.__get__(self) if callable(found) else _Anything()


def test_in_a_simulation_time_and_chance_are_those_of_the_seed() -> None:
    drawn: list[tuple[bytes, ...]] = []

    async def draw(simulation: Simulation) -> None:
        system = await simulation.system()
        guest = await system.start(Component(uses_wasi(), trusted=True, capabilities=ALL))
        drawn.append(tuple([await guest.request(command) for command in COMMANDS]))

    for seed in (7, 7, 8):
        run = run_seed(draw, seed)
        assert run.failure is None, run.failure
    assert drawn[0] == drawn[1]
    first, wall, _, later, number, seeded = zip(drawn[0], drawn[2], strict=True)
    assert first[0] == first[1]  # virtual time begins at 0
    assert wall[0] == wall[1]
    assert number[0] != number[1]
    assert seeded[0] != seeded[1]
    waited = int.from_bytes(later[0], "little") - int.from_bytes(first[0], "little")
    assert waited == pytest.approx(20_000_000, rel=0.1)
