;; Lets the host write the client beyond its memory.
;; want: fault abi
(module
  (import "namelet_v1" "client" (func $client (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (i32.store (i32.const 65532) (i32.const 24))
    (call $client (i32.const 24) (i32.const 56) (i32.const 65532))))
