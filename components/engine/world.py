"""What a component imports and exports, as types, and how that differs from a world.

Pure. `wit_parser.py` makes these values from .wit files, `introspection.py`
from a compiled component, and `differences` compares the two.

Always:
  - types are compared by structure: what a record or a parameter is called
    never matters, its fields, cases and their order do;
  - only functions count: items that are types, instances that hold nothing
    else (`types`, `errors`) and exports beyond the world are ignored;
  - a version is served by the same major version with at least its minor
    version; of 0.x and of pre-releases, only by itself.

Source: Component Model, "WIT.md" (types, `use`, package versions) and
"Subtyping.md".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

# A signature is for a person to read; generated types can have a million nodes.
MAX_SIGNATURE = 600


@dataclass(frozen=True, slots=True)
class Primitive:
    """`bool`, an integer, a float, `char` or `string`, by its name in WIT."""

    name: str


@dataclass(frozen=True, slots=True)
class ListType:
    """`list<element>`."""

    element: Type


@dataclass(frozen=True, slots=True)
class OptionType:
    """`option<payload>`."""

    payload: Type


@dataclass(frozen=True, slots=True)
class ResultType:
    """`result<ok, err>`; a side that carries nothing is None."""

    ok: Type | None = None
    err: Type | None = None


@dataclass(frozen=True, slots=True)
class TupleType:
    """`tuple<…>`."""

    elements: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class RecordType:
    """Fields in order. `name` is what the .wit file calls it, and no part of its structure."""

    fields: tuple[tuple[str, Type], ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class VariantType:
    """Cases in order, each with its payload or None."""

    cases: tuple[tuple[str, Type | None], ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class EnumType:
    """Names of the cases, in order."""

    cases: tuple[str, ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class FlagsType:
    """Names of the flags, in order."""

    names: tuple[str, ...]
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ForeignType:
    """A type that is no plain value: the handle of a resource ("own" or "borrow"), which only WASI
    has here, and what no world here uses: a stream, a future, an error context.

    Which resource a handle is of is looked at when it is used, not when types are compared.
    """

    kind: str
    resource: str = field(default="", compare=False)


Type = (
    Primitive
    | ListType
    | OptionType
    | ResultType
    | TupleType
    | RecordType
    | VariantType
    | EnumType
    | FlagsType
    | ForeignType
)

BYTES = ListType(Primitive("u8"))


@dataclass(frozen=True, slots=True)
class FuncType:
    """Parameter types, the result or None; names of parameters are for reading only."""

    params: tuple[Type, ...]
    result: Type | None = None
    names: tuple[str, ...] = field(default=(), compare=False)
    is_async: bool = False


@dataclass(frozen=True, slots=True)
class OtherItem:
    """Something imported or exported that is no function: "resource", "module", "component"."""

    kind: str


Item = FuncType | OtherItem

# Functions by name, by the versioned name of their interface: that of plain functions is "".
Interfaces = Mapping[str, Mapping[str, Item]]


@dataclass(frozen=True, slots=True)
class World:
    """What a component may import, what it has to export, and what it can export besides.

    Exports count up to the minor version `minor`, whichever they are named by here. `resources`
    are the names of those that imported interfaces have. `unreachable` are functions that nobody
    can get to, since they are of resources that nobody can get: there their types do not matter.
    """

    name: str
    imports: Mapping[str, Mapping[str, FuncType]]
    exports: Mapping[str, Mapping[str, FuncType]]
    optional: Mapping[str, Mapping[str, FuncType]] = field(default_factory=dict)
    minor: int = 0
    resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    unreachable: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def callable(self) -> Mapping[str, Mapping[str, FuncType]]:
        """All that the host may call, by interface."""
        return {**self.exports, **self.optional}


def served_by(offered: Collection[str], interface: str) -> str | None:
    """The name among `offered` that serves `interface`, or None.

    >>> served_by(["airssys:core/storage@1.0.0"], "airssys:core/storage@1.0.2")
    'airssys:core/storage@1.0.0'
    >>> served_by(["airssys:core/storage@1.0.0"], "airssys:core/storage@1.1.0") is None
    True
    """
    if interface in offered:
        return interface
    name, wanted = _version(interface)
    if wanted is None:
        return None
    for candidate in offered:
        other, version = _version(candidate)
        if other == name and version and version[0] == wanted[0] and version[1] >= wanted[1]:
            return candidate
    return None


def differences(world: World, imports: Interfaces, exports: Interfaces) -> list[str]:
    """Everything that keeps a component with these imports and exports out of `world`.

    Empty when it fits. Each entry is a sentence that names one function (or
    interface, if the world has none of that name) and, where there are two
    signatures, gives both.

    >>> key = FuncType((Primitive("string"),), None, ("key",))
    >>> bad = FuncType((Primitive("u64"),), None, ("key",))
    >>> world = World("w", {"a:b/c@1.0.0": {"f": key}}, {})
    >>> differences(world, {"a:b/c@1.0.0": {"f": key}}, {})
    []
    >>> print(differences(world, {"a:b/c@1.0.0": {"f": bad}}, {})[0])
    import a:b/c@1.0.0#f differs: the world has func(key: string), the component has func(key: u64)
    """
    found: list[str] = []
    names = type_names(world)
    for interface, items in imports.items():
        if not items:
            continue
        home = served_by(world.imports, interface)
        if home is None:
            found.append(_unknown_interface(world, interface, items))
            continue
        for function, item in items.items():
            place = f"{interface}#{function}"
            if _is_untyped(world, home, function, item):
                continue
            expected = world.imports[home].get(function)
            if expected is None:
                found.append(f"imports {place}, which the world {world.name} does not have")
            elif item != expected:
                found.append(f"import {place} differs: {_both(expected, item, names)}")
    for interface, functions in world.callable.items():
        provided = exported_interface(exports, interface, world.minor)
        if provided is None:
            other = _other_version(exports, interface)
            if other is not None:
                has = _up_to(interface, world.minor)
                found.append(f"exports {other}, but the world {world.name} has {has}")
            elif interface in world.exports:
                found.append(f"does not export {interface}")
            continue
        for function, expected in functions.items():
            there = exports[provided].get(function)
            place = f"{interface}#{function}"
            if there is None:
                found.append(f"does not export {place}: {signature(expected, names)}")
            elif there != expected:
                found.append(f"export {place} differs: {_both(expected, there, names)}")
    return found


def _is_untyped(world: World, home: str, name: str, item: Item) -> bool:
    """Whether all that matters is that the world has something of this name."""
    if isinstance(item, OtherItem):
        return item.kind == "resource" and name in world.resources.get(home, ())
    return name in world.unreachable.get(home, ())


def exported_interface(exports: Collection[str], interface: str, minor: int = 0) -> str | None:
    """The name under which a component exports what the host knows as `interface`.

    Its own name first, else another version of the same major, up to `minor`.

    >>> exported_interface(["a:b/c@1.0.1"], "a:b/c@1.0.0")
    'a:b/c@1.0.1'
    >>> exported_interface(["a:b/c@1.1.0"], "a:b/c@1.0.0", minor=1)
    'a:b/c@1.1.0'
    """
    if interface in exports:
        return interface
    name, version = _version(interface)
    if version is None:
        return None
    newest = max(minor, version[1])
    for candidate in exports:
        other, there = _version(candidate)
        if other == name and there and there[0] == version[0] and there[1] <= newest:
            return candidate
    return None


def signature(
    function: Item, names: Mapping[Type, str] | None = None, same: Collection[Type] | None = None
) -> str:
    """A function as WIT writes it, with the types it uses spelled out.

    A type that `names` knows is written `name{…}` if it is in `same` (or if
    `same` is not given): it is no part of a difference, so its inside would
    only hide one. At most 600 characters.

    >>> signature(FuncType((BYTES,), ResultType(None, Primitive("string")), ("payload",)))
    'func(payload: list<u8>) -> result<_, string>'
    """
    if isinstance(function, OtherItem):
        return function.kind
    known = names or {}

    def write(type_: Type | None) -> str:
        match type_:
            case None:
                return "_"
            case Primitive(name):
                return name
            case ForeignType(kind, resource):
                return f"{kind}<{resource}>" if resource else kind
            case ListType(element):
                return f"list<{write(element)}>"
            case OptionType(payload):
                return f"option<{write(payload)}>"
            case ResultType(None, None):
                return "result"
            case ResultType(ok, None):
                return f"result<{write(ok)}>"
            case ResultType(ok, err):
                return f"result<{write(ok)}, {write(err)}>"
            case TupleType(elements):
                return f"tuple<{', '.join(map(write, elements))}>"
            case RecordType() | VariantType() | EnumType() | FlagsType():
                name = known.get(type_, "") or type_.name
                if name and type_ in known and (same is None or type_ in same):
                    return f"{name}{{…}}"
                return f"{name or _keyword(type_)}{{{', '.join(inside(type_))}}}"
            case _:
                assert_never(type_)

    def inside(type_: RecordType | VariantType | EnumType | FlagsType) -> Iterator[str]:
        match type_:
            case RecordType(fields):
                yield from (f"{name}: {write(of)}" for name, of in fields)
            case VariantType(cases):
                yield from (name if of is None else f"{name}({write(of)})" for name, of in cases)
            case EnumType(items) | FlagsType(items):
                yield from items

    names_of = function.names or ("_",) * len(function.params)
    params = ", ".join(f"{n}: {write(t)}" for n, t in zip(names_of, function.params, strict=True))
    result = "" if function.result is None else f" -> {write(function.result)}"
    text = f"{'async ' if function.is_async else ''}func({params}){result}"
    return text if len(text) <= MAX_SIGNATURE else f"{text[:MAX_SIGNATURE]}…"


def subtypes(function: FuncType) -> Iterator[Type]:
    """Every type that a function mentions, at any depth."""
    yield from (inner for param in function.params for inner in _within(param))
    yield from _within(function.result)


def _within(type_: Type | None) -> Iterator[Type]:
    if type_ is None:
        return
    yield type_
    match type_:
        case ListType(inner) | OptionType(inner):
            yield from _within(inner)
        case ResultType(ok, err):
            yield from _within(ok)
            yield from _within(err)
        case TupleType(elements):
            for inner in elements:
                yield from _within(inner)
        case RecordType(fields):
            for _, inner in fields:
                yield from _within(inner)
        case VariantType(cases):
            for _, payload in cases:
                yield from _within(payload)
        case _:
            pass


def type_names(world: World) -> dict[Type, str]:
    """What the world calls the records, variants, enums and flags that its functions use."""
    functions = [
        function
        for interfaces in (world.imports, world.exports)
        for functions in interfaces.values()
        for function in functions.values()
    ]
    return {
        type_: type_.name
        for function in functions
        for type_ in subtypes(function)
        if isinstance(type_, RecordType | VariantType | EnumType | FlagsType) and type_.name
    }


def _both(expected: FuncType, there: Item, names: Mapping[Type, str]) -> str:
    ours = set(subtypes(expected))
    theirs = set(subtypes(there)) if isinstance(there, FuncType) else set()
    same = ours & theirs
    return (
        f"the world has {signature(expected, names, same)}, "
        f"the component has {signature(there, names, same)}"
    )


def _unknown_interface(world: World, interface: str, items: Mapping[str, Item]) -> str:
    if not interface:
        listed = ", ".join(items)
        return f"imports {listed}, which the world {world.name} does not have"
    have = _other_version(world.imports, interface)
    if have is not None:
        return f"imports {interface}, but the world {world.name} has {have}"
    return f"imports {interface}, which the world {world.name} does not have"


def _other_version(interfaces: Collection[str], interface: str) -> str | None:
    name, _ = _version(interface)
    return next((known for known in interfaces if _version(known)[0] == name), None)


def _keyword(type_: RecordType | VariantType | EnumType | FlagsType) -> str:
    return type(type_).__name__.removesuffix("Type").lower()


def _up_to(interface: str, minor: int) -> str:
    name, version = _version(interface)
    if version is None or version[1] >= minor:
        return interface
    return f"{interface} to {name}@{version[0]}.{minor}"


def _version(interface: str) -> tuple[str, tuple[int, int] | None]:
    """Name without version, and (major, minor) if other versions may stand for it."""
    name, _, version = interface.partition("@")
    numbers = version.partition("+")[0].split(".")
    if len(numbers) != 3 or not all(n.isascii() and n.isdigit() for n in numbers):
        return name, None
    major, minor = int(numbers[0]), int(numbers[1])
    # Before 1.0 it is the second number that says what goes together; a patch adds functions at
    # most, and those are compared one by one.
    return (name, (major, minor)) if major else (name, (-1 - minor, 0))
