;; Gives lookup_many an array that ends beyond memory.
;; want: fault abi
(module
  (import "namelet_v1" "lookup_many" (func $lookup_many (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (i32.store (i32.const 65512) (i32.const 24))
    (call $lookup_many (i32.const 65512) (i32.const 2))))
