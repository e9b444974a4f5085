"""Inputs for `fuzz_components`: components that nobody would build, each made from a number.

Bytes: components of the corpus, cut short, changed, put together from two. Whole components: of
another world, with imports that look like ours, with hundreds of parts, with types without end.
Guests that fit the world, and do anything at all (`guests/hostile.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import wasmtime

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.components.engine.world import (
    BYTES,
    EnumType,
    FlagsType,
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
from airssys_wasm.sdk.canonical_abi import core_signature
from airssys_wasm.sdk.core_module import COMPONENT, MODULE, section, sections, unsigned
from tests.guests import guests, hostile, hostile_wasi, text_batches, wasi

CORPUS = Path(__file__).parent / "components" / "corpus"
LARGEST = 4 * 1024 * 1024  # bytes of an input

_PRIMITIVES = (
    *("bool", "u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"),
    *("f32", "f64", "char", "string", "string"),
)

_CORE_MODULE = 1  # section ids of a component
_NESTED = 4
_CODE = 10  # of a core module


@dataclass(frozen=True, slots=True)
class Input:
    """What is loaded, and the chance that decides what is done with it then."""

    kind: str
    binary: bytes
    chance: random.Random


def made(seed: int, number: int) -> Input:
    """The input of this number."""
    chance = random.Random(f"{seed}:{number}")
    kind = chance.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
    return Input(kind.__name__, kind(chance)[:LARGEST], chance)


@cache
def corpus() -> tuple[bytes, ...]:
    """Components to begin with: those of the tests, and what was found before."""
    found = (
        guests.silent(),
        guests.echo(),
        guests.sleeps(1),
        guests.grows(32),
        guests.recurses(),
        guests.traps_at_start(),
        guests.fails(),
        guests.is_unwell(),
        guests.with_foreign_import(),
        guests.for_another_world(),
        bytes(wasmtime.wat2wasm((guests.FOLDER / "lifecycle.wat").read_text())),
        guests.every_function(),
        guests.takes_batches(),
        guests.takes_text(),
        text_batches.takes_text_batches(text=True, batches=True),
        wasi.uses_wasi(),
    )
    return found + tuple(file.read_bytes() for file in sorted(CORPUS.glob("*.wasm")))


# --- bytes


def noise(chance: random.Random) -> bytes:
    """Bytes without sense, mostly behind a preamble that has some."""
    head = chance.choice((COMPONENT, COMPONENT, MODULE, b"\0asm", b"", b"\0asm\x0e\0\1\0"))
    return head + chance.randbytes(chance.choice((0, 1, 2, 8, 50, 1000)))


def cut(chance: random.Random) -> bytes:
    """Cut short."""
    data = chance.choice(corpus())
    return data[: chance.randrange(len(data) + 1)]


def flipped(chance: random.Random) -> bytes:
    """A few bytes are others."""
    return _flipped(chance, chance.choice(corpus()))


def _flipped(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 10))):
        at = chance.randrange(len(changed) + 1)
        until = min(len(changed), at + chance.choice((1, 1, 1, 2, 8)))
        match chance.randrange(6):
            case 0 | 1 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 2:
                changed[at:until] = chance.randbytes(until - at)
            case 3:
                del changed[at:until]
            case 4:
                changed[at:at] = changed[at:until]
            case _ if at < len(changed):
                changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x40, 0x0B))
    return bytes(changed)


def spliced(chance: random.Random) -> bytes:
    """Sections of two components, or of one in another order, twice, not at all."""
    parts = _sections(chance.choice(corpus()))
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(parts) + 1)
        match chance.randrange(5):
            case 0:
                others = _sections(chance.choice(corpus()))
                parts.insert(at, chance.choice(others or [(_NESTED, b"")]))
            case 1 if at < len(parts):
                del parts[at]
            case 2 if at < len(parts):
                parts.insert(chance.randrange(len(parts)), parts[at])
            case 3 if at < len(parts):
                kind, contents = parts[at]
                parts[at] = kind, _flipped(chance, contents)
            case _:
                parts.insert(at, (_NESTED, chance.choice(corpus())))
        if not parts:
            break
    return COMPONENT + b"".join(section(kind, contents) for kind, contents in parts)


def other_code(chance: random.Random) -> bytes:
    """The code of the core module has other bytes: often it is still valid, and runs."""
    component = chance.choice(corpus())
    parts = _sections(component)
    for index, (kind, contents) in enumerate(parts):
        if kind == _CORE_MODULE:
            try:
                inside = list(sections(contents))
            except ValueError:  # of the corpus, damaged
                break
            inside = [
                (inner, _patched(chance, code) if inner == _CODE else code)
                for inner, code in inside
            ]
            parts[index] = kind, MODULE + b"".join(section(k, c) for k, c in inside)
            break
    return COMPONENT + b"".join(section(kind, contents) for kind, contents in parts)


def _patched(chance: random.Random, code: bytes) -> bytes:
    changed = bytearray(code)
    for _ in range(chance.choice((1, 1, 2, 3)) if code else 0):
        at = chance.randrange(len(changed))
        # Instructions in the same place of the opcode table take the same operands.
        changed[at] = (changed[at] + chance.choice((-2, -1, 1, 2))) & 0xFF
    return bytes(changed)


@cache
def _parts_of(component: bytes) -> tuple[tuple[int, bytes], ...]:
    try:
        return tuple(sections(component))
    except ValueError:  # of the corpus, damaged
        return ((0, component[8:]),)


def _sections(component: bytes) -> list[tuple[int, bytes]]:
    return list(_parts_of(component))


def core(chance: random.Random) -> bytes:
    """A core module, whole or not, or as a component that is none."""
    data = guests.core_module()
    match chance.randrange(4):
        case 0:
            return data
        case 1:
            return COMPONENT + data[8:]
        case 2:
            return COMPONENT + section(_CORE_MODULE, _flipped(chance, data))
        case _:
            return _flipped(chance, data)


def huge(chance: random.Random) -> bytes:
    """Sections that are large, or say that they are."""
    size = chance.choice((1 << 10, 1 << 16, 1 << 20, LARGEST))
    match chance.randrange(5):
        case 0:
            return COMPONENT + section(0, b"\4name" + bytes(size))
        case 1:  # says more than there is
            return COMPONENT + bytes((chance.randrange(13),)) + unsigned(size << 10) + b"\0" * 100
        case 2:
            return COMPONENT + section(0, b"\4note") * (size >> 8)
        case 3:  # a vector of as many as there can be
            return COMPONENT + section(chance.randrange(12), unsigned((1 << 32) - 1) + b"\0" * 100)
        case _:
            return guests.silent() + section(0, b"\4name" + chance.randbytes(size))


# --- whole components


def of_parts(chance: random.Random) -> bytes:
    """Hundreds of instances or tables, and tables without end."""
    return guests.of_many_parts(
        instances=chance.choice((1, 2, 50, 100, 300)),
        tables=chance.choice((0, 0, 1, 10, 60)),
        elements=chance.choice((0, 1, 1, 100_000, 1 << 21)),
    )


def nested(chance: random.Random) -> bytes:
    """Components in components, and types of types."""
    depth = chance.choice((1, 5, 30, 60, 120, 1000))
    match chance.randrange(3):
        case 0:
            data = chance.choice(corpus()[:3])
            for _ in range(depth):
                data = COMPONENT + section(_NESTED, data)
                if len(data) > LARGEST:
                    break
            return data
        case 1:  # list<list<list<…
            kinds = bytes((1, 0x70, 0x7D)) + b"".join(
                section(7, b"\1\x70" + unsigned(n)) for n in range(depth)
            )
            return COMPONENT + section(7, kinds[:3]) + kinds[3:]
        case _:  # two of what was before: 2^depth
            text = "(type $t0 (tuple u8 u8))"
            for n in range(1, min(depth, 60)):
                text += f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))"
            last = min(depth, 60) - 1
            return bytes(
                wasmtime.wat2wasm(f'(component {text} (import "f" (func (param "x" $t{last}))))')
            )


def cyclic(chance: random.Random) -> bytes:
    """Instances that are made of each other; what is not there yet; adapters in a ring."""
    match chance.randrange(4):
        case 0:
            a, b = chance.choice(((1, 0), (0, 0), (5, 1), (1 << 20, 0)))
            text = f"""(component (core module $m (import "x" "f" (func)) (func (export "f")))
              (core instance (instantiate $m (with "x" (instance {a}))))
              (core instance (instantiate $m (with "x" (instance {b})))))"""
        case 1:
            text = """(component
              (component $a (import "f" (func $f)) (export "g" (func $f)))
              (instance $i (instantiate $a (with "f" (func 0))))
              (alias export $i "g" (func))
              (instance (instantiate $a (with "f" (func 1)))))"""
        case 2:
            outer = chance.choice((0, 1, 2, 100))
            text = f"(component (component (alias outer {outer} 0 (component))))"
        case _:  # a ring of adapters, closed through a table: legal, and a trap when it is entered
            text = f"""(component
              (core module $T (table (export "t") 1 funcref)
                (func (export "go") (call_indirect (i32.const 0))))
              (core instance $t (instantiate $T))
              (component $A (import "f" (func $f))
                (core func $lf (canon lower (func $f)))
                (core module $M (import "" "f" (func $f)) (func (export "g") (call $f)))
                (core instance $m (instantiate $M (with "" (instance (export "f" (func $lf))))))
                (func (export "g") (canon lift (core func $m "g"))))
              (func $go (canon lift (core func $t "go")))
              (instance $a (instantiate $A (with "f" (func $go))))
              (alias export $a "g" (func $g))
              (core func $lg (canon lower (func $g)))
              (core module $F (import "t" "t" (table 1 funcref)) (import "" "f" (func $f))
                (elem (i32.const 0) func $f) (func $s (call $f))
                {"(start $s)" if chance.random() < 0.5 else ""})
              (core instance (instantiate $F (with "t" (instance $t))
                (with "" (instance (export "f" (func $lg)))))))"""
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError:
        return text.encode()  # not even text that can be read: also an input


def other_world(chance: random.Random) -> bytes:
    """Imports and exports that look like ours, and have other types."""
    world = runtime_host()
    altered = chance.random() < 0.5
    if altered:
        interface = chance.choice(list(world.imports))
        name = chance.choice(list(world.imports[interface]))
        changed = _altered(chance, world.imports[interface][name])
        if chance.random() < 0.3:
            interface = interface.replace(
                "1.0.0", chance.choice(("1.0.1", "1.1.0", "2.0.0", "0.9.0"))
            )
        return _importing(interface, name, changed)
    name = chance.choice(list(world.exports[LIFECYCLE]))
    changed = _altered(chance, world.exports[LIFECYCLE][name])
    return guests.of_altered_world(guests.core(), exports={LIFECYCLE: {name: changed}})


def _importing(interface: str, name: str, function: FuncType) -> bytes:
    """A component that imports this function and calls it with zeros."""
    signature = core_signature(function, "import")
    zeros = " ".join(f"({kind}.const 0)" for kind in signature.params)
    call = f"(call $f {zeros})"
    if signature.results:
        call = f"(drop {call})"
    module = guests.core(
        f"{call} (call $ok)",
        imports=f'(import "{interface}" "{name}" (func $f {hostile.typed(signature)}))',
    )
    return guests.of_altered_world(module, imports={interface: {name: function}})


def _altered(chance: random.Random, function: FuncType) -> FuncType:
    params = list(function.params)
    match chance.randrange(4):
        case 0 if params:
            params[chance.randrange(len(params))] = type_of(chance, 2)
        case 1:
            params.append(type_of(chance, 2))
        case 2 if params:
            params.pop()
        case _:
            result = chance.choice((None, type_of(chance, 2)))
            return FuncType(function.params, result, function.names)
    return FuncType(tuple(params), function.result, tuple(f"p{n}" for n in range(len(params))))


def type_of(chance: random.Random, depth: int) -> Type:
    """Any type of WIT but resources, of at most this depth."""
    kind = chance.randrange(10 if depth else 3)
    match kind:
        case 0 | 1:
            return Primitive(chance.choice(_PRIMITIVES))
        case 2:
            return BYTES
        case 3:
            return ListType(type_of(chance, depth - 1))
        case 4:
            return OptionType(type_of(chance, depth - 1))
        case 5:
            sides = [chance.choice((None, type_of(chance, depth - 1))) for _ in range(2)]
            return ResultType(*sides)
        case 6:
            return TupleType(tuple(type_of(chance, depth - 1) for _ in range(chance.randint(1, 3))))
        case 7:
            count = chance.randint(1, 3)
            fields = tuple((f"f{n}", type_of(chance, depth - 1)) for n in range(count))
            return RecordType(fields, f"record{chance.randrange(1 << 30)}")
        case 8:
            cases = tuple(
                (f"c{n}", chance.choice((None, type_of(chance, depth - 1))))
                for n in range(chance.randint(1, 4))
            )
            return VariantType(cases, f"variant{chance.randrange(1 << 30)}")
        case _:
            names = tuple(f"n{n}" for n in range(chance.choice((1, 2, 9, 33))))
            if chance.random() < 0.5:
                return EnumType(names, f"enum{chance.randrange(1 << 30)}")
            return FlagsType(names[:32], f"flags{chance.randrange(1 << 30)}")


def hostile_guest(chance: random.Random) -> bytes:
    """Fits the world, and does anything at all."""
    return hostile.guest(chance)


def hostile_to_wasi(chance: random.Random) -> bytes:
    """Fits the world, and does anything at all with WASI."""
    return hostile_wasi.guest(chance)


def flipped_guest(chance: random.Random) -> bytes:
    """The same, and a few of its bytes are others."""
    made_by = hostile_wasi.guest if chance.random() < 0.2 else hostile.guest
    return _flipped(chance, made_by(chance))


_WEIGHTS: dict[Callable[[random.Random], bytes], int] = {
    noise: 8,
    cut: 10,
    flipped: 20,
    spliced: 12,
    other_code: 10,
    core: 2,
    huge: 1,
    of_parts: 1,
    nested: 2,
    cyclic: 2,
    other_world: 4,
    hostile_guest: 22,
    hostile_to_wasi: 6,
    flipped_guest: 6,
}
