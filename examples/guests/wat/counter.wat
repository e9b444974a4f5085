;; Counts its messages, and knows the number again after a restart.
(data (i32.const 1024) "count:askpeerhelloanswer")
(global $count (mut i64) (i64.const 0))

(func $on-initialize (result i32)
  (global.set $count (call $number (call $storage-get (i32.const 1024) (i32.const 5))))
  (call $ok))

(func $on-message (result i32)
  (global.set $count (i64.add (global.get $count) (i64.const 1)))
  (call $storage-set (i32.const 1024) (i32.const 5) (call $decimal (global.get $count)))
  (if (call $equal (call $payload) (i32.const 1030) (i32.const 3)) (then
    (call $request (i32.const 1033) (i32.const 4) (i32.const 1037) (i32.const 5) (i64.const 1000))
    (return (call $ok))))
  (call $append (call $decimal (global.get $count)))
  (call $append (i32.const 1029) (i32.const 1))
  (call $append (call $payload))
  (call $reply))

(func $on-callback (result i32)
  (call $storage-set (i32.const 1042) (i32.const 6) (call $payload))
  (call $ok))
