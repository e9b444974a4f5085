;; Write a component for the world airssys:core/runtime-host@1.0.0 in WebAssembly text.
;;
;; You write fields of a module: at least the function $on-message; $on-initialize, $on-callback and
;; $on-shutdown if you need them. Each returns what $ok, $reply or $fail returns. The build adds the
;; pieces of this file that you call, and only those, so only what you call is imported. A whole one:
;;
;;     (func $on-message (result i32)
;;       (call $append (call $payload))
;;       (call $reply))
;;
;;     $ python -m airssys_wasm.sdk.build hello.wat -o hello.wasm
;;
;; Text and bytes are two values, an address and a length. Your data lies from 1024 to 4095; behind
;; it is what the host hands over, which is gone when the call is over. What the host refuses in a
;; call is remembered, and $ok and $reply then return it as the failure.
;;
;; Pieces are separated by blank lines and known by their first name.
;; Source of the layouts: Component Model, "CanonicalABI.md".

(memory $memory (export "memory") 1)

(global $top (mut i32) (i32.const 4096))

(func $cabi-realloc (export "cabi_realloc") (param $old i32) (param $old-size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (if (i32.eqz (local.get $size)) (then (return (local.get $align))))
  (local.set $at (call $allocate (local.get $size)))
  (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
  (local.get $at))

;; Bytes until the call is over, at a multiple of 8; a trap when the memory limit is reached.
(func $allocate (param $size i32) (result i32)
  (local $at i32)
  (local $end i32)
  (local.set $at (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
  (local.set $end (i32.add (local.get $at) (local.get $size)))
  (if (i32.lt_u (local.get $end) (local.get $at)) (then unreachable))
  (if (i32.gt_u (local.get $end) (i32.mul (memory.size) (i32.const 65536)))
    (then
      (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get $size) (i32.const 16)))))
        (then unreachable))))
  (global.set $top (local.get $end))
  (local.get $at))

;; ---- Answers: result, option or case, address, length at 0; what the host returns at 16 ----------

(global $refused (mut i32) (i32.const 0))

(global $refused-length (mut i32) (i32.const 0))

(global $joined (mut i32) (i32.const 0))

(global $joined-length (mut i32) (i32.const 0))

(global $own-error (mut i32) (i32.const 6))

(func $answer (param $failed i32) (param $case i32) (param $at i32) (param $length i32) (result i32)
  (i32.store (i32.const 0) (local.get $failed))
  (i32.store (i32.const 4) (local.get $case))
  (i32.store (i32.const 8) (local.get $at))
  (i32.store (i32.const 12) (local.get $length))
  (i32.const 0))

;; The failed reply, with this text.
(func $fail (param $at i32) (param $length i32) (result i32)
  (call $answer (i32.const 1) (global.get $own-error) (local.get $at) (local.get $length)))

;; Done, without a reply.
(func $ok (result i32)
  (if (global.get $refused)
    (then (return (call $fail (global.get $refused) (global.get $refused-length)))))
  (call $answer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))

;; The reply: all that was appended in this call.
(func $reply (result i32)
  (if (global.get $refused) (then (return (call $ok))))
  (call $answer (i32.const 0) (i32.const 1) (global.get $joined) (global.get $joined-length)))

;; Adds to the reply.
(func $append (param $at i32) (param $length i32)
  (local $both i32)
  (local.set $both (call $allocate (i32.add (global.get $joined-length) (local.get $length))))
  (memory.copy (local.get $both) (global.get $joined) (global.get $joined-length))
  (memory.copy (i32.add (local.get $both) (global.get $joined-length)) (local.get $at) (local.get $length))
  (global.set $joined (local.get $both))
  (global.set $joined-length (i32.add (global.get $joined-length) (local.get $length))))

(func $begin (param $own i32)
  (global.set $own-error (local.get $own))
  (global.set $refused (i32.const 0))
  (global.set $joined-length (i32.const 0)))

(func $over (param i32)
  (global.set $top (i32.const 4096)))

;; ---- The message ---------------------------------------------------------------------------------

(global $message (mut i32) (i32.const 0))

(func $payload (result i32 i32)
  (i32.load offset=24 (global.get $message))
  (i32.load offset=28 (global.get $message)))

;; The name of who sent it.
(func $sender (result i32 i32)
  (i32.load offset=8 (global.get $message))
  (i32.load offset=12 (global.get $message)))

;; ---- Text ----------------------------------------------------------------------------------------

(func $equal (param $a i32) (param $a-length i32) (param $b i32) (param $b-length i32) (result i32)
  (if (i32.ne (local.get $a-length) (local.get $b-length)) (then (return (i32.const 0))))
  (block $differ
    (loop $next
      (if (i32.eqz (local.get $a-length)) (then (return (i32.const 1))))
      (local.set $a-length (i32.sub (local.get $a-length) (i32.const 1)))
      (br_if $next
        (i32.eq
          (i32.load8_u (i32.add (local.get $a) (local.get $a-length)))
          (i32.load8_u (i32.add (local.get $b) (local.get $a-length)))))))
  (i32.const 0))

;; The digits of a number.
(func $decimal (param $number i64) (result i32 i32)
  (local $at i32)
  (local $end i32)
  (local.set $end (i32.add (call $allocate (i32.const 20)) (i32.const 20)))
  (local.set $at (local.get $end))
  (loop $next
    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
    (i32.store8 (local.get $at)
      (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10)))))
    (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
    (br_if $next (i64.ne (local.get $number) (i64.const 0))))
  (local.get $at)
  (i32.sub (local.get $end) (local.get $at)))

;; The number that digits mean; 0 for none.
(func $number (param $at i32) (param $length i32) (result i64)
  (local $number i64)
  (block $done
    (loop $next
      (br_if $done (i32.eqz (local.get $length)))
      (local.set $number
        (i64.add
          (i64.mul (local.get $number) (i64.const 10))
          (i64.extend_i32_u (i32.sub (i32.load8_u (local.get $at)) (i32.const 48)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $next)))
  (local.get $number))

;; ---- host-messaging ------------------------------------------------------------------------------

(data $over-quota (i32.const 960) "refused: over a quota or rate")

;; Remembers what a result at 16 says if it failed: 1 if so. $bare is the case without a text.
(func $failed (param $bare i32) (result i32)
  (if (i32.eqz (i32.load8_u (i32.const 16))) (then (return (i32.const 0))))
  (if (i32.eq (i32.load8_u (i32.const 20)) (local.get $bare))
    (then
      (global.set $refused (i32.const 960)) ;; $over-quota
      (global.set $refused-length (i32.const 29)))
    (else
      (global.set $refused (i32.load (i32.const 24)))
      (global.set $refused-length (i32.load (i32.const 28)))))
  (i32.const 1))

(import "airssys:core/host-messaging@1.0.0" "send" (func $host-send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))

;; To an actor of that plain name: name, payload.
(func $send (param $name i32) (param $name-length i32) (param $at i32) (param $length i32)
  (call $host-send (i32.const 0) (i32.const 0) (local.get $name) (local.get $name-length) (i32.const 0) (i32.const 0)
    (local.get $at) (local.get $length) (i32.const 16))
  (drop (call $failed (i32.const 3))))

(import "airssys:core/host-messaging@1.0.0" "request" (func $host-request (param i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))

;; The same, with a time-out in milliseconds; $on-callback gets the answer.
(func $request (param $name i32) (param $name-length i32) (param $at i32) (param $length i32) (param $timeout i64)
  (call $host-request (i32.const 0) (i32.const 0) (local.get $name) (local.get $name-length) (i32.const 0) (i32.const 0)
    (local.get $at) (local.get $length) (local.get $timeout) (i32.const 16))
  (drop (call $failed (i32.const 3))))

;; ---- host-services -------------------------------------------------------------------------------

(import "airssys:core/host-services@1.0.0" "log" (func $host-log (param i32 i32 i32 i32 i32 i32)))

;; A record of the level info.
(func $log (param $at i32) (param $length i32)
  (call $host-log (i32.const 2) (local.get $at) (local.get $length) (i32.const 0) (i32.const 0) (i32.const 0)))

(import "airssys:core/host-services@1.0.0" "current-time-millis" (func $current-time-millis (result i64)))

(import "airssys:core/host-services@1.0.0" "sleep-millis" (func $sleep-millis (param i64)))

;; ---- storage -------------------------------------------------------------------------------------

(import "airssys:core/storage@1.0.0" "get" (func $host-get (param i32 i32 i32)))

;; The value of a key, empty for one that is not there.
(func $storage-get (param $key i32) (param $key-length i32) (result i32 i32)
  (call $host-get (local.get $key) (local.get $key-length) (i32.const 16))
  (if (i32.or (call $failed (i32.const 2)) (i32.eqz (i32.load8_u (i32.const 20))))
    (then (return (i32.const 0) (i32.const 0))))
  (i32.load (i32.const 24))
  (i32.load (i32.const 28)))

(import "airssys:core/storage@1.0.0" "set" (func $host-set (param i32 i32 i32 i32 i32)))

(func $storage-set (param $key i32) (param $key-length i32) (param $at i32) (param $length i32)
  (call $host-set (local.get $key) (local.get $key-length) (local.get $at) (local.get $length) (i32.const 16))
  (drop (call $failed (i32.const 2))))

(import "airssys:core/storage@1.0.0" "delete" (func $host-delete (param i32 i32 i32)))

(func $storage-delete (param $key i32) (param $key-length i32)
  (call $host-delete (local.get $key) (local.get $key-length) (i32.const 16))
  (drop (call $failed (i32.const 2))))

;; ---- Without them --------------------------------------------------------------------------------

(func $on-initialize (result i32) (call $ok))

(func $on-callback (result i32) (call $ok))

(func $on-shutdown (result i32) (call $ok))

;; ---- Exports -------------------------------------------------------------------------------------

(func $initialize (export "airssys:core/component-lifecycle@1.0.0#initialize") (param i32 i32 i32 i32 i32 i64 i64 i32 i64) (result i32)
  (call $begin (i32.const 0))
  (call $on-initialize))

(func $handle-message (export "airssys:core/component-lifecycle@1.0.0#handle-message") (param $at i32) (result i32)
  (call $begin (i32.const 6))
  (global.set $message (local.get $at))
  (call $on-message))

(func $handle-callback (export "airssys:core/component-lifecycle@1.0.0#handle-callback") (param $at i32) (result i32)
  (call $begin (i32.const 6))
  (global.set $message (local.get $at))
  (call $on-callback))

(func $metadata (export "airssys:core/component-lifecycle@1.0.0#metadata") (result i32)
  (memory.fill (i32.const 64) (i32.const 0) (i32.const 52))
  (i32.const 64))

(func $health (export "airssys:core/component-lifecycle@1.0.0#health") (result i32) (i32.const 0))

(func $shutdown (export "airssys:core/component-lifecycle@1.0.0#shutdown") (result i32)
  (call $begin (i32.const 3))
  (call $on-shutdown))

(func $after-initialize (export "cabi_post_airssys:core/component-lifecycle@1.0.0#initialize") (param i32) (call $over (local.get 0)))

(func $after-message (export "cabi_post_airssys:core/component-lifecycle@1.0.0#handle-message") (param i32) (call $over (local.get 0)))

(func $after-callback (export "cabi_post_airssys:core/component-lifecycle@1.0.0#handle-callback") (param i32) (call $over (local.get 0)))
