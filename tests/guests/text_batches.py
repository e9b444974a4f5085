"""Components that take several texts in one push, and tell how they were given each message."""

from functools import cache

from airssys_wasm.sdk.componentize import componentize
from tests.guests.guests import core

_SLEEP = '(import "airssys:core/host-services@1.0.0" "sleep-millis" (func $sleep (param i64)))'

# What is noted is from byte 2048 on. At 512 is the list that handle-batch or handle-text-batch
# returns: an address and a count.
_NOTES = """
  (global $noted (mut i32) (i32.const 2048))
  (func $sign (param $sign i32)
    (i32.store8 (global.get $noted) (local.get $sign))
    (global.set $noted (i32.add (global.get $noted) (i32.const 1))))
  (func $note (param $at i32) (param $length i32)
    (if (i32.gt_u (local.get $length) (i32.const 8)) (then (local.set $length (i32.const 8))))
    (memory.copy (global.get $noted) (local.get $at) (local.get $length))
    (global.set $noted (i32.add (global.get $noted) (local.get $length))))
  (func $one (param $how i32)
    (call $sign (local.get $how))
    (call $sign (i32.const 58))
    (call $note (call $payload) (call $payload-length))
    (call $sign (i32.const 59)))
"""

_HANDLE_MESSAGE = """
  (if (i32.and
      (i32.eq (call $payload-length) (i32.const 3))
      (i32.eq (i32.load8_u (call $payload)) (i32.const 108)))
    (then (return
      (call $reply (i32.const 2048) (i32.sub (global.get $noted) (i32.const 2048))))))
  (call $one (i32.const 109))
  (call $ok)
"""

_HANDLE_TEXT = """
  (func (export "airssys:core/text@1.1.0#handle-text") (param $at i32) (result i32)
    (global.set $message (local.get $at))
    (call $one (i32.const 116))
    (call $ok))
"""

# A result of zeros says that there is no reply.
_HANDLE_BATCH = """
  (func (export "airssys:core/batch@1.1.0#handle-batch") (param i32) (param $count i32)
      (result i32)
    (local $size i32)
    (call $sign (i32.add (i32.const 48) (local.get $count)))
    (call $sign (i32.const 59))
    (local.set $size (i32.shl (local.get $count) (i32.const 4)))
    (i32.store (i32.const 512) (call $allocate (local.get $size)))
    (i32.store (i32.const 516) (local.get $count))
    (memory.fill (i32.load (i32.const 512)) (i32.const 0) (local.get $size))
    (i32.const 512))
"""

_HANDLE_TEXT_BATCH = """
  (func $obey (param $text i32) (param $length i32)
    (local $first i32) (local $failed i32)
    (if (i32.eqz (local.get $length)) (then (return)))
    (local.set $first (i32.load8_u (local.get $text)))
    (if (i32.eq (local.get $first) (i32.const 35)) (then unreachable))
    (if (i32.eq (local.get $first) (i32.const 63)) (then (call $sleep (i64.const 60000))))
    (if (i32.ne (local.get $first) (i32.const 33)) (then (return)))
    (local.set $failed
      (i32.add (i32.load (i32.const 512)) (i32.shl (i32.load (i32.const 516)) (i32.const 4))))
    (i32.store (i32.const 516) (i32.add (i32.load (i32.const 516)) (i32.const 1)))
    (i32.store (local.get $failed)
      (i32.sub (i32.load8_u offset=1 (local.get $text)) (i32.const 48)))
    (i32.store offset=4 (local.get $failed) (i32.const 6))
    (i32.store offset=8 (local.get $failed) (local.get $text))
    (i32.store offset=12 (local.get $failed) (local.get $length)))
  (func (export "airssys:core/text-batch@1.1.0#handle-text-batch") (param $at i32) (result i32)
    (local $number i32) (local $start i32) (local $end i32) (local $text i32)
    (i32.store (i32.const 512) (call $allocate (i32.const 1024)))
    (i32.store (i32.const 516) (i32.const 0))
    (call $note (i32.load offset=8 (local.get $at)) (i32.load offset=12 (local.get $at)))
    (call $sign (i32.const 91))
    (loop $next
      (local.set $end (i32.load
        (i32.add (i32.load offset=32 (local.get $at)) (i32.shl (local.get $number) (i32.const 2)))))
      (local.set $text (i32.add (i32.load offset=24 (local.get $at)) (local.get $start)))
      (if (local.get $number) (then (call $sign (i32.const 124))))
      (call $note (local.get $text) (i32.sub (local.get $end) (local.get $start)))
      (call $obey (local.get $text) (i32.sub (local.get $end) (local.get $start)))
      (local.set $start (local.get $end))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $number) (i32.load offset=36 (local.get $at)))))
    (if (i32.ne (local.get $end) (i32.load offset=28 (local.get $at))) (then unreachable))
    (call $sign (i32.const 93))
    (i32.const 512))
  (func (export "cabi_post_airssys:core/text-batch@1.1.0#handle-text-batch") (param i32)
    (call $forget))
"""


@cache
def takes_text_batches(*, text: bool = False, batches: bool = False) -> bytes:
    """Exports `handle-text-batch`, and `handle-text` and `handle-batch` if asked to.

    It notes what it is given, the first 8 bytes of each message, and replies with that to `log`:

        desk[a|b]    texts from desk, in one push
        t:a;  m:a;   one by `handle-text`, one by `handle-message`
        2;           so many by `handle-batch`

    Of texts in one push, `!N` says that number N has failed, wherever it stands; `#` traps, `?`
    sleeps for a minute.
    """
    more = (_HANDLE_TEXT if text else "") + (_HANDLE_BATCH if batches else "")
    functions = _NOTES + _HANDLE_TEXT_BATCH + more
    return componentize(core(_HANDLE_MESSAGE, imports=_SLEEP, functions=functions))
