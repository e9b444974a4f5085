"""Acts: reads what a compiled component really imports and exports, as types of `world.py`.

Uses the public type API of wasmtime, on both paths. Only what a world is
compared with is read: every import, and of the exports the functions of the
instances that are asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.components.engine.world import (
    EnumType,
    FlagsType,
    ForeignType,
    FuncType,
    Item,
    ListType,
    OptionType,
    OtherItem,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
)

# Not in every version of the wheel; where it is not, neither are asynchronous functions.
_is_async = getattr(ffi, "wasmtime_component_func_type_async", lambda _: False)

if TYPE_CHECKING:
    from wasmtime.component._types import ComponentExtern

_PRIMITIVES: dict[type, Primitive] = {
    wc.Bool: Primitive("bool"),
    wc.S8: Primitive("s8"),
    wc.S16: Primitive("s16"),
    wc.S32: Primitive("s32"),
    wc.S64: Primitive("s64"),
    wc.U8: Primitive("u8"),
    wc.U16: Primitive("u16"),
    wc.U32: Primitive("u32"),
    wc.U64: Primitive("u64"),
    wc.F32: Primitive("f32"),
    wc.F64: Primitive("f64"),
    wc.Char: Primitive("char"),
    wc.String: Primitive("string"),
}


def read_interfaces(
    engine: wasmtime.Engine, component: wc.Component, exported: Collection[str] | None
) -> tuple[dict[str, dict[str, Item]], dict[str, dict[str, Item]]]:
    """Imports and exports of `component` by interface, then by function.

    Plain functions are under the interface "". Types are left out, and so are
    exports whose interface, without its version, is not among `exported`;
    None is all of them.

    Raises TypeError for a type that wasmtime's own API can't name.
    """
    kind = component.type
    exports = kind.exports(engine)
    if exported is not None:
        wanted = {name.partition("@")[0] for name in exported}
        exports = {name: item for name, item in exports.items() if name.partition("@")[0] in wanted}
    return _flatten(engine, kind.imports(engine)), _flatten(engine, exports)


def _flatten(
    engine: wasmtime.Engine, items: dict[str, ComponentExtern]
) -> dict[str, dict[str, Item]]:
    found: dict[str, dict[str, Item]] = {}
    for name, extern in items.items():
        of = extern.ty
        if isinstance(of, wc.ComponentInstanceType):
            inner = found.setdefault(name, {})
            for function, member in of.exports(engine).items():
                item = _item(member.ty)
                if item is not None:
                    inner[function] = item
        elif (item := _item(of)) is not None:
            found.setdefault("", {})[name] = item
    return found


def _item(of: wc.ComponentItem) -> Item | None:
    """None for a type: it has no definition that would have to be there."""
    if isinstance(of, wc.FuncType):
        return _function(of)
    if isinstance(of, wc.ComponentInstanceType):
        return OtherItem("instance")
    if isinstance(of, wc.ResourceType):
        return OtherItem("resource")
    if isinstance(of, wc.ModuleType):
        return OtherItem("module")
    if isinstance(of, wc.ComponentType):
        return OtherItem("component")
    return None


def _function(of: wc.FuncType) -> FuncType:
    params = of.params
    result = of.result
    return FuncType(
        tuple(_type(kind) for _, kind in params),
        None if result is None else _type(result),
        tuple(name for name, _ in params),
        bool(_is_async(of.ptr())),
    )


def _type(of: wc.ValType) -> Type:
    if isinstance(of, wc.ListType):
        return ListType(_type(of.element))
    if isinstance(of, wc.OptionType):
        return OptionType(_type(of.payload))
    if isinstance(of, wc.ResultType):
        return ResultType(_optional(of.ok), _optional(of.err))
    if isinstance(of, wc.TupleType):
        return TupleType(tuple(_type(element) for element in of.elements))
    if isinstance(of, wc.RecordType):
        return RecordType(tuple((name, _type(kind)) for name, kind in of.fields))
    if isinstance(of, wc.VariantType):
        return VariantType(tuple((name, _optional(kind)) for name, kind in of.cases))
    if isinstance(of, wc.EnumType):
        return EnumType(tuple(of.names))
    if isinstance(of, wc.FlagsType):
        return FlagsType(tuple(of.names))
    return _PRIMITIVES.get(type(of)) or ForeignType(type(of).__name__.removesuffix("Type").lower())


def _optional(of: wc.ValType | None) -> Type | None:
    return None if of is None else _type(of)
