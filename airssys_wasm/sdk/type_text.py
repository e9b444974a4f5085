"""Types of WIT as WebAssembly text.

Pure. Records, variants, enums and flags have to be named where they are imported or exported;
all other types are written where they are used.

Source: Component Model, "Explainer.md", section "Type Definitions".
"""

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

from airssys_wasm.components.engine.world import (
    EnumType,
    FlagsType,
    ForeignType,
    FuncType,
    ListType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
)

NamedType = RecordType | VariantType | EnumType | FlagsType


def named_types(functions: Iterable[FuncType]) -> Iterable[NamedType]:
    """Records, variants, enums and flags that the functions mention, inner ones first."""
    found: dict[NamedType, None] = {}

    def visit(type_: Type | None) -> None:
        match type_:
            case ListType(inner) | OptionType(inner):
                visit(inner)
            case ResultType(ok, err):
                visit(ok)
                visit(err)
            case TupleType(elements):
                for element in elements:
                    visit(element)
            case RecordType(fields):
                for _, of in fields:
                    visit(of)
            case VariantType(cases):
                for _, payload in cases:
                    visit(payload)
            case _:
                pass
        if isinstance(type_, NamedType):
            found[type_] = None

    for function in functions:
        for type_ in (*function.params, function.result):
            visit(type_)
    return found


def signature(function: FuncType, names: Mapping[Type, str]) -> str:
    """Parameters and result; a type that `names` knows is written by its identifier.

    >>> signature(FuncType((ListType(Primitive("u8")),), Primitive("bool"), ("payload",)), {})
    '(param "payload" (list u8)) (result bool)'
    """
    params = [
        f'(param "{name}" {_reference(type_, names)})'
        for name, type_ in zip(function.names, function.params, strict=True)
    ]
    if function.result is not None:
        params.append(f"(result {_reference(function.result, names)})")
    return " ".join(params)


def _reference(type_: Type, names: Mapping[Type, str]) -> str:
    return names.get(type_) or definition(type_, names)


def definition(type_: Type, names: Mapping[Type, str]) -> str:
    """The type itself; types inside it that `names` knows are written by their identifiers.

    Raises ValueError for a type that our worlds never use.

    >>> definition(ResultType(None, EnumType(("full", "gone"))), {})
    '(result (error (enum "full" "gone")))'
    """

    def of(inner: Type) -> str:
        return _reference(inner, names)

    match type_:
        case Primitive(name):
            return name
        case ListType(element):
            return f"(list {of(element)})"
        case OptionType(payload):
            return f"(option {of(payload)})"
        case ResultType(ok, err):
            return f"(result{_optional(ok, of)}{_optional(err, of, 'error')})"
        case TupleType(elements):
            return f"(tuple {' '.join(map(of, elements))})"
        case RecordType(fields):
            listed = " ".join(f'(field "{name}" {of(inner)})' for name, inner in fields)
            return f"(record {listed})"
        case VariantType(cases):
            listed = " ".join(f'(case "{name}"{_optional(payload, of)})' for name, payload in cases)
            return f"(variant {listed})"
        case EnumType(items):
            return f"(enum {_quoted(items)})"
        case FlagsType(items):
            return f"(flags {_quoted(items)})"
        case ForeignType(kind):
            raise ValueError(f"a {kind} has no place in our worlds")
        case _:
            assert_never(type_)


def _optional(type_: Type | None, write: Callable[[Type], str], keyword: str = "") -> str:
    if type_ is None:
        return ""
    return f" ({keyword} {write(type_)})" if keyword else f" {write(type_)}"


def _quoted(names: Iterable[str]) -> str:
    return " ".join(f'"{name}"' for name in names)
