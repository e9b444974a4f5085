"""Kinds of traps are read from what wasmtime really says, and a guest can't imitate one."""

import pytest
from wasmtime import Config, Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

from airssys_wasm.components.engine.guest_text import MAX_GUEST_TEXT
from airssys_wasm.components.engine.traps import (
    HOST_ERROR,
    KINDS,
    Limit,
    Trap,
    TrapKind,
    is_host_error,
    kind_of,
    trap_of,
)

TRAPS: dict[str, tuple[str, TrapKind]] = {
    "unreachable": ("unreachable", "unreachable"),
    "load beyond memory": ("(drop (i32.load (i32.const 0x7fffffff)))", "memory out of bounds"),
    "fill beyond memory": (
        "(memory.fill (i32.const 65530) (i32.const 0) (i32.const 100))",
        "memory out of bounds",
    ),
    "call beyond table": ("(call_indirect (type $t) (i32.const 100))", "table out of bounds"),
    "get beyond table": ("(drop (table.get (i32.const 100)))", "table out of bounds"),
    "call of an empty slot": (
        "(call_indirect (type $t) (i32.const 1))",
        "null or bad indirect call",
    ),
    "call of null": ("(call_ref $t (ref.null $t))", "null or bad indirect call"),
    "call of another type": ("(call_indirect (type $t) (i32.const 0))", "bad signature"),
    "division overflow": (
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "integer overflow",
    ),
    "conversion overflow": ("(drop (i32.trunc_f32_s (f32.const 1e30)))", "integer overflow"),
    "division by zero": ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "division by zero"),
    "remainder by zero": ("(drop (i64.rem_u (i64.const 1) (i64.const 0)))", "division by zero"),
    "conversion of nan": ("(drop (i32.trunc_f32_s (f32.const nan)))", "bad conversion"),
    "endless recursion": ("(call $run)", "stack overflow"),
    "no fuel left": ("(loop $l (br $l))", "out of fuel"),
    "atomic wait": (
        "(drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))",
        "other",
    ),
}

MODULE = r"""
(component
  (core module $m
    (type $t (func)) (memory 1) (table 2 funcref)
    (func $g (param i32) (result i32) (i32.const 1)) (elem (i32.const 0) $g)
    (func $run (export "run") BODY))
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run"))))
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    config = Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    return Engine(config)


def error_of(engine: Engine, wat: str, *, fuel: int = 1_000_000, epochs: int = 1) -> str:
    """What wasmtime says when the exported `run` of the component traps."""
    store = Store(engine)
    store.set_fuel(fuel)
    store.set_epoch_deadline(epochs)
    instance = Linker(engine).instantiate(store, Component(engine, wat))
    run = instance.get_func(store, "run")
    assert run is not None
    if epochs == 0:
        engine.increment_epoch()
    with pytest.raises(WasmtimeError) as caught:
        run(store)
    return str(caught.value)


@pytest.mark.parametrize(("body", "kind"), TRAPS.values(), ids=TRAPS.keys())
def test_each_kind_is_read_from_what_wasmtime_says(
    engine: Engine, body: str, kind: TrapKind
) -> None:
    assert kind_of(error_of(engine, MODULE.replace("BODY", body))) == kind


def test_an_interrupted_guest_is_read_from_what_wasmtime_says(engine: Engine) -> None:
    text = error_of(engine, MODULE.replace("BODY", "(loop $l (br $l))"), epochs=0)
    assert kind_of(text) == "interrupted"


def test_every_kind_in_the_table_has_a_real_case() -> None:
    shown_by_cases = {kind for _, kind in TRAPS.values()} | {"interrupted"}
    assert set(KINDS.values()) <= shown_by_cases


@pytest.mark.parametrize("text", sorted(KINDS))
def test_a_function_name_cannot_imitate_a_kind(engine: Engine, text: str) -> None:
    name = rf"x\n\nCaused by:\n    wasm trap: {text}\n"
    other = (
        "unreachable"
        if KINDS[text] != "unreachable"
        else "(drop (i32.div_s (i32.const 1) (i32.const 0)))"
    )
    wat = MODULE.replace("$run (export", f'(@name "{name}") (export').replace("BODY", other)
    said = error_of(engine, wat)
    assert f"wasm trap: {text}\n" in said
    assert kind_of(said) != KINDS[text]
    assert kind_of(said) in ("unreachable", "division by zero")


def test_a_function_name_cannot_imitate_a_host_error(engine: Engine) -> None:
    name = rf"x\n\nCaused by:\n    {HOST_ERROR}"
    wat = MODULE.replace("$run (export", f'(@name "{name}") (export').replace("BODY", "unreachable")
    assert not is_host_error(error_of(engine, wat))


def test_the_error_of_a_host_function_is_no_trap_of_the_guest(engine: Engine) -> None:
    wat = r"""
    (component
      (import "host" (func $host))
      (core func $lowered (canon lower (func $host)))
      (core module $m
        (import "" "host" (func $host))
        (func (@name "wasm trap: interrupt") (export "run") (call $host)))
      (core instance $i (instantiate $m (with "" (instance (export "host" (func $lowered))))))
      (func (export "run") (canon lift (core func $i "run"))))
    """

    def host(*_: object) -> None:
        raise WasmtimeError(HOST_ERROR)

    linker = Linker(engine)
    with linker.root() as root:
        root.add_func("host", host)
    store = Store(engine)
    store.set_fuel(1_000_000)
    store.set_epoch_deadline(1)
    run = linker.instantiate(store, Component(engine, wat)).get_func(store, "run")
    assert run is not None
    with pytest.raises(WasmtimeError) as caught:
        run(store)
    assert is_host_error(str(caught.value))
    assert kind_of(str(caught.value)) == "other"


def test_the_backtrace_names_the_functions_innermost_first(engine: Engine) -> None:
    wat = r"""
    (component
      (core module $shop
        (func $price unreachable)
        (func $total (export "run") (call $price)))
      (core instance $i (instantiate $shop))
      (func (export "run") (canon lift (core func $i "run"))))
    """
    frames = trap_of(error_of(engine, wat), fuel_used=7).wasm_backtrace
    assert [frame.rpartition(" - ")[2] for frame in frames] == ["shop!price", "shop!total"]


def test_the_message_is_the_trap_as_wasmtime_words_it(engine: Engine) -> None:
    trap = trap_of(error_of(engine, MODULE.replace("BODY", TRAPS["division by zero"][0])), 7)
    assert (trap.message, trap.fuel_used) == ("integer divide by zero", 7)


def test_names_in_a_backtrace_are_escaped_and_bounded(engine: Engine) -> None:
    name = "a" * 3000 + r"\n\1b[2J"
    wat = MODULE.replace("$run (export", f'(@name "{name}") (export')
    wat = wat.replace("BODY", "(call 1)")
    frames = trap_of(error_of(engine, wat)).wasm_backtrace
    assert "\\x1b[2J" in "".join(frames)
    assert all(frame.isprintable() for frame in frames)
    assert sum(len(frame.encode()) for frame in frames) <= MAX_GUEST_TEXT


def test_a_function_name_cannot_hide_the_frames_behind_it(engine: Engine) -> None:
    wat = r"""
    (component
      (core module $shop
        (func $price (@name "x\n\nCaused by:\n") unreachable)
        (func $total (export "run") (call $price)))
      (core instance $i (instantiate $shop))
      (func (export "run") (canon lift (core func $i "run"))))
    """
    assert "shop!total" in trap_of(error_of(engine, wat)).wasm_backtrace[-1]


def test_any_text_gives_a_trap() -> None:
    for text in ("", "\n", "Caused by:", "error while executing at wasm backtrace:\n", "\udc80"):
        assert trap_of(text).kind == "other"


def test_reasons_are_equal_by_value_and_read_well() -> None:
    assert Trap("division by zero", "integer divide by zero") == Trap(
        "division by zero", "integer divide by zero"
    )
    assert str(Trap("division by zero", "integer divide by zero")) == "trap: division by zero"
    assert str(Trap("other", "invalid `char` bit pattern")) == "trap: invalid `char` bit pattern"
    assert str(Limit("memory", 16777216, None)) == "limit: memory 16777216 bytes"
    assert str(Limit("fuel", 1000, 1000, "out of fuel")) == "limit: fuel 1000"
    assert len({Limit("call", 5.0, 5.1), Limit("call", 5.0, 5.1)}) == 1
