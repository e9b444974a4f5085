"""A core module becomes a component with nothing but wasmtime's own parser."""

from collections.abc import Mapping

import anyio
import pytest
import wasmtime
from wasmtime.component import Component

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, world_1_0
from airssys_wasm.components.engine.values import Ok
from airssys_wasm.components.engine.world import (
    FlagsType,
    FuncType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    VariantType,
    World,
)
from airssys_wasm.sdk.canonical_abi import core_signature, flatten
from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.sdk.core_module import MODULE, read_core_module, section, sections
from airssys_wasm.sdk.errors import CoreModuleUnfit
from tests.guests import driver, guests
from tests.guests.driver import ScriptedHost, instance_of

U64, F32, F64, STRING = map(Primitive, ("u64", "f32", "f64", "string"))


def imports_of(component: bytes) -> Mapping[str, object]:
    engine = wasmtime.Engine()
    return Component(engine, component).type.imports(engine)


def test_the_same_module_gives_the_same_bytes() -> None:
    assert componentize(guests.core()) == componentize(guests.core())


def test_the_module_stands_in_the_component_with_its_custom_sections() -> None:
    core = guests.core() + section(0, b"\x05notes" + b"kept")
    component = componentize(core)
    modules = [contents for kind, contents in sections(component) if kind == 1]
    assert core in modules


def test_what_is_not_imported_is_not_asked_for() -> None:
    assert imports_of(guests.silent()) == {}
    assert list(imports_of(guests.sleeps())) == ["airssys:core/host-services@1.0.0"]
    assert set(imports_of(guests.every_function())) == set(world_1_0().imports)


def test_an_exported_initialize_runs_before_everything_else() -> None:
    core = guests.core(
        "(call $reply (i32.const 1024) (i32.const 1))",
        functions='(func (export "_initialize") (i32.store8 (i32.const 1024) (i32.const 33)))',
    )

    async def main() -> None:
        async with instance_of(componentize(core), ScriptedHost({})) as instance:
            assert await instance.call("handle-message", driver.message()) == Ok(b"!")

    anyio.run(main)


def test_every_reason_why_a_module_is_unfit_is_named_at_once() -> None:
    core = bytes(
        wasmtime.wat2wasm(
            f"""
            (module
              (import "env" "puts" (func (param i32) (result i32)))
              (import "env" "table" (table 1 funcref))
              (import "airssys:core/storage@1.0.0" "exists" (func (param i32 i32)))
              (func (export "{LIFECYCLE}#health") (result i64) (i64.const 0)))
            """
        )
    )
    with pytest.raises(CoreModuleUnfit) as caught:
        componentize(core)
    reasons = caught.value.reasons
    assert reasons[:5] == (
        "does not export a memory named memory",
        "imports env.table, which is no function",
        "imports env#puts, which the world runtime-host does not have",
        "imports airssys:core/storage@1.0.0#exists as (i32, i32) -> (), "
        "it must be (i32, i32, i32) -> ()",
        f"does not export {LIFECYCLE}#initialize, "
        "(i32, i32, i32, i32, i32, i64, i64, i32, i64) -> i32",
    )
    assert f"exports {LIFECYCLE}#health as () -> i64, it must be () -> i32" in reasons


@pytest.mark.parametrize(
    ("binary", "reason"),
    [
        (b"", "this is no WebAssembly module"),
        (b"(module)", "this is no WebAssembly module"),
        (MODULE + b"\1\x7f", "the module ends in the middle of something"),
        (MODULE + b"\1\2\1\x5e", "types of the garbage collection proposal"),
    ],
)
def test_what_is_no_core_module_is_refused(binary: bytes, reason: str) -> None:
    with pytest.raises(CoreModuleUnfit, match=reason):
        componentize(binary)


def test_a_component_is_not_wrapped_again() -> None:
    with pytest.raises(CoreModuleUnfit, match="this is a component already"):
        componentize(guests.silent())


def test_code_that_is_not_valid_is_found_while_building() -> None:
    core = bytearray(guests.core())
    at = core.rindex(b"\x0b")
    core[at] = 0x1A  # `drop` in place of the last `end`
    with pytest.raises(CoreModuleUnfit):
        componentize(bytes(core))


def test_sixteen_flat_parameters_go_one_by_one_and_seventeen_as_a_pointer() -> None:
    sixteen = FuncType((TupleType((U64,) * 16),))
    assert core_signature(sixteen, "import").params == ("i64",) * 16
    seventeen = FuncType((TupleType((U64,) * 17),))
    assert core_signature(seventeen, "import").params == ("i32",)


def test_cases_of_different_width_share_the_widest_value() -> None:
    assert flatten(ResultType(F32, STRING)) == ("i32", "i32", "i32")
    assert flatten(ResultType(F32, F64)) == ("i32", "i64")
    assert flatten(VariantType((("a", None), ("b", U64), ("c", STRING)))) == ("i32", "i64", "i32")
    assert flatten(FlagsType(tuple("abc"))) == ("i32",)


def test_a_component_of_another_world_is_made_of_that_worlds_types() -> None:
    point = RecordType((("x", F64), ("y", F64)), "point")
    world = World(
        "geometry", {}, {"acme:geo/shape@2.0.0": {"area": FuncType((point,), F64, ("p",))}}
    )
    core = bytes(
        wasmtime.wat2wasm(
            """
            (module (memory (export "memory") 1)
              (func (export "acme:geo/shape@2.0.0#area") (param f64 f64) (result f64)
                (f64.mul (local.get 0) (local.get 1))))
            """
        )
    )
    engine = wasmtime.Engine()
    exports = Component(engine, componentize(core, world)).type.exports(engine)
    assert list(exports) == ["acme:geo/shape@2.0.0"]


def test_every_guest_of_the_tests_reads_as_what_it_is() -> None:
    module = read_core_module(guests.core())
    assert module.memories == ("memory",)
    assert module.imports == {}
    assert str(module.functions[f"{LIFECYCLE}#handle-message"]) == "(i32) -> i32"
