"""Which core WebAssembly signature a WIT function has.

Pure.

Source: Component Model, "CanonicalABI.md", sections "Flattening" and `flatten_functype`.
"""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, assert_never

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

MAX_FLAT_PARAMS = 16  # CanonicalABI.md; more are passed as one pointer
MAX_FLAT_RESULTS = 1

_WIDE = {"u64": "i64", "s64": "i64", "f32": "f32", "f64": "f64"}


@dataclass(frozen=True, slots=True)
class CoreSignature:
    """Parameter and result types of a core function, such as `("i32", "i64")`.

    >>> print(CoreSignature(("i32", "i64"), ("i32",)))
    (i32, i64) -> i32
    """

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> {', '.join(self.results) or '()'}"


def core_signature(function: FuncType, side: Literal["import", "export"]) -> CoreSignature:
    """What a core module imports to call `function`, or exports to be called by it.

    A result of more than one value goes through memory: an import gets the
    address as its last parameter, an export returns it.

    >>> get = FuncType((Primitive("string"),), ListType(Primitive("u8")))
    >>> print(core_signature(get, "import"))
    (i32, i32, i32) -> ()
    >>> print(core_signature(get, "export"))
    (i32, i32) -> i32
    """
    params = tuple(flat for type_ in function.params for flat in flatten(type_))
    if len(params) > MAX_FLAT_PARAMS:
        params = ("i32",)
    results = () if function.result is None else flatten(function.result)
    if len(results) <= MAX_FLAT_RESULTS:
        return CoreSignature(params, results)
    if side == "import":
        return CoreSignature((*params, "i32"), ())
    return CoreSignature(params, ("i32",))


def flatten(type_: Type) -> tuple[str, ...]:
    """The core values that a value of `type_` is passed as.

    Raises ValueError for a type that our worlds never use.

    >>> flatten(ResultType(Primitive("u64"), Primitive("string")))
    ('i32', 'i64', 'i32')
    """
    match type_:
        case Primitive("string") | ListType():
            return ("i32", "i32")
        case Primitive(name):
            return (_WIDE.get(name, "i32"),)
        case RecordType(fields):
            return tuple(flat for _, of in fields for flat in flatten(of))
        case TupleType(elements):
            return tuple(flat for of in elements for flat in flatten(of))
        case VariantType(cases):
            return _flatten_cases([payload for _, payload in cases])
        case OptionType(payload):
            return _flatten_cases([None, payload])
        case ResultType(ok, err):
            return _flatten_cases([ok, err])
        case EnumType():
            return ("i32",)
        case FlagsType(names):
            return ("i32",) * -(-len(names) // 32)
        case ForeignType(kind):
            raise ValueError(f"a {kind} has no place in our worlds")
        case _:
            assert_never(type_)


def _flatten_cases(payloads: list[Type | None]) -> tuple[str, ...]:
    flats = [() if payload is None else flatten(payload) for payload in payloads]
    joined: list[str] = []
    for column in zip_longest(*flats):
        kinds = {kind for kind in column if kind is not None}
        if len(kinds) == 1:
            joined.append(kinds.pop())
        else:
            joined.append("i32" if kinds == {"i32", "f32"} else "i64")
    return ("i32", *joined)
