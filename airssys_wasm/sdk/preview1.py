"""WASI preview 1 as toolchains leave it in their modules, answered inside the component.

Pure. Go's and C's standard libraries import it even if nothing of it is used. This module of text
answers with what the world `runtime-host` has: the clock and sleep are those of host-services,
standard output and error go to the log, there are no arguments, no environment and no files.

Random numbers come from a generator that is seeded with the clock: good for hash tables, no
secrets.

Source: WASI preview 1, "wasi_snapshot_preview1.witx".
"""

from airssys_wasm.sdk.canonical_abi import CoreSignature

MODULE = "wasi_snapshot_preview1"
SERVICES = "airssys:core/host-services@1.0.0"
HOST = ("log", "current-time-millis", "sleep-millis")  # what the text asks of SERVICES

_I32, _I64 = "i32", "i64"
_BAD_FILE, _NOT_SUPPORTED = 8, 58  # errno


def _returns_errno(*params: str) -> CoreSignature:
    return CoreSignature(params, (_I32,))


_REFUSED = {  # files: there are none
    "fd_advise": ((_I32, _I64, _I64, _I32), _BAD_FILE),
    "fd_allocate": ((_I32, _I64, _I64), _BAD_FILE),
    "fd_close": ((_I32,), _BAD_FILE),
    "fd_datasync": ((_I32,), _BAD_FILE),
    "fd_fdstat_set_rights": ((_I32, _I64, _I64), _BAD_FILE),
    "fd_filestat_get": ((_I32, _I32), _BAD_FILE),
    "fd_filestat_set_size": ((_I32, _I64), _BAD_FILE),
    "fd_filestat_set_times": ((_I32, _I64, _I64, _I32), _BAD_FILE),
    "fd_pread": ((_I32, _I32, _I32, _I64, _I32), _BAD_FILE),
    "fd_prestat_dir_name": ((_I32, _I32, _I32), _BAD_FILE),
    "fd_prestat_get": ((_I32, _I32), _BAD_FILE),
    "fd_pwrite": ((_I32, _I32, _I32, _I64, _I32), _BAD_FILE),
    "fd_read": ((_I32, _I32, _I32, _I32), _BAD_FILE),
    "fd_readdir": ((_I32, _I32, _I32, _I64, _I32), _BAD_FILE),
    "fd_renumber": ((_I32, _I32), _BAD_FILE),
    "fd_seek": ((_I32, _I64, _I32, _I32), _BAD_FILE),
    "fd_sync": ((_I32,), _BAD_FILE),
    "fd_tell": ((_I32, _I32), _BAD_FILE),
    "path_create_directory": ((_I32, _I32, _I32), _BAD_FILE),
    "path_filestat_get": ((_I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "path_filestat_set_times": ((_I32, _I32, _I32, _I32, _I64, _I64, _I32), _BAD_FILE),
    "path_link": ((_I32, _I32, _I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "path_open": ((_I32, _I32, _I32, _I32, _I32, _I64, _I64, _I32, _I32), _BAD_FILE),
    "path_readlink": ((_I32, _I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "path_remove_directory": ((_I32, _I32, _I32), _BAD_FILE),
    "path_rename": ((_I32, _I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "path_symlink": ((_I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "path_unlink_file": ((_I32, _I32, _I32), _BAD_FILE),
    "proc_raise": ((_I32,), _NOT_SUPPORTED),
    "sock_accept": ((_I32, _I32, _I32), _BAD_FILE),
    "sock_recv": ((_I32, _I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "sock_send": ((_I32, _I32, _I32, _I32, _I32), _BAD_FILE),
    "sock_shutdown": ((_I32, _I32), _BAD_FILE),
}

_ANSWERED = """
  (import "env" "memory" (memory 0))
  (import "host" "log" (func $log (param i32 i32 i32 i32 i32 i32)))
  (import "host" "current-time-millis" (func $millis (result i64)))
  (import "host" "sleep-millis" (func $sleep (param i64)))
  (global $seed (mut i64) (i64.const 0))
  (func $none (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_sizes_get") (param i32 i32) (result i32)
    (call $none (local.get 0) (local.get 1)))
  (func (export "environ_sizes_get") (param i32 i32) (result i32)
    (call $none (local.get 0) (local.get 1)))
  (func (export "args_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) unreachable)
  (func (export "clock_res_get") (param i32 i32) (result i32)
    (i64.store (local.get 1) (i64.const 1000000))
    (i32.const 0))
  (func $nanoseconds (result i64) (i64.mul (call $millis) (i64.const 1000000)))
  (func (export "clock_time_get") (param i32 i64 i32) (result i32)
    (i64.store (local.get 2) (call $nanoseconds))
    (i32.const 0))
  (func (export "random_get") (param $at i32) (param $left i32) (result i32)
    (if (i64.eqz (global.get $seed))
      (then (global.set $seed (i64.or (i64.mul (call $millis) (i64.const 0x9E3779B97F4A7C15))
        (i64.const 1)))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 13))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shr_u (global.get $seed) (i64.const 7))))
        (global.set $seed (i64.xor (global.get $seed) (i64.shl (global.get $seed) (i64.const 17))))
        (i64.store8 (local.get $at) (i64.shr_u (global.get $seed) (i64.const 32)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.const 0))
  ;; A wait is for the first of the clocks that is due; files are ready at once.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $to i32)
      (result i32)
    (local $i i32) (local $at i32) (local $event i32) (local $wait i64) (local $least i64)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (local.set $least (i64.const -1))
    (loop $next
      (local.set $at (i32.add (local.get $in) (i32.mul (local.get $i) (i32.const 48))))
      (local.set $wait (i64.const 0))
      (if (i32.eqz (i32.load8_u offset=8 (local.get $at)))
        (then
          (local.set $wait (i64.load offset=24 (local.get $at)))
          (if (i32.and (i32.load16_u offset=40 (local.get $at)) (i32.const 1))
            (then
              (local.set $wait (i64.sub (local.get $wait) (call $nanoseconds)))
              (if (i64.lt_s (local.get $wait) (i64.const 0))
                (then (local.set $wait (i64.const 0))))))))
      (if (i64.lt_u (local.get $wait) (local.get $least))
        (then (local.set $least (local.get $wait)) (local.set $event (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
        (local.get $count))))
    (if (i64.ne (local.get $least) (i64.const 0))
      (then (call $sleep (i64.div_u (i64.add (local.get $least) (i64.const 999999))
        (i64.const 1000000)))))
    (memory.fill (local.get $out) (i32.const 0) (i32.const 32))
    (i64.store (local.get $out) (i64.load (local.get $event)))
    (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $event)))
    (i32.store (local.get $to) (i32.const 1))
    (i32.const 0))
  (func (export "fd_fdstat_get") (param $fd i32) (param $to i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (memory.fill (local.get $to) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $to) (i32.const 2))
    (i64.store offset=8 (local.get $to) (i64.const -1))
    (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 0))
  ;; Standard error is a warning. Each piece is a record; an empty one is none.
  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $to i32)
      (result i32)
    (local $length i32) (local $all i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $length (i32.load offset=4 (local.get $pieces)))
        (if (local.get $length)
          (then (call $log (i32.add (local.get $fd) (i32.const 1)) (i32.load (local.get $pieces))
            (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0))))
        (local.set $all (i32.add (local.get $all) (local.get $length)))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $to) (local.get $all))
    (i32.const 0))
"""

FUNCTIONS = {
    "args_get": _returns_errno(_I32, _I32),
    "args_sizes_get": _returns_errno(_I32, _I32),
    "environ_get": _returns_errno(_I32, _I32),
    "environ_sizes_get": _returns_errno(_I32, _I32),
    "sched_yield": _returns_errno(),
    "proc_exit": CoreSignature((_I32,), ()),
    "clock_res_get": _returns_errno(_I32, _I32),
    "clock_time_get": _returns_errno(_I32, _I64, _I32),
    "random_get": _returns_errno(_I32, _I32),
    "poll_oneoff": _returns_errno(_I32, _I32, _I32, _I32),
    "fd_fdstat_get": _returns_errno(_I32, _I32),
    "fd_fdstat_set_flags": _returns_errno(_I32, _I32),
    "fd_write": _returns_errno(_I32, _I32, _I32, _I32),
    **{name: _returns_errno(*params) for name, (params, _) in _REFUSED.items()},
}


def module_text(name: str) -> str:
    """A core module called `name` that exports FUNCTIONS; it imports `env.memory` and HOST."""
    refused = "\n".join(
        f'  (func (export "{function}") (param {" ".join(params)}) (result i32)'
        f" (i32.const {errno}))"
        for function, (params, errno) in _REFUSED.items()
    )
    return f"(core module {name}{_ANSWERED}{refused})"
