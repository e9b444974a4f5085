"""The part of WIT that our .wit files use, read into the types of `world.py`.

Pure. Reads packages, interfaces, worlds, `use`, `type`, records, variants,
enums, flags, functions, resources with methods, and `include`. Not constructors,
static functions, streams or nested packages: no file here has them, and an
unknown word is an error, never skipped.

Source: Component Model, "WIT.md".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

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
    World,
)

_INTEGERS = frozenset({"s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64"})
PRIMITIVES = _INTEGERS | {"bool", "f32", "f64", "char", "string"}  # WIT.md, "Types"

_TOKEN = re.compile(
    r"(?P<skip>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<word>%?[A-Za-z][A-Za-z0-9-]*)"
    r"|(?P<version>\d+\.\d+\.\d+(?:[0-9A-Za-z.+-]*[0-9A-Za-z])?)"
    r"|(?P<sign>->|[{}()<>:;,=.@/_])",
    re.DOTALL,
)


class WitError(ValueError):
    """A .wit text is not of the part of WIT that is read here. Says the line."""


@dataclass(slots=True)
class _Interface:
    types: dict[str, Type] = field(default_factory=dict)
    functions: dict[str, FuncType] = field(default_factory=dict)
    resources: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _World:
    imports: list[str] = field(default_factory=list)
    exports: list[str] = field(default_factory=list)


def parse_world(sources: Iterable[str], name: str) -> World:
    """The world `name` of the package whose files have the texts `sources`.

    An interface may use only what was declared before it: give the files in
    that order. Raises WitError for what can't be read and KeyError for a
    world that is not there.

    >>> text = '''package a:b@1.0.0;
    ... interface store { get: func(key: string) -> option<list<u8>>; }
    ... world w { import store; }'''
    >>> parse_world([text], "w").imports["a:b/store@1.0.0"]["get"].names
    ('key',)
    """
    package = ""
    interfaces: dict[str, _Interface] = {}
    worlds: dict[str, _World] = {}
    for source in sources:
        reader = _Reader(source, interfaces, worlds)
        reader.read_file()
        if package and reader.package != package:
            raise WitError(f"two packages: {package} and {reader.package}")
        package = reader.package
    base, _, version = package.partition("@")

    def functions(names: list[str]) -> dict[str, dict[str, FuncType]]:
        return {f"{base}/{item}@{version}": interfaces[item].functions for item in names}

    world = worlds[name]
    return World(name, functions(world.imports), functions(world.exports))


@dataclass(frozen=True, slots=True)
class Package:
    """The interfaces of several packages, by their versioned names: functions and resources.

    A resource is known by the interface that declares it, whoever uses it: `wasi:io/poll.pollable`.
    """

    functions: dict[str, dict[str, FuncType]]
    resources: dict[str, dict[str, str]]


def parse_packages(sources: Iterable[str]) -> Package:
    """The interfaces in files of one package each, which may use those of the files before.

    >>> text = '''package a:b@0.2.0;
    ... interface c { resource r { size: func() -> u64; } make: func() -> r; }'''
    >>> package = parse_packages([text])
    >>> sorted(package.functions["a:b/c@0.2.0"]), package.resources["a:b/c@0.2.0"]
    (['[method]r.size', 'make'], {'r': 'a:b/c.r'})
    """
    known: dict[str, _Interface] = {}
    for source in sources:
        own: dict[str, _Interface] = {}
        reader = _Reader(source, own, {}, known)
        reader.read_file()
        base, _, version = reader.package.partition("@")
        known |= {f"{base}/{name}@{version}": interface for name, interface in own.items()}
    return Package(
        {name: interface.functions for name, interface in known.items()},
        {name: interface.resources for name, interface in known.items()},
    )


class _Reader:
    """Reads one file by recursive descent, into the dictionaries it was given."""

    def __init__(
        self,
        source: str,
        interfaces: dict[str, _Interface],
        worlds: dict[str, _World],
        others: Mapping[str, _Interface] = MappingProxyType({}),
    ) -> None:
        self.package = ""
        self._others = others
        self._interfaces = interfaces
        self._worlds = worlds
        self._tokens = _tokens(source)
        self._next = 0

    def read_file(self) -> None:
        self._expect("package")
        self.package = f"{self._word()}{self._expect(':')}{self._word()}{self._expect('@')}"
        self.package += self._take()
        self._expect(";")
        while self._peek():
            match self._take():
                case "interface":
                    self._read_interface(self._word())
                case "world":
                    self._read_world(self._word())
                case other:
                    raise self._error(f"expected interface or world, found {other!r}")

    def _read_world(self, name: str) -> None:
        world = self._worlds[name] = _World()
        self._expect("{")
        while not self._accept("}"):
            direction = self._take()
            if direction == "include":
                self._read_include(world)
                continue
            if direction not in ("import", "export"):
                raise self._error(f"expected import, export or include, found {direction!r}")
            interface = self._word()
            if interface not in self._interfaces:
                raise self._error(f"no interface {interface!r} before this world")
            (world.imports if direction == "import" else world.exports).append(interface)
            self._expect(";")

    def _read_include(self, world: _World) -> None:
        name = self._word()
        if name not in self._worlds:
            raise self._error(f"no world {name!r} before this include")
        world.imports += self._worlds[name].imports
        world.exports += self._worlds[name].exports
        self._expect(";")

    def _read_interface(self, name: str) -> None:
        interface = self._interfaces[name] = _Interface()
        self._expect("{")
        while not self._accept("}"):
            word = self._take()
            if self._accept(":"):
                interface.functions[word.removeprefix("%")] = self._function(interface)
                self._expect(";")
                continue
            match word:
                case "use":
                    self._read_use(interface)
                case "type":
                    alias = self._word()
                    self._expect("=")
                    interface.types[alias] = self._type(interface)
                    self._expect(";")
                case "resource":
                    self._read_resource(self._word(), name, interface)
                case "record" | "variant" | "enum" | "flags":
                    declared = self._word()
                    interface.types[declared] = self._declaration(word, declared, interface)
                case other:
                    raise self._error(f"expected an item of an interface, found {other!r}")

    def _read_use(self, interface: _Interface) -> None:
        source = self._word()
        there = self._interfaces.get(source)
        if self._accept(":"):  # of another package
            package = f"{source}:{self._word()}"
            self._expect("/")
            source = self._word()
            self._expect("@")
            there = self._others.get(f"{package}/{source}@{self._take()}")
        self._expect(".")
        self._expect("{")
        while not self._accept("}"):
            name = self._word()
            local = self._word() if self._accept("as") else name
            if there is None or name not in there.types:
                raise self._error(f"no type {source}.{name} before this use")
            interface.types[local] = there.types[name]
            if name in there.resources:
                interface.resources[local] = there.resources[name]
            if not self._accept(","):
                self._expect("}")
                break
        self._expect(";")

    def _read_resource(self, name: str, home: str, interface: _Interface) -> None:
        full = f"{self.package.partition('@')[0]}/{home}.{name}"
        interface.resources[name] = full
        interface.types[name] = ForeignType("own", full)
        if self._accept(";"):
            return
        self._expect("{")
        while not self._accept("}"):
            method = self._word()
            self._expect(":")
            plain = self._function(interface)
            interface.functions[f"[method]{name}.{method}"] = FuncType(
                (ForeignType("borrow", full), *plain.params), plain.result, ("self", *plain.names)
            )
            self._expect(";")

    def _declaration(self, kind: str, name: str, interface: _Interface) -> Type:
        parts: list[tuple[str, Type | None]] = []
        self._expect("{")
        while not self._accept("}"):
            part = self._word()
            of: Type | None = None
            if kind == "record":
                self._expect(":")
                of = self._type(interface)
            elif kind == "variant" and self._accept("("):
                of = self._type(interface)
                self._expect(")")
            parts.append((part, of))
            if not self._accept(","):
                self._expect("}")
                break
        if kind == "record":
            return RecordType(tuple((part, of) for part, of in parts if of), name)
        if kind == "variant":
            return VariantType(tuple(parts), name)
        names = tuple(part for part, _ in parts)
        return EnumType(names, name) if kind == "enum" else FlagsType(names, name)

    def _function(self, interface: _Interface) -> FuncType:
        is_async = self._accept("async")
        self._expect("func")
        self._expect("(")
        names: list[str] = []
        params: list[Type] = []
        while not self._accept(")"):
            names.append(self._word())
            self._expect(":")
            params.append(self._type(interface))
            if not self._accept(","):
                self._expect(")")
                break
        result = self._type(interface) if self._accept("->") else None
        return FuncType(tuple(params), result, tuple(names), is_async)

    def _type(self, interface: _Interface) -> Type:
        word = self._word()
        if word in PRIMITIVES:
            return Primitive(word)
        match word:
            case "list":
                return ListType(self._arguments(interface, 1)[0])
            case "option":
                return OptionType(self._arguments(interface, 1)[0])
            case "tuple":
                return TupleType(self._arguments(interface, None))
            case "result":
                return self._result(interface)
            case "borrow":
                (owned,) = self._arguments(interface, 1)
                if not isinstance(owned, ForeignType):
                    raise self._error("only a resource can be borrowed")
                return ForeignType("borrow", owned.resource)
        try:
            return interface.types[word]
        except KeyError:
            raise self._error(f"no type {word!r}") from None

    def _result(self, interface: _Interface) -> ResultType:
        if not self._accept("<"):
            return ResultType()
        ok = None if self._accept("_") else self._type(interface)
        err = self._type(interface) if self._accept(",") else None
        self._expect(">")
        return ResultType(ok, err)

    def _arguments(self, interface: _Interface, count: int | None) -> tuple[Type, ...]:
        self._expect("<")
        found = [self._type(interface)]
        while self._accept(","):
            found.append(self._type(interface))
        self._expect(">")
        if count is not None and len(found) != count:
            raise self._error(f"expected {count} type, found {len(found)}")
        return tuple(found)

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._error("unexpected end")
        self._next += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek() != token:
            return False
        self._next += 1
        return True

    def _expect(self, token: str) -> str:
        found = self._take()
        if found != token:
            raise self._error(f"expected {token!r}, found {found!r}")
        return found

    def _word(self) -> str:
        word = self._take()
        if not word[0].isalpha() and word[0] != "%":
            raise self._error(f"expected a name, found {word!r}")
        return word.removeprefix("%")

    def _error(self, message: str) -> WitError:
        at = min(max(self._next - 1, 0), len(self._tokens) - 1)
        line = self._tokens[at][1] if self._tokens else 1
        return WitError(f"line {line}: {message}")


def _tokens(source: str) -> list[tuple[str, int]]:
    tokens: list[tuple[str, int]] = []
    position, line = 0, 1
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            raise WitError(f"line {line}: can't read {source[position]!r}")
        text = match.group()
        if match.lastgroup != "skip":
            tokens.append((text, line))
        line += text.count("\n")
        position = match.end()
    return tokens
