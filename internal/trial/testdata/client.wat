;; Answers every question with NXDOMAIN, once it has asked for the client's /24 or /56.
(module
  (import "namelet_v1" "client" (func $client (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00") ;; in 0x1000, out 0x2000, 1024 each
  (data (i32.const 0x2000) "\10\00\00\00" "\03" "\00" "\00\00" "\00\00\00\00" "\00\00\00\00") ;; answer, NXDOMAIN
  (data (i32.const 0x3000) "\18\00\00\00") ;; the client struct's size
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (drop (call $client (i32.const 24) (i32.const 56) (i32.const 0x3000)))
    (i32.const 16)))
