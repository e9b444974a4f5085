"""Components for tests, most of which misbehave. Each function gives the bytes of one.

They are a few lines of WebAssembly text each, put into a frame that keeps the
canonical ABI, and need no compiler. `every_function()` is C: its binary is
committed beside its source.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

import wasmtime

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.components.engine.world import FuncType, Primitive, World
from airssys_wasm.sdk.component_text import HOLE, component_text
from airssys_wasm.sdk.componentize import componentize, fill
from airssys_wasm.sdk.core_module import read_core_module

FOLDER = Path(__file__).parent

# What the functions below put into the frame can use:
#   (call $payload), (call $payload-length)   of the message
#   (call $ok), (call $reply POINTER LENGTH), (call $err CASE POINTER LENGTH)   the results
#   (call $allocate LENGTH)   until the call has ended
#   (global $count)   of messages so far, this one included
# and data from byte 1024 to 4095.
FRAME = """
(module
  {imports}
  (memory (export "memory") 1)
  {globals}
  (global $top (mut i32) (i32.const 4096))
  (global $count (mut i32) (i32.const 0))
  (global $message (mut i32) (i32.const 0))
  (func $allocate (param $size i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $top))
    (global.set $top (i32.add (i32.add (local.get $start) (local.get $size)) (i32.const 7)))
    (global.set $top (i32.and (global.get $top) (i32.const -8)))
    (if (i32.gt_u (global.get $top) (i32.shl (memory.size) (i32.const 16)))
      (then (if (i32.eq (i32.const -1)
          (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))))
        (then unreachable))))
    (local.get $start))
  (func (export "cabi_realloc") (param $old i32) (param $length i32) (param i32) (param $size i32)
      (result i32)
    (local $new i32)
    (local.set $new (call $allocate (local.get $size)))
    (memory.copy (local.get $new) (local.get $old) (local.get $length))
    (local.get $new))
  (func $payload (result i32) (i32.load offset=24 (global.get $message)))
  (func $payload-length (result i32) (i32.load offset=28 (global.get $message)))
  (func $result (param $failed i32) (param $case i32) (param $at i32) (param $length i32)
      (result i32)
    (i32.store (i32.const 16) (local.get $failed))
    (i32.store (i32.const 20) (local.get $case))
    (i32.store (i32.const 24) (local.get $at))
    (i32.store (i32.const 28) (local.get $length))
    (i32.const 16))
  (func $ok (result i32)
    (call $result (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
  (func $reply (param $at i32) (param $length i32) (result i32)
    (call $result (i32.const 0) (i32.const 1) (local.get $at) (local.get $length)))
  (func $err (param $case i32) (param $at i32) (param $length i32) (result i32)
    (call $result (i32.const 1) (local.get $case) (local.get $at) (local.get $length)))
  {functions}
  (func $handle (result i32) {message})
  (func (export "LIFECYCLE#initialize")
      (param i32 i32 i32) (param $config i32) (param $config-length i32) (param i64 i64 i32 i64)
      (result i32)
    {initialize})
  (func (export "LIFECYCLE#handle-message") (param $at i32) (result i32)
    (global.set $message (local.get $at))
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $handle))
  (func (export "LIFECYCLE#handle-callback") (param i32) (result i32) (call $ok))
  (func (export "LIFECYCLE#metadata") (result i32) (i32.const 64))
  (func (export "LIFECYCLE#health") (result i32) {health})
  (func (export "LIFECYCLE#shutdown") (result i32) {shutdown})
  (func $forget (global.set $top (i32.const 4096)))
  (func (export "cabi_post_LIFECYCLE#initialize") (param i32) (call $forget))
  (func (export "cabi_post_LIFECYCLE#handle-message") (param i32) (call $forget))
  (func (export "cabi_post_LIFECYCLE#handle-callback") (param i32) (call $forget))
  {data})
"""


def core(
    message: str = "(call $ok)",
    *,
    initialize: str = "(call $ok)",
    health: str = "(i32.const 0)",
    shutdown: str = "(call $ok)",
    imports: str = "",
    globals_: str = "",
    functions: str = "",
    data: str = "",
) -> bytes:
    """A core module of the world `runtime-host`; the arguments are WebAssembly text."""
    text = FRAME.replace("LIFECYCLE", LIFECYCLE).format(
        message=message,
        initialize=initialize,
        health=health,
        shutdown=shutdown,
        imports=imports,
        globals=globals_,
        functions=functions,
        data=data,
    )
    return bytes(wasmtime.wat2wasm(text))


@cache
def silent() -> bytes:
    """Takes every message and does nothing."""
    return componentize(core())


@cache
def echo() -> bytes:
    """Replies `N:` and the payload, N being the number of messages so far."""
    return componentize(
        core(
            """
            (local $digit i32) (local $rest i32) (local $out i32)
            (local.set $digit (i32.const 1099))
            (i32.store8 (local.get $digit) (i32.const 58))
            (local.set $rest (global.get $count))
            (loop $more
              (local.set $digit (i32.sub (local.get $digit) (i32.const 1)))
              (i32.store8 (local.get $digit)
                (i32.add (i32.const 48) (i32.rem_u (local.get $rest) (i32.const 10))))
              (br_if $more
                (local.tee $rest (i32.div_u (local.get $rest) (i32.const 10)))))
            (local.set $rest (i32.sub (i32.const 1100) (local.get $digit)))
            (local.set $out (call $allocate (i32.add (local.get $rest) (call $payload-length))))
            (memory.copy (local.get $out) (local.get $digit) (local.get $rest))
            (memory.copy (i32.add (local.get $out) (local.get $rest))
              (call $payload) (call $payload-length))
            (call $reply (local.get $out) (i32.add (local.get $rest) (call $payload-length)))
            """
        )
    )


@cache
def spins() -> bytes:
    """Never returns from handle-message."""
    return componentize(core("(loop $for-ever (br $for-ever)) unreachable"))


@cache
def asks_the_time_for_ever() -> bytes:
    """Never returns from handle-message, in which it calls the host."""
    return componentize(
        core(
            "(loop $more (drop (call $now)) (br $more)) unreachable",
            imports='(import "airssys:core/host-services@1.0.0" "current-time-millis"'
            " (func $now (result i64)))",
        )
    )


@cache
def grows(pages: int = 16_384) -> bytes:
    """Asks for `pages` pages of 64 KiB, 16 at a time; traps when refused, else replies `grown`.

    16,384 pages are 1 GiB.
    """
    return componentize(
        core(
            f"""
            (loop $more
              (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
              (br_if $more (i32.lt_u (memory.size) (i32.const {pages}))))
            (call $reply (i32.const 1024) (i32.const 5))
            """,
            data='(data (i32.const 1024) "grown")',
        )
    )


@cache
def traps_at_start() -> bytes:
    """Traps in initialize."""
    return componentize(core(initialize="unreachable"))


@cache
def spins_at_start() -> bytes:
    """Never returns from initialize."""
    return componentize(core(initialize="(loop $for-ever (br $for-ever)) unreachable"))


@cache
def refuses_to_start(text: str = "no licence") -> bytes:
    """initialize returns `initialization-failed` with `text`."""
    return componentize(
        core(
            initialize=f"(call $err (i32.const 0) (i32.const 1024) (i32.const {len(text)}))",
            data=f'(data (i32.const 1024) "{text}")',
        )
    )


@cache
def recurses() -> bytes:
    """Calls itself without end."""
    return componentize(
        core(
            "(call $deeper (global.get $count)) (drop) (call $ok)",
            functions="(func $deeper (param i32) (result i32)"
            " (i32.add (i32.const 1) (call $deeper (i32.add (local.get 0) (i32.const 1)))))",
        )
    )


@cache
def divides_by_zero() -> bytes:
    """Traps in handle-message."""
    return componentize(core("(drop (i32.div_u (i32.const 1) (i32.const 0))) (call $ok)"))


@cache
def fails(case: int = 6, text: str = "out of stock") -> bytes:
    """handle-message returns a `wasm-error`: `runtime-error(text)` unless told."""
    return componentize(
        core(
            f"(call $err (i32.const {case}) (i32.const 1024) (i32.const {len(text)}))",
            data=f'(data (i32.const 1024) "{text}")',
        )
    )


@cache
def is_unwell(answer: int = 2) -> bytes:
    """`health` answers healthy, degraded, unhealthy or unknown, which are 0 to 3."""
    return componentize(core(health=f"(i32.const {answer})"))


@cache
def hangs_at_shutdown() -> bytes:
    """Never returns from shutdown."""
    return componentize(core(shutdown="(loop $for-ever (br $for-ever)) unreachable"))


@cache
def sleeps(milliseconds: int = 60_000) -> bytes:
    """Waits in the host function sleep-millis, then replies with nothing."""
    return componentize(
        core(
            f"(call $sleep (i64.const {milliseconds})) (call $ok)",
            imports='(import "airssys:core/host-services@1.0.0" "sleep-millis"'
            " (func $sleep (param i64)))",
        )
    )


@cache
def every_function() -> bytes:
    """Calls any host function by command; see every_function.c."""
    return (FOLDER / "every_function.wasm").read_bytes()


@cache
def newer_functions() -> bytes:
    """Calls any function of 1.1 that 1.0 does not have, by command; see newer_functions.c."""
    return (FOLDER / "newer_functions.wasm").read_bytes()


@cache
def takes_batches() -> bytes:
    """Exports `handle-batch`, and says how each message came; see pushes.c."""
    return (FOLDER / "pushes_batch.wasm").read_bytes()


@cache
def takes_text() -> bytes:
    """Exports `handle-text`, and says how each message came; see pushes.c."""
    return (FOLDER / "pushes_text.wasm").read_bytes()


@cache
def of_many_parts(*, instances: int = 1, tables: int = 0, elements: int = 1) -> bytes:
    """Has `instances` core instances beyond its own, each with `tables` tables of `elements`."""
    text = component_text(read_core_module(core()), runtime_host())
    table = f"(table {elements} funcref)"
    part = f"(core module $Part {table * tables})"
    many = "(core instance (instantiate $Part))\n" * instances
    text = text.replace(HOLE, f"{HOLE}\n{part}\n{many}", 1)
    return fill(bytes(wasmtime.wat2wasm(text)), core())


# ---- What must not even be linked ------------------------------------------------------------


@cache
def for_another_world() -> bytes:
    """A component that exports one function, and that is not ours."""
    return bytes(
        wasmtime.wat2wasm(
            """
            (component
              (core module $M (func (export "add") (param i32 i32) (result i32)
                (i32.add (local.get 0) (local.get 1))))
              (core instance $m (instantiate $M))
              (func (export "add") (param "a" u32) (param "b" u32) (result u32)
                (canon lift (core func $m "add"))))
            """
        )
    )


@cache
def with_changed_import() -> bytes:
    """Imports `sleep-millis` with a `string` instead of a `u64`."""
    interface = "airssys:core/host-services@1.0.0"
    changed = FuncType((Primitive("string"),), None, ("duration",))
    return of_altered_world(
        core(
            "(call $sleep (i32.const 1024) (i32.const 1)) (call $ok)",
            imports=f'(import "{interface}" "sleep-millis" (func $sleep (param i32 i32)))',
        ),
        imports={interface: {"sleep-millis": changed}},
    )


@cache
def with_changed_export() -> bytes:
    """Exports `health` with the result `u32` instead of `health-status`."""
    return of_altered_world(core(), exports={LIFECYCLE: {"health": FuncType((), Primitive("u32"))}})


@cache
def with_missing_export() -> bytes:
    """Exports everything but `handle-callback`."""
    world = runtime_host()
    functions = {
        name: function
        for name, function in world.exports[LIFECYCLE].items()
        if name != "handle-callback"
    }
    return _wrap(core(), replace(world, exports={LIFECYCLE: functions}))


@cache
def with_foreign_import() -> bytes:
    """Imports `wasi:nn/graph`, which is not of the world."""
    interface = "wasi:nn/graph@0.2.0"
    return of_altered_world(
        core(
            "(drop (call $seed)) (call $ok)",
            imports=f'(import "{interface}" "insecure-seed" (func $seed (result i64)))',
        ),
        imports={interface: {"insecure-seed": FuncType((), Primitive("u64"))}},
    )


@cache
def core_module() -> bytes:
    """A core module, which is not a component."""
    return core()


def damaged() -> bytes:
    """A component that was cut short."""
    return silent()[:-200]


def of_altered_world(
    module: bytes,
    *,
    imports: dict[str, dict[str, FuncType]] | None = None,
    exports: dict[str, dict[str, FuncType]] | None = None,
) -> bytes:
    world = runtime_host()
    altered_imports = dict(world.imports)
    altered_exports = dict(world.exports)
    for name, functions in (imports or {}).items():
        altered_imports[name] = {**altered_imports.get(name, {}), **functions}
    for name, functions in (exports or {}).items():
        altered_exports[name] = {**altered_exports.get(name, {}), **functions}
    return _wrap(
        module,
        World(world.name, MappingProxyType(altered_imports), MappingProxyType(altered_exports)),
    )


def _wrap(module: bytes, world: World) -> bytes:
    """A component of any world, even with exports that lift what others are lifted from."""
    text = component_text(read_core_module(module), world)
    return fill(bytes(wasmtime.wat2wasm(text)), module)
