"""Acts: writes Python values into memory laid out as wasmtime's C API reads them.

For a list of types it makes one function, specialised by generating its source as `dataclasses`
does: everything that the types fix (kinds, sizes, field names, addresses of nested values) is
written once into a block of memory, and a call fills in only what changes. A component message
of 256 bytes takes about a microsecond; interpreting the types costs three times that.

Always:
  - a value that does not fit its type is a TypeError before any foreign code has seen it: ranges
    are checked, strings are encoded by us (so that they are UTF-8), cases are looked up;
  - memory that was written stays valid until the next `write` with the same `Arena`, the strings
    and lists in it until `release`; a `Lowering` writes to no memory but its own and the arena's.

Source: wasmtime 50.0.1, `component/val.h`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Sequence
from typing import Any, assert_never

from airssys_wasm.components.engine.arena import Arena
from airssys_wasm.components.engine.foreign import (
    BYTES_OFFSET,
    ENTRY_WORDS,
    VALUE_WORDS,
    Kind,
)
from airssys_wasm.components.engine.rows import Rows
from airssys_wasm.components.engine.values import Err, Ok, Variant, as_bytes
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FlagsType,
    ForeignType,
    ListType,
    OptionType,
    Primitive,
    RecordType,
    ResultType,
    TupleType,
    Type,
    VariantType,
)

# Of a list's elements, for the next one; a longer list gets memory of its own for the call.
_KEPT_BYTES = 128 * 1024

_NEW_TURN = "  arena.used = 0\n  arena.turn += 1\n"

_STRING = Primitive("string")
_NOTHING = object()

_INTEGERS = {
    "s8": (Kind.S8, 8, True),
    "u8": (Kind.U8, 8, False),
    "s16": (Kind.S16, 16, True),
    "u16": (Kind.U16, 16, False),
    "s32": (Kind.S32, 32, True),
    "u32": (Kind.U32, 32, False),
    "s64": (Kind.S64, 64, True),
    "u64": (Kind.U64, 64, False),
}

# Typecodes of arrays that hold just the numbers of a type: a list of them is written in two copies.
_ARRAYS = {Primitive("u16"): "H", Primitive("u32"): "I", Primitive("u64"): "Q"}


class Lowering:
    """Writes values of `types`; `write(values)` takes as many as there are types.

    `address` is where they are then, one after the other, each of 32 bytes.
    """

    __slots__ = ("_block", "_code", "_what", "_write", "address")

    def __init__(self, types: Sequence[Type], arena: Arena, what: str) -> None:
        self._what = what
        self._write: Callable[[Sequence[object]], None] | None = None
        self._code = code = _Code(arena)
        first = code.block(VALUE_WORDS * len(types))
        names = [code.name() for _ in types]
        if names:
            code.line(f"{', '.join(names)}, = values")
        else:
            code.line("() = values")
        for index, (type_, name) in enumerate(zip(types, names, strict=True)):
            code.value(type_, first + VALUE_WORDS * index, name)
        self._block = array("Q", code.template or [0])
        self.address = self._block.buffer_info()[0]
        code.relocate(self._block, self.address, 0)

    @property
    def write(self) -> Callable[[Sequence[object]], None]:
        """The function that writes; compiled when it is first asked for, as few are."""
        if self._write is None:
            self._write = self._compiled()
        return self._write

    def _compiled(self) -> Callable[[Sequence[object]], None]:
        code, what = self._code, self._what

        def mismatch(error: Exception) -> TypeError:
            return TypeError(f"{what}: {error}")

        source = (
            "def write(values):\n"
            f"{_NEW_TURN if code.has_lists else ''}"
            "  try:\n"
            f"{code.source(4)}"
            "  except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:\n"
            "    raise mismatch(error) from error\n"
        )
        names = {"w": self._block, "base": self.address, "mismatch": mismatch}
        return _compile(source, "write", {**code.names, **names})


class _Code:
    """Source that fills a block of memory, and what the block holds from the start.

    Indices are constants in the one block of a `Lowering`. The `elements` of a list are in two
    places: their values side by side from `h` on, what is nested in them from `i` on.
    """

    def __init__(self, arena: Arena, *, elements: bool = False) -> None:
        self.template: list[int] = []
        self.names: dict[str, Any] = {
            "Ok": Ok,
            "Err": Err,
            "Variant": Variant,
            "encode": str.encode,
            "identity": id,
            "arena": arena,
            "keep": arena.keep.append,
            "put": arena.put,
            "as_bytes": as_bytes,
            "pack": struct.pack,
            "from_bytes": int.from_bytes,
        }
        self._arena = arena
        self._elements = elements
        self.relocations: list[tuple[int, int]] = []
        self.has_lists = False
        self._lines: list[str] = []
        self._indent = ""
        self._count = 0

    def source(self, indent: int) -> str:
        return "".join(f"{' ' * indent}{line}\n" for line in self._lines)

    def relocate(self, memory: array[int], address: int, at: int) -> None:
        """Point the nested values of the block at index `at` of `memory` to where they are."""
        for index, target in self.relocations:
            memory[at + index] = address + 8 * target

    def name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def line(self, text: str) -> None:
        self._lines.append(self._indent + text)

    def block(self, size: int) -> int:
        at = len(self.template)
        self.template.extend([0] * size)
        return at

    def value(self, type_: Type, at: int, name: str) -> None:
        """Emit what writes the value called `name` to index `at`."""
        match type_:
            case Primitive(kind):
                self._primitive(kind, at, name)
            case ListType():
                self._list(type_, at, name)
            case OptionType(payload):
                self.template[at] = Kind.OPTION
                self._case(f"if {name} is None:", [(at + 1, "0")])
                if payload == _STRING and not self._elements:
                    self._remembered(at + 1, name)
                else:
                    self._case("else:", [], payload, at + 1, name)
            case ResultType(ok, err):
                self.template[at] = Kind.RESULT
                kind = self.name()
                self.line(f"{kind} = {name}.__class__")
                self._case(f"if {kind} is Ok:", [(at + 1, "1")], ok, at + 2, f"{name}.value")
                self._case(f"elif {kind} is Err:", [(at + 1, "0")], err, at + 2, f"{name}.value")
                self.line(f"else: raise TypeError(f'expected Ok or Err, not {{{name}!r}}')")
            case RecordType(fields):
                self._record(fields, at, name)
            case TupleType(elements):
                self.template[at : at + 2] = [Kind.TUPLE, len(elements)]
                inner = self.block(VALUE_WORDS * len(elements))
                self.relocations.append((at + 2, inner))
                parts = self._unpack(name, len(elements), "tuple")
                for index, (element, part) in enumerate(zip(elements, parts, strict=True)):
                    self.value(element, inner + VALUE_WORDS * index, part)
            case VariantType(cases):
                self.template[at] = Kind.VARIANT
                self.line(f"if {name}.__class__ is not Variant:")
                self.line(f"  raise TypeError(f'expected Variant, not {{{name}!r}}')")
                chosen = self.name()
                self.line(f"{chosen} = {name}.case")
                word = "if"
                for case, of in cases:
                    size, data = self._constant(case)
                    set_name = [(at + 1, str(size)), (at + 2, str(data))]
                    test = f"{word} {chosen} == {case!r}:"
                    self._case(test, set_name, of, at + 3, f"{name}.payload")
                    word = "elif"
                self.line(f"else: raise ValueError(f'no such case: {{{chosen}!r}}')")
            case EnumType(cases):
                self.template[at] = Kind.ENUM
                table = self.name()
                self.names[table] = {case: self._constant(case) for case in cases}
                self.line(f"{self._word(at + 1)}, {self._word(at + 2)} = {table}[{name}]")
            case FlagsType(names):
                self._flags(names, at, name)
            case ForeignType("own"):  # only as a result of its own: see `handles.py`
                self.line("raise TypeError('no handle can be in a value')")
            case ForeignType(kind):
                raise TypeError(f"values of type {kind} can't be passed")
            case _:
                assert_never(type_)

    def _primitive(self, kind: str, at: int, name: str) -> None:
        word = self._word(at + 1)
        if kind in _INTEGERS:
            self.template[at], bits, signed = _INTEGERS[kind]
            low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
            self.line(f"if not {low} <= {name} < {high}:")
            self.line(f"  raise ValueError(f'{{{name}!r}} is no {kind}')")
            self.line(f"{word} = {name} & {(1 << 64) - 1}" if signed else f"{word} = {name}")
        elif kind == "bool":
            self.template[at] = Kind.BOOL
            self.line(f"if {name} is not True and {name} is not False:")
            self.line(f"  raise TypeError(f'{{{name}!r}} is no bool')")
            self.line(f"{word} = {name}")
        elif kind in ("f32", "f64"):
            self.template[at] = Kind.F32 if kind == "f32" else Kind.F64
            self.line(f"if not isinstance({name}, float):")
            self.line(f"  raise TypeError(f'{{{name}!r}} is no float')")
            form = "'<fxxxx'" if kind == "f32" else "'<d'"
            self.line(f"{word} = from_bytes(pack({form}, {name}), 'little')")
        elif kind == "char":
            self.template[at] = Kind.CHAR
            self.line(f"encode({name})")  # refuses a lone surrogate
            self.line(f"{word} = ord({name})")
        else:
            raw = self.name()
            self.line(f"{raw} = encode({name})")
            self.line(f"keep({raw})")
            self._text(at, raw)

    def _list(self, type_: ListType, at: int, name: str) -> None:
        self.template[at] = Kind.LIST
        self.has_lists = True
        put = "put"
        if type_ == BYTES:
            self.line(f"if {name}.__class__ is not bytes: {name} = as_bytes({name})")
        else:
            put = self.name()
            self.names[put] = _ListWriter(type_.element, self._arena).put
        self.line(f"{self._word(at + 2)} = {put}({name})")
        self.line(f"{self._word(at + 1)} = len({name})")

    def _record(self, fields: tuple[tuple[str, Type], ...], at: int, name: str) -> None:
        self.template[at : at + 2] = [Kind.RECORD, len(fields)]
        inner = self.block(ENTRY_WORDS * len(fields))
        self.relocations.append((at + 2, inner))
        # Messages in a row are often of one sender. Its words are there still: the block is ours
        # alone, and neither the tuple nor its strings can have changed.
        remembered = not self._elements and all(of == _STRING for _, of in fields)
        outer, last = self._indent, f"last{at}"
        if remembered:
            self.names[last] = [_NOTHING]
            self.names["nothing"] = _NOTHING
            self.line(f"if {last}[0] is not {name}:")
            self._indent += "  "
            self.line(f"{last}[0] = nothing")
        parts = self._unpack(name, len(fields), f"record as tuple of {len(fields)}")
        for index, ((field, of), part) in enumerate(zip(fields, parts, strict=True)):
            entry = inner + ENTRY_WORDS * index
            self.template[entry : entry + 2] = self._constant(field)
            if remembered:
                self.line(f"{part} = encode({part})")
                self._text(entry + 2, part)
            else:
                self.value(of, entry + 2, part)
        if remembered:
            self.line(f"{last}[:] = ({name}, {', '.join(parts)})")
            self._indent = outer

    def _remembered(self, pointer: int, name: str) -> None:
        """A string that may be the one of the message before, as a content type mostly is."""
        inner = self.block(VALUE_WORDS)
        last, raw = f"last{inner}", self.name()
        self.names[last] = [_NOTHING, b""]
        self.line("else:")
        self.line(f"  {self._word(pointer)} = base + {8 * inner}")
        self.line(f"  if {last}[0] is not {name}:")
        outer, self._indent = self._indent, self._indent + "    "
        self.line(f"{raw} = encode({name})")
        self.line(f"{last}[:] = {name}, {raw}")
        self._text(inner, raw)
        self._indent = outer

    def _text(self, at: int, raw: str) -> None:
        self.template[at] = Kind.STRING
        self.line(f"{self._word(at + 1)} = len({raw})")
        self.line(f"{self._word(at + 2)} = identity({raw}) + {BYTES_OFFSET}")

    def _unpack(self, name: str, count: int, expected: str) -> list[str]:
        parts = [self.name() for _ in range(count)]
        self.line(f"if not isinstance({name}, tuple):")
        self.line(f"  raise TypeError(f'expected {expected}, not {{{name}!r}}')")
        self.line(f"{', '.join(parts)}, = {name}")
        return parts

    def _flags(self, names: tuple[str, ...], at: int, name: str) -> None:
        self.template[at] = Kind.FLAGS
        inner = self.block(2 * len(names))
        self.relocations.append((at + 2, inner))
        table = self.name()
        self.names[table] = {flag: self._constant(flag) for flag in names}
        self.line(f"if {name}.__class__ is not frozenset:")
        self.line(f"  raise TypeError(f'expected frozenset, not {{{name}!r}}')")
        self.line(f"{self._word(at + 1)} = len({name})")
        self.line(f"for n, flag in enumerate({name}):")
        word = self._word(inner)[:-1]
        self.line(f"  {word} + 2 * n], {word} + 2 * n + 1] = {table}[flag]")

    def _case(
        self,
        test: str,
        words: Sequence[tuple[int, str]],
        payload: Type | None = None,
        pointer: int = 0,
        name: str = "",
    ) -> None:
        """One branch: constants, then the payload in a block of its own at `pointer`."""
        self.line(test)
        outer, self._indent = self._indent, self._indent + "  "
        for at, text in words:
            self.line(f"{self._word(at)} = {text}")
        if payload is not None:
            inner = self.block(VALUE_WORDS)
            self.line(f"{self._word(pointer)} = base + {8 * inner}")
            part = self.name()
            self.line(f"{part} = {name}")
            self.value(payload, inner, part)
        elif name:
            self.line(f"{self._word(pointer)} = 0")
            self.line(f"if {name} is not None: raise TypeError(f'unexpected value {{{name}!r}}')")
        self._indent = outer

    def _word(self, at: int) -> str:
        if not self._elements:
            return f"w[{at}]"
        return f"w[h + {at}]" if at < VALUE_WORDS else f"w[i + {at - VALUE_WORDS}]"

    def _constant(self, text: str) -> tuple[int, int]:
        """Size and address of a text that lives as long as the generated function."""
        raw = text.encode()
        self.names[f"constant{len(self.names)}"] = raw
        return len(raw), id(raw) + BYTES_OFFSET


class _ListWriter:
    """Writes lists of one type, into rows that are kept, or made for a list that is long."""

    __slots__ = ("_arena", "_code", "_fill", "_kept", "_most", "_stride", "_taken", "_turn")

    def __init__(self, element: Type, arena: Arena) -> None:
        self._arena = arena
        self._code = code = _Code(arena, elements=True)
        code.value(element, code.block(VALUE_WORDS), "value")
        size = len(code.template)
        self._stride = size - VALUE_WORDS
        self._most = _KEPT_BYTES // (8 * size)
        self._kept = self._rows(0)
        self._turn = self._taken = 0  # rows of a turn of the arena: there are lists in lists
        self._fill: Callable[..., None] | None = None
        if element in _ARRAYS:
            self._fill = _numbers(_ARRAYS[element])

    def put(self, values: list[object]) -> int:
        """The address of these values, one beside the other."""
        if values.__class__ is not list:
            raise TypeError(f"expected list, not {type(values).__name__}")
        if not values:
            return 8  # an empty list is not read, but its address may not be null
        if self._fill is None:
            self._fill = self._compiled()
        rows, row = self._room(len(values))
        h, i = VALUE_WORDS * row, rows.nested + self._stride * row
        self._fill(rows.words, rows.address + 8 * (i - VALUE_WORDS), h, i, values)
        return rows.address + 8 * h

    def _room(self, count: int) -> tuple[Rows, int]:
        """Rows, and the first of `count` of them that are free until the arena's next turn."""
        arena = self._arena
        if self._turn != arena.turn:
            self._turn, self._taken = arena.turn, 0
        first, rows = self._taken, self._kept
        if first + count <= rows.count:
            self._taken = first + count
            return rows, first
        if first + count > self._most:
            rows = self._rows(count)
        else:
            arena.keep.append(rows)  # earlier lists of this value are in it
            self._kept = rows = self._rows(min(self._most, 2 * (first + count)))
            self._taken = count
        arena.keep.append(rows)
        return rows, 0

    def _rows(self, count: int) -> Rows:
        return Rows(self._code.template, self._code.relocations, count)

    def _compiled(self) -> Callable[..., None]:
        source = (
            "def fill(w, base, h, i, values):\n"
            "  for value in values:\n"
            f"{self._code.source(4)}"
            f"    base += {8 * self._stride}\n"
            f"    h += {VALUE_WORDS}\n"
            f"    i += {self._stride}\n"
        )
        return _compile(source, "fill", self._code.names)


def _numbers(typecode: str) -> Callable[..., None]:
    """What fills rows with unsigned integers; an array refuses those that are out of its range."""

    def fill(w: array[int], base: int, h: int, i: int, values: list[int]) -> None:
        end = h + VALUE_WORDS * len(values)
        w[h + 1 : end : VALUE_WORDS] = array("Q", array(typecode, values))

    return fill


def _compile(source: str, name: str, names: dict[str, Any]) -> Callable[..., Any]:
    exec(compile(source, f"<lowering {name}>", "exec"), names)
    written: Callable[..., Any] = names[name]
    return written
