"""Components for benchmarks: one that does nothing, one that waits in the host, one that spins."""

from __future__ import annotations

from functools import cache

import wasmtime

from airssys_wasm.sdk.componentize import componentize

_LIFECYCLE = "airssys:core/component-lifecycle@1.0.0"
_TEXT = "airssys:core/text@1.1.0"
_BATCH = "airssys:core/batch@1.1.0"
_TEXT_BATCH = "airssys:core/text-batch@1.1.0"
_CORE = """
(module
  IMPORTS
  (memory (export "memory") 3)
  (global $top (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $top))
    (global.set $top (i32.and (i32.const -8)
      (i32.add (i32.const 7) (i32.add (local.get $start) (local.get $size)))))
    (local.get $start))
  (func (export "L#initialize") (param i32 i32 i32 i32 i32 i64 i64 i32 i64) (result i32)
    (i32.const 16))
  (func (export "L#handle-message") (param i32) (result i32) HANDLE (i32.const 16))
  (func (export "L#handle-callback") (param i32) (result i32) (i32.const 16))
  (func (export "L#metadata") (result i32) (i32.const 64))
  (func (export "L#health") (result i32) (i32.const 0))
  (func (export "L#shutdown") (result i32) (i32.const 16))
  (func $forget (global.set $top (i32.const 4096)))
  (func (export "cabi_post_L#initialize") (param i32) (call $forget))
  (func (export "cabi_post_L#handle-message") (param i32) (call $forget))
  (func (export "cabi_post_L#handle-callback") (param i32) (call $forget))
  MORE)
"""

_HANDLE_TEXT = f"""
  (func (export "{_TEXT}#handle-text") (param i32) (result i32) (i32.const 16))
  (func (export "cabi_post_{_TEXT}#handle-text") (param i32) (call $forget))
"""
# A result takes 16 bytes; those of 64 messages are zeros, which say that there is no reply.
_HANDLE_BATCH = f"""
  (func (export "{_BATCH}#handle-batch") (param i32) (param $count i32) (result i32)
    (i32.store (i32.const 2048) (i32.const 1024))
    (i32.store (i32.const 2052) (local.get $count))
    (i32.const 2048))
  (func (export "cabi_post_{_BATCH}#handle-batch") (param i32) (call $forget))
"""
# What is at 16 is zeros: an empty list, none has failed.
_HANDLE_TEXT_BATCH = f"""
  (func (export "{_TEXT_BATCH}#handle-text-batch") (param i32) (result i32) (i32.const 16))
  (func (export "cabi_post_{_TEXT_BATCH}#handle-text-batch") (param i32) (call $forget))
"""


_SLEEP = '(import "airssys:core/host-services@1.0.0" "sleep-millis" (func $sleep (param i64)))'


def _made(handle: str = "", imports: str = "", more: str = "") -> bytes:
    text = _CORE.replace("L#", f"{_LIFECYCLE}#").replace("HANDLE", handle)
    text = text.replace("IMPORTS", imports).replace("MORE", more)
    return componentize(bytes(wasmtime.wat2wasm(text)))


@cache
def silent() -> bytes:
    """Takes every message and does nothing, so that only the way to it costs."""
    return _made()


@cache
def silent_text() -> bytes:
    """The same, and takes text as a string."""
    return _made(more=_HANDLE_TEXT)


@cache
def silent_batches() -> bytes:
    """The same, and takes up to 64 messages in one push."""
    return _made(more=_HANDLE_BATCH)


@cache
def silent_text_batches() -> bytes:
    """The same, and takes text as a string, up to 64 of them in one push."""
    return _made(more=_HANDLE_TEXT + _HANDLE_TEXT_BATCH)


@cache
def sleeper(milliseconds: int) -> bytes:
    """Waits in the host for so long at each message."""
    return _made(f"(call $sleep (i64.const {milliseconds}))", _SLEEP)


@cache
def spinner() -> bytes:
    """Never returns from a message."""
    return _made("(loop $for-ever (br $for-ever))")
