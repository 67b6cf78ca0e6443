;; Asks for the client, the time and an RRset, as many of them in this order as the first letter of
;; qname is beyond 'a', and answers with one A record; with three, by the handle.
(module
  (import "namelet_v1" "client" (func $client (param i32 i32 i32) (result i32)))
  (import "namelet_v1" "now" (func $now (param i32) (result i64)))
  (import "namelet_v1" "lookup" (func $lookup (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\03www\07example\03org\00")
  (data (i32.const 96) "\18\00\00\00")
  (data (i32.const 0x2000)
    "\10\00\00\00" "\01" "\00" "\01\00" "\00\00\00\00" "\00\00\00\00"
    "\10\00\00\00" "\01\00" "\00" "\00" "\00\00\00\00" "\00\00" "\04\00" "\00\00\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local $asks i32)
    (local.set $asks (i32.sub (i32.load8_u (i32.const 0x1011)) (i32.const 97)))
    (i32.store8 (i32.const 0x2016) (i32.const 0))
    (if (i32.gt_u (local.get $asks) (i32.const 0))
      (then (i32.store (i32.const 96) (i32.const 24)) (drop (call $client (i32.const 24) (i32.const 56) (i32.const 96)))))
    (if (i32.gt_u (local.get $asks) (i32.const 1))
      (then (drop (call $now (i32.const 3600)))))
    (if (i32.gt_u (local.get $asks) (i32.const 2))
      (then
        (i32.store8 (i32.const 0x2016) (i32.const 2))
        (i32.store (i32.const 0x2020) (call $lookup (i32.const 64) (i32.const 17) (i32.const 1) (i32.const 0)))))
    (i32.const 36)))
