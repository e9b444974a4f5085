"""Every linear memory of a guest is counted as it is taken; what is over the limit is refused."""

from collections.abc import Iterator

import pytest
import wasmtime
from wasmtime.component import Component, Instance, Linker

from airssys_wasm.components.engine.guest_memory import GuestMemories
from airssys_wasm.components.engine.limits import Limits, MemoryAccount

PAGE = 65536

# Two memories of 2 and 1 pages; the first has contents to begin with.
GUEST = """
(component
  (core module $m
    (memory $a 2) (memory $b 1) (data (memory $a) (i32.const 8) "abc")
    (func (export "grow-a") (param i32) (result i32) (memory.grow $a (local.get 0)))
    (func (export "grow-b") (param i32) (result i32) (memory.grow $b (local.get 0)))
    (func (export "peek") (param i32) (result i32) (i32.load8_u $a (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "grow-a") (param "n" u32) (result s32) (canon lift (core func $i "grow-a")))
  (func (export "grow-b") (param "n" u32) (result s32) (canon lift (core func $i "grow-b")))
  (func (export "peek") (param "n" u32) (result u32) (canon lift (core func $i "peek"))))
"""


class Guest:
    """One incarnation of GUEST, with memory for `pages`."""

    def __init__(self, pages: int, reservation: int) -> None:
        self.account = MemoryAccount(Limits(memory=pages * PAGE))
        self.memories = GuestMemories(lambda: self.account)
        config = wasmtime.Config()
        config.memory_reservation = reservation
        self.memories.install(config)
        engine = wasmtime.Engine(config)
        self.store = wasmtime.Store(engine)
        self.instance: Instance = Linker(engine).instantiate(self.store, Component(engine, GUEST))

    def call(self, name: str, argument: int) -> int:
        function = self.instance.get_func(self.store, name)
        assert function is not None
        result = function(self.store, argument)
        assert isinstance(result, int)
        return result


@pytest.fixture(params=[1 << 32, 0, 100 * PAGE], ids=["4 GiB", "none", "100 pages"])
def guest(request: pytest.FixtureRequest) -> Iterator[Guest]:
    """A guest that may have 10 pages, with different reservations of address space."""
    made = Guest(10, request.param)
    yield made
    made.store.close()


def test_memories_are_counted_together(guest: Guest) -> None:
    assert guest.account.used == 3 * PAGE
    assert guest.call("grow-a", 4) == 2
    assert guest.call("grow-b", 3) == 1
    assert (guest.account.used, guest.account.peak) == (10 * PAGE, 10 * PAGE)


def test_growth_over_the_limit_is_refused_and_remembered(guest: Guest) -> None:
    assert guest.call("grow-a", 8) == -1
    assert guest.account.refused == 11 * PAGE
    assert guest.account.used == 3 * PAGE
    assert guest.call("grow-a", 1) == 2


def test_a_memory_has_its_first_contents_and_zeros_behind(guest: Guest) -> None:
    guest.call("grow-a", 5)
    assert bytes(guest.call("peek", at) for at in (8, 9, 10)) == b"abc"
    assert guest.call("peek", 7 * PAGE - 1) == 0


def test_what_was_not_granted_can_not_be_touched(guest: Guest) -> None:
    with pytest.raises(wasmtime.WasmtimeError, match="out of bounds memory access"):
        guest.call("peek", 2 * PAGE)


def test_a_dropped_store_gives_its_memory_back(guest: Guest) -> None:
    guest.store.close()
    assert (guest.account.used, guest.account.peak, len(guest.memories)) == (0, 3 * PAGE, 0)


def test_a_guest_that_begins_over_the_limit_does_not_begin() -> None:
    with pytest.raises(wasmtime.WasmtimeError, match="over the limit"):
        Guest(2, 1 << 32)
