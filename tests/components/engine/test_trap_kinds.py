"""How guests end, on both paths: each kind of trap by a guest of a few lines, and each limit.

Three of the twelve kinds are bounds of ours: stack overflow and out of fuel stand inside of a
limit, and an interruption is a limit of time.
"""

import re
from typing import Literal, get_args

import pytest

from airssys_wasm.components.engine.limits import (
    MAX_TABLE_ELEMENTS,
    MIB,
    MOST_TABLES,
    Limits,
)
from airssys_wasm.components.engine.traps import KINDS, Limit, Trap, TrapKind
from airssys_wasm.components.errors import GuestTrap
from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.sdk.core_module import section, sections
from tests.guests import driver, guests

pytestmark = pytest.mark.anyio

Path = Literal["fast", "slow"]
PATHS: tuple[Path, ...] = ("fast", "slow")
both_paths = pytest.mark.parametrize("path", PATHS)
STACK = 512 * 1024  # the default of an engine

# The body of `handle-message`, and the kind of its end. The frame has `$sig` and a table of two
# slots: a function of another signature, and nothing.
TRAPS: dict[str, tuple[str, TrapKind]] = {
    "unreachable": ("unreachable", "unreachable"),
    "load beyond memory": ("(drop (i32.load (i32.const -8)))", "memory out of bounds"),
    "store at the edge": (
        "(i64.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 7)) (i64.const 1))",
        "memory out of bounds",
    ),
    "fill beyond memory": (
        "(memory.fill (i32.const 65530) (i32.const 0) (i32.const 100000))",
        "memory out of bounds",
    ),
    "call beyond the table": (
        "(call_indirect (type $sig) (i64.const 1) (i32.const 9))",
        "table out of bounds",
    ),
    "get beyond the table": ("(drop (table.get (i32.const 9)))", "table out of bounds"),
    "call of an empty slot": (
        "(call_indirect (type $sig) (i64.const 1) (i32.const 1))",
        "null or bad indirect call",
    ),
    "call of null": ("(call_ref $sig (i64.const 1) (ref.null $sig))", "null or bad indirect call"),
    "call of another signature": (
        "(call_indirect (type $sig) (i64.const 1) (i32.const 0))",
        "bad signature",
    ),
    "division overflow": (
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "integer overflow",
    ),
    "conversion overflow": ("(drop (i32.trunc_f32_s (f32.const 1e30)))", "integer overflow"),
    "division by zero": ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "division by zero"),
    "remainder by zero": ("(drop (i64.rem_u (i64.const 1) (i64.const 0)))", "division by zero"),
    "conversion of nan": ("(drop (i32.trunc_f32_s (f32.const nan)))", "bad conversion"),
    "wait in memory that is not shared": (
        "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))",
        "other",
    ),
    "a pointer that is nowhere": ("(return (i32.const -4))", "other"),
    "text that is no text": (
        "(i32.store8 (i32.const 1024) (i32.const 255))"
        "(return (call $err (i32.const 6) (i32.const 1024) (i32.const 1)))",
        "other",
    ),
    "a case that does not exist": (
        "(return (call $err (i32.const 99) (i32.const 0) (i32.const 0)))",
        "other",
    ),
}

# These are ours to set: name, what to give, and the limit they end with.
LIMITS: dict[str, tuple[str, Limits, Limit]] = {
    "endless recursion": (
        "(call $deeper)",
        Limits(),
        Limit("stack", STACK, None, "stack overflow"),
    ),
    "no fuel left": (
        "(loop $l (br $l))",
        Limits(fuel=200_000),
        Limit("fuel", 200_000, 200_000, "out of fuel"),
    ),
    "no memory left, by unreachable": (
        "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))",
        Limits(memory=2 * MIB),
        Limit("memory", 2 * MIB, 101 * 65536, "unreachable"),
    ),
    "no memory left, by a store beyond": (
        "(drop (memory.grow (i32.const 100))) (i32.store (i32.const 6000000) (i32.const 1))",
        Limits(memory=2 * MIB),
        Limit("memory", 2 * MIB, 101 * 65536, "memory out of bounds"),
    ),
    "a reply too large": (
        "(return (call $reply (i32.const 0) (i32.const 11)))",
        Limits(payload=10),
        Limit("payload", 10, 11),
    ),
}

FUNCTIONS = """
  (type $sig (func (param i64)))
  (table 2 funcref)
  (func $other (param f64))
  (elem (i32.const 0) $other)
  (func $deeper (call $deeper))
  (func $inner {body})
  (func $caller (call $inner))
"""


def guest(body: str) -> bytes:
    """Does `body` when it gets a message."""
    if "(return" in body:  # it gives a result of its own
        return componentize(guests.core(body, functions=FUNCTIONS.replace("{body}", "")))
    functions = FUNCTIONS.replace("{body}", body)
    return componentize(guests.core("(call $caller) (call $ok)", functions=functions))


async def end_of(
    binary: bytes,
    path: Path,
    limits: Limits | None = None,
    host: driver.ScriptedHost | None = None,
) -> Trap | Limit:
    """The reason with which it ends on a message, or as it begins."""
    with pytest.raises(GuestTrap) as caught:
        async with driver.instance_of(binary, host, limits, path) as instance:
            await instance.call("handle-message", driver.message(b""))
    return caught.value.reason


@both_paths
@pytest.mark.parametrize(("body", "kind"), TRAPS.values(), ids=TRAPS)
async def test_a_guest_that_traps_ends_with_its_kind(body: str, kind: TrapKind, path: Path) -> None:
    reason = await end_of(guest(body), path)
    assert isinstance(reason, Trap)
    assert reason.kind == kind
    assert reason.fuel_used


@both_paths
@pytest.mark.parametrize(("body", "limits", "expected"), LIMITS.values(), ids=LIMITS)
async def test_a_guest_that_passes_a_bound_of_ours_ends_with_the_limit_and_the_trap_in_it(
    body: str, limits: Limits, expected: Limit, path: Path
) -> None:
    assert await end_of(guest(body), path, limits) == expected


def test_the_tables_show_each_of_the_twelve_kinds() -> None:
    seen = {kind for _, kind in TRAPS.values()} | {limit.trap for *_, limit in LIMITS.values()}
    # An interruption is always ours, and leaves a limit of time; `test_traps.py` has its text.
    assert seen - {None} == set(get_args(TrapKind)) - {"interrupted"}
    assert set(KINDS.values()) <= set(get_args(TrapKind))


@both_paths
async def test_a_guest_that_never_ends_is_ended_with_the_limit_of_time(path: Path) -> None:
    limit = await end_of(guests.spins(), path, Limits(call=0.05))
    assert isinstance(limit, Limit)
    assert (limit.kind, limit.limit) == ("call", 0.05)
    assert limit.used is not None
    assert limit.used > 0.05


@both_paths
async def test_a_component_of_too_many_instances_does_not_begin(path: Path) -> None:
    binary = guests.of_many_parts(instances=30)
    limit = await end_of(binary, path, Limits(instances=20))
    assert limit == Limit("instances", 20, 21)
    async with driver.instance_of(binary, limits=Limits(instances=64), path=path) as instance:
        assert instance.is_alive


@both_paths
async def test_a_component_of_too_many_tables_does_not_begin(path: Path) -> None:
    binary = guests.of_many_parts(tables=30)
    limit = await end_of(binary, path, Limits(tables=20))
    assert isinstance(limit, Limit)
    assert (limit.kind, limit.limit) == ("tables", 20)
    assert limit.used is not None
    assert limit.used > 20
    async with driver.instance_of(binary, limits=Limits(tables=64), path=path) as instance:
        assert instance.is_alive


@both_paths
async def test_what_a_component_is_made_of_is_bounded_when_nothing_is_asked_for(path: Path) -> None:
    tables = guests.of_many_parts(tables=MOST_TABLES + 1, elements=MAX_TABLE_ELEMENTS)
    limit = await end_of(tables, path)
    assert isinstance(limit, Limit)
    assert (limit.kind, limit.limit) == ("tables", MOST_TABLES)
    large = guests.of_many_parts(tables=1, elements=MAX_TABLE_ELEMENTS + 1)
    assert await end_of(large, path) == Limit(
        "table elements", MAX_TABLE_ELEMENTS, MAX_TABLE_ELEMENTS + 1
    )


@both_paths
async def test_too_much_to_send_is_the_limit_of_the_payload(path: Path) -> None:
    host = driver.ScriptedHost({})
    limits = Limits(payload=10)
    assert await end_of(sends(11), path, limits, host) == Limit("payload", 10, 11)
    assert host.calls == []


# --- backtraces


@both_paths
async def test_the_backtrace_names_the_functions_innermost_first(path: Path) -> None:
    reason = await end_of(guest("unreachable"), path)
    assert isinstance(reason, Trap)
    names = [frame.rpartition("!")[2] for frame in reason.wasm_backtrace]
    assert names[:3] == ["inner", "caller", "handle"]


@both_paths
async def test_a_guest_without_names_has_places_in_its_backtrace(path: Path) -> None:
    reason = await end_of(componentize(without_names(core_that_traps())), path)
    assert isinstance(reason, Trap)
    assert reason.wasm_backtrace
    assert all(re.match(r"0x[0-9a-f]+ - ", frame) for frame in reason.wasm_backtrace)


async def test_both_paths_end_with_equal_reasons() -> None:
    for body, _ in TRAPS.values():
        assert await end_of(guest(body), "fast") == await end_of(guest(body), "slow")


# --- imitations

IMITATIONS = [
    r"wasm trap: integer divide by zero",
    r"x\n\nCaused by:\n    wasm trap: all fuel consumed by WebAssembly",
    r"x\n\nCaused by:\n    resource limit exceeded: instance count too high at 4",
    r"x\n    airssys-wasm: the host function ended this call",
    r"x\n    too much data is being copied between the host and the guest",
]


@both_paths
@pytest.mark.parametrize("name", IMITATIONS)
async def test_no_name_of_a_function_imitates_another_end(name: str, path: Path) -> None:
    functions = f'(func $inner (@name "{name}") unreachable)'
    binary = componentize(guests.core("(call $inner) (call $ok)", functions=functions))
    reason = await end_of(binary, path)
    assert isinstance(reason, Trap)
    assert (reason.kind, reason.message) == (
        "unreachable",
        "wasm `unreachable` instruction executed",
    )
    assert "\n" not in "".join(reason.wasm_backtrace)


@both_paths
@pytest.mark.parametrize("text", IMITATIONS)
async def test_no_text_of_an_error_that_a_guest_returns_is_a_trap(text: str, path: Path) -> None:
    binary = guests.fails(text=text.replace("\\n", " "))
    async with driver.instance_of(binary, path=path) as instance:
        await instance.call("handle-message", driver.message(b""))
        assert instance.is_alive


@both_paths
async def test_what_a_host_function_raises_is_no_trap_of_the_guest(path: Path) -> None:
    async def fail() -> None:
        raise ArithmeticError("wasm trap: integer divide by zero")

    host = driver.ScriptedHost({"host-services.sleep-millis": fail()})
    async with driver.instance_of(guests.sleeps(), host, path=path) as instance:
        with pytest.raises(ArithmeticError):
            await instance.call("handle-message", driver.message(b""))
        assert not instance.is_alive


def sends(size: int) -> bytes:
    """Sends `size` bytes to "a"."""
    return componentize(
        guests.core(
            f"""(call $send (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const 1)
              (i32.const 1024) (i32.const 0) (i32.const 1024) (i32.const {size}) (i32.const 2048))
            (call $ok)""",
            imports='(import "airssys:core/host-messaging@1.0.0" "send" (func $send '
            "(param i32 i32 i32 i32 i32 i32 i32 i32 i32)))",
            data='(data (i32.const 1024) "a")',
        )
    )


def core_that_traps() -> bytes:
    return guests.core("unreachable")


def without_names(module: bytes) -> bytes:
    """The module without its custom sections."""
    kept = [section(kind, contents) for kind, contents in sections(module) if kind != 0]
    return module[:8] + b"".join(kept)
