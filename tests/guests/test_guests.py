"""Each guest that misbehaves ends with its typed reason within its limits, on both paths."""

from collections.abc import Callable
from typing import Literal

import anyio
import pytest

from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.errors import ComponentInvalid, GuestTrap
from tests.guests import driver, guests
from tests.guests.driver import instance_of

Path = Literal["fast", "slow"]
TIGHT = Limits(memory=4 * 1024 * 1024, call=0.2)

both_paths = pytest.mark.parametrize("path", ["fast", "slow"])


def ends_with(binary: bytes, function: str, path: Path) -> str:
    """What kind of end a call of the function is."""

    async def main() -> str:
        async with instance_of(binary, limits=TIGHT, path=path) as instance:
            arguments = {
                "initialize": (driver.config(),),
                "handle-message": (driver.message(b"x"),),
                "shutdown": (),
            }
            with pytest.raises(GuestTrap) as caught:
                await instance.call(function, *arguments[function])
            assert not instance.is_alive
            return f"{type(caught.value.reason).__name__}: {caught.value.reason.kind}"

    return anyio.run(main)


@both_paths
@pytest.mark.parametrize(
    ("guest", "function", "end"),
    [
        (guests.spins, "handle-message", "Limit: call"),
        (guests.spins_at_start, "initialize", "Limit: call"),
        (guests.hangs_at_shutdown, "shutdown", "Limit: call"),
        (guests.grows, "handle-message", "Limit: memory"),
        (guests.traps_at_start, "initialize", "Trap: unreachable"),
        (guests.divides_by_zero, "handle-message", "Trap: division by zero"),
        (guests.recurses, "handle-message", "Limit: stack"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_it_ends_with_its_reason(
    guest: Callable[[], bytes], function: str, end: str, path: Path
) -> None:
    assert ends_with(guest(), function, path) == end


@both_paths
def test_what_stays_within_its_limits_is_answered(path: Path) -> None:
    async def reply(binary: bytes, payload: bytes = b"") -> object:
        async with instance_of(binary, limits=TIGHT, path=path) as instance:
            return await instance.call("handle-message", driver.message(payload))

    def reply_of(binary: bytes, payload: bytes = b"") -> object:
        return anyio.run(reply, binary, payload)

    assert reply_of(guests.silent()) == Ok(None)
    assert reply_of(guests.echo(), b"hey") == Ok(b"1:hey")
    assert reply_of(guests.grows(pages=32)) == Ok(b"grown")
    assert reply_of(guests.fails()) == Err(Variant("runtime-error", "out of stock"))


def test_a_start_can_be_refused_and_health_can_be_bad() -> None:
    async def main() -> None:
        async with instance_of(guests.refuses_to_start()) as instance:
            refused = Err(Variant("initialization-failed", "no licence"))
            assert await instance.call("initialize", driver.config()) == refused
        async with instance_of(guests.is_unwell()) as instance:
            assert await instance.call("health") == "unhealthy"

    anyio.run(main)


@both_paths
@pytest.mark.parametrize(
    ("guest", "problem"),
    [
        (guests.for_another_world, "does not export airssys:core/component-lifecycle@1.0.0"),
        (
            guests.with_changed_import,
            "import airssys:core/host-services@1.0.0#sleep-millis differs: "
            "the world has func(duration-ms: u64), the component has func(duration: string)",
        ),
        (
            guests.with_changed_export,
            "export airssys:core/component-lifecycle@1.0.0#health differs",
        ),
        (
            guests.with_missing_export,
            "does not export airssys:core/component-lifecycle@1.0.0#handle-callback",
        ),
        (guests.with_foreign_import, "imports wasi:nn/graph@0.2.0"),
        (guests.core_module, "core module"),
        (guests.damaged, ""),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_does_not_fit_the_world_is_never_linked(
    guest: Callable[[], bytes], problem: str, path: Path
) -> None:
    async def main() -> None:
        with pytest.raises(ComponentInvalid) as caught:
            async with instance_of(guest(), path=path):
                pass
        assert problem in str(caught.value)

    anyio.run(main)
