"""Places that are set aside for instances: how many, who fits, and what happens to the rest."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Literal

import pytest
import wasmtime

from airssys_wasm.components.engine.engine import ComponentInstance, Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.pooling import (
    MOST_MEMORIES,
    Needs,
    PoolSize,
    Wanted,
    needs_of,
    pool_size,
)
from tests.guests import guests

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
GUEST = Needs(instances=3, memories=1, tables=1)
BUILT = Path(__file__).parents[3] / "examples" / "orders" / "pricing.wasm"


def component(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f"(component {text})"))


MODULE = '(core module $m (memory (export "m") 1) (table 1 funcref) (table 2 externref))'


def test_what_an_instance_is_made_of_is_counted_in_its_binary() -> None:
    assert needs_of(guests.echo()) == GUEST
    assert needs_of(BUILT.read_bytes()) == Needs(3, 1, 2)
    assert needs_of(component("")) == Needs(0, 0, 0)
    twice = "(core instance $a (instantiate $m)) (core instance (instantiate $m))"
    assert needs_of(component(MODULE + twice)) == Needs(2, 2, 4)


@pytest.mark.parametrize(
    "text",
    [
        f"(component {MODULE} (core instance (instantiate $m)))",
        "(component (component (core module)))",
        '(import "m" (core module $m)) (core instance (instantiate $m))',
        f'(component $c {MODULE} (export "m" (core module $m))) (instance $i (instantiate $c))'
        '(alias export $i "m" (core module $n)) (core instance (instantiate $n))',
    ],
)
def test_what_has_the_code_of_others_is_not_counted(text: str) -> None:
    assert needs_of(component(text)) is None


@pytest.mark.parametrize("size", range(0, 7000, 61))
def test_what_is_damaged_is_not_counted_and_raises_nothing(size: int) -> None:
    cut = guests.echo()[:size]
    needs_of(cut)
    needs_of(cut + b"\xff" * 100)


def test_a_binary_that_lists_too_much_is_not_read_to_its_end() -> None:
    listing = b"\x02" + b"\x80\x80\x80\x20" + b"\xff\xff\xff\x0f" + b"\x01\x00" * (32 * MIB)
    began = monotonic()
    assert needs_of(b"\0asm\x0d\0\x01\0" + listing) is None
    assert monotonic() - began < 10


def test_a_pool_has_room_for_all_that_are_wanted() -> None:
    small, large = Wanted(GUEST, 100, 8 * MIB), Wanted(Needs(38, 1, 2), 3, 64 * MIB)
    size = pool_size([small, large])
    assert size is not None
    assert size == PoolSize(103, 38, 1, 2, 64 * MIB)
    assert size.fits(GUEST, 64 * MIB)
    assert not size.fits(Needs(39, 1, 1), MIB)
    assert not size.fits(GUEST, 64 * MIB + 1)


def test_what_would_make_it_too_large_is_left_out_the_neediest_first() -> None:
    small = Wanted(GUEST, MOST_MEMORIES // 2, MIB)
    assert pool_size([Wanted(Needs(1, 10, 1), 1, MIB), small]) == pool_size([small])
    assert pool_size([Wanted(GUEST, 1, 5 * 1024 * MIB)]) is None
    assert pool_size([Wanted(GUEST, MOST_MEMORIES + 1, MIB)]) is None
    assert pool_size([]) is None


def idle(interface: str, function: str, arguments: tuple[object, ...]) -> None:
    """Serves nothing."""


class Pooled:
    """An engine with two places."""

    def __init__(self, path: Literal["fast", "slow"], cache: Path | None = None) -> None:
        size = PoolSize(2, 3, 1, 1, 16 * MIB)
        self.engine = Engine(EngineSettings(path=path, pool=size, cache=cache))

    async def begin(self, source: bytes, **limits: int) -> ComponentInstance:
        compiled = await self.engine.load(source, trusted=True)
        return await self.engine.instantiate(
            compiled,
            limits=Limits(**{"memory": 16 * MIB} | limits),
            host=idle,
            clock=monotonic,
        )


@pytest.fixture(params=["fast", "slow"])
def pooled(request: pytest.FixtureRequest) -> Iterator[Pooled]:
    made = Pooled(request.param)
    yield made
    made.engine.close()


async def in_pool(instance: ComponentInstance) -> bool:
    assert await instance.call("health") == "healthy"
    return instance.memory_used is None


async def test_what_finds_no_place_runs_beside_the_pool(pooled: Pooled) -> None:
    running = [await pooled.begin(guests.echo()) for _ in range(4)]
    assert [await in_pool(each) for each in running] == [True, True, False, False]
    for each in running:
        each.close()


async def test_a_place_is_free_when_its_instance_has_ended(pooled: Pooled) -> None:
    for _ in range(5):
        one = await pooled.begin(guests.echo())
        assert await in_pool(one)
        one.close()


async def test_what_may_take_more_memory_than_a_place_has_runs_beside_the_pool(
    pooled: Pooled,
) -> None:
    assert not await in_pool(await pooled.begin(guests.echo(), memory=17 * MIB))


async def test_code_that_a_pool_can_not_hold_is_not_loaded_for_it(pooled: Pooled) -> None:
    assert pooled.engine._pool is not None
    begins = "(core module $m (memory {})) (core instance (instantiate $m))"
    for pages, held in ((1, True), (16 * 16 + 1, False)):
        code = await pooled.engine._compiler.compile(component(begins.format(pages)))
        again = await pooled.engine._compiler.load_again(pooled.engine._pool.engine, code)
        assert (again is not None) == held


async def test_what_begins_with_more_memory_than_its_limit_does_not_begin(pooled: Pooled) -> None:
    compiled = await pooled.engine.load(guests.echo(), trusted=True)
    assert compiled.pooled is not None
    with pytest.raises(Exception, match="memory"):
        await pooled.begin(guests.echo(), memory=1)


@pytest.mark.parametrize("path", ["fast", "slow"])
async def test_one_file_of_code_serves_both(path: Literal["fast", "slow"], tmp_path: Path) -> None:
    pooled = Pooled(path, tmp_path / "cache")
    running = [await pooled.begin(guests.echo()) for _ in range(3)]
    assert [await in_pool(each) for each in running] == [True, True, False]
    assert len(list((tmp_path / "cache").iterdir())) == 1
    pooled.engine.close()


async def test_a_pool_that_the_system_has_no_room_for_is_done_without(
    caplog: pytest.LogCaptureFixture,
) -> None:
    size = PoolSize(1_000_000, 1, 1, 1, 16 * MIB)
    engine = Engine(EngineSettings(pool=size))
    assert "run without a pool" in caplog.text
    await asyncio.sleep(0)
    engine.close()
