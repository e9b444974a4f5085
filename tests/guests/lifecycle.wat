;; A component of the world runtime-host that does what the first byte of a message says:
;;
;;   e…  reply with the rest of the payload          n   reply with none
;;   x…  result::err(runtime-error(the rest))        c   reply with the number of messages so far
;;   u   unreachable                                 d   integer division by zero
;;   r   recurse without end                         s   spin for ever
;;   g   grow memory by 16 pages until refused, then trap     G  the same, then reply "refused"
;;   m…  host-messaging.send to "peer": reply "ok", or with the text of delivery-failed
;;   q…  storage.get: reply with the value, "-" for none, "!" for an error
;;   p…  storage.set the rest as key and value: reply "ok" or "!"
;;   z   host-services.sleep-millis(1000): reply "woke"
;;   l…  host-services.log(info, the rest, none)     t   reply with current-time-millis, 8 bytes
;;   i   reply with the name of self-id              f   read far beyond the memory
;;   h   spin for 1,000,000 rounds, then reply with none
;;
;; initialize traps when config-data begins with "trap", fails with initialization-failed("refused")
;; when it begins with "fail". health is degraded after a message "D". shutdown succeeds.
(component
  (import "airssys:core/types@1.0.0" (instance $types
    (type $id-t (record (field "namespace" string) (field "name" string) (field "instance" string)))
    (export "component-id" (type $id (eq $id-t)))
    (type $ts-t (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "timestamp" (type $ts (eq $ts-t)))
    (type $os (option string))
    (type $oid (option $id))
    (type $meta-t (record (field "correlation-id" $os) (field "reply-to" $oid)
      (field "timestamp" $ts) (field "content-type" $os)))
    (export "message-metadata" (type $meta (eq $meta-t)))
    (type $msg-t (record (field "sender" $id) (field "payload" (list u8)) (field "metadata" $meta)))
    (export "component-message" (type $msg (eq $msg-t)))
    (type $lim-t (record (field "max-memory-bytes" u64) (field "max-execution-time-ms" u64)
      (field "max-fuel" (option u64))))
    (export "resource-limits" (type $lim (eq $lim-t)))
    (type $cfg-t (record (field "env-vars" (list (tuple string string)))
      (field "config-data" (option (list u8))) (field "resource-limits" $lim)))
    (export "component-config" (type $cfg (eq $cfg-t)))
    (type $health-t (enum "healthy" "degraded" "unhealthy" "unknown"))
    (export "health-status" (type $health (eq $health-t)))
    (type $level-t (enum "trace" "debug" "info" "warn" "error"))
    (export "log-level" (type (eq $level-t)))
  ))
  (alias export $types "component-id" (type $id))
  (alias export $types "component-message" (type $msg))
  (alias export $types "component-config" (type $cfg))
  (alias export $types "health-status" (type $health))
  (alias export $types "log-level" (type $level))
  (import "airssys:core/errors@1.0.0" (instance $errors
    (alias outer 1 $id (type $id-o))
    (export "component-id" (type $id (eq $id-o)))
    (type $wasm-t (variant (case "component-not-found" string) (case "instantiation-failed" string)
      (case "export-not-found" string) (case "timeout") (case "resource-limit-exceeded" string)
      (case "invalid-component" string) (case "runtime-error" string)))
    (export "wasm-error" (type (eq $wasm-t)))
    (type $comp-t (variant (case "initialization-failed" string) (case "already-initialized")
      (case "not-initialized") (case "shutdown-failed" string) (case "invalid-state" string)))
    (export "component-error" (type (eq $comp-t)))
    (type $msg-t (variant (case "delivery-failed" string) (case "correlation-timeout" string)
      (case "invalid-message" string) (case "queue-full") (case "target-not-found" $id)))
    (export "messaging-error" (type (eq $msg-t)))
    (type $sto-t (variant (case "not-found" string) (case "already-exists" string)
      (case "quota-exceeded") (case "invalid-key" string) (case "io-error" string)))
    (export "storage-error" (type (eq $sto-t)))
  ))
  (alias export $errors "wasm-error" (type $wasm-error))
  (alias export $errors "component-error" (type $component-error))
  (alias export $errors "messaging-error" (type $messaging-error))
  (alias export $errors "storage-error" (type $storage-error))
  (import "airssys:core/host-messaging@1.0.0" (instance $messaging
    (alias outer 1 $id (type $id-o))
    (export "component-id" (type $id (eq $id-o)))
    (alias outer 1 $messaging-error (type $err-o))
    (export "messaging-error" (type $err (eq $err-o)))
    (export "send" (func (param "target" $id) (param "payload" (list u8))
      (result (result (error $err)))))
    (export "self-id" (func (result $id)))
  ))
  (import "airssys:core/host-services@1.0.0" (instance $services
    (alias outer 1 $level (type $level-o))
    (export "log-level" (type $level (eq $level-o)))
    (export "log" (func (param "level" $level) (param "message" string)
      (param "context" (option (list (tuple string string))))))
    (export "current-time-millis" (func (result u64)))
    (export "sleep-millis" (func (param "duration-ms" u64)))
  ))
  (import "airssys:core/storage@1.0.0" (instance $storage
    (alias outer 1 $storage-error (type $err-o))
    (export "storage-error" (type $err (eq $err-o)))
    (export "get" (func (param "key" string) (result (result (option (list u8)) (error $err)))))
    (export "set" (func (param "key" string) (param "value" (list u8))
      (result (result (error $err)))))
  ))

  (core module $libc
    (memory (export "memory") 2)
    ;; Everything below 4096 is static; a message lives above it until `reset`.
    (global $bump (mut i32) (i32.const 4096))
    (func (export "reset") (global.set $bump (i32.const 4096)))
    (func (export "realloc") (param $old i32) (param $osz i32) (param $align i32) (param $nsz i32)
      (result i32)
      (local $p i32) (local $end i32)
      (local.set $p (i32.and
        (i32.add (global.get $bump) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (local.set $end (i32.add (local.get $p) (local.get $nsz)))
      (if (i32.gt_u (local.get $end) (i32.mul (memory.size) (i32.const 65536)))
        (then (if (i32.eq (i32.const -1)
                (memory.grow (i32.add (i32.div_u (local.get $nsz) (i32.const 65536)) (i32.const 1))))
          (then unreachable))))
      (global.set $bump (local.get $end))
      (local.get $p)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $mem))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $send (canon lower (func $messaging "send") (memory $mem) (realloc $realloc)))
  (core func $self-id (canon lower (func $messaging "self-id") (memory $mem) (realloc $realloc)))
  (core func $log (canon lower (func $services "log") (memory $mem) (realloc $realloc)))
  (core func $millis (canon lower (func $services "current-time-millis")))
  (core func $sleep (canon lower (func $services "sleep-millis")))
  (core func $get (canon lower (func $storage "get") (memory $mem) (realloc $realloc)))
  (core func $set (canon lower (func $storage "set") (memory $mem) (realloc $realloc)))

  (core module $main
    (import "libc" "memory" (memory 1))
    (import "libc" "reset" (func $reset))
    (import "host" "send"
      (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "self-id" (func $self-id (param i32)))
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32 i32)))
    (import "host" "millis" (func $millis (result i64)))
    (import "host" "sleep" (func $sleep (param i64)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
    (data (i32.const 16) "peer")
    (data (i32.const 24) "refused")
    (data (i32.const 32) "ok")
    (data (i32.const 36) "!")
    (data (i32.const 40) "-")
    (data (i32.const 44) "woke")
    (data (i32.const 64) "lifecycle")
    (data (i32.const 80) "1.0.0")
    (data (i32.const 96) "for tests")
    (data (i32.const 112) "echo")
    (data (i32.const 128) "\70\00\00\00\04\00\00\00")
    (global $count (mut i32) (i32.const 0))
    (global $health (mut i32) (i32.const 0))

    ;; 256: the result of an export; 512: the result of an import; 640: eight bytes of time.
    (func $ok-none (result i32)
      (i32.store8 (i32.const 256) (i32.const 0)) (i32.store8 (i32.const 260) (i32.const 0))
      (i32.const 256))
    (func $ok (param $p i32) (param $n i32) (result i32)
      (i32.store8 (i32.const 256) (i32.const 0)) (i32.store8 (i32.const 260) (i32.const 1))
      (i32.store (i32.const 264) (local.get $p)) (i32.store (i32.const 268) (local.get $n))
      (i32.const 256))
    (func $fail (param $case i32) (param $p i32) (param $n i32) (result i32)
      (i32.store8 (i32.const 256) (i32.const 1))
      (i32.store8 (i32.const 260) (local.get $case))
      (i32.store (i32.const 264) (local.get $p)) (i32.store (i32.const 268) (local.get $n))
      (i32.const 256))
    (func $recurse (param i32) (result i32)
      (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    (func $grow
      (block $refused (loop $more
        (br_if $refused (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
        (br $more))))

    (func (export "initialize") (param i32 i32) (param $some i32) (param $p i32) (param $n i32)
      (param i64 i64 i32 i64) (result i32)
      (if (i32.and (local.get $some) (i32.ge_u (local.get $n) (i32.const 4))) (then
        (if (i32.eq (i32.load align=1 (local.get $p)) (i32.const 0x70617274)) (then unreachable))
        (if (i32.eq (i32.load align=1 (local.get $p)) (i32.const 0x6c696166))
          (then (return (call $fail (i32.const 0) (i32.const 24) (i32.const 7)))))))
      (i32.store8 (i32.const 256) (i32.const 0))
      (i32.const 256))

    (func (export "handle-message") (param $m i32) (result i32)
      (local $p i32) (local $n i32) (local $c i32) (local $i i32)
      (local.set $p (i32.load offset=24 (local.get $m)))
      (local.set $n (i32.load offset=28 (local.get $m)))
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (if (i32.eqz (local.get $n)) (then (return (call $ok-none))))
      (local.set $c (i32.load8_u (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (if (i32.eq (local.get $c) (i32.const 0x65)) ;; e
        (then (return (call $ok (local.get $p) (local.get $n)))))
      (if (i32.eq (local.get $c) (i32.const 0x78)) ;; x
        (then (return (call $fail (i32.const 6) (local.get $p) (local.get $n)))))
      (if (i32.eq (local.get $c) (i32.const 0x63)) ;; c
        (then (i32.store (i32.const 640) (global.get $count))
          (return (call $ok (i32.const 640) (i32.const 4)))))
      (if (i32.eq (local.get $c) (i32.const 0x75)) (then unreachable)) ;; u
      (if (i32.eq (local.get $c) (i32.const 0x64)) ;; d
        (then (drop (i32.div_u (local.get $n) (i32.const 0)))))
      (if (i32.eq (local.get $c) (i32.const 0x66)) ;; f
        (then (drop (i32.load (i32.const -8)))))
      (if (i32.eq (local.get $c) (i32.const 0x72)) ;; r
        (then (drop (call $recurse (i32.const 0)))))
      (if (i32.eq (local.get $c) (i32.const 0x73)) (then (loop $l (br $l)))) ;; s
      (if (i32.eq (local.get $c) (i32.const 0x68)) ;; h
        (then (loop $l
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $i) (i32.const 1000000))))))
      (if (i32.eq (local.get $c) (i32.const 0x67)) (then (call $grow) unreachable)) ;; g
      (if (i32.eq (local.get $c) (i32.const 0x47)) ;; G
        (then (call $grow) (return (call $ok (i32.const 24) (i32.const 7)))))
      (if (i32.eq (local.get $c) (i32.const 0x44)) ;; D
        (then (global.set $health (i32.const 1))))
      (if (i32.eq (local.get $c) (i32.const 0x6d)) ;; m
        (then
          (call $send (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 0)
            (i32.const 0) (local.get $p) (local.get $n) (i32.const 512))
          (if (i32.load8_u (i32.const 512)) (then
            (return (call $ok (i32.load (i32.const 520)) (i32.load (i32.const 524))))))
          (return (call $ok (i32.const 32) (i32.const 2)))))
      (if (i32.eq (local.get $c) (i32.const 0x71)) ;; q
        (then
          (call $get (local.get $p) (local.get $n) (i32.const 512))
          (if (i32.load8_u (i32.const 512))
            (then (return (call $ok (i32.const 36) (i32.const 1)))))
          (if (i32.eqz (i32.load8_u (i32.const 516)))
            (then (return (call $ok (i32.const 40) (i32.const 1)))))
          (return (call $ok (i32.load (i32.const 520)) (i32.load (i32.const 524))))))
      (if (i32.eq (local.get $c) (i32.const 0x70)) ;; p
        (then
          (call $set (local.get $p) (local.get $n) (local.get $p) (local.get $n) (i32.const 512))
          (if (i32.load8_u (i32.const 512))
            (then (return (call $ok (i32.const 36) (i32.const 1)))))
          (return (call $ok (i32.const 32) (i32.const 2)))))
      (if (i32.eq (local.get $c) (i32.const 0x7a)) ;; z
        (then (call $sleep (i64.const 1000)) (return (call $ok (i32.const 44) (i32.const 4)))))
      (if (i32.eq (local.get $c) (i32.const 0x6c)) ;; l
        (then (call $log (i32.const 2) (local.get $p) (local.get $n) (i32.const 0) (i32.const 0)
          (i32.const 0))))
      (if (i32.eq (local.get $c) (i32.const 0x74)) ;; t
        (then (i64.store (i32.const 640) (call $millis))
          (return (call $ok (i32.const 640) (i32.const 8)))))
      (if (i32.eq (local.get $c) (i32.const 0x69)) ;; i
        (then (call $self-id (i32.const 512))
          (return (call $ok (i32.load (i32.const 520)) (i32.load (i32.const 524))))))
      (call $ok-none))

    (func (export "handle-callback") (param i32) (result i32)
      (i32.store8 (i32.const 256) (i32.const 0)) (i32.const 256))
    (func (export "metadata") (result i32)
      (i32.store (i32.const 256) (i32.const 64)) (i32.store (i32.const 260) (i32.const 9))
      (i32.store (i32.const 264) (i32.const 80)) (i32.store (i32.const 268) (i32.const 5))
      (i32.store (i32.const 272) (i32.const 96)) (i32.store (i32.const 276) (i32.const 9))
      (i32.store (i32.const 280) (i32.const 0)) (i32.store (i32.const 284) (i32.const 0))
      (i32.store (i32.const 288) (i32.const 0)) (i32.store (i32.const 292) (i32.const 0))
      (i32.store (i32.const 296) (i32.const 128)) (i32.store (i32.const 300) (i32.const 1))
      (i32.store8 (i32.const 304) (i32.const 1))
      (i32.const 256))
    (func (export "health") (result i32) (global.get $health))
    (func (export "shutdown") (result i32)
      (i32.store8 (i32.const 256) (i32.const 0)) (i32.const 256))
    (func (export "done") (param i32) (call $reset)))

  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "send" (func $send)) (export "self-id" (func $self-id)) (export "log" (func $log))
      (export "millis" (func $millis)) (export "sleep" (func $sleep))
      (export "get" (func $get)) (export "set" (func $set))))))

  (type $metadata-t (record (field "name" string) (field "version" string)
    (field "description" string) (field "author" string) (field "license" string)
    (field "supported-operations" (list string)) (field "stateful" bool)))
  (export $metadata "component-metadata" (type $metadata-t))

  (func $initialize (param "config" $cfg) (result (result (error $component-error)))
    (canon lift (core func $main "initialize") (memory $mem) (realloc $realloc)
      (post-return (core func $main "done"))))
  (func $handle-message (param "msg" $msg)
    (result (result (option (list u8)) (error $wasm-error)))
    (canon lift (core func $main "handle-message") (memory $mem) (realloc $realloc)
      (post-return (core func $main "done"))))
  (func $handle-callback (param "msg" $msg) (result (result (error $wasm-error)))
    (canon lift (core func $main "handle-callback") (memory $mem) (realloc $realloc)
      (post-return (core func $main "done"))))
  (func $metadata-f (result $metadata)
    (canon lift (core func $main "metadata") (memory $mem) (realloc $realloc)))
  (func $health-f (result $health) (canon lift (core func $main "health")))
  (func $shutdown (result (result (error $component-error)))
    (canon lift (core func $main "shutdown") (memory $mem) (realloc $realloc)
      (post-return (core func $main "done"))))
  (instance $lifecycle
    (export "component-metadata" (type $metadata))
    (export "initialize" (func $initialize))
    (export "handle-message" (func $handle-message))
    (export "handle-callback" (func $handle-callback))
    (export "metadata" (func $metadata-f))
    (export "health" (func $health-f))
    (export "shutdown" (func $shutdown)))
  (export "airssys:core/component-lifecycle@1.0.0" (instance $lifecycle)))
