"""What a core WebAssembly module imports and exports, read from its bytes.

Pure. Reads the sections for types, imports, functions and exports and skips
the others, so a module is not compiled to be looked at.

Source: WebAssembly Core Specification 3.0, "Binary Format", sections
"Modules" and "Types".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from airssys_wasm.sdk.canonical_abi import CoreSignature

MAGIC = b"\0asm"
MODULE = MAGIC + b"\1\0\0\0"
COMPONENT = MAGIC + b"\x0d\0\1\0"  # version 13, layer 1: as the component model is at present

_TYPE, _IMPORT, _FUNCTION, _EXPORT = 1, 2, 3, 7
_VALUE_TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
}


@dataclass(frozen=True, slots=True)
class CoreModule:
    """Imported functions by module and name, and what is exported.

    `other_imports` are imports that are no functions, such as memories:
    `module.name`.
    """

    imports: dict[tuple[str, str], CoreSignature]
    functions: dict[str, CoreSignature]
    memories: tuple[str, ...] = ()
    other_imports: tuple[str, ...] = ()


class NotAModule(ValueError):
    """Bytes that are no core module, or one that uses what is not read here. Says which."""


@dataclass(slots=True)
class _Cursor:
    data: bytes
    at: int = 0

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise NotAModule("the module ends in the middle of something")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    def take(self, length: int) -> bytes:
        if self.at + length > len(self.data):
            raise NotAModule("the module ends in the middle of something")
        self.at += length
        return self.data[self.at - length : self.at]

    def name(self) -> str:
        return self.take(self.number()).decode("utf-8")

    def value_types(self) -> tuple[str, ...]:
        return tuple(self.value_type() for _ in range(self.number()))

    def value_type(self) -> str:
        byte = self.byte()
        if byte in (0x63, 0x64):  # (ref null? heap type): what follows is one more number
            self.number()
            return "ref"
        return _VALUE_TYPES.get(byte, f"type 0x{byte:02x}")

    def limits(self) -> None:
        flags = self.byte()
        self.number()
        if flags & 1:
            self.number()


def unsigned(number: int) -> bytes:
    """LEB128.

    >>> unsigned(300)
    b'\\xac\\x02'
    """
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def sections(binary: bytes) -> Iterator[tuple[int, bytes]]:
    """(section id, contents) of a module or a component, in order."""
    cursor = _Cursor(binary, len(MODULE))
    while cursor.at < len(binary):
        kind = cursor.byte()
        yield kind, cursor.take(cursor.number())


def section(kind: int, contents: bytes) -> bytes:
    """One section as it stands in a binary.

    >>> section(0, b"name")
    b'\\x00\\x04name'
    """
    return bytes([kind]) + unsigned(len(contents)) + contents


def read_core_module(binary: bytes) -> CoreModule:
    """What `binary` imports and exports.

    Raises NotAModule for text, for a component and for what is cut short.

    >>> read_core_module(MODULE)
    CoreModule(imports={}, functions={}, memories=(), other_imports=())
    """
    if binary[:8] == COMPONENT:
        raise NotAModule("this is a component already")
    if binary[:8] != MODULE:
        raise NotAModule("this is no WebAssembly module: it does not begin with \\0asm")
    found = dict(sections(binary))
    types = _read_types(found.get(_TYPE, b"\0"))
    imports: dict[tuple[str, str], CoreSignature] = {}
    functions: list[CoreSignature] = []  # by index: imported ones come first
    memories: list[str] = []
    others: list[str] = []

    cursor = _Cursor(found.get(_IMPORT, b"\0"))
    for _ in range(cursor.number()):
        module, name = cursor.name(), cursor.name()
        if _read_import(cursor, types, functions):
            imports[module, name] = functions[-1]
        else:
            others.append(f"{module}.{name}")
    cursor = _Cursor(found.get(_FUNCTION, b"\0"))
    functions += [types[cursor.number()] for _ in range(cursor.number())]
    exports: dict[str, CoreSignature] = {}
    cursor = _Cursor(found.get(_EXPORT, b"\0"))
    for _ in range(cursor.number()):
        name, kind, index = cursor.name(), cursor.byte(), cursor.number()
        if kind == 0:
            exports[name] = functions[index]
        elif kind == 2:
            memories.append(name)
    return CoreModule(imports, exports, tuple(memories), tuple(others))


def renamed_exports(binary: bytes, names: Mapping[str, str]) -> bytes:
    """The module with the exports `names` under other names; the rest of it as it was."""
    out = bytearray(binary[:8])
    for kind, contents in sections(binary):
        out += section(kind, _renamed(contents, names) if kind == _EXPORT else contents)
    return bytes(out)


def _renamed(contents: bytes, names: Mapping[str, str]) -> bytes:
    cursor = _Cursor(contents)
    count = cursor.number()
    out = bytearray(unsigned(count))
    for _ in range(count):
        name = cursor.name()
        new = names.get(name, name).encode()
        out += unsigned(len(new)) + new + bytes([cursor.byte()]) + unsigned(cursor.number())
    return bytes(out)


def _read_types(contents: bytes) -> list[CoreSignature]:
    cursor = _Cursor(contents)
    types: list[CoreSignature] = []
    for _ in range(cursor.number()):
        if cursor.byte() != 0x60:
            raise NotAModule("the module has types of the garbage collection proposal")
        types.append(CoreSignature(cursor.value_types(), cursor.value_types()))
    return types


def _read_import(
    cursor: _Cursor, types: list[CoreSignature], functions: list[CoreSignature]
) -> bool:
    """Move behind one import; if it is a function, add it and return True."""
    match cursor.byte():
        case 0:
            functions.append(types[cursor.number()])
            return True
        case 1:
            cursor.value_type()
            cursor.limits()
        case 2:
            cursor.limits()
        case 3:
            cursor.value_type()
            cursor.byte()
        case 4:
            cursor.byte()
            cursor.number()
        case kind:
            raise NotAModule(f"the module has an import of the unknown kind {kind}")
    return False
