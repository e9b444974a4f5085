"""A component that uses WASI 0.2, as toolchains leave it in: a byte of a message says what it does.

    n w   the monotonic clock, the wall clock     r b s  a number, 4 bytes, a seed of chance
    o e   writes two lines to stdout, to stderr   i      reads stdin
    p     waits for 20 ms, by poll()              k      is told that 0 ns are over, by ready()
    d     begins 1,100 waits and drops each      D      begins them and drops none
    t     makes a socket                          f v    how many directories, variables there are
    x     exits

It replies with the bytes of the result, in memory as the canonical ABI has them.
"""

from functools import cache

import wasmtime

from airssys_wasm.components.engine.runtime_host import LIFECYCLE, runtime_host
from airssys_wasm.sdk.component_text import _exported_instance
from airssys_wasm.sdk.core_module import read_core_module
from tests.guests import guests

_IMPORTS = """
(import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
(alias export $error "error" (type $error-type))
(import "wasi:io/poll@0.2.0" (instance $poll
  (export "pollable" (type $pollable (sub resource)))
  (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))
  (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
(alias export $poll "pollable" (type $pollable))
(import "wasi:io/streams@0.2.3" (instance $streams
  (alias outer 1 $error-type (type $an-error))
  (export "error" (type $error (eq $an-error)))
  (type $failure (variant (case "last-operation-failed" (own $error)) (case "closed")))
  (export "stream-error" (type $stream-error (eq $failure)))
  (export "input-stream" (type $input (sub resource)))
  (export "output-stream" (type $output (sub resource)))
  (export "[method]input-stream.blocking-read" (func (param "self" (borrow $input))
    (param "len" u64) (result (result (list u8) (error $stream-error)))))
  (export "[method]output-stream.blocking-write-and-flush" (func (param "self" (borrow $output))
    (param "contents" (list u8)) (result (result (error $stream-error)))))))
(alias export $streams "input-stream" (type $input))
(alias export $streams "output-stream" (type $output))
(import "wasi:cli/stdin@0.2.3" (instance $stdin
  (alias outer 1 $input (type $of))
  (export "input-stream" (type $stream (eq $of)))
  (export "get-stdin" (func (result (own $stream))))))
(import "wasi:cli/stdout@0.2.3" (instance $stdout
  (alias outer 1 $output (type $of))
  (export "output-stream" (type $stream (eq $of)))
  (export "get-stdout" (func (result (own $stream))))))
(import "wasi:cli/stderr@0.2.3" (instance $stderr
  (alias outer 1 $output (type $of))
  (export "output-stream" (type $stream (eq $of)))
  (export "get-stderr" (func (result (own $stream))))))
(import "wasi:cli/environment@0.2.3" (instance $environment
  (export "get-environment" (func (result (list (tuple string string)))))))
(import "wasi:cli/exit@0.2.3" (instance $exit
  (export "exit" (func (param "status" (result))))))
(import "wasi:clocks/monotonic-clock@0.2.3" (instance $monotonic
  (alias outer 1 $pollable (type $of))
  (export "pollable" (type $p (eq $of)))
  (export "now" (func (result u64)))
  (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
(import "wasi:clocks/wall-clock@0.2.3" (instance $wall
  (type $time (record (field "seconds" u64) (field "nanoseconds" u32)))
  (export "datetime" (type $datetime (eq $time)))
  (export "now" (func (result $datetime)))))
(import "wasi:random/random@0.2.3" (instance $random
  (export "get-random-u64" (func (result u64)))
  (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
(import "wasi:random/insecure-seed@0.2.3" (instance $seed
  (export "insecure-seed" (func (result (tuple u64 u64))))))
(import "wasi:filesystem/types@0.2.3" (instance $types
  (export "descriptor" (type $descriptor (sub resource)))
  (export "[method]descriptor.sync" (func (param "self" (borrow $descriptor)) (result bool)))))
(alias export $types "descriptor" (type $descriptor))
(import "wasi:filesystem/preopens@0.2.3" (instance $preopens
  (alias outer 1 $descriptor (type $of))
  (export "descriptor" (type $d (eq $of)))
  (export "get-directories" (func (result (list (tuple (own $d) string)))))))
(import "wasi:sockets/tcp@0.2.3" (instance $tcp
  (export "tcp-socket" (type (sub resource)))))
(alias export $tcp "tcp-socket" (type $socket))
(import "wasi:sockets/network@0.2.3" (instance $network
  (type $codes (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory"
    "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state"
    "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable"
    "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large"
    "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
  (export "error-code" (type (eq $codes)))
  (type $families (enum "ipv4" "ipv6"))
  (export "ip-address-family" (type (eq $families)))))
(alias export $network "error-code" (type $error-code))
(alias export $network "ip-address-family" (type $family))
(import "wasi:sockets/tcp-create-socket@0.2.3" (instance $create
  (alias outer 1 $socket (type $of))
  (alias outer 1 $error-code (type $of-code))
  (alias outer 1 $family (type $of-family))
  (export "tcp-socket" (type $s (eq $of)))
  (export "error-code" (type $code (eq $of-code)))
  (export "ip-address-family" (type $f (eq $of-family)))
  (export "create-tcp-socket" (func (param "address-family" $f)
    (result (result (own $s) (error $code)))))))
(core module $Memory
  (memory (export "memory") 4)
  (global $top (mut i32) (i32.const 131072))
  (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $start i32)
    (local.set $start (global.get $top))
    (global.set $top (i32.and (i32.const -8)
      (i32.add (local.get $start) (i32.add (local.get $size) (i32.const 7)))))
    (local.get $start)))
(core instance $own (instantiate $Memory))
(alias core export $own "memory" (core memory $own-memory))
(alias core export $own "realloc" (core func $own-realloc))
"""

# instance, function, as the guest calls it, its core type
USED = [
    ("poll", "[method]pollable.ready", "ready", "(param i32) (result i32)"),
    ("poll", "poll", "poll", "(param i32 i32 i32)"),
    ("streams", "[method]input-stream.blocking-read", "read", "(param i32 i64 i32)"),
    (
        "streams",
        "[method]output-stream.blocking-write-and-flush",
        "write",
        "(param i32 i32 i32 i32)",
    ),
    ("stdin", "get-stdin", "stdin", "(result i32)"),
    ("stdout", "get-stdout", "stdout", "(result i32)"),
    ("stderr", "get-stderr", "stderr", "(result i32)"),
    ("environment", "get-environment", "environment", "(param i32)"),
    ("exit", "exit", "exit", "(param i32)"),
    ("monotonic", "now", "now", "(result i64)"),
    ("monotonic", "subscribe-duration", "wait", "(param i64) (result i32)"),
    ("wall", "now", "wall", "(param i32)"),
    ("random", "get-random-u64", "number", "(result i64)"),
    ("random", "get-random-bytes", "bytes", "(param i64 i32)"),
    ("seed", "insecure-seed", "seed", "(param i32)"),
    ("preopens", "get-directories", "directories", "(param i32)"),
    ("create", "create-tcp-socket", "socket", "(param i32 i32)"),
]

DROPS = {"drop-wait": "pollable", "drop-output": "output", "drop-input": "input"}

_MESSAGE = """
(local $handle i32) (local $count i32) (local $what i32)
(local.set $what (i32.load8_u (call $payload)))
(i64.store (i32.const 1024) (i64.const 0))
(i64.store (i32.const 1032) (i64.const 0))
(if (i32.eq (local.get $what) (i32.const 110))
  (then (i64.store (i32.const 1024) (call $now))
    (return (call $reply (i32.const 1024) (i32.const 8)))))
(if (i32.eq (local.get $what) (i32.const 119))
  (then (call $wall (i32.const 1024)) (return (call $reply (i32.const 1024) (i32.const 12)))))
(if (i32.eq (local.get $what) (i32.const 114))
  (then (i64.store (i32.const 1024) (call $number))
    (return (call $reply (i32.const 1024) (i32.const 8)))))
(if (i32.eq (local.get $what) (i32.const 98))
  (then (call $bytes (i64.const 4) (i32.const 1024))
    (return (call $reply (i32.load (i32.const 1024)) (i32.load (i32.const 1028))))))
(if (i32.eq (local.get $what) (i32.const 115))
  (then (call $seed (i32.const 1024)) (return (call $reply (i32.const 1024) (i32.const 16)))))
(if (i32.eq (local.get $what) (i32.const 111))
  (then
    (local.set $handle (call $stdout))
    (call $write (local.get $handle) (i32.const 2048) (i32.const 8) (i32.const 1024))
    (call $write (local.get $handle) (i32.const 2056) (i32.const 6) (i32.const 1024))
    (call $drop-output (local.get $handle))
    (return (call $reply (i32.const 1024) (i32.const 1)))))
(if (i32.eq (local.get $what) (i32.const 101))
  (then
    (local.set $handle (call $stderr))
    (call $write (local.get $handle) (i32.const 2048) (i32.const 14) (i32.const 1024))
    (return (call $reply (i32.const 1024) (i32.const 1)))))
(if (i32.eq (local.get $what) (i32.const 105))
  (then
    (local.set $handle (call $stdin))
    (call $read (local.get $handle) (i64.const 9) (i32.const 1024))
    (call $drop-input (local.get $handle))
    (return (call $reply (i32.const 1024) (i32.const 8)))))
(if (i32.eq (local.get $what) (i32.const 112))
  (then
    (i32.store (i32.const 1040) (call $wait (i64.const 60000000000)))
    (i32.store (i32.const 1044) (call $wait (i64.const 20000000)))
    (call $poll (i32.const 1040) (i32.const 2) (i32.const 1024))
    (return (call $reply (i32.load (i32.const 1024))
      (i32.mul (i32.const 4) (i32.load (i32.const 1028)))))))
(if (i32.eq (local.get $what) (i32.const 107))
  (then
    (i32.store8 (i32.const 1024) (call $ready (call $wait (i64.const 60000000000))))
    (i32.store8 (i32.const 1025) (call $ready (call $wait (i64.const 0))))
    (return (call $reply (i32.const 1024) (i32.const 2)))))
(if (i32.eq (i32.or (local.get $what) (i32.const 32)) (i32.const 100))
  (then
    (loop $next
      (local.set $handle (call $wait (i64.const 1)))
      (if (i32.eq (local.get $what) (i32.const 100))
        (then (call $drop-wait (local.get $handle))))
      (local.set $count (i32.add (local.get $count) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $count) (i32.const 1100))))
    (return (call $ok))))
(if (i32.eq (local.get $what) (i32.const 116))
  (then (call $socket (i32.const 0) (i32.const 1024))
    (return (call $reply (i32.const 1024) (i32.const 8)))))
(if (i32.eq (local.get $what) (i32.const 102))
  (then (call $directories (i32.const 1024))
    (return (call $reply (i32.const 1028) (i32.const 4)))))
(if (i32.eq (local.get $what) (i32.const 118))
  (then (call $environment (i32.const 1024))
    (return (call $reply (i32.const 1028) (i32.const 4)))))
(if (i32.eq (local.get $what) (i32.const 120)) (then (call $exit (i32.const 1))))
(call $ok)
"""


@cache
def uses_wasi() -> bytes:
    """The component of this module."""
    return of_message(_MESSAGE)


def of_message(message: str) -> bytes:
    """The same, doing something else with each message."""
    imports = ['(import "own" "memory" (memory 1))']
    imports += [f'(import "" "{name}" (func ${name} {kind}))' for *_, name, kind in USED]
    imports += [f'(import "" "{name}" (func ${name} (param i32)))' for name in DROPS]
    memory = '(memory (export "memory") 1)'
    frame = guests.FRAME.replace("LIFECYCLE", LIFECYCLE).replace(
        memory, '(export "memory" (memory 0))'
    )
    assert frame != guests.FRAME
    core = frame.format(
        message=message,
        initialize="(call $ok)",
        health="(i32.const 0)",
        shutdown="(call $ok)",
        imports="\n".join(imports),
        globals="",
        functions="",
        data='(data (i32.const 2048) "one\\ntwo, and\\0a\\ff")',
    )
    module = read_core_module(bytes(wasmtime.wat2wasm(core)))
    lowered = [
        f'(core func ${name} (canon lower (func ${instance} "{function}")'
        " (memory $own-memory) (realloc $own-realloc)))"
        for instance, function, name, _ in USED
    ]
    lowered += [f"(core func ${name} (canon resource.drop ${of}))" for name, of in DROPS.items()]
    given = [f'(export "{name}" (func ${name}))' for name in (*(n for *_, n, _ in USED), *DROPS)]
    text = [
        "(component",
        _IMPORTS,
        *lowered,
        core.replace("(module", "(core module $Main", 1),
        f'(core instance $main (instantiate $Main (with "" (instance {" ".join(given)}))'
        ' (with "own" (instance $own))))',
        '(alias core export $main "memory" (core memory $memory))',
        '(alias core export $main "cabi_realloc" (core func $realloc))',
        *_exported_instance(module, LIFECYCLE, runtime_host().exports[LIFECYCLE], 0),
        ")",
    ]
    return bytes(wasmtime.wat2wasm("\n".join(text)))
