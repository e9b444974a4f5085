"""Guests that do anything at all: calls with arguments without sense, results that point nowhere.

Each is made from chance alone. Most of them are valid WebAssembly in our world, so that what they
do reaches the host: pointers, lengths, cases and text that are wrong, memory that can't be had,
host functions called from where none may be called.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

import wasmtime

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.sdk.canonical_abi import CoreSignature, core_signature
from airssys_wasm.sdk.component_text import HOLE, component_text
from airssys_wasm.sdk.componentize import fill
from airssys_wasm.sdk.core_module import read_core_module
from tests.guests.guests import FRAME

NUMBERS = (
    *(0, 0, 1, 2, 3, 4, 7, 8, 16, 24, 100, 255, 256, 1024, 1030, 2048, 4095, 4096, 65535, 65536),
    *(
        65537,
        131072,
        1 << 20,
        (1 << 28) - 1,
        1 << 28,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFF0,
        0xFFFFFFFF,
    ),
)
WIDE = (*NUMBERS, 1000, 1_000_000, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
_FLOATS = ("0", "-0", "1.5", "nan", "inf", "-inf", "nan:0x200000", "1e30")

# Text that a pointer of the guest may find: names of ours, and no text.
DATA = (
    '(data (i32.const 1024) "peer")'
    '(data (i32.const 1030) "\\ff\\fe\\ed\\a0\\80\\c0\\80\\f4\\90\\80\\80")'
    '(data (i32.const 1100) "\\00\\1b[2J\\0a\\e2\\80\\ae\\f0\\9f\\98\\80")'
    '(data (i32.const 1200) "airssys-wasm: the host function ended this call")'
)

# What it exports beside the lifecycle: most often nothing.
_MORE = (
    *("", "", "", ""),
    *(f"airssys:core/{name}@1.1.0" for name in ("text", "batch", "text-batch")),
)

# Few sets of imports, so that the component around a module is made once for each.
_SETS = 6


def guest(chance: random.Random) -> bytes:
    """A component of the world, unless its code is not even valid."""
    number = chance.randrange(_SETS)
    more = chance.choice(_MORE)
    module = bytes(wasmtime.wat2wasm(_text(chance, number, _imports(number), more)))
    return fill(_around(number, more, chance.random() < 0.2), module)


@cache
def _imports(number: int) -> tuple[tuple[str, str], ...]:
    every = [(i, name) for i, functions in runtime_host().imports.items() for name in functions]
    if number == 0:
        return ()
    if number == 1:
        return tuple(every)
    return tuple(random.Random(number).sample(every, 4))


@cache
def _around(number: int, more: str, reenters: bool) -> bytes:
    """The component with a hole, as binary; with `reenters` its table has its own `health`."""
    sample = bytes(wasmtime.wat2wasm(_text(random.Random(0), number, _imports(number), more)))
    world = runtime_host()
    if more:
        world = replace(world, exports={**world.exports, more: world.optional[more]})
    text = component_text(read_core_module(sample), world)
    text = text.replace(HOLE, '(core module $Main (table (export "table") 4 funcref))', 1)
    if reenters:
        again = """
          (core func $again (canon lower (func $health-0)))
          (core module $Cycle (import "" "f" (func $f (result i32)))
            (import "main" "table" (table 4 funcref)) (elem (i32.const 1) func $f))
          (core instance (instantiate $Cycle (with "main" (instance $main))
            (with "" (instance (export "f" (func $again))))))
          (component $Exports0"""
        text = text.replace("(component $Exports0", again, 1)
    return bytes(wasmtime.wat2wasm(_with_exports(text, sample)))


def _with_exports(text: str, sample: bytes) -> str:
    """The module in the hole has to export what the text around it names."""
    imports = "".join(
        f'(import "{interface}" "{name}" (func {typed(signature)}))'
        for (interface, name), signature in read_core_module(sample).imports.items()
    )
    module = read_core_module(sample)
    exports = "".join(
        f'(func (export "{name}") {typed(signature)} unreachable)'
        for name, signature in module.functions.items()
    )
    hole = (
        f'(core module $Main {imports} (memory (export "memory") 1)'
        f' (table (export "table") 4 funcref) {exports})'
    )
    return text.replace('(core module $Main (table (export "table") 4 funcref))', hole, 1)


def typed(signature: CoreSignature) -> str:
    params = f"(param {' '.join(signature.params)})" if signature.params else ""
    results = f"(result {' '.join(signature.results)})" if signature.results else ""
    return f"{params} {results}"


def _text(chance: random.Random, number: int, names: tuple[tuple[str, str], ...], more: str) -> str:
    world = runtime_host().imports
    signatures = [core_signature(world[i][name], "import") for i, name in names]
    imports = "".join(
        f'(import "{interface}" "{name}" (func $h{n} {typed(signatures[n])}))'
        for n, (interface, name) in enumerate(names)
    )
    code = _Code(chance, signatures)
    text = FRAME.replace("LIFECYCLE", LIFECYCLE).format(
        message=code.body(),
        initialize=code.body(0.3),
        health=code.statements(0.2) + code.choice("(i32.const 0)", "(i32.const 9)"),
        shutdown=code.body(0.3),
        imports=imports,
        globals='(table (export "table") 4 funcref) (elem (i32.const 0) $ok)',
        functions=f"(func $deeper {code.statements(0.5)} (call $deeper)) {_exported(more, code)}",
        data=DATA,
    )
    if chance.random() < 0.3:  # what it returns is read after it has run
        text = text.replace(
            "(memory.copy (local.get $new)",
            f"{code.statements(1.0)} (memory.copy (local.get $new)",
            1,
        )
    if chance.random() < 0.2:
        text = text.replace(
            "(local.get $new))\n  (func $payload", f"{code.i32()})\n  (func $payload", 1
        )
    if chance.random() < 0.2:
        text = text.replace("(func $forget ", f"(func $forget {code.statements(1.0)} ", 1)
    if chance.random() < 0.15:
        start = f"(func $start {code.statements(1.0)}) (start $start)"
        text = text.rstrip().removesuffix(")") + start + ")"
    return text


def _exported(interface: str, code: _Code) -> str:
    """A function that takes text, or several messages; returns what those for one message do, too,
    or an address without sense."""
    match interface.rpartition("/")[2].partition("@")[0]:
        case "text":
            name, params = "handle-text", "(param $at i32)"
            begins = "(global.set $message (local.get $at))"
        case "batch":
            name, params = "handle-batch", "(param $at i32) (param $many i32)"
            begins = """(global.set $message (local.get $at))
              (i32.store (i32.const 256) (i32.const 512))
              (i32.store (i32.const 260) (local.get $many))
              (if (i32.and (global.get $count) (i32.const 1)) (then (return (i32.const 256))))"""
        case "text-batch":
            name, params = "handle-text-batch", "(param $at i32)"
            begins = """(global.set $message (local.get $at))
              (i32.store (i32.const 256) (i32.const 512))
              (i32.store (i32.const 260) (i32.load offset=36 (local.get $at)))
              (if (i32.and (global.get $count) (i32.const 1)) (then (return (i32.const 256))))"""
        case _:
            return ""
    return f"""(func (export "{interface}#{name}") {params} (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        {begins} {code.body()})"""


class _Code:
    """Statements that leave nothing on the stack, and results."""

    def __init__(self, chance: random.Random, signatures: list[CoreSignature]) -> None:
        self._chance = chance
        self._signatures = signatures

    def choice(self, *texts: str) -> str:
        return self._chance.choice(texts)

    def i32(self) -> str:
        chance = self._chance
        if chance.random() < 0.1:
            return self.choice("(call $payload)", "(call $payload-length)", "(memory.size)")
        return f"(i32.const {chance.choice(NUMBERS)})"

    def value(self, kind: str) -> str:
        if kind == "i32":
            return self.i32()
        if kind == "i64":
            return f"(i64.const {self._chance.choice(WIDE)})"
        return f"({kind}.const {self._chance.choice(_FLOATS)})"

    def body(self, eagerness: float = 1.0) -> str:
        """Statements, then the address of a result."""
        return (
            self.statements(eagerness)
            + self._chance.choices(
                (
                    "(call $ok)",
                    f"(call $reply {self.i32()} {self.i32()})",
                    f"(call $err {self.i32()} {self.i32()} {self.i32()})",
                    "(call $reply (call $payload) (call $payload-length))",
                    self.i32(),
                    "unreachable",
                ),
                (20, 25, 25, 20, 8, 2),
            )[0]
        )

    def statements(self, eagerness: float) -> str:
        if self._chance.random() > eagerness:
            return ""
        return "".join(f"{self._statement()} " for _ in range(self._chance.randrange(5)))

    def _statement(self) -> str:
        chance = self._chance
        roll = chance.random()
        if self._signatures and roll < 0.6:
            number = chance.randrange(len(self._signatures))
            signature = self._signatures[number]
            call = f"(call $h{number} {' '.join(map(self.value, signature.params))})"
            call = f"(drop {call})" if signature.results else call
            if chance.random() < 0.05:  # more than a turn, more than a rate
                call = f"(loop $l {call} (br_if $l (i32.lt_u {self._tick()} (i32.const 2000))))"
            return call
        match chance.randrange(10):
            case 0:
                return f"(drop (memory.grow {self.i32()}))"
            case 1:
                return f"(memory.fill {self.i32()} {self.i32()} {self.i32()})"
            case 2:
                return f"(i32.store8 {self.i32()} {self.i32()})"
            case 3:
                return f"(i32.store (i32.const {chance.randrange(0, 2048, 4)}) {self.i32()})"
            case 4:
                return f"(drop (call $allocate {self.i32()}))"
            case 5:
                return f"(global.set $top {self.i32()})"
            case 6:
                slot = chance.randrange(5)
                return f"(drop (call_indirect (result i32) (i32.const {slot})))"
            case 7:
                return f"(drop (i32.div_s {self.i32()} {self.i32()}))"
            case 8:
                return self.choice(
                    "(drop (i32.trunc_f32_s (f32.const nan)))",
                    "(call $deeper)",
                    "(loop $l (br $l))",
                    "(drop (call $handle))",
                    "nop",
                    "nop",
                )
            case _:
                return f"(i64.store {self.i32()} {self.value('i64')})"

    def _tick(self) -> str:
        return (
            "(block (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1)))"
            " (global.get $count))"
        )
