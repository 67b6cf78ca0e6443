;; Asks for 2^32-1 lookups at once: the status is -8, limit.
;; want: fault guest error -8
(module
  (import "namelet_v1" "lookup_many" (func $lookup_many (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (call $lookup_many (i32.const 64) (i32.const -1))))
